"""What comes of contacts: conversations, receipts, visits and served letters, told on the days after."""

import random
from collections.abc import Mapping
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
MET, LATE_REPORT, AT_THE_DOOR = 65, 0.1, 0.3
FAR_BEHIND, STILL_PROMISES = 3, 0.3
REASONED = frozenset({"contacted", "promised", "callback_requested", "refused", "paid_claimed", "dispute_raised",
                      "hardship_claimed"})  # fmt: skip
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

    def take_early(self, feed: str, on: date) -> list[Row]:
        """Hand over one feed's news of the morning of ``on`` already the day before."""
        due = [row for day, name, row in self.rows if name == feed and day == on]
        self.rows = [entry for entry in self.rows if entry[:2] != (on, feed)]
        return due


@dataclass(frozen=True)
class _Job:
    """One contact on its day: who acts, on which accounts, and what a scenario has fixed."""

    issued: Issued
    known: list[Life]
    on: date
    seed: int
    news: News
    rng: random.Random

    @property
    def answers(self) -> Mapping[str, str]:
        """Return what a scenario has fixed for the person; empty where the dice decide."""
        return self.known[0].answers

    def tell(self, after: int, feed: str, row: Row) -> None:
        """Send word that arrives so many days later."""
        self.news.add(self.on + timedelta(days=after), feed, row)

    def pick(self, what: str, choices: tuple[tuple[str, int], ...]) -> str:
        """Return what the scenario says, or throw the dice."""
        thrown = self.rng.choices([name for name, _ in choices], [weight for _, weight in choices])[0]
        return self.answers.get(what, thrown)

    def row(self, life: Life, at: str, outcome: str, **more: str) -> Row:
        """Return one outcome row of this contact."""
        return {"account_id": life.account_id, "party_id": self.issued.party_id, "channel": self.issued.channel,
                "at": at, "outcome": outcome, **more}  # fmt: skip

    def moment(self) -> str:
        """Return a minute between the morning's list and the end of the day's work."""
        return utc_text(at_local(self.on, time(self.rng.randint(10, 16), self.rng.randint(1, 59)), ZONE))


def work(issued: Issued, lives: dict[str, Life], on: date, seed: int, news: News) -> None:
    """Carry out one contact on its day and send word of it."""
    rng = random.Random(f"{seed}:work:{issued.contact_id}")  # noqa: S311 - repeatable on purpose
    known = [lives[account] for account in issued.accounts if account in lives]
    if known:
        acts = {"call": _call, "visit": _visit, "letter": _letter, "asset_search": _search,
                "credit_notice": _notice, "placement": _handed_over}  # fmt: skip
        acts.get(issued.channel, _receipt)(_Job(issued, known, on, seed, news, rng))


def _receipt(job: _Job) -> None:
    channel = job.issued.channel
    result, at = job.pick(channel, RECEIPTS[channel]), utc_text(at_local(job.on, time(18, 31), ZONE))
    arrived = {"arrived_at": at, "evidence_ref": f"dlr-{job.issued.contact_id[:16]}"} if result == "delivered" else {}
    for life in job.known:
        job.tell(1, "outcomes", job.row(life, at, result, **arrived))


def _call(job: _Job) -> None:
    result, at = _said(job), job.moment()
    for life in job.known:
        outcome = "contacted" if result == "promised" and not _would_promise(job, life) else result
        row = job.row(life, at, outcome, staff_id=owner_of(life.contract),
                      next_action_on=CALENDAR.add_working_days(job.on, 3).isoformat())  # fmt: skip
        if outcome in REASONED:
            reason = "dispute" if outcome == "dispute_raised" else job.rng.choice(REASONS)
            row |= {"reason": reason, "note": NOTES[reason]}
        if outcome == "promised":
            row |= _promised(job, life)
        job.tell(1, "outcomes", row)
        if outcome in WELCOME:
            _hold(job, life, outcome)


def _said(job: _Job) -> str:
    """Return how a call ended: silence for who is lost, talk for others; a guarantor only listens."""
    if job.issued.audience != "borrower":
        return job.pick("guarantor_call", (("contacted", 60), *SILENCE))
    if not job.answers and job.rng.random() < LOST:
        for life in job.known:
            life.is_lost = not life.is_lost
    silent = job.known[0].is_lost or job.rng.random() > ANSWERS
    return job.pick("call", SILENCE if silent else TALKS)


def _would_promise(job: _Job, life: Life) -> bool:
    """Nobody promises without arrears; who is far behind and has no money on its way mostly does not either."""
    behind = life.overdue_on(job.on)
    return bool(behind and (behind < FAR_BEHIND or life.coming or job.answers or job.rng.random() < STILL_PROMISES))


def _promised(job: _Job, life: Life) -> Row:
    due_on, amount = promise(life, job.on, job.seed, job.on + timedelta(days=PROMISE_DAYS))
    return {"promised_amount": yuan(amount), "promised_on": due_on.isoformat(),
            "evidence_ref": f"rec-{life.account_id}-{job.on}"}  # fmt: skip


def _hold(job: _Job, life: Life, outcome: str) -> None:
    """Stop collection the same day, and say some weeks later that it is settled."""
    kind, least, most = WELCOME[outcome]
    row = {"account_id": life.account_id, "kind": kind, "from_on": job.on.isoformat(), "reason": "演练",
           "approved_by": approver(life.contract)}  # fmt: skip
    after = job.rng.randint(least, most)
    job.tell(1, "holds", row)
    job.tell(after, "holds", row | {"until_on": (job.on + timedelta(days=after)).isoformat()})


def _visit(job: _Job) -> None:
    found = 25 if job.known[0].is_lost else MET
    outcome = job.pick("visit", (("visit_met", found), ("visit_not_met", 100 - found)))
    at, reported = job.moment(), job.rng.randint(2, 5) if job.rng.random() < LATE_REPORT else 1
    person, variant = job.issued.party_id, f"-{job.on}"
    for life in job.known:
        two = {"confirmed_by": field_ids(life.contract.branch)[0], "second_confirmed_by": approver(life.contract)}
        for kind, pages in (("visit_report", 2), ("photo", 1)):
            job.tell(reported, "documents", papers.document_row(
                life.contract, person, kind, job.on, pages=pages, variant=variant, **two))  # fmt: skip
        row = job.row(life, at, outcome, staff_id=two["confirmed_by"], note="两人上门，已出示证件，记录设备位置",
                      evidence_ref=document_hash(life.account_id, person, f"visit_report{variant}"),
                      next_action_on=CALENDAR.add_working_days(job.on, 3).isoformat())  # fmt: skip
        if outcome == "visit_met" and life.overdue_on(job.on) and job.rng.random() < AT_THE_DOOR and not job.answers:
            row |= _promised(job, life)
        job.tell(1, "outcomes", row)


def _letter(job: _Job) -> None:
    days, result = job.rng.randint(2, 6), job.pick("letter", SERVICE)
    served, person, variant = job.on + timedelta(days=days), job.issued.party_id, f"-{job.on}"
    at, arrived = utc_text(at_local(job.on, time(16), ZONE)), utc_text(at_local(served, time(11), ZONE))
    service = {"served_on": served.isoformat(), "service_result": result}
    kind_sent = "lawyers_letter" if job.issued.tone == "legal" else "demand_letter"
    for life in job.known:
        proof = document_hash(life.account_id, person, f"proof_of_service{variant}")
        job.tell(1, "outcomes", job.row(life, at, "letter_sent", staff_id="L-01"))
        job.tell(
            1,
            "documents",
            papers.document_row(
                life.contract, person, kind_sent, job.on, pages=2, variant=variant, service_result="sent"
            ),
        )
        job.tell(days + 1, "outcomes", job.row(life, arrived, SERVED_AS[result], staff_id="L-01", evidence_ref=proof,
                                               arrived_at=arrived))  # fmt: skip
        for kind, day, pages in ((kind_sent, job.on, 2), ("proof_of_service", served, 1)):
            job.tell(days + 1, "documents", papers.document_row(
                life.contract, person, kind, day, pages=pages, variant=variant, **service))  # fmt: skip


def _search(job: _Job) -> None:
    """The machine is looked for by lawful ways; who was asked says where it stands."""
    for life in job.known:
        job.tell(1, "outcomes", job.row(life, job.moment(), "third_party_answered", note="查明设备位置",
                                        staff_id=field_ids(life.contract.branch)[0],
                                        next_action_on=CALENDAR.add_working_days(job.on, 3).isoformat()))  # fmt: skip
        job.tell(1, "locations", papers.position_row(life.contract, job.on, job.seed))


def _notice(job: _Job) -> None:
    """The notice goes by registered post; its receipt comes back some days later, or the letter itself."""
    days, result = job.rng.randint(2, 6), job.pick("letter", SERVICE)
    at, back = utc_text(at_local(job.on, time(16), ZONE)), job.on + timedelta(days=days)
    for life in job.known:
        job.tell(1, "outcomes", job.row(life, at, "letter_sent", staff_id="L-01"))
        job.tell(days + 1, "outcomes", job.row(life, utc_text(at_local(back, time(11), ZONE)), SERVED_AS[result],
                                               staff_id="L-01"))  # fmt: skip


def _handed_over(_job: _Job) -> None:
    """An agency that has an account speaks for itself: nothing is written on our work lists."""
