"""Keep what a witness receives: numbered files and an index of JSON lines, safe between processes."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

INDEX = "index.jsonl"


def keep_file(folder: Path, suffix: str, content: bytes) -> str:
    """Write the next numbered file of a folder and return its name; a name is never used twice."""
    number = sum(1 for _ in folder.glob(f"*{suffix}"))
    while True:
        number += 1
        name = f"{number:06d}{suffix}"
        try:
            handle = os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
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
