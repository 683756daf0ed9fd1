"""Accounts in the hands of an outside collection agency: the file out, nobody calls beside it, the recall.

An agency is chosen that collects, has a licence and a data agreement and works in the branch; while it is placed an
account is on the hard hold ``placement``, so that nobody is contacted twice. A payment, a hold or a cure recalls it.
"""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, bindparam, select, update

from arrears.audit.record import Event, record_many
from arrears.core.clock import utc_text
from arrears.core.errors import CannotTell
from arrears.core.keys import natural_key, sha256
from arrears.core.money import digits_of, format_minor
from arrears.core.runtime import Runtime
from arrears.ladder.balance import AT_ONCE, Balance, Balances
from arrears.ladder.holds import Holds, holds_in_force
from arrears.ladder.in_force import decisions_in_force, newest_decided_day, run_in_force
from arrears.ladder.policy import Policy
from arrears.outreach.agencies import collectors_for
from arrears.outreach.judging import Ready
from arrears.store.bulk import insert_new
from arrears.store.engine import writing
from arrears.store.snapshot import batches
from arrears.store.tables.feeds import account
from arrears.store.tables.outreach import OPEN_PLACEMENTS, placement
from arrears.store.tables.people import party
from arrears.store.tables.runs import run
from arrears.store.whole_files import is_there, write_whole

CHANNEL, HOLD = "placement", "placement"
OUT = ("placement_id", "account_id", "name", "mobile", "address", "language", "amount", "currency", "placed_on")
BACK = ("placement_id", "account_id", "reason", "recalled_on")


def place(connection: Connection, rt: Runtime, run_id: str, going: Sequence[Ready], on: date) -> int:
    """Write the placements of issued items, in the transaction that issues them, and return how many are new."""
    items = [
        (one, item)
        for one in going
        if one.claim.row.channel == CHANNEL
        for item in one.facts.items
        if item.item_key not in one.dropped
    ]
    if not items:
        return 0
    choose = collectors_for(connection, on)
    branches = {
        row.account_id: row.branch
        for row in connection.execute(
            select(account.c.account_id, account.c.branch).where(
                account.c.account_id.in_([item.account_id for _, item in items])
            )
        )
    }
    rows: list[dict[str, Any]] = []
    events: list[Event] = []
    for one, item in items:
        agency_id = choose(branches[item.account_id])
        if agency_id is None:
            continue
        key = natural_key("placement", item.item_key)
        rows.append({"placement_id": key, "account_id": item.account_id, "party_id": one.claim.row.party_id,
                     "agency_id": agency_id, "contact_id": one.claim.contact_id, "placed_on": on,
                     "amount_minor": item.amount_minor, "currency": item.currency, "state": "placed"})  # fmt: skip
        data = {"agency_id": agency_id, "amount_minor": item.amount_minor, "currency": item.currency}
        events.append(Event("placement.made", key, on, item.subject_ref, one.claim.contact_id, data=data,
                            causes=[item.item_key]))  # fmt: skip
    new = insert_new(connection, placement, rows)
    record_many(connection, rt, run_id=run_id, events=events)
    return new


def recall_placements(rt: Runtime, engine: Engine, run_id: str, on: date, policy: Policy) -> dict[str, int]:
    """Recall what was paid, cured, held or closed since it was placed, and return how many for which reason.

    Cured is what stands in the ledger decided last with nothing overdue; news of money since then count beside it. A
    past date run again recalls by nothing older than that ledger.
    """
    with writing(engine) as connection:
        query = (
            select(
                placement, account.c.subject_ref, account.c.closed_on, account.c.is_missing, account.c.data_incomplete
            )
            .join(account, account.c.account_id == placement.c.account_id)
            .where(placement.c.state == "placed")
            .order_by(placement.c.placement_id)
        )
        rows = connection.execute(query).all()
        accounts = {row.account_id: row.subject_ref for row in rows}
        decided_day = newest_decided_day(connection)
        judged_on = max(on, decided_day or on)
        balances = Balances(rt, judged_on, policy, of_few=True).of(connection, accounts) if rows else {}
        cured = _cured(connection, rt.settings.artifacts_url, decided_day, rows)
        recalled: list[tuple[Row[Any], str]] = []
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            names = [row.account_id for row in some]
            holds = holds_in_force(connection, judged_on, policy, names)
            recalled += [(row, reason) for row in some if (reason := _why_back(row, balances, holds, cured, judged_on))]
        if recalled:
            statement = (
                update(placement)
                .where(placement.c.placement_id == bindparam("key"), placement.c.state == "placed")
                .values(state="recall_sent", recall_reason=bindparam("why"), recalled_at=utc_text(rt.clock.now()))
            )
            connection.execute(statement, [{"key": row.placement_id, "why": reason} for row, reason in recalled])
        record_many(connection, rt, run_id=run_id, events=(
            Event("placement.recalled", row.placement_id, on, row.subject_ref, data={"reason": reason},
                  causes=[row.placement_id]) for row, reason in recalled))  # fmt: skip
    return dict(Counter(reason for _, reason in recalled))


def _cured(connection: Connection, artifacts_url: str, decided_day: date | None, rows: Sequence[Row[Any]]) -> set[str]:
    """Return the accounts that stand in the ledger decided last with nothing overdue.

    Of what was missing from that ledger, or incomplete in it, nobody can say so, whatever a later file brought.
    """
    known = {row.account_id: row.subject_ref for row in rows if not row.is_missing and not row.data_incomplete}
    if decided_day is None:
        return set()
    in_force = decisions_in_force(decided_day)
    for start in range(0, len(rows), AT_ONCE):
        names = [row.account_id for row in rows[start : start + AT_ONCE]]
        late = select(in_force.c.account_id).where(in_force.c.account_id.in_(names), in_force.c.overdue_instalments > 0)
        for account_id in connection.execute(late).scalars():
            known.pop(account_id, None)
    whole = set(_whole_in_ledger(connection, artifacts_url, decided_day, known.values()))
    return {account_id for account_id, ref in known.items() if ref in whole}


def _whole_in_ledger(
    connection: Connection, artifacts_url: str, decided_day: date, refs: Collection[str]
) -> Iterator[str]:
    """Yield which of the accounts the ledger of a decided day holds complete; a ledger that is gone shows nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    frozen = connection.execute(run_in_force(decided_day).with_only_columns(run.c.snapshot_id)).scalar()
    if frozen is None or not refs:
        return
    wanted = pa.array(list(refs), pa.string())
    with suppress(CannotTell):
        for batch in batches(artifacts_url, frozen, "accounts", ("subject_ref", "data_incomplete")):
            here = pc.and_not(pc.is_in(batch.column("subject_ref"), wanted), batch.column("data_incomplete"))
            yield from batch.column("subject_ref").filter(here).to_pylist()


def _why_back(
    row: Row[Any], balances: Mapping[str, Balance], holds: Mapping[str, Holds], cured: Collection[str], on: date
) -> str | None:
    hard = [kind for kind in holds.get(row.account_id, ((), ()))[0] if kind != HOLD]
    if row.closed_on is not None and row.closed_on <= on:
        return "account_closed"
    balance = balances.get(row.account_id)
    if balance is not None and balance.overdue_minor == 0:
        return "paid"
    if balance is None and row.account_id in cured:
        return "cured"
    return f"hold_{min(hard)}" if hard else None


def write_placement_files(rt: Runtime, engine: Engine, run_id: str) -> list[str]:
    """Write for each agency what is new to it and what it gives back, each in one file; return the paths.

    Names are fixed in the store before a file appears, so a file that a crash left unwritten comes out the same.
    """
    with writing(engine) as connection:
        for column, states in ((placement.c.file, ("placed",)), (placement.c.recall_file, ("recall_sent",))):
            kind = "out" if column is placement.c.file else "back"
            agencies = select(placement.c.agency_id).where(column.is_(None), placement.c.state.in_(states)).distinct()
            for agency_id in connection.execute(agencies).scalars().all():
                path = f"placements/{natural_key('agency', agency_id)[:16]}/{run_id}-{kind}.csv"
                which = and_(placement.c.agency_id == agency_id, column.is_(None), placement.c.state.in_(states))
                connection.execute(update(placement).where(which).values({column: path}))
        query = (
            select(placement, party.c.name, party.c.mobile, party.c.address, party.c.language)
            .outerjoin(party, party.c.party_id == placement.c.party_id)
            .where(placement.c.state.in_(OPEN_PLACEMENTS))
            .order_by(placement.c.placement_id)
        )
        rows = connection.execute(query).all()
    written = []
    for path in sorted({row.file for row in rows if row.file and row.state == "placed"}):
        members = [row for row in rows if row.file == path and row.state == "placed"]
        written += _keep(rt, engine, run_id, path, OUT, [_out(row) for row in members])
    for path in sorted({row.recall_file for row in rows if row.recall_file}):
        members = [row for row in rows if row.recall_file == path]
        written += _keep(rt, engine, run_id, path, BACK, [_back(row) for row in members])
    return written


def _out(row: Any) -> tuple[Any, ...]:
    amount = format_minor(row.amount_minor, digits_of(row.currency))
    people = tuple(_cell(value) for value in (row.name, row.mobile, row.address, row.language))
    return (row.placement_id, row.account_id, *people, amount, row.currency, row.placed_on)


def _back(row: Any) -> tuple[Any, ...]:
    return row.placement_id, row.account_id, row.recall_reason, row.recalled_at


def _cell(value: str | None) -> str:
    """Return text that no spreadsheet takes for a formula."""
    text = (value or "").strip()
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "＝", "＋", "－", "＠") and not text[1:].isdigit() else text


def _keep(
    rt: Runtime, engine: Engine, run_id: str, path: str, head: Sequence[str], rows: Iterable[Sequence[Any]]
) -> list[str]:
    """Write a file that is not there yet, and tell which fields about people it hands over, never their words."""
    if is_there(rt.settings.artifacts_url, path):
        return []
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    content = target.getvalue().encode()
    write_whole(rt.settings.artifacts_url, path, content)
    with writing(engine) as connection:
        record_many(connection, rt, run_id=run_id, events=[
            Event("placement.file_written", natural_key("placement_file", path), None,
                  data={"sha256": sha256(content), "fields": list(head)})])  # fmt: skip
    return [path]
