"""Our plan of a day beside the department's own list: where both agree, and why one has what the other lacks.

Meant for the first days of a live store, which only plan: nobody releases what nobody has compared.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from arrears.core.errors import BadArguments, BadInput
from arrears.ladder.in_force import decisions_in_force
from arrears.store.engine import reading
from arrears.store.tables.feeds import CHANNELS, account
from arrears.store.tables.outreach import contact, item, suppression

Line = tuple[str, str]
"""An account and a channel."""


@dataclass(frozen=True)
class Difference:
    """One line that only one side has; ``why`` says what ours did instead, or by which steps it got there."""

    account_id: str
    channel: str
    why: tuple[str, ...]


@dataclass(frozen=True)
class Beside:
    """How two lists of one day compare."""

    business_date: date
    agree: int
    only_ours: tuple[Difference, ...]
    only_theirs: tuple[Difference, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON data."""
        return {**asdict(self), "business_date": self.business_date.isoformat()}


def read_list(path: Path) -> set[Line]:
    """Read a department's list: CSV with ``account_id`` and ``channel``; other columns are ignored.

    Raises:
        BadInput: a column is missing, or a channel is none of the catalogue.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            rows = list(reader)
    except UnicodeDecodeError:
        raise BadInput(f"{path.name}: not UTF-8") from None
    if lacking := sorted({"account_id", "channel"} - set(reader.fieldnames or ())):
        raise BadInput(f"{path.name}: the first line names no {' and no '.join(lacking)}")
    found = set()
    for number, row in enumerate(rows, start=2):
        account_id, channel = (row.get("account_id") or "").strip(), (row.get("channel") or "").strip()
        if not account_id or channel not in CHANNELS:
            raise BadInput(f"{path.name} row {number}: give account_id and channel, one of {', '.join(CHANNELS)}")
        found.add((account_id, channel))
    return found


def beside(engine: Engine, on: date, theirs: set[Line]) -> Beside:
    """Compare the plan of a day with a list.

    Raises:
        BadArguments: nothing was decided on that day.
    """
    with reading(engine) as connection:
        rungs = _rungs(connection, on)
        if not rungs:
            raise BadArguments(f"--date {on}: nothing was decided on that day")
        ours = _ours(connection, on)
        held = _held(connection, on)
        known = set(connection.execute(select(account.c.account_id)).scalars())
    lacking = sorted(theirs - ours.keys())
    return Beside(
        on,
        len(theirs & ours.keys()),
        tuple(Difference(*line, tuple(sorted(ours[line]))) for line in sorted(ours.keys() - theirs)),
        tuple(Difference(*line, tuple(_why(line, held, rungs, known))) for line in lacking),
    )


def _ours(connection: Connection, on: date) -> dict[Line, set[str]]:
    """Return what is planned, by account and channel, with the steps behind it."""
    found: dict[Line, set[str]] = defaultdict(set)
    query = (
        select(item.c.account_id, item.c.channel, item.c.step)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(item.c.business_date == on, item.c.dropped_reason.is_(None), contact.c.state != "withdrawn")
    )
    for row in connection.execute(query):
        found[row.account_id, row.channel].add(row.step)
    return dict(found)


def _held(connection: Connection, on: date) -> dict[Line, set[str]]:
    found: dict[Line, set[str]] = defaultdict(set)
    columns = (suppression.c.account_id, suppression.c.channel, suppression.c.step, suppression.c.reason)
    for row in connection.execute(select(*columns).where(suppression.c.business_date == on)):
        found[row.account_id, row.channel].add(f"{row.step}: {row.reason}")
    return dict(found)


def _rungs(connection: Connection, on: date) -> dict[str, int]:
    in_force = decisions_in_force(on)
    return {row.account_id: row.rung for row in connection.execute(select(in_force.c.account_id, in_force.c.rung))}


def _why(line: Line, held: dict[Line, set[str]], rungs: dict[str, int], known: set[str]) -> Iterable[str]:
    account_id, _ = line
    if line in held:
        return sorted(held[line])
    if account_id not in known:
        return ["unknown_account"]
    return [f"not_due_on_rung_{rungs[account_id]}" if account_id in rungs else "nothing_overdue"]
