"""Store rows turned into legal facts: what counts as a hold, a demand, a contact or a chosen remedy on a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from arrears.core.clock import local_date
from arrears.legal.clocks import arrived_on
from arrears.legal.facts import Demand, Document, Money, Party, Payment

Row = Mapping[str, Any]
Rows = Mapping[str, list[Row]]


@dataclass(frozen=True)
class Contact:
    """One line of the chronology: what was sent or what came of it, with its arrival proof."""

    on: date
    party_id: str
    channel: str
    result: str
    arrived_on: date | None = None
    proof: str = ""
    script: str = ""


def money_of(row: Row | None, currency: str) -> Money:
    """Return the ledger row as money; zeros when the frozen ledger does not know the account."""
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


def party_of(row: Row) -> Party:
    """Return a person or firm bound by the contract."""
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


def document_of(row: Row) -> Document:
    """Return a registered document."""
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
        row["form"] or "",
    )


def demands_until(
    own: Rows, documents: Sequence[Document], payments: Sequence[Payment], zone: str, day: date
) -> list[Demand]:
    """Return the days that restart limitation: served letters, the last message that arrived, promises, payments."""
    letters = [arrived_on(document) for document in documents if document.kind in ("demand_letter", "lawyers_letter")]
    found = [Demand(on, "letter") for on in letters if on is not None]
    found += [Demand(day_of(row["arrived_at"], zone), "message") for row in own["arrived"]]
    found += [Demand(row["made_on"], "promise") for row in own["promise"] if row["evidence_ref"]]
    found += [Demand(payment.paid_on, "payment") for payment in payments if payment.amount_minor > 0]
    return sorted({demand for demand in found if demand.on <= day}, key=lambda demand: (demand.on, demand.kind))


def contacts_until(own: Rows, zone: str, day: date) -> list[Contact]:
    """Return the chronology up to and including a day, oldest first."""
    lines = [
        Contact(
            day_of(row["sent_at"], zone),
            row["party_id"],
            row["channel"],
            "sent",
            None,
            row["message_id"] or "",
            row["template"],
        )
        for row in own["sent"]
        if row["sent_at"]
    ]
    lines += [
        Contact(
            day_of(row["at"], zone),
            row["party_id"],
            row["channel"],
            row["outcome"],
            day_of(row["arrived_at"], zone) if row["arrived_at"] else None,
            row["evidence_ref"] or "",
        )
        for row in own["outcome"]
    ]
    lines += [
        Contact(
            day_of(row["at"], zone),
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


def cases_until(own: Rows, zone: str, day: date) -> list[Row]:
    """Return the states that court cases and committees had reached on a day, oldest first."""
    reached = [row for row in own["court_case"] if day_of(row["at"], zone) <= day]
    return sorted(reached, key=lambda row: str(row["at"]))


def sued_on(own: Rows, cases: Sequence[Row], zone: str, day: date) -> date | None:
    """Return the day the first suit was filed, imported at go-live or reported since."""
    days = (first_day(cases, zone, kind="suit", state="filed"), first_day(own["opening"], zone, kind="suit_filed"))
    return min((found for found in days if found is not None and found <= day), default=None)


def chosen_remedy(cases: Sequence[Row]) -> str | None:
    """Return the remedy a person chose last, unless the choice was taken back."""
    remedies = [row for row in cases if row["kind"] == "remedy"]
    return remedies[-1]["remedy"] if remedies and remedies[-1]["state"] == "chosen" else None


def first_day(rows: Sequence[Row], zone: str, **wanted: str) -> date | None:
    """Return the first local day of the rows with the wanted values."""
    return min(
        (day_of(row["at"], zone) for row in rows if all(row[name] == value for name, value in wanted.items())),
        default=None,
    )


def last_day(rows: Sequence[Row], zone: str, **wanted: str) -> date | None:
    """Return the last local day of the rows with the wanted values: an asset may be preserved more than once."""
    return max(
        (day_of(row["at"], zone) for row in rows if all(row[name] == value for name, value in wanted.items())),
        default=None,
    )


def day_of(moment: str, zone: str) -> date:
    """Return the local day of a stored moment."""
    return local_date(datetime.fromisoformat(moment), zone)
