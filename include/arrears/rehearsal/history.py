"""Five months of contacts as the collectors would have recorded them: date, channel, result, next step."""

import random
from dataclasses import dataclass
from datetime import date, time, timedelta

from arrears.core.calendar import BusinessCalendar
from arrears.core.clock import at_local, utc_text
from arrears.core.keys import sha256
from arrears.rehearsal.contracts import Contract, Party
from arrears.rehearsal.feeds import Row, yuan
from arrears.rehearsal.office import field_ids, owner_of, supervisor_id

ZONE = "Asia/Shanghai"
CALENDAR = BusinessCalendar("CN")
MONTHS_BACK = 4
LAST_CONTACT_DAYS = 3  # nobody was contacted in the last days, so that today's caps are free

ANSWERS = ("contacted",) * 3 + ("no_answer", "no_answer", "busy", "switched_off", "callback_requested")
SILENCE = ("no_answer", "no_answer", "switched_off", "busy")
REASONS = ("cash_flow", "cash_flow", "cash_flow", "inertia", "inertia", "business_distress", "unknown")
NOTES = {
    "cash_flow": "工程款未到账，答应尽快处理",
    "inertia": "忘记还款日，已提醒",
    "unknown": "原因待查",
    "business_distress": "停工，收入下降",
    "dispute": "对设备维修费用有异议",
    "malice": "拒绝说明设备位置",
}
SERVICE = {"arrived": "letter_served", "refused": "letter_refused", "returned": "letter_returned"}


@dataclass(frozen=True)
class Told:
    """What happened to one account before the business date."""

    contract: Contract
    on: date
    rng: random.Random
    reason: str

    def working_day(self, start: date, offset: int) -> date:
        """Return the ``offset``-th working day after ``start``."""
        return CALENDAR.add_working_days(start, offset)

    def row(self, party_id: str, channel: str, day: date, outcome: str, **more: str) -> Row:
        """Return one outcome at a believable minute of the contact hours."""
        at = at_local(day, time(self.rng.randint(9, 17), self.rng.randint(0, 59)), ZONE)
        return {
            "account_id": self.contract.account_id,
            "party_id": party_id,
            "channel": channel,
            "at": utc_text(at),
            "outcome": outcome,
            **more,
        }


def tell(contract: Contract, on: date, seed: int) -> Told:
    """Begin the record of one account."""
    rng = random.Random(f"{seed}:history:{contract.account_id}")  # noqa: S311 - repeatable on purpose
    story = contract.story
    reason = "dispute" if story.hold == "dispute" else "malice" if "malice" in story.flags else rng.choice(REASONS)
    return Told(contract, on, rng, reason)


def outcome_rows(told: Told) -> list[Row]:
    """Return what was tried: the monthly reminders, and the present episode since its oldest unpaid due date."""
    rows = _reminders(told)
    start = told.contract.oldest_unpaid
    if start is not None and not told.contract.story.flags & {"one_cent", "reversal"}:
        rows += _episode(told, start)
    return rows


def _reminders(told: Told) -> list[Row]:
    """Return the messages of the 12th and 13th and the calls of the 15th of the months before."""
    contract, rows = told.contract, []
    until = min(filter(None, (contract.oldest_unpaid, contract.closed_on, told.on)))
    for back in range(MONTHS_BACK, 0, -1):
        year, month = divmod(told.on.year * 12 + told.on.month - 1 - back, 12)
        for day_of_month in (12, 13, 15):
            day = date(year, month + 1, day_of_month)
            if day >= until or not any(day <= due < day + timedelta(days=20) for due in contract.dues):
                continue
            if day_of_month < 15:
                rows.append(_message(told, day, "delivered" if told.rng.random() < 0.95 else "not_delivered"))
            elif told.rng.random() < 0.25:
                rows.append(_call(told, contract.parties[0], CALENDAR.previous_working_day(day), "contacted"))
    return [row for row in rows if row]


def _message(told: Told, day: date, outcome: str) -> Row:
    if "sms" in told.contract.borrower.opt_outs:
        return {}
    row = told.row(told.contract.borrower.party_id, "sms", day, outcome)
    reference = "sms-" + sha256(f"{told.contract.account_id}:{row['at']}".encode())[:16]
    return row | ({"arrived_at": row["at"], "evidence_ref": reference} if outcome == "delivered" else {})


def _call(told: Told, party: Party, day: date, outcome: str) -> Row:
    spoken = outcome in ("contacted", "promised", "callback_requested")
    row = told.row(
        party.person.party_id,
        "call",
        day,
        outcome,
        staff_id=owner_of(told.contract),
        next_action_on=told.working_day(day, 4).isoformat(),
    )
    if spoken and party.role == "borrower":
        row |= {"reason": told.reason, "note": NOTES[told.reason]}
    return row


def _episode(told: Told, start: date) -> list[Row]:
    story = told.contract.story
    if story.evidence == 1:
        return [_mail(told, told.working_day(start, 2), "bounced")] if "bounced" in story.flags else []
    rows = _messages(told, start) + _mails(told, start)
    enough = story.evidence >= 3
    rows += _calls(told, told.contract.parties[0], start, first=2, every=4, most=None if enough else 2)
    if enough:
        for guarantor in told.contract.guarantors:
            rows += _calls(told, guarantor, start, first=4, every=9, most=None)
    if story.evidence >= 4:
        rows += _field_work(told)
    if told.reason == "malice":
        rows += _confirmed(told, rows)
    return [*(row for row in rows if row), *_promise_made(told)]


def _confirmed(told: Told, rows: list[Row]) -> list[Row]:
    """Return the supervisor's own word after a collector called the arrears malicious: one of them is not enough."""
    said = [row for row in rows if row.get("reason") == told.reason]
    newest = max(said, key=lambda row: str(row["at"]), default=None)
    return [newest | {"channel": "senior_contact", "staff_id": approver(told.contract)}] if newest else []


def _open_days(told: Told, start: date, first: int, every: int) -> list[date]:
    """Return the working days of a repeated step that lie far enough before today."""
    limit = told.on - timedelta(days=LAST_CONTACT_DAYS)
    days: list[date] = []
    day = told.working_day(start, first)
    while day <= limit:
        days.append(day)
        day = told.working_day(day, every)
    return days


def _messages(told: Told, start: date) -> list[Row]:
    days = _open_days(told, start, 1, 5)
    rows = [
        _message(told, day, "delivered" if place == 0 or told.rng.random() < 0.93 else "not_delivered")
        for place, day in enumerate(days)
    ]
    if "sms" in told.contract.borrower.opt_outs and days:
        rows.append(_call(told, told.contract.parties[0], days[0], "contacted"))
    return rows


def _mails(told: Told, start: date) -> list[Row]:
    if not told.contract.borrower.email or "email" in told.contract.borrower.opt_outs:
        return []
    days = _open_days(told, start, 2, 10)
    return [_mail(told, day, "delivered" if told.rng.random() < 0.9 else "bounced") for day in days]


def _mail(told: Told, day: date, outcome: str) -> Row:
    row = told.row(told.contract.borrower.party_id, "email", day, outcome)
    return row | ({"arrived_at": row["at"]} if outcome == "delivered" else {})


def _calls(told: Told, party: Party, start: date, *, first: int, every: int, most: int | None) -> list[Row]:
    answers = SILENCE if "lost" in told.contract.story.flags else ANSWERS
    days = _open_days(told, start, first, every)[:most]
    return [_call(told, party, day, told.rng.choice(answers)) for day in days]


def letter_day(contract: Contract, on: date) -> date:
    """Return the day the lawyer's letter was served, refused or returned."""
    return on - timedelta(days=contract.story.letter_age_days)


def visit_days(contract: Contract, on: date) -> list[date]:
    """Return the days of the visits: one that met somebody, two that failed, or none."""
    if contract.story.evidence < 4 or contract.story.visits == "none":
        return []
    before_letter = letter_day(contract, on) - timedelta(days=12)
    first = CALENDAR.next_working_day(max(before_letter, contract.dues[contract.fallen_due - 2]))
    return [first] if contract.story.visits == "met" else [first, CALENDAR.add_working_days(first, 5)]


def letter_result(contract: Contract) -> str:
    """Return how the letter ended: one in five was refused or came back from the agreed address."""
    return {3: "refused", 7: "returned"}.get(int(contract.account_id[1:]) % 10, "arrived")


def _field_work(told: Told) -> list[Row]:
    """Return the letter and the visits; each names the document that proves it."""
    contract, served = told.contract, letter_day(told.contract, told.on)
    rows = []
    for party in (contract.parties[0], *contract.guarantors):
        person = party.person.party_id
        proof = document_hash(contract.account_id, person, "proof_of_service")
        rows.append(told.row(person, "letter", served - timedelta(days=4), "letter_sent", staff_id="L-01"))
        rows.append(
            told.row(
                person,
                "letter",
                served,
                SERVICE[letter_result(contract)],
                evidence_ref=proof,
                arrived_at=utc_text(at_local(served, time(10), ZONE)),
                staff_id="L-01",
            )
        )
    outcome = "visit_met" if contract.story.visits == "met" else "visit_not_met"
    for number, day in enumerate(visit_days(contract, told.on)):
        rows.append(
            told.row(
                contract.borrower.party_id,
                "visit",
                day,
                outcome,
                staff_id=field_ids(contract.branch)[0],
                evidence_ref=document_hash(
                    contract.account_id, contract.borrower.party_id, f"visit_report{number or ''}"
                ),
                next_action_on=told.working_day(day, 3).isoformat(),
                note="两人上门，已出示证件，记录设备位置",
            )
        )
    return rows


def _promise_made(told: Told) -> list[Row]:
    """Return the call on which a promise was given, where it is told only there."""
    if "promise_open" not in told.contract.story.flags:
        return []
    made = told.on - timedelta(days=LAST_CONTACT_DAYS)
    return [
        _call(told, told.contract.parties[0], made, "promised")
        | {
            "promised_amount": yuan(told.contract.amount),
            "promised_on": (made + timedelta(days=7)).isoformat(),
            "evidence_ref": f"rec-{told.contract.account_id}",
        }
    ]


def document_hash(account_id: str, party_id: str, kind: str) -> str:
    """Return the hash under which a made-up document is known; there is no file behind it."""
    return sha256(f"sample document:{account_id}:{party_id}:{kind}".encode())


def approver(contract: Contract) -> str:
    """Return who confirms field work besides the visitor."""
    return supervisor_id(contract.branch)
