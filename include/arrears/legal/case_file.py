"""Load everything known about a batch of accounts, a few statements for all of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, select

from arrears.core.clock import local_date
from arrears.core.errors import CannotTell
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.policy import Policy
from arrears.legal.clocks import arrived_on
from arrears.legal.facts import Demand, Document, Hold, Instalment, LegalFacts, Money, Party, Payment
from arrears.store.tables import feeds, outreach, people, runs

Row = Mapping[str, Any]
MONEY_COLUMNS = (
    "subject_ref",
    "overdue_instalments",
    "overdue_minor",
    "days_past_due",
    "oldest_unpaid_due",
    "due_minor",
    "schedule_minor",
    "paid_minor",
    "whole_paid_on",
    "total_price_minor",
    "principal_outstanding_minor",
    "data_incomplete",
    "currency",
    "contract_type",
)
ASSET_COLUMNS = ("asset_kind", "asset_make", "asset_model", "asset_serial", "engine_no", "plate")


@dataclass(frozen=True)
class Contact:
    """One line of the chronology: what was sent or what came of it, with its arrival proof."""

    on: date
    party_id: str
    channel: str
    result: str
    arrived_on: date | None = None
    proof: str = ""


@dataclass(frozen=True)
class CaseFile:
    """The legal facts of an account and what a packet shows beside them."""

    facts: LegalFacts
    in_ledger: bool
    branch: str = ""
    contacts: Sequence[Contact] = ()
    promises: Sequence[Row] = ()
    locations: Sequence[Row] = ()
    charges: Sequence[Row] = ()


class LedgerReader:
    """The frozen ledger of one run: rows of the wanted accounts are kept, schedules are read ahead by the caller."""

    def __init__(self, artifacts_url: str, snapshot_id: str, subjects: Mapping[str, str]) -> None:
        from arrears.store import snapshot

        self._source = (artifacts_url, snapshot_id)
        self._subjects = subjects
        self._schedules: dict[str, list[Instalment]] = {}
        self._payments: dict[str, list[Payment]] = {}
        wanted = set(subjects.values())
        self._money: dict[str, Row] = {}
        for batch in snapshot.accounts(artifacts_url, snapshot_id, MONEY_COLUMNS):
            refs = batch.column("subject_ref").to_pylist()
            rows = batch.take([at for at, ref in enumerate(refs) if ref in wanted]).to_pylist()
            self._money.update((row["subject_ref"], row) for row in rows)

    def read_schedules(self, account_ids: Sequence[str], until: date) -> None:
        """Read the instalments of some accounts, and their payments up to and including a day; forget the others."""
        from arrears.store import snapshot

        refs = [self._subjects[account_id] for account_id in account_ids if account_id in self._subjects]
        self._schedules = {
            ref: [
                Instalment(
                    row.instalment_no, row.due_date, row.amount_due_minor, row.paid_minor, row.principal_due_minor
                )
                for row in rows
            ]
            for ref, rows in snapshot.instalments_of(*self._source, refs).items()
        }
        self._payments = {
            ref: [
                Payment(row.payment_id, row.paid_on, row.amount_minor, row.kind or "")
                for row in rows
                if row.paid_on <= until
            ]
            for ref, rows in snapshot.payments_of(*self._source, refs).items()
        }

    def row(self, subject_ref: str) -> Row | None:
        """Return the account's row, or ``None`` when the frozen ledger does not know it."""
        return self._money.get(subject_ref)

    def schedule(self, subject_ref: str) -> list[Instalment]:
        """Return the account's instalments, oldest due date first."""
        return self._schedules.get(subject_ref, [])

    def payments(self, subject_ref: str) -> list[Payment]:
        """Return the account's payments, oldest first; none when the ledger is in open-item form."""
        return self._payments.get(subject_ref, [])


def open_ledger(connection: Connection, artifacts_url: str, run_id: str, account_ids: Sequence[str]) -> LedgerReader:
    """Open the snapshot that a run stands on.

    Raises:
        CannotTell: the run has no snapshot.
    """
    snapshot_id = connection.execute(select(runs.run.c.snapshot_id).where(runs.run.c.run_id == run_id)).scalar()
    if snapshot_id is None:
        raise CannotTell(f"run {run_id} has no frozen ledger: pull it first")
    return LedgerReader(artifacts_url, snapshot_id, subjects_of(connection, account_ids))


def subjects_of(connection: Connection, account_ids: Sequence[str]) -> dict[str, str]:
    """Return the random reference of each account."""
    table = feeds.account
    found: dict[str, str] = {}
    for part in _parts(account_ids):
        rows = connection.execute(select(table.c.account_id, table.c.subject_ref).where(table.c.account_id.in_(part)))
        found |= {row.account_id: row.subject_ref for row in rows}
    return found


def load(
    connection: Connection, ledger: LedgerReader, policy: Policy, day: date, account_ids: Sequence[str]
) -> list[CaseFile]:
    """Return the case files of a batch, in the order of ``account_ids``; unknown accounts are left out."""
    accounts = {row["account_id"]: row for row in _rows(connection, feeds.account, account_ids)}
    side = {
        table.name: _grouped(_rows(connection, table, account_ids))
        for table in (
            feeds.document,
            feeds.hold,
            feeds.promise,
            feeds.location,
            feeds.charge,
            feeds.court_case,
            feeds.outcome,
        )
    }
    side["party"] = _grouped(_parties(connection, account_ids))
    side["sent"] = _grouped(_sent(connection, account_ids))
    side["opening"] = _grouped(_rows(connection, feeds.opening, account_ids))
    rungs = _rungs(connection, day, account_ids)
    loaded = []
    for account_id in account_ids:
        if account_id in accounts:
            row = accounts[account_id]
            own = {name: grouped.get(account_id, []) for name, grouped in side.items()}
            ref = row["subject_ref"]
            loaded.append(
                _case(
                    row,
                    ledger.row(ref),
                    own,
                    ledger.schedule(ref),
                    ledger.payments(ref),
                    rungs.get(account_id, 1),
                    policy,
                    day,
                )
            )
    return loaded


def _case(
    row: Row,
    money: Row | None,
    own: Mapping[str, list[Row]],
    schedule: Sequence[Instalment],
    payments: Sequence[Payment],
    rung: int,
    policy: Policy,
    day: date,
) -> CaseFile:
    zone = policy.time_zone
    documents = [_document(found) for found in own["document"]]
    cases = [
        found
        for found in sorted(own["court_case"], key=lambda found: str(found["at"]))
        if _on(found["at"], zone) <= day
    ]
    holds = _holds(own, day)
    facts = LegalFacts(
        account_id=row["account_id"],
        subject_ref=row["subject_ref"],
        business_date=day,
        contract_type=row["contract_type"],
        money=_money(money, row["currency"]),
        rung=rung,
        data_incomplete=row["data_incomplete"]
        or row["is_missing"]
        or bool(money and money["data_incomplete"])
        or any(hold.kind == "data_incomplete" for hold in holds),
        parties=[_party(found) for found in own["party"]],
        instalments=schedule,
        payments=payments,
        documents=documents,
        holds=holds,
        demands=_demands(own, documents, payments, zone, day),
        accelerated_on=_first(cases, zone, kind="remedy", state="chosen", remedy="accelerate"),
        sued_on=min(
            filter(
                None, [_first(cases, zone, kind="suit", state="filed"), _first(own["opening"], zone, kind="suit_filed")]
            ),
            default=None,
        ),
        chosen_remedy=_chosen(cases),
        asset={name: row[name] for name in ASSET_COLUMNS if row[name]},
    )
    return CaseFile(
        facts=facts,
        in_ledger=money is not None,
        branch=row["branch"],
        contacts=_contacts(own, zone, day),
        promises=sorted(
            (found for found in own["promise"] if found["made_on"] <= day), key=lambda found: found["made_on"]
        ),
        locations=sorted(
            (found for found in own["location"] if _on(found["at"], zone) <= day),
            key=lambda found: str(found["at"]),
            reverse=True,
        )[:3],
        charges=sorted(
            (found for found in own["charge"] if found["charged_on"] <= day),
            key=lambda found: (found["charged_on"], found["kind"], found["amount_minor"]),
        ),
    )


def _money(row: Row | None, currency: str) -> Money:
    if row is None:
        return Money(currency, 0, 0, 0, None, 0, 0, 0)
    return Money(
        currency,
        row["overdue_instalments"],
        row["overdue_minor"],
        row["days_past_due"],
        row["oldest_unpaid_due"],
        row["due_minor"],
        row["schedule_minor"],
        row["paid_minor"],
        row["whole_paid_on"],
        row["total_price_minor"],
        row["principal_outstanding_minor"],
    )


def _party(row: Row) -> Party:
    return Party(
        row["party_id"],
        row["role"],
        row["name"] or "",
        row["language"] or "",
        row["mobile"] or "",
        row["address"] or "",
        row["service_address"] or "",
        row["id_no"] or "",
        row["guarantee_kind"] or "",
        row["guarantee_until"],
        row["synthesised"],
    )


def _document(row: Row) -> Document:
    return Document(
        row["kind"],
        row["sha256"],
        row["party_id"] or "",
        row["dated_on"],
        row["served_on"],
        row["service_result"] or "",
        row["confirmed_by"] or "",
        row["second_confirmed_by"] or "",
        row["title"] or "",
        row["pages"],
    )


def _holds(own: Mapping[str, list[Row]], day: date) -> list[Hold]:
    recorded = [
        Hold(row["kind"], row["from_on"], row["until_on"])
        for row in own["hold"]
        if row["from_on"] <= day and (row["until_on"] is None or row["until_on"] >= day)
    ]
    promised = [
        Hold("promise", row["made_on"], row["due_on"])
        for row in own["promise"]
        if row["state"] == "open" and row["made_on"] <= day <= row["due_on"]
    ]
    return sorted({*recorded, *promised}, key=lambda hold: (hold.kind, hold.from_on, hold.until_on or date.max))


def _demands(
    own: Mapping[str, list[Row]], documents: Sequence[Document], payments: Sequence[Payment], zone: str, day: date
) -> list[Demand]:
    letters = [arrived_on(document) for document in documents if document.kind in ("demand_letter", "lawyers_letter")]
    found = [Demand(on, "letter") for on in letters if on is not None]
    found += [Demand(_on(row["arrived_at"], zone), "message") for row in own["outcome"] if row["arrived_at"]]
    found += [Demand(row["made_on"], "promise") for row in own["promise"] if row["evidence_ref"]]
    found += [Demand(payment.paid_on, "payment") for payment in payments if payment.amount_minor > 0]
    return sorted({demand for demand in found if demand.on <= day}, key=lambda demand: (demand.on, demand.kind))


def _contacts(own: Mapping[str, list[Row]], zone: str, day: date) -> list[Contact]:
    lines = [
        Contact(_on(row["sent_at"], zone), row["party_id"], row["channel"], "sent", None, row["message_id"] or "")
        for row in own["sent"]
        if row["sent_at"]
    ]
    lines += [
        Contact(
            _on(row["at"], zone),
            row["party_id"],
            row["channel"],
            row["outcome"],
            _on(row["arrived_at"], zone) if row["arrived_at"] else None,
            row["evidence_ref"] or "",
        )
        for row in own["outcome"]
    ]
    lines += [
        Contact(
            _on(row["at"], zone),
            row["party_id"] or "",
            row["channel"] or row["kind"],
            row["outcome"] or "attested",
            None,
            row["evidence_ref"] or "",
        )
        for row in own["opening"]
    ]
    kept = [line for line in lines if line.on <= day]
    return sorted(kept, key=lambda line: (line.on, line.party_id, line.channel, line.result, line.proof))


def _chosen(cases: Sequence[Row]) -> str | None:
    remedies = [row for row in cases if row["kind"] == "remedy"]
    return remedies[-1]["remedy"] if remedies and remedies[-1]["state"] == "chosen" else None


def _first(rows: Sequence[Row], zone: str, **wanted: str) -> date | None:
    return min(
        (_on(row["at"], zone) for row in rows if all(row[name] == value for name, value in wanted.items())),
        default=None,
    )


def _on(moment: str, zone: str) -> date:
    return local_date(datetime.fromisoformat(moment), zone)


def _rows(connection: Connection, table: Table, account_ids: Sequence[str]) -> list[Row]:
    order = [table.c.account_id, *table.primary_key]
    return [
        dict(row)
        for row in connection.execute(
            select(table).where(table.c.account_id.in_(account_ids)).order_by(*order)
        ).mappings()
    ]


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
    return [dict(row) for row in connection.execute(statement).mappings()]


def _sent(connection: Connection, account_ids: Sequence[str]) -> list[Row]:
    item, contact = outreach.item, outreach.contact
    statement = (
        select(item.c.account_id, contact.c.party_id, contact.c.channel, contact.c.sent_at, contact.c.message_id)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(item.c.account_id.in_(account_ids), contact.c.state == "sent", item.c.dropped_reason.is_(None))
        .distinct()
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def _rungs(connection: Connection, day: date, account_ids: Sequence[str]) -> dict[str, int]:
    decided = decisions_in_force(day)
    statement = select(decided.c.account_id, decided.c.rung).where(decided.c.account_id.in_(account_ids))
    return {row.account_id: row.rung for row in connection.execute(statement)}


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["account_id"]].append(row)
    return groups


def _parts(account_ids: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (account_ids[start : start + size] for start in range(0, len(account_ids), size))
