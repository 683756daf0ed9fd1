"""Keep what a witness receives: numbered files and an index of JSON lines, safe between processes."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

INDEX = "index.jsonl"


class Numbered:
    """Numbers the files of one folder; a number is never used twice, by whatever process."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder, self._suffix = folder, suffix
        self._last = sum(1 for _ in folder.glob(f"*{suffix}"))

    def keep(self, content: bytes) -> str:
        """Write the next file and return its name."""
        while True:
            self._last += 1
            name = f"{self._last:06d}{self._suffix}"
            try:
                handle = os.open(self._folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            return name


def keep_line(folder: Path, entry: Mapping[str, Any]) -> None:
    """Append one JSON line to the index in a single write."""
    line = json.dumps(entry, ensure_ascii=False, sort_keys=True).encode() + b"\n"
    handle = os.open(folder / INDEX, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


def read_lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of an index in the order of arrival."""
    index = folder / INDEX
    if index.exists():
        with index.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
