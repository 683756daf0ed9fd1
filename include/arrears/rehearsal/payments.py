"""How a contract came to where it is: a month-by-month path of overdue instalments, and the money behind it."""

import random
from datetime import date, timedelta

from arrears.rehearsal.contracts import Contract, Payment, latest_day

# Monthly moves in percent by instalments overdue; the rates are those of open vehicle-loan tapes, rounded.
MOVES: dict[int, tuple[tuple[int, int], ...]] = {
    0: ((96, 0), (4, 1)),
    1: ((30, 0), (55, 1), (15, 2)),
    2: ((14, 0), (11, 1), (50, 2), (25, 3)),
    3: ((5, 0), (3, 2), (47, 3), (45, 4)),
}
TRIES = 400


def path_to(rng: random.Random, cycles: int, target: int, *, climbing: bool) -> list[int]:
    """Return the instalments overdue at the end of each cycle, ending at ``target``.

    A climbing path misses its last ``target`` instalments in a row; any other is drawn by the monthly rates.
    """
    if climbing or target >= 3:
        return _walk_to(rng, cycles - target, 0) + list(range(1, target + 1))
    return _walk_to(rng, cycles, target)


def _walk_to(rng: random.Random, cycles: int, target: int) -> list[int]:
    for _ in range(TRIES):
        path: list[int] = []
        state = 0
        for _ in range(cycles):
            moves = MOVES[min(state, 3)]
            step = rng.choices([after for _, after in moves], [rate for rate, _ in moves])[0]
            state = state + 1 if step == 4 else state if step == 3 and state > 3 else step
            path.append(state)
        if state == target:
            return path
    return [0] * (cycles - target) + list(range(1, target + 1))


def pay(contract: Contract, on: date, seed: int) -> None:
    """Give the contract the payments its story tells of, all before ``on``."""
    rng = random.Random(f"{seed}:payments:{contract.account_id}")  # noqa: S311 - repeatable on purpose
    flags = contract.story.flags
    overdue = 4 if "recalled" in flags else contract.story.overdue
    clears_last = bool(flags & {"one_cent", "reversal"})
    path = _path(rng, contract, 0 if clears_last else overdue)
    exact = clears_last or "recalled" in flags
    before = 0
    for cycle, after in enumerate(path):
        _pay_cycle(rng, contract, (cycle, before, after), on, exact=exact)
        before = after
    _ending(contract, on, rng)


def _path(rng: random.Random, contract: Contract, overdue: int) -> list[int]:
    if contract.story.name == "still_paying":
        return [*path_to(rng, contract.fallen_due - 2, overdue, climbing=True), overdue, overdue]
    climbing = contract.story.overdue != 1 or contract.story.evidence > 1
    return path_to(rng, contract.fallen_due, overdue, climbing=climbing and overdue > 0)


def _pay_cycle(rng: random.Random, contract: Contract, move: tuple[int, int, int], on: date, *, exact: bool) -> None:
    """Pay what takes the contract from ``before`` to ``after`` overdue; three in ten differ from the plan."""
    cycle, before, after = move
    goal = (cycle + 1 - after) * contract.amount
    missing = goal - contract.paid
    if missing <= 0 or before + 1 == after:
        return
    if not exact and cycle < contract.fallen_due - 1 and rng.random() < 0.3:
        missing += rng.randrange(contract.amount // 30, contract.amount // 3) // 100 * 100
    last = latest_day(contract, cycle, on)
    day = min(contract.dues[cycle] + timedelta(days=_delay(rng, contract, before)), last)
    if not exact and rng.random() < 0.12 and missing > contract.amount // 2:
        first = missing * rng.randint(30, 70) // 100
        contract.payments.append(Payment(day, first))
        day, missing = min(day + timedelta(days=rng.randint(0, 4)), last), missing - first
    contract.payments.append(Payment(day, missing))


def _delay(rng: random.Random, contract: Contract, before: int) -> int:
    if "habitual" in contract.story.flags:
        return rng.randint(8, 20)
    if before:
        return rng.randint(3, 22)
    return rng.choice((-3, -2, -1, -1, 0, 0, 0, 0, 1, 4))


def _ending(contract: Contract, on: date, rng: random.Random) -> None:
    """Add the last movement of the stories that turn on one."""
    flags, yesterday = contract.story.flags, on - timedelta(days=1)
    if "recalled" in flags:
        owed = contract.fallen_due * contract.amount - contract.paid
        contract.payments.append(Payment(yesterday, owed))
    elif "one_cent" in flags:
        newest = contract.payments[-1]
        contract.payments[-1] = Payment(newest.paid_on, newest.amount - 1, newest.kind)
    elif "reversal" in flags:
        contract.payments.append(Payment(on - timedelta(days=2), -contract.payments[-1].amount, "reversal"))
    elif "ahead" in flags:
        owed = (contract.fallen_due + 1) * contract.amount - contract.paid
        contract.payments.append(Payment(on - timedelta(days=rng.randint(1, 5)), owed))
    elif "closed" in flags:
        contract.closed_on = on - timedelta(days=rng.randint(20, 110))
        contract.payments = [payment for payment in contract.payments if payment.paid_on < contract.closed_on]
        rest = len(contract.dues) * contract.amount - contract.paid
        contract.payments.append(Payment(contract.closed_on, rest, "early_settlement"))
