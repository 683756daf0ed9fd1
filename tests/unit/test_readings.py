"""What the ledger says of an account fits into one number, and comes out of it unchanged; which instalments count."""

from datetime import date, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrears.ladder.layers import load_policy
from arrears.ladder.readings import Reading, read, unpack

DAY = date(2026, 11, 12)
"""A Thursday."""
ASKED = (0, 2, 3)
POLICY = load_policy()
CALENDAR = POLICY.business_calendar()
DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))
KINDS = {
    "oldest_unpaid_due": pa.date32(), "next_due_on": pa.date32(), "overdue_due_on": pa.list_(pa.date32()),
    "overdue_unpaid_minor": pa.list_(pa.int64()), "overdue_amount_minor": pa.list_(pa.int64()),
}  # fmt: skip


def account(*overdue: tuple[date, int, int], **more: object) -> dict[str, object]:
    """Return a row of a frozen ledger; ``overdue`` are due date, what is open of it, and the whole instalment."""
    return {
        "stage": min(3, len(overdue)), "overdue_instalments": len(overdue),
        "oldest_unpaid_due": overdue[0][0] if overdue else None, "overdue_due_on": [one[0] for one in overdue],
        "overdue_unpaid_minor": [one[1] for one in overdue], "overdue_amount_minor": [one[2] for one in overdue],
        "next_due_on": None, "next_due_minor": 0, "data_incomplete": False,
    } | more  # fmt: skip


def batch_of(rows: list[dict[str, object]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {name: pa.array([row[name] for row in rows], KINDS.get(name)) for name in rows[0]}
    )


def reading(*overdue: tuple[date, int, int], on: date = DAY, **staging: object) -> Reading:
    rules = POLICY.staging.model_copy(update=staging)
    [packed] = read(batch_of([account(*overdue)]), on, rules, CALENDAR, ASKED).packed.tolist()
    return unpack(packed)


@st.composite
def accounts(draw):
    dues = sorted(draw(st.lists(st.dates(DAY - timedelta(days=40_000), DAY - timedelta(days=1)), max_size=5)))
    overdue = [(due, draw(st.integers(1, 3_000)), draw(st.integers(3_000, 300_000))) for due in dues]
    more = {"next_due_on": draw(st.none() | DAYS), "next_due_minor": draw(st.integers(0, 2)),
            "data_incomplete": draw(st.booleans())}  # fmt: skip
    return account(*overdue, **more)


@settings(deadline=None, max_examples=40)
@given(st.lists(accounts(), min_size=1, max_size=12), st.integers(0, 9), st.booleans())
def test_a_reading_is_what_the_rules_say_row_by_row(rows, grace_days, holiday_shift):
    rules = POLICY.staging.model_copy(update={"grace_days": grace_days, "holiday_shift": holiday_shift})
    found = [unpack(number) for number in read(batch_of(rows), DAY, rules, CALENDAR, ASKED).packed.tolist()]
    for row, read_back in zip(rows, found, strict=True):
        overdue = list(
            zip(row["overdue_due_on"], row["overdue_unpaid_minor"], row["overdue_amount_minor"], strict=True)
        )
        whole = [due for due, left, amount in overdue if left > max(rules.tolerance_minor, amount // 100)]
        late = [due for due in whole if (DAY - due).days > grace_days]
        moved = [due for due in late if (DAY - CALENDAR.next_working_day(due)).days <= grace_days and holiday_shift]
        counted = [due for due in late if due not in moved]
        due = row["next_due_on"]
        cycle = due is not None and (due.year, due.month) == (DAY.year, DAY.month) and row["next_due_minor"] > 0
        days = None if due is None else (due - DAY).days
        soon = days if days in ASKED and row["next_due_minor"] > 0 else None
        assert read_back == (
            row["stage"], min(3, len(counted)), len(whole) < len(overdue), len(late) < len(whole), bool(moved),
            min(counted or [one[0] for one in overdue], default=None), cycle, row["data_incomplete"], soon,
        )  # fmt: skip


def test_a_cent_left_on_each_of_three_instalments_is_no_arrears_at_all():
    """A bank that books each instalment by itself leaves a cent on every one of them."""
    cents = [(date(2026, month, 15), 1, 100_001) for month in (8, 9, 10)]
    found = reading(*cents)
    assert (found.stage, found.counted, found.tolerance, found.since) == (3, 0, True, date(2026, 8, 15))


def test_a_cent_of_january_neither_adds_an_instalment_nor_makes_the_one_of_november_older():
    found = reading((date(2026, 1, 15), 1, 100_000), (date(2026, 11, 10), 100_000, 100_000))
    assert (found.stage, found.counted, found.since) == (2, 1, date(2026, 11, 10))


def test_grace_is_given_to_each_instalment_by_itself():
    found = reading((date(2026, 10, 10), 500, 500), (date(2026, 11, 10), 500, 500), grace_days=3)
    assert (found.counted, found.grace, found.since) == (1, True, date(2026, 10, 10))
    assert reading((date(2026, 11, 10), 500, 500), grace_days=3).counted == 0


@pytest.mark.parametrize(
    ("on", "shift", "counted"),
    [
        (date(2026, 11, 15), True, 0),
        (date(2026, 11, 16), True, 0),
        (date(2026, 11, 17), True, 1),
        (date(2026, 11, 15), False, 1),
    ],
)
def test_where_the_contract_says_so_a_due_date_on_a_saturday_is_due_on_monday_and_the_stage_is_untouched(
    on, shift, counted
):
    found = reading((date(2026, 11, 14), 500_00, 500_00), on=on, holiday_shift=shift)
    assert (found.stage, found.counted, found.holiday_shift) == (1, counted, shift and not counted)


def test_grace_is_counted_from_the_day_to_which_a_due_date_moved():
    tuesday = {"on": date(2026, 11, 17), "holiday_shift": True}
    assert reading((date(2026, 11, 14), 500_00, 500_00), grace_days=1, **tuesday).counted == 0
    assert reading((date(2026, 11, 13), 500_00, 500_00), grace_days=1, **tuesday).counted == 1


def test_a_ledger_frozen_by_an_older_release_tells_of_its_oldest_instalment_and_how_many_there_are():
    row = account((date(2026, 9, 15), 1, 100_000), (date(2026, 10, 15), 1, 1))
    older = {name: value for name, value in row.items() if not name.startswith("overdue_due_on")}
    older |= {"oldest_unpaid_minor": 1, "oldest_amount_minor": 100_000}
    nothing = {name: value for name, value in account().items() if name in older} | {
        "oldest_unpaid_minor": 0, "oldest_amount_minor": 0}  # fmt: skip
    packed = read(batch_of([older, nothing, older]), DAY, POLICY.staging, CALENDAR).packed.tolist()
    found = [unpack(one) for one in packed]
    assert [(one.counted, one.tolerance) for one in found] == [(1, True), (0, False), (1, True)]
