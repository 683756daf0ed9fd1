"""Keep what people were shown as files under the artefacts URL; names are hashes, folders are the owner's alone."""

from typing import Any


def keep(artifacts_url: str, path: str, content: bytes) -> str:
    """Write a file at ``path`` below the artefacts URL and return its path; on a disk the folder has mode 0700."""
    import fsspec

    files, root = fsspec.core.url_to_fs(artifacts_url)
    folder, _, name = f"{root}/{path}".rpartition("/")
    files.makedirs(folder, exist_ok=True)
    _close_folder(files, folder)
    with files.open(f"{folder}/.{name}.part", "wb") as handle:
        handle.write(content)
    files.mv(f"{folder}/.{name}.part", f"{folder}/{name}")
    return path


def _close_folder(files: Any, folder: str) -> None:
    from pathlib import Path

    if "file" in files.protocol or files.protocol == "file":
        Path(folder).chmod(0o700)
