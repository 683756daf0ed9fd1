"""The staging kernel against a slow reference that follows the contract word by word."""

from dataclasses import dataclass, fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrears.ladder import staging
from arrears.ladder.staging import NO_DATE, Schedule, Staged, allocate, arrange, stage

ON = 20_000
DAYS = st.integers(ON - 120, ON + 60)
AMOUNTS = st.one_of(st.integers(0, 5), st.integers(0, 10**15))
ROW = st.tuples(DAYS, AMOUNTS, AMOUNTS)
ACCOUNT = st.tuples(st.lists(ROW, max_size=8), st.integers(-(10**15), 5 * 10**15))


@dataclass
class Slow:
    """One account staged instalment by instalment with Python's own integers."""

    overdue: int = 0
    oldest: int | None = None
    count: int = 0
    next_due_on: int | None = None
    next_due: int = 0
    paid: int = 0
    due: int = 0
    unpaid_due: int = 0
    whole: int = 0


def slowly(rows: list[tuple[int, int, int]], pool: int, *, open_items: bool) -> Slow:
    result, left = Slow(), max(0, pool)
    ordered = sorted((due, place, amount, paid) for place, (due, amount, paid) in enumerate(rows))
    fallen, owed, real = [], [], [amount for _, _, amount, _ in ordered if amount]
    for due, _, amount, given_paid in ordered:
        if open_items:
            used = min(given_paid, amount)
        else:
            used = min(left, amount)
            left -= used
        result.paid += used
        unpaid = amount - used
        if due <= ON:
            result.due += amount
            result.unpaid_due += unpaid
            fallen += [amount] if amount else []
            owed += [amount] if unpaid else []
        if unpaid and due < ON:
            result.overdue += unpaid
            result.count += 1
            result.oldest = due if result.oldest is None else result.oldest
        elif unpaid and result.next_due_on is None:
            result.next_due_on, result.next_due = due, unpaid
    result.whole = next(iter([*owed[:1], *fallen[-1:], *real[:1]]), 0)
    return result


def fast(accounts: list[tuple[list[tuple[int, int, int]], int]], *, open_items: bool) -> tuple[Schedule, Staged]:
    flat = [(code, due, place, amount, paid) for code, (rows, _) in enumerate(accounts)
            for place, (due, amount, paid) in enumerate(rows)]  # fmt: skip
    code, due, number, amount, paid = (np.array([row[at] for row in flat], dtype=np.int64) for at in range(5))
    order = arrange(code, due.astype(np.int32), number.astype(np.int32))
    if order is not None:
        code, due, amount, paid = code[order], due[order], amount[order], paid[order]
    schedule = Schedule(len(accounts), code, due.astype(np.int32), amount, paid if open_items else None)
    pool = np.array([pool for _, pool in accounts], dtype=np.int64)
    return schedule, stage(schedule, allocate(schedule, pool), ON)


@settings(max_examples=400, deadline=None)
@given(accounts=st.lists(ACCOUNT, min_size=1, max_size=6), open_items=st.booleans())
def test_the_kernel_agrees_with_the_rule_applied_row_by_row(
    accounts: list[tuple[list[tuple[int, int, int]], int]], open_items: bool
) -> None:
    _, staged = fast(accounts, open_items=open_items)
    for code, (rows, pool) in enumerate(accounts):
        slow = slowly(rows, pool, open_items=open_items)
        assert staged.overdue[code] == slow.overdue
        assert staged.overdue_instalments[code] == slow.count
        assert staged.stage[code] == min(3, slow.count)
        assert staged.oldest_unpaid_due[code] == (NO_DATE if slow.oldest is None else slow.oldest)
        assert staged.days_past_due[code] == (0 if slow.oldest is None else ON - slow.oldest)
        assert staged.next_due_on[code] == (NO_DATE if slow.next_due_on is None else slow.next_due_on)
        assert staged.next_due[code] == slow.next_due
        assert staged.paid[code] == slow.paid
        assert staged.schedule[code] == sum(amount for _, amount, _ in rows)
        assert (staged.due[code], staged.unpaid_due[code]) == (slow.due, slow.unpaid_due)
        assert staged.reference_amount[code] == slow.whole


@settings(max_examples=200, deadline=None)
@given(accounts=st.lists(ACCOUNT, min_size=1, max_size=5), extra=st.integers(1, 10**12))
def test_paying_more_never_raises_a_stage(accounts: list[tuple[list[tuple[int, int, int]], int]], extra: int) -> None:
    _, before = fast(accounts, open_items=False)
    _, after = fast([(rows, pool + extra) for rows, pool in accounts], open_items=False)
    assert np.all(after.stage <= before.stage)
    assert np.all(after.overdue <= before.overdue)


@settings(max_examples=200, deadline=None)
@given(accounts=st.lists(ACCOUNT, min_size=1, max_size=5))
def test_no_money_is_lost_or_made(accounts: list[tuple[list[tuple[int, int, int]], int]]) -> None:
    _, staged = fast(accounts, open_items=False)
    for code, (_, pool) in enumerate(accounts):
        assert staged.paid[code] == min(max(0, pool), staged.schedule[code])
        assert 0 <= staged.overdue[code] <= staged.unpaid_due[code] <= staged.due[code] <= staged.schedule[code]


@settings(max_examples=100, deadline=None)
@given(accounts=st.lists(ACCOUNT, max_size=8), block=st.integers(1, 9))
def test_how_many_rows_are_staged_at_a_time_changes_nothing(
    accounts: list[tuple[list[tuple[int, int, int]], int]], block: int
) -> None:
    _, at_once = fast(accounts, open_items=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "BLOCK", block)
        _, in_blocks = fast(accounts, open_items=False)
    for column in fields(Staged):
        assert np.array_equal(getattr(at_once, column.name), getattr(in_blocks, column.name)), column.name


def test_amounts_of_many_accounts_may_wrap_in_sum_and_stay_exact() -> None:
    rows = [(ON - 1, 10**15, 0)] * 8
    _, staged = fast([(rows, 10**15)] * 2_000, open_items=False)
    assert set(staged.overdue.tolist()) == {7 * 10**15}
