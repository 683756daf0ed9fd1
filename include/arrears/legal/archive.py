"""Packets on disk or in a bucket: one folder and one archive, names from hashes, never a partial file in sight.

A folder's manifest is written last and names the SHA-256 of every other file: what it does not name does not count.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from arrears.core.keys import canonical, sha256
from arrears.store.artefacts import packet_folder
from arrears.store.whole_files import write_whole

PDF = "packet.pdf"
MANIFEST = "manifest.json"
_PLAIN_FILE = 0o100644 << 16


@dataclass(frozen=True)
class Filed:
    """Where a packet lies, and the hashes that prove it."""

    pdf_path: str | None
    pdf_sha256: str | None
    manifest_sha256: str
    archive_path: str
    archive_sha256: str


def file_packet(
    artifacts_url: str, packet_id: str, files: Mapping[str, bytes], manifest: Mapping[str, Any], on: date
) -> Filed:
    """Write a packet's files, then the manifest that names them all, then the archive of both.

    The archive is the same bytes for the same files: sorted, uncompressed, dated with the business date.
    """
    base = packet_folder(packet_id)
    listed = [{"name": name, "sha256": sha256(data), "size": len(data)} for name, data in sorted(files.items())]
    body = canonical({**manifest, "files": listed})
    for name, data in sorted(files.items()):
        write_whole(artifacts_url, f"{base}/{name}", data)
    write_whole(artifacts_url, f"{base}/{MANIFEST}", body)
    packed = pack({**files, MANIFEST: body}, on)
    write_whole(artifacts_url, f"{base}.zip", packed)
    has_pdf = PDF in files
    return Filed(
        f"{base}/{PDF}" if has_pdf else None,
        sha256(files[PDF]) if has_pdf else None,
        sha256(body),
        f"{base}.zip",
        sha256(packed),
    )


def pack(files: Mapping[str, bytes], on: date) -> bytes:
    """Return files as one ZIP archive, the same bytes on every machine."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (on.year, on.month, on.day, 0, 0, 0))
            entry.external_attr, entry.create_system = _PLAIN_FILE, 3
            archive.writestr(entry, data)
    return out.getvalue()


def read(artifacts_url: str, path: str) -> bytes:
    """Return the bytes of a filed packet."""
    from fsspec.core import url_to_fs

    system, root = url_to_fs(artifacts_url)
    return bytes(system.cat_file(f"{root.rstrip('/')}/{path}"))


def read_manifest(artifacts_url: str, packet_id: str) -> bytes | None:
    """Return the bytes of a packet's manifest, or None when the packet was erased."""
    try:
        return read(artifacts_url, f"{packet_folder(packet_id)}/{MANIFEST}")
    except FileNotFoundError:
        return None
