"""Raw files live for ``retention.raw_days``: afterwards the hashes of files and rows are all that is left of them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import select

from arrears.audit.record import record
from arrears.core.keys import digest
from arrears.core.runtime import Runtime
from arrears.ledger.mapping import FILE_NAME
from arrears.steps.daily import DONE_MARKER
from arrears.steps.intake import ARRIVALS, FEED_FILES
from arrears.steps.world import policy_of, store_of
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import delivery

SHOWN_TO_PEOPLE = ("worklists", "digests")
"""Artefacts by day with people in them: they are no records, and go with the raw files."""


@dataclass(frozen=True)
class Gone:
    """How many files were deleted, and how many lay there that nothing had taken in."""

    deleted: int
    left: int


def delete_raw_files(rt: Runtime, run_id: str, on: date) -> Gone:
    """Delete feed files taken in more than ``retention.raw_days`` ago, and the work lists and digests of those days.

    A file that was never taken in is left and counted: nobody has read it yet. The event that names the hashes is
    written first: after a crash the next night finds what is left.
    """
    before = on - timedelta(days=policy_of(rt.settings).retention.raw_days)
    known = _taken_in(rt)
    raw, left = [], 0
    for file in _raw_files(rt.settings.ledger_url, before):
        name = _hash_of(file)
        if name not in known:
            left += 1
        elif known[name] < before:
            raw.append((name, file))
    shown = _shown_before(rt.settings.artifacts_url, before)
    if raw or shown:
        hashes = sorted(name for name, _ in raw)
        data = {"before": before.isoformat(), "raw_files": hashes, "shown_files": len(shown), "left": left}
        key = digest([before.isoformat(), *hashes])
        with writing(store_of(rt)) as connection:
            record(connection, rt, run_id=run_id, type="files.expired", key=key, business_date=on, data=data)
    for _, file in raw:
        file.unlink()
    _remove(rt.settings.artifacts_url, shown)
    _remove_empty(rt.settings.ledger_url, before)
    return Gone(len(raw) + len(shown), left)


def _taken_in(rt: Runtime) -> dict[str, date]:
    """Return the hashes of all delivered files with the newest date for which each was delivered."""
    newest: dict[str, date] = {}
    with reading(store_of(rt)) as connection:
        for name, day in connection.execute(select(delivery.c.sha256, delivery.c.business_date)):
            newest[name] = max(day, newest.get(name, day))
    return newest


def _hash_of(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _raw_files(ledger_url: str | None, before: date) -> Iterator[Path]:
    """Yield the feed files in the dated folders of earlier days, and those that arrived during a day."""
    for day in _folders(ledger_url):
        if day.name == ARRIVALS or _is_before(day.name, before):
            yield from sorted(file for file in day.iterdir() if file.suffix in FEED_FILES and file.is_file())


def _remove_empty(ledger_url: str | None, before: date) -> None:
    """Remove dated folders in which no feed file is left; a marker and a mapping hold nobody's data."""
    for day in _folders(ledger_url):
        rest = list(day.iterdir())
        if _is_before(day.name, before) and {file.name for file in rest} <= {DONE_MARKER, FILE_NAME}:
            for file in rest:
                file.unlink()
            day.rmdir()


def _folders(url: str | None) -> list[Path]:
    if not url or ("://" in url and not url.startswith("file://")):
        return []
    folder = Path(url.removeprefix("file://"))
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    return [one for one in there if one.is_dir() and not one.is_symlink()]


def _is_before(name: str, before: date) -> bool:
    """Say whether a folder is named after a day before another; a correction has a word behind its date."""
    try:
        return date.fromisoformat(name[:10]) < before
    except ValueError:
        return False


def _shown_before(artifacts_url: str, before: date) -> list[str]:
    from fsspec.core import url_to_fs

    files, root = url_to_fs(artifacts_url)
    folders = [f"{root.rstrip('/')}/{kind}" for kind in SHOWN_TO_PEOPLE]
    days = [day for folder in folders if files.exists(folder) for day in files.ls(folder, detail=False)]
    old = [day for day in days if _is_before(day.rstrip("/").rsplit("/", 1)[-1], before)]
    return [name for day in old for name in files.find(day)]


def _remove(artifacts_url: str, paths: list[str]) -> None:
    from fsspec.core import url_to_fs

    files, _ = url_to_fs(artifacts_url)
    for path in paths:
        files.rm_file(path)
