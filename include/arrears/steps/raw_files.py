"""Raw files live for ``retention.raw_days``: afterwards the hashes of files and rows are all that is left of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from arrears.audit.record import record
from arrears.core.clock import local_date
from arrears.core.keys import digest
from arrears.core.runtime import Runtime
from arrears.ledger.mapping import FILE_NAME
from arrears.steps.arrivals import ARRIVALS, REFUSED, RETURNED, TAKEN, folder_of, hash_of, is_feed_file, is_laid
from arrears.steps.daily import DONE_MARKER
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
        name = hash_of(file)
        if name not in known:
            left += 1
        elif known[name] < before:
            raw.append((name, file))
    shown, returned = _shown_before(rt.settings.artifacts_url, before), _returned_before(rt, before)
    if raw or shown or returned:
        hashes = sorted(name for name, _ in raw)
        data = {
            "before": before.isoformat(),
            "raw_files": hashes,
            "shown_files": len(shown) + len(returned),
            "left": left,
        }
        key = digest([before.isoformat(), *hashes])
        with writing(store_of(rt)) as connection:
            record(connection, rt, run_id=run_id, type="files.expired", key=key, business_date=on, data=data)
    for file in [*(file for _, file in raw), *returned]:
        file.unlink()
    _remove(rt.settings.artifacts_url, shown)
    _remove_empty(rt.settings.ledger_url, before)
    return Gone(len(raw) + len(shown) + len(returned), left)


def _taken_in(rt: Runtime) -> dict[str, date]:
    """Return the hashes of all delivered files with the newest date for which each was delivered."""
    newest: dict[str, date] = {}
    with reading(store_of(rt)) as connection:
        for name, day in connection.execute(select(delivery.c.sha256, delivery.c.business_date)):
            newest[name] = max(day, newest.get(name, day))
    return newest


def _raw_files(ledger_url: str | None, before: date) -> Iterator[Path]:
    """Yield the feed files in the dated folders of earlier days, and those that arrived during a day."""
    for day in _folders(ledger_url):
        if day.name == ARRIVALS or _is_before(day.name, before):
            places = [place for place in (day, day / TAKEN) if place.is_dir()]
            yield from sorted(file for place in places for file in place.iterdir() if is_feed_file(file))
            yield from sorted(file for file in (day / REFUSED).rglob("*") if file.is_file() and is_laid(file))


def _returned_before(rt: Runtime, before: date) -> list[Path]:
    """Return the marked-up lists that were given back before a day: they are ours, and are copies of taken ones."""
    folder = folder_of(rt)
    back = sorted((folder / RETURNED).glob("*.xlsx")) if folder else []
    zone = policy_of(rt.settings).time_zone
    return [file for file in back if local_date(datetime.fromtimestamp(file.stat().st_mtime, UTC), zone) < before]


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
