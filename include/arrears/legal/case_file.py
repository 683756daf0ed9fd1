"""Load what is known about a batch of accounts, a few statements for all of them.

The legal facts of every account are read each day, for they say whether its packet still tells the truth; the record
that a packet shows beside them grows with every contact and is read only for packets that are set anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from arrears.core.clock import at_local, utc_text
from arrears.ladder.chooser import is_by_nobody_entitled
from arrears.ladder.holds import Holds, holds_in_force
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.policy import Policy
from arrears.legal import case_rows
from arrears.legal.case_rows import Contact, Row, Rows
from arrears.legal.facts import LegalFacts
from arrears.legal.frozen import LedgerReader
from arrears.store.tables import feeds, outreach, people

ASSET_COLUMNS = ("asset_kind", "asset_make", "asset_model", "asset_serial", "engine_no", "plate")
MACHINE_COLUMNS = ("asset_colour", "asset_hours", "gps_device_no")
"""Shown, but no part of the legal facts: an hour more on the meter voids no approval. Keys are the crew's business."""
LAST_POSITIONS = 3


@dataclass(frozen=True)
class CaseFile:
    """The legal facts of an account and, from ``contacts`` on, the record a packet shows beside them."""

    facts: LegalFacts
    in_ledger: bool
    branch: str = ""
    asset_value_minor: int | None = None
    machine: Mapping[str, str] = field(default_factory=dict)
    contacts: Sequence[Contact] = ()
    promises: Sequence[Row] = ()
    locations: Sequence[Row] = ()
    charges: Sequence[Row] = ()


def load(
    connection: Connection, ledger: LedgerReader, policy: Policy, day: date, account_ids: Sequence[str]
) -> list[CaseFile]:
    """Return the case files of a batch without their record, in the order of ``account_ids``, unknown ones left out."""
    accounts = {row["account_id"]: row for row in _rows(connection, feeds.account, account_ids)}
    side = _side(connection, account_ids, feeds.document, feeds.promise, feeds.court_case, feeds.opening)
    side["court_case"] = _without_unfit_choices(connection, policy, side["court_case"])
    side["party"] = _grouped(_parties(connection, account_ids))
    side["arrived"] = _grouped(_arrived(connection, account_ids, policy.time_zone, day))
    rungs = _rungs(connection, day, account_ids)
    holds = holds_in_force(connection, day, policy, account_ids)
    loaded = []
    for account_id in account_ids:
        if account_id in accounts:
            row = accounts[account_id]
            own = {name: grouped.get(account_id, []) for name, grouped in side.items()}
            held = holds.get(account_id, ((), ()))
            facts = _facts(row, ledger, own, held, rungs.get(account_id, 1), policy.time_zone, day)
            known = ledger.row(facts.subject_ref) is not None
            machine = {name: str(row[name]) for name in MACHINE_COLUMNS if row[name] is not None}
            loaded.append(CaseFile(facts, known, row["branch"], row["asset_value_minor"], machine=machine))
    return loaded


def with_record(connection: Connection, cases: Sequence[CaseFile], zone: str) -> list[CaseFile]:
    """Return case files with everything a packet shows beside the facts: contacts, promises, positions, charges."""
    account_ids = [case.facts.account_id for case in cases]
    side = _side(connection, account_ids, feeds.promise, feeds.location, feeds.charge, feeds.outcome, feeds.opening)
    side["sent"] = _grouped(_sent(connection, account_ids))
    return [
        _recorded(case, {name: grouped.get(case.facts.account_id, []) for name, grouped in side.items()}, zone)
        for case in cases
    ]


def _facts(row: Row, ledger: LedgerReader, own: Rows, held: Holds, rung: int, zone: str, day: date) -> LegalFacts:
    ref = row["subject_ref"]
    money, payments = ledger.row(ref), ledger.payments(ref)
    documents = [case_rows.document_of(found) for found in own["document"]]
    cases = case_rows.cases_until(own, zone, day)
    hard, soft = held
    doubtful = row["data_incomplete"] or row["is_missing"] or bool(money and money["data_incomplete"])
    return LegalFacts(
        account_id=row["account_id"],
        subject_ref=ref,
        business_date=day,
        contract_type=row["contract_type"],
        money=case_rows.money_of(money, row["currency"]),
        rung=rung,
        data_incomplete=doubtful or "data_incomplete" in (*hard, *soft),
        parties=[case_rows.party_of(found) for found in own["party"]],
        instalments=ledger.schedule(ref),
        payments=payments,
        documents=documents,
        hard_holds=hard,
        soft_holds=soft,
        demands=case_rows.demands_until(own, documents, payments, zone, day),
        accelerated_on=case_rows.first_day(cases, zone, kind="remedy", state="chosen", remedy="accelerate"),
        sued_on=case_rows.sued_on(own, cases, zone, day),
        preserved_on=case_rows.last_day(cases, zone, state="preserved"),
        judged_on=case_rows.last_day(cases, zone, state="judgment"),
        enforced_on=case_rows.first_day(cases, zone, kind="enforcement"),
        chosen_remedy=case_rows.chosen_remedy(cases),
        asset={name: row[name] for name in ASSET_COLUMNS if row[name]},
    )


def _recorded(case: CaseFile, own: Rows, zone: str) -> CaseFile:
    day = case.facts.business_date
    promises = [found for found in own["promise"] if found["made_on"] <= day]
    seen = [found for found in own["location"] if case_rows.day_of(found["at"], zone) <= day]
    charged = [found for found in own["charge"] if found["charged_on"] <= day]
    return replace(
        case,
        contacts=case_rows.contacts_until(own, zone, day),
        promises=sorted(promises, key=lambda found: (found["made_on"], found["due_on"])),
        locations=sorted(seen, key=lambda found: str(found["at"]), reverse=True)[:LAST_POSITIONS],
        charges=sorted(charged, key=lambda found: (found["charged_on"], found["kind"], found["amount_minor"])),
    )


def _side(connection: Connection, account_ids: Sequence[str], *tables: Table) -> dict[str, dict[str, list[Row]]]:
    return {table.name: _grouped(_rows(connection, table, account_ids)) for table in tables}


def _without_unfit_choices(
    connection: Connection, policy: Policy, cases: Mapping[str, list[Row]]
) -> dict[str, list[Row]]:
    """Leave out the delivered choices of a remedy by people who may not choose one."""
    some = [account_id for account_id, rows in cases.items() if any(row["kind"] == "remedy" for row in rows)]
    unfit = select(feeds.court_case.c.court_case_key).where(
        feeds.court_case.c.account_id.in_(some), is_by_nobody_entitled(policy)
    )
    keys = set(connection.execute(unfit).scalars()) if some else set()
    return {name: [row for row in rows if row["court_case_key"] not in keys] for name, rows in cases.items()}


def _rows(connection: Connection, table: Table, account_ids: Sequence[str]) -> list[Row]:
    order = [table.c.account_id, *table.primary_key]
    return _dicts(connection, select(table).where(table.c.account_id.in_(account_ids)).order_by(*order))


def _dicts(connection: Connection, query: Select[Any]) -> list[Row]:
    found = connection.execute(query)
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]


def _arrived(connection: Connection, account_ids: Sequence[str], zone: str, day: date) -> list[Row]:
    """Return the moment at which a message last reached somebody until a day: of them all it alone tells the clock."""
    table, midnight = feeds.outcome, utc_text(at_local(day + timedelta(days=1), time.min, zone))
    query = select(table.c.account_id, func.max(table.c.arrived_at).label("arrived_at"))
    known = query.where(table.c.account_id.in_(account_ids), table.c.arrived_at < midnight)
    return _dicts(connection, known.group_by(table.c.account_id))


def _parties(connection: Connection, account_ids: Sequence[str]) -> list[Row]:
    bond, person = people.account_party, people.party
    statement = (
        select(
            bond.c.account_id, bond.c.role, bond.c.guarantee_kind, bond.c.guarantee_until, bond.c.synthesised, person
        )
        .join(person, person.c.party_id == bond.c.party_id)
        .where(bond.c.account_id.in_(account_ids))
        .order_by(bond.c.account_id, bond.c.role, bond.c.party_id)
    )
    return _dicts(connection, statement)


def _sent(connection: Connection, account_ids: Sequence[str]) -> list[Row]:
    item, contact = outreach.item, outreach.contact
    statement = (
        select(
            item.c.account_id,
            contact.c.party_id,
            contact.c.channel,
            contact.c.sent_at,
            contact.c.message_id,
            contact.c.template,
        )
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(item.c.account_id.in_(account_ids), contact.c.state == "sent", item.c.dropped_reason.is_(None))
        .distinct()
    )
    return _dicts(connection, statement)


def _rungs(connection: Connection, day: date, account_ids: Sequence[str]) -> dict[str, int]:
    decided = decisions_in_force(day)
    statement = select(decided.c.account_id, decided.c.rung).where(decided.c.account_id.in_(account_ids))
    return {row.account_id: row.rung for row in connection.execute(statement)}


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["account_id"]].append(row)
    return groups
