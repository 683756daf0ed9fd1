"""Packets on disk or in a bucket: names from hashes only, and never a partial file under its final name."""

import os
from dataclasses import dataclass
from typing import Any

from arrears.core.keys import canonical, sha256


@dataclass(frozen=True)
class Filed:
    """Where a packet lies, and the hashes that prove it."""

    pdf_path: str | None
    pdf_sha256: str | None
    manifest_sha256: str


def path_of(packet_id: str) -> str:
    """Return a packet's path below the artefacts, without its ending."""
    return f"packets/{packet_id[:2]}/{packet_id}"


def file_packet(artifacts_url: str, packet_id: str, pdf: bytes | None, manifest: dict[str, Any]) -> Filed:
    """Write a packet's PDF, then its manifest that names the PDF's hash; a packet without PDF has the manifest only."""
    base = path_of(packet_id)
    pdf_sha = sha256(pdf) if pdf is not None else None
    if pdf is not None:
        put(artifacts_url, f"{base}.pdf", pdf)
    files = [] if pdf is None else [{"name": f"{packet_id}.pdf", "sha256": pdf_sha, "size": len(pdf)}]
    body = canonical({**manifest, "files": files})
    put(artifacts_url, f"{base}.manifest.json", body)
    return Filed(f"{base}.pdf" if pdf is not None else None, pdf_sha, sha256(body))


def put(artifacts_url: str, path: str, data: bytes) -> None:
    """Write a file beside its final name and move it there, so that no reader sees half of it."""
    from fsspec.core import url_to_fs

    system, root = url_to_fs(artifacts_url)
    target = f"{root.rstrip('/')}/{path}"
    system.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
    part = f"{target}.{os.getpid()}.part"
    with system.open(part, "wb") as handle:
        handle.write(data)
    system.mv(part, target)


def read(artifacts_url: str, path: str) -> bytes:
    """Return the bytes of a filed packet."""
    from fsspec.core import url_to_fs

    system, root = url_to_fs(artifacts_url)
    return bytes(system.cat_file(f"{root.rstrip('/')}/{path}"))
