"""The intake folder: which files wait there whole, and where each of them goes.

Whoever lays a file there need not say that it is finished: a file is whole once nobody has written to it for a minute.
Taken files move to ``taken``, those that cannot be read to ``refused``, so that a run sees only what is new. One with
rows about accounts that no ledger has brought lies in ``waiting`` until the next ledger has come. Whatever else lies
there, a folder too, is refused by name: what nobody reads must not look as if it had been taken.
"""

import hashlib
import os
import re
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from arrears.core.clock import utc_text
from arrears.core.errors import BadInput
from arrears.core.runtime import Runtime
from arrears.ledger.catalogue import FEEDS
from arrears.ledger.mapping import FILE_NAME
from arrears.ledger.waiting import newest_ledger
from arrears.steps.world import store_of
from arrears.store.engine import reading

ARRIVALS = "intake"
OURS = TAKEN, REFUSED, RETURNED, WAITING = "taken", "refused", "returned", "waiting"
FEED_FILES = (".csv", ".xlsx", ".parquet")
PASSING = (".", "~$")
"""How names begin that editors and copying programs keep for themselves."""
UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".tmp")
"""How copying programs end the name of a file that is not whole; it gets its name when it is."""
AT_REST = timedelta(minutes=1)
NO_FOLDERS_OF_FEEDS = (*OURS, "lost+found")
"""Our own folders, and the one that a file system keeps in its root."""
GIVEN_UP = timedelta(days=1)
"""An unfinished copy, or a folder, in which nothing moved for so long is no longer being written."""
MOST = 64
"""Files of one run: what is left comes a quarter of an hour later, and Airflow refuses a fan-out beyond 1024."""


def list_waiting(rt: Runtime) -> list[str]:
    """Return the names of whole feed files, the longest waiting first; a rehearsal's files need no minute of rest."""
    folder = folder_of(rt)
    if folder is None or not folder.is_dir():
        return []
    now = rt.clock.now().timestamp()
    found = sorted((_last_written(one), one.name, _rest_of(one)) for one in folder.iterdir() if is_laid(one))
    names = [name for written, name, rest in found if rt.rehearsal or written <= now - rest.total_seconds()]
    return [*_due_again(rt, folder / WAITING), *names][:MOST]


def is_laid(path: Path) -> bool:
    """Say whether somebody laid this here to be taken: no mapping, nothing of a program's own, no folder of ours."""
    is_there = path.is_file() or (path.is_dir() and path.name not in NO_FOLDERS_OF_FEEDS)
    return is_there and path.name != FILE_NAME and not path.name.startswith(PASSING)


def _last_written(path: Path) -> float:
    return max(one.lstat().st_mtime for one in (path, *path.rglob("*"))) if path.is_dir() else path.stat().st_mtime


def _rest_of(path: Path) -> timedelta:
    """Return how long something must not have been written to before it is looked at."""
    return GIVEN_UP if path.is_dir() or path.suffix.lower() in UNFINISHED else AT_REST


def _due_again(rt: Runtime, folder: Path) -> list[str]:
    """Return the files whose rows wait for their account, in the order of their first arrival, once a ledger came."""
    if not folder.is_dir():
        return []
    with reading(store_of(rt)) as connection:
        came = newest_ledger(connection)
    files = sorted(file for file in folder.glob("*/*") if is_feed_file(file))
    return [f"{WAITING}/{file.parent.name}/{file.name}" for file in files if _written_at(file) < came]


def _written_at(file: Path) -> str:
    return utc_text(datetime.fromtimestamp(file.stat().st_mtime, UTC))


def file_of(folder: Path, name: str) -> Path:
    """Return a listed file; a name never leads out of the intake folder."""
    file = Path(name)
    return folder / WAITING / file.parent.name / file.name if waits(name) else folder / file.name


def waits(name: str) -> bool:
    """Say whether a listed file is tried again for rows that wait for their account."""
    return name.startswith(f"{WAITING}/")


def is_feed_file(file: Path) -> bool:
    """Say whether a file by its name holds a feed."""
    return file.suffix.lower() in FEED_FILES and not file.name.startswith(PASSING) and file.is_file()


def feed_of(name: str) -> str:
    """Return which feed a file is by its name, ``<feed>.csv`` or ``<feed>__anything.csv``, in whatever case."""
    return re.split("__|~", Path(name).stem)[0].lower()


def refuse_misnamed(name: str) -> None:
    """Refuse what by its name is no feed of the day.

    Raises:
        BadInput: names the file; the ledger's instalments come with the morning.
    """
    feed = feed_of(name)
    if feed not in FEEDS or feed == "instalments" or Path(name).suffix.lower() not in FEED_FILES:
        raise BadInput(
            f"{name}: call it <feed>.csv or <feed>__anything.csv ({', '.join(FEED_FILES)}), neither packed nor in a "
            "folder; instalments come with the daily ledger"
        )


def put_away(folder: Path, file: Path, where: str, sha256: str | None = None) -> None:
    """Move a file out of the way under a name of its content; one that is no longer what was read stays for later."""
    found = hash_of(file)
    if sha256 in (None, found):
        mark = f"~{found[:8]}"
        target = _free(folder / where / f"{file.stem.removesuffix(mark)}{mark}{file.suffix}", file)
        target.parent.mkdir(exist_ok=True)
        file.replace(target)
        if file.parent.parent == folder / WAITING:
            (file.parent / FILE_NAME).unlink(missing_ok=True)
            file.parent.rmdir()


def _free(target: Path, file: Path) -> Path:
    """Return a name that a move can take: a file replaces its equal, while of equal folders each is numbered."""
    name = target.name
    numbers = count(2)
    while target.is_dir() or (file.is_dir() and target.exists()):
        target = target.with_name(f"{name}~{next(numbers)}")
    return target


def keep_waiting(folder: Path, file: Path, sha256: str, now: datetime) -> None:
    """Lay a file with its own mapping where the next ledger finds it; its time says when it was tried last.

    Its folder is called after its first arrival, so that later tries keep the order in which files came.
    """
    if hash_of(file) != sha256:
        return
    if file.parent.parent != folder / WAITING:
        came = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        place = folder / WAITING / f"{came:%Y%m%dT%H%M%S%f}Z~{sha256[:8]}"
        place.mkdir(parents=True, exist_ok=True)
        if (mapping := file.parent / FILE_NAME).exists():
            (place / FILE_NAME).write_bytes(mapping.read_bytes())
        file = file.replace(place / file.name)
    os.utime(file, (now.timestamp(), now.timestamp()))


def hash_of(file: Path) -> str:
    """Return the hash of a file's content; of a folder, that of the names, sizes and times in it.

    A folder is only ever refused: nothing in it is read, so that a file nobody may read does not keep it lying there.
    """
    if file.is_dir():
        found = sorted((str(one.relative_to(file)), one.lstat()) for one in file.rglob("*"))
        lines = (f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in found)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def folder_of(rt: Runtime) -> Path | None:
    """Return the intake folder; None where the ledger is no folder."""
    url = rt.settings.ledger_url
    if not url or ("://" in url and not url.startswith("file://")):
        return None
    return Path(url.removeprefix("file://")) / ARRIVALS
