"""Open a feed in whichever of the four formats it came."""

from datetime import date
from pathlib import Path

from arrears.core.errors import BadArguments
from arrears.ledger.catalogue import FEEDS, FORMATS, Feed
from arrears.ledger.mapping import FILE_NAME, Dialect
from arrears.ledger.source import Source


def open_feed(path: Path, feed: Feed, dialect: Dialect, *, ledger_url: str | None, business_date: date) -> Source:
    """Open a feed file and check its header; the rows are read when asked for.

    Raises:
        BadArguments: no such file, an unknown file ending, or SQL without a ledger URL.
        BadInput: unreadable, or a required column is missing; names file, row and column.
    """
    if not path.is_file():
        raise BadArguments(f"{path}: no such file")
    ending = path.suffix.lower().removeprefix(".")
    if ending == "csv":
        from arrears.ledger.read_csv import open_csv

        return open_csv(path, feed, dialect)
    if ending == "xlsx":
        from arrears.ledger.read_xlsx import open_xlsx

        return open_xlsx(path, feed, dialect)
    if ending == "parquet":
        from arrears.ledger.read_parquet import open_parquet

        return open_parquet(path, feed, dialect)
    if ending == "sql":
        from arrears.ledger.read_sql import open_sql

        return open_sql(path, feed, dialect, ledger_url, business_date)
    raise BadArguments(f"{path.name}: a feed is one of {', '.join(FORMATS)}")


def find_feeds(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the feed files of a folder by feed, in the order of import, and the names of all other files.

    Raises:
        BadArguments: no such folder, two files for one feed, or no accounts or instalments.
    """
    if not folder.is_dir():
        raise BadArguments(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    ignored = []
    for path in sorted(folder.iterdir()):
        feed, ending = path.stem.lower(), path.suffix.lower().removeprefix(".")
        if path.name == FILE_NAME:
            continue
        if feed not in FEEDS or ending not in FORMATS or not path.is_file():
            ignored.append(path.name)
        elif feed in found:
            raise BadArguments(f"{folder}: two files for the feed {feed}: {found[feed].name} and {path.name}")
        else:
            found[feed] = path
    for required in ("accounts", "instalments"):
        if required not in found:
            raise BadArguments(f"{folder}: no {required} feed (one of {', '.join(f'{required}.{e}' for e in FORMATS)})")
    return {name: found[name] for name in FEEDS if name in found}, ignored
