"""Keep what people were shown as files under the artefacts URL; names are hashes, folders are the owner's alone."""

from pathlib import Path

from arrears.store.whole_files import is_disk, place_of, write_whole


def keep(artifacts_url: str, path: str, content: bytes) -> str:
    """Write a file at ``path`` below the artefacts URL and return its path; on a disk the folder has mode 0700."""
    files, place = place_of(artifacts_url, path)
    if is_disk(files):
        folder = Path(place).parent
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    write_whole(artifacts_url, path, content)
    return path
