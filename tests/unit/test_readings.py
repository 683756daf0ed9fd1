"""What the ledger says of an account fits into one number, and comes out of it unchanged."""

from datetime import date, timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from arrears.ladder.layers import load_policy
from arrears.ladder.readings import read, unpack

DAY = date(2026, 11, 12)
ASKED = (0, 2, 3)
STAGING = load_policy().staging
DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))


@st.composite
def accounts(draw):
    overdue = draw(st.integers(0, 40))
    due = DAY - timedelta(days=draw(st.integers(1, 40_000))) if overdue else None
    return {
        "stage": min(3, overdue), "overdue_instalments": overdue, "oldest_unpaid_due": due,
        "days_past_due": (DAY - due).days if due else 0, "oldest_unpaid_minor": draw(st.integers(0, 3_000)),
        "oldest_amount_minor": draw(st.integers(1, 300_000)), "next_due_on": draw(st.none() | DAYS),
        "next_due_minor": draw(st.integers(0, 2)), "data_incomplete": draw(st.booleans()),
    }  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(accounts(), min_size=1, max_size=12))
def test_a_reading_is_what_the_rules_say_row_by_row(rows):
    kinds = {"oldest_unpaid_due": pa.date32(), "next_due_on": pa.date32()}
    batch = pa.RecordBatch.from_pydict(
        {name: pa.array([row[name] for row in rows], kinds.get(name)) for name in rows[0]}
    )
    found = [unpack(number) for number in read(batch, DAY, STAGING, ASKED).packed.tolist()]
    for row, reading in zip(rows, found, strict=True):
        late = row["stage"] > 0
        trifle = max(STAGING.tolerance_minor, row["oldest_amount_minor"] * STAGING.tolerance_percent // 100)
        tolerated = late and row["oldest_unpaid_minor"] <= trifle
        graced = late and row["days_past_due"] <= STAGING.grace_days
        counted = 0 if graced or not late else min(3, row["overdue_instalments"] - tolerated)
        due = row["next_due_on"]
        cycle = due is not None and (due.year, due.month) == (DAY.year, DAY.month) and row["next_due_minor"] > 0
        days = None if due is None else (due - DAY).days
        soon = days if days in ASKED and row["next_due_minor"] > 0 else None
        assert reading == (row["stage"], counted, tolerated, graced, row["oldest_unpaid_due"], cycle,
                           row["data_incomplete"], soon)  # fmt: skip
