"""The made-up portfolio rolls as open vehicle-loan tapes do, from one due date to the next."""

from collections import Counter
from datetime import date, timedelta

import pytest

from arrears.rehearsal.lives import live
from arrears.rehearsal.world import portfolio_world

START, DAYS, ACCOUNTS, SEED = date(2026, 11, 2), 180, 900, 7
TAPES = {(0, 1): (3.5, 4.4), (1, 0): (29, 30), (1, 2): (13, 17), (2, 3): (25, 26), (3, 3): (90, 94)}
"""Monthly rates in percent of the two pools, by instalments overdue; three stands for three and more."""

SPREAD = {0: 1.0, 1: 5, 2: 6, 3: 4}
"""How far a draw of this size may lie outside, by the number it starts from: two to three standard deviations."""


def moves() -> Counter[tuple[int, int]]:
    """Count the moves of every account between its due dates."""
    found: Counter[tuple[int, int]] = Counter()
    for one in portfolio_world(START, ACCOUNTS, SEED).lives.values():
        before = None
        for on in (START + timedelta(days=number) for number in range(DAYS)):
            if on in one.contract.dues and one.contract.closed_on is None:
                now = min(3, one.overdue_on(on))
                if before is not None:
                    found[before, now] += 1
                before = now
            live(one, on, SEED)
    return found


@pytest.fixture(scope="module")
def found() -> Counter[tuple[int, int]]:
    return moves()


@pytest.mark.parametrize("move", TAPES)
def test_accounts_roll_at_the_monthly_rates_of_open_tapes(found, move):
    least, most = TAPES[move]
    leaving = sum(times for (before, _), times in found.items() if before == move[0])
    percent = 100 * found[move] / leaving
    assert leaving > 100
    assert least - SPREAD[move[0]] <= percent <= most + SPREAD[move[0]]
