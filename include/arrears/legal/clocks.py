"""The clocks that run against the lender, each with its assumption; never rolled to a later working day.

Limitation: Civil Code (CN) 188, 189, 195. Guarantee: 692 to 694. Cure: 201, 203 - the cure end alone moves to the
next working day, because it protects the customer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from arrears.core.calendar import BusinessCalendar, add_months
from arrears.ladder.grave_default import cure_ends_on
from arrears.ladder.policy_law import Legal
from arrears.legal.facts import Document, LegalFacts, Party

DEMAND_KINDS = ("demand_letter", "lawyers_letter")
SERVED = ("arrived", "refused", "returned")


@dataclass(frozen=True)
class LegalClock:
    """One deadline: what lapses, for whom, when, and on which assumption."""

    name: str
    expires_on: date
    assumption: str
    party_id: str = ""
    preserved_on: date | None = None

    def is_expired(self, day: date) -> bool:
        """Say whether the right has lapsed on ``day``; the last day itself still counts."""
        return self.preserved_on is None and day > self.expires_on

    def days_left(self, day: date) -> int:
        """Return the days until the last day; negative when it is over."""
        return (self.expires_on - day).days

    def as_row(self) -> dict[str, str]:
        """Return the clock as JSON data; days left are not part of it."""
        return {
            "name": self.name,
            "party_id": self.party_id,
            "expires_on": self.expires_on.isoformat(),
            "assumption": self.assumption,
            "preserved_on": self.preserved_on.isoformat() if self.preserved_on else "",
        }


@dataclass(frozen=True)
class Cure:
    """The period a served demand leaves the debtor: starts the day after arrival."""

    document: Document
    arrived_on: date
    ends_on: date

    def is_over(self, day: date) -> bool:
        """Say whether the debtor's time has run out before ``day``."""
        return day > self.ends_on


def limitation(facts: LegalFacts, legal: Legal) -> LegalClock | None:
    """Return the limitation clock: from the last instalment's due date or, if earlier, from acceleration.

    Each demand that provably arrived, payment in part and promise starts the period anew. ``None`` without schedule.
    """
    start = _debt_due_on(facts)
    if start is None:
        return None
    counted = max([start[0], *(demand.on for demand in facts.demands if demand.on > start[0])])
    assumption = start[1] if counted == start[0] else "restarted_by_demand"
    return LegalClock("limitation", add_months(counted, 12 * legal.limitation_years), assumption)


def guarantees(facts: LegalFacts, legal: Legal) -> list[LegalClock]:
    """Return one clock for each guarantor: the agreed end, else the policy's months from the earliest plausible date.

    A joint guarantor's clock is preserved by a demand that reached that guarantor in time, a general guarantor's by a
    suit against the debtor in time (Civil Code 693); one guarantor's demand never saves the claim on another.
    """
    start = _debt_due_on(facts)
    clocks = []
    for party in facts.guarantors:
        if party.guarantee_until is not None:
            expires, assumption = party.guarantee_until, "agreed_in_guarantee"
        elif start is not None:
            expires, assumption = add_months(start[0], legal.guarantee_period_months), start[1]
        else:
            continue
        begins = start[0] if start and party.guarantee_until is None else facts.money.oldest_unpaid_due
        preserved = _preserved(facts, party, begins, expires)
        clocks.append(LegalClock("guarantee", expires, assumption, party.party_id, preserved))
    return clocks


def cure(facts: LegalFacts, legal: Legal, calendar: BusinessCalendar) -> Cure | None:
    """Return the cure period of the earliest demand that reached a debtor, or ``None`` if none provably did."""
    debtors = _debtor_ids(facts)
    served = [
        (arrived_on(document), document)
        for document in facts.documents_of(*DEMAND_KINDS)
        if document.party_id in debtors
    ]
    dated = [(day, document) for day, document in served if day is not None and day <= facts.business_date]
    if not dated:
        return None
    arrived, document = min(dated, key=lambda pair: (pair[0], pair[1].sha256))
    return Cure(document, arrived, cure_ends_on(arrived, legal, calendar))


def arrived_on(document: Document) -> date | None:
    """Return the day a letter counts as arrived: delivered, refused or returned, confirmed by two people."""
    if document.service_result not in SERVED or not document.is_confirmed_by_two:
        return None
    return document.served_on


def in_court(facts: LegalFacts, legal: Legal) -> list[LegalClock]:
    """Return the clocks a court starts: suit after preservation (CPL 104), enforcement after judgment (CPL 250)."""
    found = []
    if facts.preserved_on is not None:
        expires = facts.preserved_on + timedelta(days=legal.preservation_sue_days)
        sued = facts.sued_on if facts.sued_on is not None and facts.sued_on <= expires else None
        found.append(LegalClock("preservation", expires, "from_preservation", "", sued))
    if facts.judged_on is not None:
        expires = add_months(facts.judged_on, 12 * legal.enforcement_years)
        found.append(LegalClock("enforcement", expires, "from_judgment", "", facts.enforced_on))
    return found


def alerts(clocks: Sequence[LegalClock], legal: Legal, day: date) -> list[tuple[LegalClock, int]]:
    """Return the running clocks inside the policy's widest alert, each with the alert step it has reached."""
    alert = legal.alert_days
    steps = {
        "guarantee": alert.guarantee,
        "limitation": alert.limitation,
        "preservation": alert.preservation,
        "enforcement": alert.enforcement,
    }
    due = []
    for clock in clocks:
        reached = [step for step in steps[clock.name] if clock.days_left(day) <= step]
        if reached and clock.preserved_on is None:
            due.append((clock, min(reached)))
    return due


def _debt_due_on(facts: LegalFacts) -> tuple[date, str] | None:
    if not facts.instalments:
        return None
    last = max(row.due_date for row in facts.instalments)
    letters = [
        arrived_on(document)
        for document in facts.documents_of("lawyers_letter")
        if document.party_id in _debtor_ids(facts)
    ]
    called = min((day for day in (facts.accelerated_on, *letters) if day is not None), default=last)
    return (called, "from_acceleration") if called < last else (last, "from_last_instalment")


def _debtor_ids(facts: LegalFacts) -> set[str]:
    """Return the debtors' ids; a letter registered without a party was sent to the borrower."""
    return {party.party_id for party in facts.debtors} | {""}


def _preserved(facts: LegalFacts, party: Party, begins: date | None, expires: date) -> date | None:
    """Return the first day inside the period on which the claim on the guarantor was kept alive."""
    if party.guarantee_kind == "general":
        reached = [facts.sued_on]
    else:
        reached = [
            arrived_on(document)
            for document in facts.documents_of(*DEMAND_KINDS)
            if document.party_id == party.party_id
        ]
    last = min(expires, facts.business_date)
    return min((day for day in reached if day is not None and (begins or day) <= day <= last), default=None)
