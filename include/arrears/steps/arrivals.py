"""The intake folder: which files wait there whole, and where each of them goes.

Whoever lays a file there need not say that it is finished: a file is whole once nobody has written to it for a minute.
Taken files move to ``taken``, those that cannot be read to ``refused``, so that a run sees only what is new.
"""

import hashlib
from datetime import timedelta
from pathlib import Path

from arrears.core.errors import BadInput
from arrears.core.runtime import Runtime
from arrears.ledger.catalogue import FEEDS

ARRIVALS = "intake"
TAKEN, REFUSED, RETURNED = "taken", "refused", "returned"
FEED_FILES = (".csv", ".xlsx", ".parquet")
PASSING = (".", "~$")
"""How names begin that editors and copying programs keep for themselves."""
AT_REST = timedelta(minutes=1)
MOST = 64
"""Files of one run: what is left comes a quarter of an hour later, and Airflow refuses a fan-out beyond 1024."""


def list_waiting(rt: Runtime) -> list[str]:
    """Return the names of whole feed files, the longest waiting first; a rehearsal's files need no minute of rest."""
    folder = folder_of(rt)
    if folder is None or not folder.is_dir():
        return []
    newest = (rt.clock.now() - AT_REST).timestamp()
    found = [(file.stat().st_mtime, file.name) for file in folder.iterdir() if is_feed_file(file)]
    return [name for written, name in sorted(found) if rt.rehearsal or written <= newest][:MOST]


def is_feed_file(file: Path) -> bool:
    """Say whether a file by its name holds a feed."""
    return file.suffix in FEED_FILES and not file.name.startswith(PASSING) and file.is_file()


def feed_of(name: str) -> str:
    """Return which feed a file is by its name, ``<feed>.csv`` or ``<feed>__anything.csv``."""
    return Path(name).stem.split("__")[0]


def refuse_misnamed(name: str) -> None:
    """Refuse a file whose name says no feed of the day.

    Raises:
        BadInput: names the file; the ledger's instalments come with the morning.
    """
    feed = feed_of(name)
    if feed not in FEEDS or feed == "instalments":
        raise BadInput(f"{name}: call it <feed>.csv or <feed>__anything.csv; instalments come with the daily ledger")


def put_away(file: Path, where: str, sha256: str | None = None) -> None:
    """Move a file out of the way under a name of its content; one that is no longer what was read stays for later."""
    found = hash_of(file)
    if sha256 in (None, found):
        target = file.parent / where / f"{file.stem}~{found[:8]}{file.suffix}"
        target.parent.mkdir(exist_ok=True)
        file.replace(target)


def hash_of(file: Path) -> str:
    """Return the hash of a file's content."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def folder_of(rt: Runtime) -> Path | None:
    """Return the intake folder; None where the ledger is no folder."""
    url = rt.settings.ledger_url
    if not url or ("://" in url and not url.startswith("file://")):
        return None
    return Path(url.removeprefix("file://")) / ARRIVALS
