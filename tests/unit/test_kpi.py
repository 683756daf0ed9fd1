"""Each KPI against an example worked out by hand in docs/kpi.md."""

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrears.core.calendar import BusinessCalendar
from arrears.reports import kpi
from arrears.reports.migration import migration
from arrears.reports.portfolio import portfolio_of
from arrears.reports.recovery import recovery_between, recovery_from_payments, together

NOVEMBER = BusinessCalendar("CN", overrides={})


def test_a_rate_is_rounded_half_up_in_basis_points():
    assert kpi.rate(1, 3) == 3333
    assert kpi.rate(2, 3) == 6667
    assert kpi.rate(1, 20_000) == 1  # 0.5 basis points go up


def test_a_rate_without_a_denominator_is_unknown_not_zero():
    assert kpi.rate(5, 0) is None
    assert kpi.promise_kept_rate(0, 0, 0) is None


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (0, "M0"),
        (1, "M1"),
        (29, "M1"),
        (30, "M2"),
        (59, "M2"),
        (60, "M3"),
        (90, "M4"),
        (120, "M5"),
        (150, "M6"),
        (179, "M6"),
        (180, "M7"),
        (2000, "M7"),
    ],
)
def test_buckets_begin_on_their_first_day(days, bucket):
    assert kpi.bucket_of(days) == bucket


def test_portfolio_at_risk_counts_principal_strictly_over_the_limit():
    principal = {0: 600_00, 30: 100_00, 31: 200_00, 95: 100_00}
    assert kpi.portfolio_at_risk(principal, 30) == 3000
    assert kpi.portfolio_at_risk(principal, 60) == 1000
    assert kpi.portfolio_at_risk(principal, 90) == 1000


def test_overdue_ratio_is_overdue_over_everything_fallen_due():
    assert kpi.overdue_ratio(25_00, 1_000_00) == 250


def test_the_quarterly_reduction_is_how_much_of_the_ratio_before_is_gone():
    assert kpi.quarterly_reduction(450, 600) == 2500  # 6.0 % fell to 4.5 %: a quarter of it is gone
    assert kpi.quarterly_reduction(660, 600) == -1000
    assert kpi.quarterly_reduction(450, None) is None
    assert kpi.quarterly_reduction(450, 0) is None


def test_expected_share_counts_working_days_before_the_morning():
    # November 2026 has 21 working days; before Thursday the 12th lie the 2nd to 6th and 9th to 11th: 8.
    assert kpi.expected_share(NOVEMBER, date(2026, 11, 12)) == kpi.rate(8, 21)
    assert kpi.expected_share(NOVEMBER, date(2026, 11, 1)) == 0


def test_pace_is_recovery_against_the_straight_line_to_the_target():
    found = kpi.pace(collected=431_00, base=1_000_00, target_percent=70, month_share=5_857)
    assert (found.recovered, found.expected, found.ahead) == (4310, 4100, 210)


def test_promises_still_open_are_left_out_of_the_kept_rate():
    assert kpi.promise_kept_rate(kept=6, partly=1, broken=3) == 6000


def test_right_party_contacts_are_measured_against_attempts():
    assert kpi.right_party_rate(3, 12) == 2500


def _accounts(**columns):
    return pa.table(
        {
            "subject_ref": columns["refs"],
            "currency": ["CNY"] * len(columns["refs"]),
            "due_minor": pa.array(columns["due"], pa.int64()),
            "overdue_minor": pa.array(columns.get("overdue", [0] * len(columns["refs"])), pa.int64()),
        }
    )


def _instalments(rows):
    return pa.table(
        {
            "subject_ref": pa.array([r[0] for r in rows], pa.string()),
            "due_date": pa.array([r[1] for r in rows], pa.date32()),
            "amount_due_minor": pa.array([r[2] for r in rows], pa.int64()),
        }
    )


def _payments(rows):
    return pa.table(
        {
            "subject_ref": pa.array([r[0] for r in rows], pa.string()),
            "paid_on": pa.array([r[1] for r in rows], pa.date32()),
            "amount_minor": pa.array([r[2] for r in rows], pa.int64()),
        }
    )


def test_recovery_of_the_month_counts_old_arrears_and_what_became_overdue():
    # A: 200 due before November, 100 due on the 5th; paid 100 in October, 50 on the 3rd, 60 on the 11th.
    #    arrears on 1 November 100; on the evening of the 5th 150 were paid, so all of the 100 is unpaid: base 200.
    #    by the 12th 210 of 300 are paid: 90 left, 110 collected; yesterday 60 came in, all of it on arrears.
    # B: paid its 100 on the due date, the 10th: never in arrears, so in neither sum, though 100 came in.
    day = date(2026, 11, 12)
    found = recovery_from_payments(
        _accounts(refs=["A", "B"], due=[300_00, 100_00]),
        _instalments([("A", date(2026, 11, 5), 100_00), ("B", date(2026, 11, 10), 100_00)]),
        _payments(
            [
                ("A", date(2026, 10, 5), 100_00),
                ("A", date(2026, 11, 3), 50_00),
                ("A", date(2026, 11, 11), 60_00),
                ("B", date(2026, 11, 10), 100_00),
            ]
        ),
        day,
    )["CNY"]
    assert (found.base_minor, found.collected_minor) == (200_00, 110_00)
    assert (found.received_yesterday_minor, found.recovered_yesterday_minor) == (60_00, 60_00)


def test_recovery_is_told_by_branch_and_adds_up_to_the_whole():
    day, first = date(2026, 11, 12), date(2026, 11, 5)
    accounts = _accounts(refs=["A", "B", "C"], due=[300_00, 100_00, 40_00])
    due = _instalments([("A", first, 100_00), ("B", first, 100_00), ("C", first, 40_00)])
    paid = _payments([("A", date(2026, 10, 5), 100_00), ("A", date(2026, 11, 11), 60_00), ("C", day, 40_00)])
    branches = pa.array(["N", "S", None], pa.string())
    found = recovery_from_payments(accounts.append_column("branch", branches), due, paid, day)["CNY"]
    # A stood 100 in arrears when the month began and another 100 since the 5th, of which 60 came; B 100 and nothing;
    # C owed 40 of no branch.
    told = {name: (own.base_minor, own.collected_minor) for name, own in found.branches.items()}
    assert told == {"N": (200_00, 60_00), "S": (100_00, 0)}
    alone = [n for n, branch in enumerate(branches.to_pylist()) if branch == "N"]
    assert {"CNY": found.branches["N"]} == recovery_from_payments(accounts.take(alone), due, paid, day)
    assert (found.base_minor, found.collected_minor) == (340_00, 100_00)


def test_recovery_between_snapshots_follows_the_arrears_that_stood_then():
    then = _accounts(refs=["A", "B", "GONE"], due=[0, 0, 0], overdue=[150_00, 80_00, 70_00])
    now = pa.table(
        {
            "subject_ref": ["A", "A", "B"],
            "due_date": [date(2026, 10, 1), date(2026, 10, 31), date(2026, 10, 15)],
            "amount_due_minor": [100_00, 100_00, 100_00],
            "paid_minor": [100_00, 60_00, 20_00],
        }
    )
    found = recovery_between(then, now, date(2026, 11, 1))["CNY"]
    assert (found.base_minor, found.collected_minor) == (230_00, 110_00)
    assert found.received_yesterday_minor is None


_DAY = st.integers(-70, 0).map(lambda n: date.fromordinal(date(2026, 11, 12).toordinal() + n))


@given(
    due=st.lists(st.tuples(st.sampled_from("AB"), _DAY, st.integers(0, 500)), max_size=12),
    paid=st.lists(st.tuples(st.sampled_from("AB"), _DAY, st.integers(-300, 500)), max_size=12),
)
def test_recovery_by_sums_equals_recovery_by_allocating_every_payment(due, paid):
    day, first = date(2026, 11, 12), date(2026, 11, 1)
    due = sorted(due)
    totals = [sum(a for r, _, a in due if r == ref) for ref in "AB"]
    found = recovery_from_payments(
        _accounts(refs=["A", "B"], due=totals), _instalments([d for d in due if d[1] >= first]), _payments(paid), day
    )["CNY"]
    eve = date(2026, 10, 31)
    base = sum(left for on, left in _unpaid(due, paid, eve) if on < first)
    base += sum(
        left for on in {d[1] for d in due if first <= d[1] < day} for at, left in _unpaid(due, paid, on) if at == on
    )
    now = sum(left for on, left in _unpaid(due, paid, day) if on < day)
    assert (found.base_minor, found.collected_minor) == (base, base - now)


def _unpaid(due, paid, on):
    """Allocate, oldest first, what was paid by the end of ``on``; return each due date with its unpaid part."""
    for ref in "AB":
        pool = max(0, sum(a for r, d, a in paid if r == ref and d <= on))
        for at, amount in [(d, a) for r, d, a in due if r == ref]:
            used = min(pool, amount)
            pool -= used
            yield at, amount - used


def test_portfolio_figures_come_from_the_batches_of_a_snapshot_by_branch_and_currency():
    batch = pa.record_batch(
        {
            "branch": ["N", "N", "S", "N"],
            "currency": ["CNY", "CNY", "CNY", "USD"],
            "stage": pa.array([0, 1, 3, 1], pa.int8()),
            "days_past_due": pa.array([0, 31, 95, 5], pa.int32()),
            "overdue_minor": pa.array([0, 10_00, 30_00, 1_00], pa.int64()),
            "due_minor": pa.array([100_00, 100_00, 100_00, 10_00], pa.int64()),
            "principal_outstanding_minor": pa.array([600_00, 200_00, None, 5_00], pa.int64()),
        }
    )
    everywhere = portfolio_of([batch], None)
    assert everywhere["CNY"].at_risk(30) == 2500
    assert everywhere["CNY"].without_principal == 1
    assert everywhere["CNY"].overdue_ratio == kpi.rate(40_00, 300_00)
    assert everywhere["CNY"].buckets["M4"].overdue_minor == 30_00
    assert [group.accounts for group in everywhere["CNY"].stages.values()] == [1, 1, 0, 1]
    assert everywhere["CNY"].stages[3].overdue_minor == 30_00
    north = portfolio_of([batch, batch], "N")
    assert north["CNY"].accounts == 4
    assert north["USD"].buckets["M1"].accounts == 2


def _ledger(**accounts):
    """Return accounts of a snapshot: reference → (days past due, overdue, principal or None), in yuan."""
    return pa.table(
        {
            "subject_ref": list(accounts),
            "currency": ["CNY"] * len(accounts),
            "days_past_due": pa.array([days for days, _, _ in accounts.values()], pa.int32()),
            "overdue_minor": pa.array([overdue * 100 for _, overdue, _ in accounts.values()], pa.int64()),
            "principal_outstanding_minor": pa.array(
                [None if owed is None else owed * 100 for _, _, owed in accounts.values()], pa.int64()
            ),
        }
    )


def test_the_roll_rate_is_what_stands_one_bucket_further_over_what_stood_there():
    then = _ledger(A=(10, 5, 600), B=(20, 5, 300), C=(12, 5, 100), D=(40, 9, 500), E=(0, 0, 900), F=(70, 9, None))
    now = _ledger(A=(41, 9, 590), B=(0, 0, 290), D=(70, 12, 480), E=(3, 1, 890), F=(101, 14, None), G=(5, 1, 50))
    found = migration(then, now, date(2026, 10, 31), treated={"A", "D"})["CNY"]
    first = found.moves["M1"]  # A rolled on, B cured, C left the ledger
    assert (first.accounts, first.current, first.worse, first.gone) == (3, 1, 1, 1)
    assert first.roll_rate == kpi.rate(590, 1000)
    assert found.moves["M2"].roll_rate == kpi.rate(480, 500)
    assert found.moves["M3"].roll_rate == kpi.rate(14, 9)  # no principal in the ledger: the overdue amount
    assert found.moves["M0"].worse == 1
    assert found.cure_rate == kpi.rate(1, 5)


def test_the_natural_cure_rate_looks_only_at_accounts_that_nobody_contacted():
    then = _ledger(A=(10, 5, 600), B=(20, 5, 300), C=(12, 5, 100), D=(40, 9, 500), E=(0, 0, 900))
    now = _ledger(A=(0, 0, 590), B=(0, 0, 290), D=(70, 12, 480), E=(0, 0, 890))
    found = migration(then, now, date(2026, 10, 31), treated={"A"})["CNY"]
    assert found.untreated == 2  # B and D; C left the ledger, E was current
    assert found.natural_cure_rate == 5000
    assert migration(then, now, date(2026, 10, 31), treated={"A", "B", "C", "D"})["CNY"].natural_cure_rate is None


def test_an_account_that_left_the_ledger_is_never_a_cure():
    found = migration(_ledger(A=(10, 5, 600)), _ledger(B=(0, 0, 1)), date(2026, 10, 31), set())["CNY"]
    assert found.cure_rate == 0
    assert found.moves["M1"].gone == 1


@given(
    due=st.lists(st.tuples(st.sampled_from("ABC"), _DAY, st.integers(0, 500)), max_size=12),
    paid=st.lists(st.tuples(st.sampled_from("ABC"), _DAY, st.integers(-300, 500)), max_size=12),
    cut=st.integers(1, 2),
)
def test_recovery_added_up_from_parts_of_the_accounts_is_that_of_all(due, paid, cut):
    day = date(2026, 11, 12)
    totals = [sum(amount for ref, _, amount in due if ref == own) for own in "ABC"]
    accounts = _accounts(refs=list("ABC"), due=totals).append_column("branch", pa.array(["N", "S", "N"]))
    rows = _instalments([one for one in due if one[1] >= date(2026, 11, 1)]), _payments(paid)
    parts = (accounts.slice(0, cut), accounts.slice(cut))
    assert together(recovery_from_payments(part, *rows, day) for part in parts) == recovery_from_payments(
        accounts, *rows, day
    )
