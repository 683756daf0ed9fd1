"""What customers do: pay, pay in parts, miss, pay double, take back, promise and keep or break it; all from a seed."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from arrears.rehearsal.contracts import Contract, Payment

# Monthly moves in percent by instalments overdue; the rates are those of open vehicle-loan tapes, rounded.
MOVES: dict[int, tuple[tuple[int, int], ...]] = {
    0: ((96, 0), (4, 1)),
    1: ((30, 0), (55, 1), (15, 2)),
    2: ((14, 0), (11, 1), (49, 2), (26, 3)),
    3: ((4, 0), (4, 2), (46, 3), (46, 4)),
}
PARTS, DOUBLE, TAKEN_BACK, SETTLED = 0.12, 0.04, 0.01, 0.012
LATE_BOOKING = 0.03
BOASTS = 0.2


@dataclass(frozen=True)
class Money:
    """A payment on its way: ``booked_on`` is the day the ledger learns of it. Amounts in fen."""

    paid_on: date
    booked_on: date
    amount: int
    kind: str = "transfer"


@dataclass
class Life:
    """One contract as its holder lives it. ``cycle`` is the next due date whose payment is not yet decided.

    ``answers`` fix what comes of a channel (``{"call": "no_answer"}``) where a scenario wants no dice; ``absent_from``
    is the day on which the account drops out of the ledger unexplained.
    """

    contract: Contract
    cycle: int
    coming: list[Money] = field(default_factory=list)
    is_lost: bool = False
    dispute_from: date | None = None
    letter_served: bool = False
    prepared_on: date | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    absent_from: date | None = None

    @property
    def account_id(self) -> str:
        """Return the account the life belongs to."""
        return self.contract.account_id

    def overdue_on(self, on: date) -> int:
        """Return the instalments fallen due before ``on`` and not wholly covered by what was booked."""
        fallen = sum(due < on for due in self.contract.dues)
        return max(0, fallen - max(0, self.contract.paid) // self.contract.amount)


def begin(contract: Contract, on: date) -> Life:
    """Take a contract over on its first day: what fell due before is history, the next due date is open."""
    cycle = sum(due < on for due in contract.dues)
    return Life(contract, cycle, is_lost="lost" in contract.story.flags)


def live(life: Life, on: date, seed: int) -> list[Money]:
    """Live one day: decide what falls due today, and return what the ledger books today."""
    contract = life.contract
    if contract.closed_on is not None:
        return []
    while life.cycle < len(contract.dues) and contract.dues[life.cycle] <= on + timedelta(days=3):
        life.coming += _decide_cycle(life, on, _rng(seed, "cycle", life, contract.dues[life.cycle]))
        life.cycle += 1
    if life.cycle >= len(contract.dues) and contract.dues[-1] < on and on.day == contract.dues[-1].day:
        life.coming += _decide_after_the_last(life, on, _rng(seed, "last", life, on))
    booked = sorted((money for money in life.coming if money.booked_on <= on), key=lambda m: (m.paid_on, m.amount))
    life.coming = [money for money in life.coming if money.booked_on > on]
    contract.payments += [Payment(money.paid_on, money.amount, money.kind) for money in booked]
    if contract.paid >= contract.amount * len(contract.dues):
        contract.closed_on = on
    return booked


def promise(life: Life, on: date, seed: int, last_day: date) -> tuple[date, int]:
    """Promise a payment for a day up to ``last_day``: true if money is on its way, too much in some cases, else empty.

    Promises move no money of their own, so that the monthly rates stay what they are.
    """
    rng = _rng(seed, "promise", life, on)
    coming = [money for money in life.coming if money.amount > 0 and on < money.paid_on <= last_day]
    if not coming:
        return on + timedelta(days=rng.randint(2, max(2, (last_day - on).days))), life.contract.amount
    due_on = min(max(money.paid_on for money in coming) + timedelta(days=rng.choice((0, 0, 1, 2))), last_day)
    amount = sum(money.amount for money in coming)
    return due_on, amount * 100 // 70 if rng.random() < BOASTS else amount


def _rng(seed: int, what: str, life: Life, on: date) -> random.Random:
    return random.Random(f"{seed}:{what}:{life.account_id}:{on}")  # noqa: S311 - repeatable on purpose


def _decide_cycle(life: Life, on: date, rng: random.Random) -> list[Money]:
    """Draw where the account stands before the following due date, and pay what leads there."""
    contract, cycle = life.contract, life.cycle
    due = contract.dues[cycle]
    settled = contract.paid + sum(money.amount for money in life.coming)
    before = max(0, cycle - settled // contract.amount)
    after = _move(rng, before, habitual="habitual" in contract.story.flags)
    if before == 0 and rng.random() < SETTLED and cycle > 3:
        rest = contract.amount * len(contract.dues) - settled
        return [Money(due, due, rest, "early_settlement")] if rest > 0 else []
    missing = (cycle + 1 - after) * contract.amount - settled
    if missing <= 0:
        return []
    following = contract.dues[cycle + 1] if cycle + 1 < len(contract.dues) else due + timedelta(days=30)
    return _ways(rng, contract, missing, max(on, _day_of(rng, due, before)), following - timedelta(days=1))


def _decide_after_the_last(life: Life, on: date, rng: random.Random) -> list[Money]:
    """Once a month after the schedule has ended: a rest is paid, a whole instalment or nothing."""
    rest = life.contract.amount * len(life.contract.dues) - life.contract.paid
    if rest <= 0 or rng.random() < 0.6:
        return []
    day = on + timedelta(days=rng.randint(1, 20))
    return [Money(day, day, min(rest, life.contract.amount))]


def _move(rng: random.Random, before: int, *, habitual: bool) -> int:
    if habitual and before == 0:
        return rng.choice((0, 0, 1))
    moves = MOVES[min(before, 3)]
    after = rng.choices([state for _, state in moves], [rate for rate, _ in moves])[0]
    return before + 1 if after == 4 else before if after == 3 and before > 3 else after


def _day_of(rng: random.Random, due: date, before: int) -> date:
    delay = rng.randint(3, 22) if before else rng.choice((-3, -2, -1, -1, 0, 0, 0, 0, 0, 1, 4))
    return due + timedelta(days=delay)


def _ways(rng: random.Random, contract: Contract, missing: int, day: date, last: date) -> list[Money]:
    """Turn what is owed into payments: at once, in parts, double, or taken back some days later and paid again."""
    day = min(day, max(last, day))
    booked = day + timedelta(days=rng.randint(2, 4) if rng.random() < LATE_BOOKING else 0)
    draw = rng.random()
    if draw < PARTS:
        first = missing * rng.randint(20, 80) // 100
        later = day + timedelta(days=rng.randint(1, 9))
        return [Money(day, booked, first), Money(later, max(later, booked), missing - first)]
    if draw < PARTS + DOUBLE:
        return [Money(day, booked, missing + contract.amount)]
    if draw < PARTS + DOUBLE + TAKEN_BACK:
        back, again = booked + timedelta(days=rng.randint(1, 5)), booked + timedelta(days=rng.randint(8, 16))
        return [Money(day, booked, missing), Money(back, back, -missing, "reversal"), Money(again, again, missing)]
    return [Money(day, booked, missing)]
