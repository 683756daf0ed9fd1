"""What comes of contacts: conversations, receipts, visits and served letters, told on the days after."""

import random
from dataclasses import dataclass, field
from datetime import date, time, timedelta

from arrears.core.clock import at_local, utc_text
from arrears.rehearsal import papers
from arrears.rehearsal.feeds import Row, yuan
from arrears.rehearsal.history import CALENDAR, NOTES, REASONS, ZONE, approver, document_hash
from arrears.rehearsal.issued import Issued
from arrears.rehearsal.lives import Life, promise
from arrears.rehearsal.office import field_ids, owner_of

TALKS = (
    ("contacted", 38), ("promised", 28), ("callback_requested", 9), ("refused", 7), ("paid_claimed", 4),
    ("dispute_raised", 1), ("hardship_claimed", 1), ("no_answer", 5), ("busy", 4), ("switched_off", 3),
)  # fmt: skip
SILENCE = (("no_answer", 45), ("busy", 20), ("switched_off", 33), ("invalid_number", 2))
ANSWERS, LOST = 0.6, 0.01
RECEIPTS = {"sms": (("delivered", 96), ("not_delivered", 4)), "email": (("delivered", 93), ("bounced", 7))}
SERVICE = (("arrived", 76), ("refused", 10), ("returned", 14))
SERVED_AS = {"arrived": "letter_served", "refused": "letter_refused", "returned": "letter_returned"}
MET, LATE_REPORT = 0.65, 0.1
PROMISE_DAYS = 10
WELCOME = {"dispute_raised": ("dispute", 10, 15), "hardship_claimed": ("hardship", 20, 30)}


@dataclass
class News:
    """Rows that reach the ledger's side on a later morning: (day, feed, row)."""

    rows: list[tuple[date, str, Row]] = field(default_factory=list)

    def add(self, on: date, feed: str, row: Row) -> None:
        """Send one row off, to be delivered on the morning of ``on``."""
        self.rows.append((on, feed, row))

    def take(self, on: date) -> list[tuple[str, Row]]:
        """Hand over what has arrived by the morning of ``on``; after missed days that is the mail of all of them."""
        due = [(feed, row) for day, feed, row in self.rows if day <= on]
        self.rows = [entry for entry in self.rows if entry[0] > on]
        return due


def work(issued: Issued, lives: dict[str, Life], on: date, seed: int, news: News) -> None:
    """Carry out one contact on its day and send word of it."""
    rng = random.Random(f"{seed}:work:{issued.contact_id}")  # noqa: S311 - repeatable on purpose
    known = [lives[account] for account in issued.accounts if account in lives]
    if not known:
        return
    if issued.channel in RECEIPTS:
        _receipt(rng, issued, known, on, news)
    elif issued.channel == "call":
        _call(rng, issued, known, on, seed, news)
    elif issued.channel == "visit":
        _visit(rng, issued, known, on, seed, news)
    else:
        _letter(rng, issued, known, on, news)


def _pick(rng: random.Random, choices: tuple[tuple[str, int], ...]) -> str:
    return rng.choices([name for name, _ in choices], [weight for _, weight in choices])[0]


def _row(issued: Issued, life: Life, at: str, outcome: str, **more: str) -> Row:
    return {"account_id": life.account_id, "party_id": issued.party_id, "channel": issued.channel, "at": at,
            "outcome": outcome, **more}  # fmt: skip


def _moment(rng: random.Random, on: date) -> str:
    return utc_text(at_local(on, time(rng.randint(10, 16), rng.randint(1, 59)), ZONE))


def _receipt(rng: random.Random, issued: Issued, known: list[Life], on: date, news: News) -> None:
    result = _pick(rng, RECEIPTS[issued.channel])
    at = utc_text(at_local(on, time(18, 31), ZONE))
    for life in known:
        arrived = {"arrived_at": at, "evidence_ref": f"dlr-{issued.contact_id[:16]}"} if result == "delivered" else {}
        news.add(on + timedelta(days=1), "outcomes", _row(issued, life, at, result, **arrived))


def _call(rng: random.Random, issued: Issued, known: list[Life], on: date, seed: int, news: News) -> None:
    if issued.audience == "borrower" and rng.random() < LOST:
        for life in known:
            life.is_lost = not life.is_lost
    silent = known[0].is_lost if issued.audience == "borrower" else rng.random() > ANSWERS
    result = _pick(rng, SILENCE) if silent else _pick(rng, TALKS)
    if issued.audience != "borrower" and result not in ("no_answer", "busy", "switched_off", "invalid_number"):
        result = "contacted"
    at, spoke = _moment(rng, on), not silent
    for life in known:
        outcome = "contacted" if result == "promised" and not life.overdue_on(on) else result
        row = _row(issued, life, at, outcome, staff_id=owner_of(life.contract),
                   next_action_on=CALENDAR.add_working_days(on, 3).isoformat())  # fmt: skip
        if spoke and issued.audience == "borrower" and outcome not in ("no_answer", "busy", "switched_off"):
            row |= _reason(rng, outcome)
        if outcome == "promised":
            row |= _promised(life, on, seed)
        news.add(on + timedelta(days=1), "outcomes", row)
        if outcome in WELCOME:
            _hold(rng, life, outcome, on, news)


def _reason(rng: random.Random, outcome: str) -> Row:
    reason = "dispute" if outcome == "dispute_raised" else rng.choice(REASONS)
    return {"reason": reason, "note": NOTES[reason]}


def _promised(life: Life, on: date, seed: int) -> Row:
    due_on, amount = promise(life, on, seed, on + timedelta(days=PROMISE_DAYS))
    return {"promised_amount": yuan(amount), "promised_on": due_on.isoformat(),
            "evidence_ref": f"rec-{life.account_id}-{on}"}  # fmt: skip


def _hold(rng: random.Random, life: Life, outcome: str, on: date, news: News) -> None:
    """Stop collection the same day, and say some weeks later that it is settled."""
    kind, least, most = WELCOME[outcome]
    row = {"account_id": life.account_id, "kind": kind, "from_on": on.isoformat(), "reason": "演练",
           "approved_by": approver(life.contract)}  # fmt: skip
    until = on + timedelta(days=rng.randint(least, most))
    news.add(on + timedelta(days=1), "holds", row)
    news.add(until, "holds", row | {"until_on": until.isoformat()})


def _visit(rng: random.Random, issued: Issued, known: list[Life], on: date, seed: int, news: News) -> None:
    met = rng.random() < (0.25 if known[0].is_lost else MET)
    at, reported = _moment(rng, on), on + timedelta(days=rng.randint(2, 5) if rng.random() < LATE_REPORT else 1)
    for life in known:
        two = {"confirmed_by": field_ids(life.contract.branch)[0], "second_confirmed_by": approver(life.contract)}
        for kind, pages in (("visit_report", 2), ("photo", 1)):
            news.add(reported, "documents", papers.document_row(
                life.contract, issued.party_id, kind, on, pages=pages, variant=f"-{on}", **two))  # fmt: skip
        outcome = "visit_met" if met else "visit_not_met"
        row = _row(issued, life, at, outcome, staff_id=two["confirmed_by"], note="两人上门，已出示证件，记录设备位置",
                   evidence_ref=document_hash(life.account_id, issued.party_id, f"visit_report-{on}"),
                   next_action_on=CALENDAR.add_working_days(on, 3).isoformat())  # fmt: skip
        if met and life.overdue_on(on) and rng.random() < 0.3:
            row |= _promised(life, on, seed)
        news.add(on + timedelta(days=1), "outcomes", row)


def _letter(rng: random.Random, issued: Issued, known: list[Life], on: date, news: News) -> None:
    served, result = on + timedelta(days=rng.randint(2, 6)), _pick(rng, SERVICE)
    at, arrived = utc_text(at_local(on, time(16), ZONE)), utc_text(at_local(served, time(11), ZONE))
    for life in known:
        proof = document_hash(life.account_id, issued.party_id, f"proof_of_service-{on}")
        news.add(on + timedelta(days=1), "outcomes", _row(issued, life, at, "letter_sent", staff_id="L-01"))
        news.add(on + timedelta(days=1), "documents", papers.document_row(
            life.contract, issued.party_id, "lawyers_letter", on, pages=2, variant=f"-{on}",
            service_result="sent"))  # fmt: skip
        told = served + timedelta(days=1)
        service = {"served_on": served.isoformat(), "service_result": result}
        news.add(told, "outcomes", _row(issued, life, arrived, SERVED_AS[result], staff_id="L-01", evidence_ref=proof,
                                        arrived_at=arrived))  # fmt: skip
        for kind, day in (("lawyers_letter", on), ("proof_of_service", served)):
            news.add(told, "documents", papers.document_row(
                life.contract, issued.party_id, kind, day, pages=1 + (kind == "lawyers_letter"), variant=f"-{on}",
                **service))  # fmt: skip
