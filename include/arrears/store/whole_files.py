"""Files below the artefacts URL that appear whole or not at all, on a disk and in a bucket."""

import os
import re
from typing import Any

from arrears.core.entropy import SystemEntropy


def write_whole(artifacts_url: str, path: str, data: bytes, *, durable: bool = False) -> None:
    """Write a file so that no reader sees half of it: beside its name and moved there, or as one object of a bucket.

    Containers on one volume share process ids, so the name beside it is drawn. What a process that died has left
    there goes when the account is erased. ``durable`` waits for the disk.
    """
    files, target = place_of(artifacts_url, path)
    if not is_disk(files):
        files.pipe_file(target, data)
        return
    folder, _, name = target.rpartition("/")
    files.makedirs(folder, exist_ok=True)
    part = f"{folder}/.{name}.{SystemEntropy().take(8).hex()}.part"
    with files.open(part, "wb") as handle:
        handle.write(data)
        if durable:
            handle.flush()
            os.fsync(handle.fileno())
    files.mv(part, target)


def unfinished(files: Any, target: str) -> list[str]:
    """Return what lies beside a file's name because somebody writes it, or died writing it."""
    folder, _, name = target.rpartition("/")
    if not is_disk(files) or not files.isdir(folder):
        return []
    shape = re.compile(re.escape(f".{name}.") + r"[0-9a-f]+\.part")
    return [one for one in files.ls(folder, detail=False) if shape.fullmatch(one.rpartition("/")[2])]


def is_there(artifacts_url: str, path: str) -> bool:
    """Say whether a file has been written."""
    files, target = place_of(artifacts_url, path)
    return bool(files.exists(target))


def place_of(artifacts_url: str, path: str) -> tuple[Any, str]:
    """Return the file system of the artefacts, and where ``path`` lies in it."""
    from fsspec.core import url_to_fs

    files, root = url_to_fs(artifacts_url)
    return files, f"{root.rstrip('/')}/{path}"


def is_disk(files: Any) -> bool:
    """Say whether a file system is a disk, where a file grows as it is written."""
    known = (files.protocol,) if isinstance(files.protocol, str) else files.protocol
    return "file" in known
