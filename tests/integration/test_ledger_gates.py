"""The gates: what holds a run, what does not, and who may open one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from arrears.core.errors import CannotTell
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.ledger.gates import Control, Gate, check_gates, judge
from arrears.ledger.pull import pull
from arrears.ledger.reference import Reference
from arrears.ledger.shape import Shape
from arrears.store.engine import writing
from arrears.store.tables import runs

DAY = date(2026, 11, 12)
POLICY = load_policy()
LIMITS = POLICY.ledger


def shape(
    *, accounts: int = 100, instalments: int = 1200, payments: int = 800, stages: tuple[int, ...] = (80, 10, 5, 5),
    unpaid: int = 1_000_000, due: dict[str, list[int]] | None = None, form: str = "payments", absent: int = 0,
    quarantined: int = 0,
) -> Shape:  # fmt: skip
    return Shape(form, {"accounts": accounts, "instalments": instalments, "payments": payments}, list(stages),
                 {"CNY": unpaid}, {"CNY": due or {}}, {"instalments": quarantined}, before_accounts=accounts,
                 absent=absent)  # fmt: skip


def verdicts(
    now: Shape, before: Shape | None = None, controls: tuple[Control, ...] = (), days: int = 1
) -> dict[str, Gate]:
    earlier = None if before is None else Reference("0" * 64, DAY - timedelta(days), before)
    return {gate.name: gate for gate in judge(now, DAY, earlier, list(controls), LIMITS)}


def held(now: Shape, before: Shape | None = None, controls: tuple[Control, ...] = (), days: int = 1) -> list[str]:
    return [name for name, gate in verdicts(now, before, controls, days).items() if not gate.passed]


def test_a_quiet_day_passes_every_gate() -> None:
    assert held(shape(), shape()) == []
    assert len(verdicts(shape(), shape())) == 7


def test_the_first_ledger_has_nothing_to_be_compared_with() -> None:
    assert held(shape()) == []


@pytest.mark.parametrize("feed", ["accounts", "instalments", "payments"])
def test_zero_rows_hold_on_any_day_and_at_any_size(feed: str) -> None:
    for accounts in (2, 100):
        now = shape(accounts=accounts)
        now.rows[feed] = 0
        assert "zero_rows" in held(now)


def test_a_feed_whose_every_row_is_refused_is_an_empty_feed() -> None:
    assert "zero_rows" in held(shape(accounts=3, instalments=4, quarantined=4))


@pytest.mark.parametrize("accounts", [4, 100])
def test_at_most_half_of_the_rows_hold_at_any_size(accounts: int) -> None:
    before = shape(accounts=accounts)
    assert held(shape(accounts=accounts, payments=400), before) == ["rows_band"]
    assert held(shape(accounts=accounts, payments=401), before) == []


def test_more_than_twice_the_rows_hold_a_portfolio_large_enough_to_say_so() -> None:
    assert held(shape(instalments=2401), shape()) == ["rows_band"]
    assert held(shape(accounts=4, instalments=2401), shape(accounts=4)) == []


def test_open_items_paid_after_the_due_day_are_no_shrink() -> None:
    due = {"2026-08-15": [20, 0, 0], "2026-11-10": [900, 0, 0], "2026-12-15": [100, 0, 0]}
    left = {"2026-08-15": [19, 0, 0], "2026-11-10": [90, 0, 0], "2026-12-15": [100, 0, 0]}
    before = shape(instalments=1020, due=due, form="open_items")
    assert held(shape(instalments=209, due=left, form="open_items"), before) == []
    cut = {"2026-08-15": [10, 0, 0], "2026-11-10": [450, 0, 0], "2026-12-15": [50, 0, 0]}
    assert held(shape(instalments=510, due=cut, form="open_items"), before) == ["rows_band"]


def test_too_many_refused_rows_hold() -> None:
    assert held(shape(quarantined=22), shape()) == ["quarantined_share"]
    assert held(shape(quarantined=21), shape()) == []


def test_a_book_balance_that_does_not_tie_to_the_figure_of_finance_holds() -> None:
    now = replace(shape(), book_balance={"CNY": 500, "USD": 7})
    assert held(now, controls=(Control("book_balance", "CNY", 500), Control("book_balance", None, 507))) == []
    assert held(now, controls=(Control("book_balance", "USD", 8),)) == ["control_totals"]


def test_a_fifth_of_the_accounts_gone_holds() -> None:
    assert held(shape(absent=21), shape()) == ["absent_accounts"]
    assert held(shape(absent=20), shape()) == []


def test_arrears_that_rise_by_what_fell_due_are_explained() -> None:
    fallen = {"2026-11-12": [50, 2_000_000, 2_000_000]}
    assert held(shape(unpaid=3_000_000, due=fallen), shape()) == []
    assert held(shape(unpaid=3_000_000), shape()) == ["total_change"]


def test_old_arrears_that_vanish_overnight_hold() -> None:
    old = {"2026-08-15": [50, 900_000, 900_000], "2026-11-10": [50, 100_000, 100_000]}
    assert held(shape(unpaid=500_000), shape(due=old)) == ["total_change"]
    assert held(shape(unpaid=560_000), shape(due=old)) == []
    recent = {"2026-11-10": [50, 1_000_000, 1_000_000]}
    assert held(shape(unpaid=50_000), shape(due=recent)) == []


def test_stage_three_that_doubles_beyond_what_could_move_up_holds() -> None:
    assert held(shape(stages=(70, 10, 4, 16)), shape()) == ["stage_three"]
    assert held(shape(stages=(70, 10, 5, 15)), shape()) == []
    assert held(shape(stages=(60, 10, 5, 25)), shape(), days=31) == []


def test_control_totals_agree_to_the_fen_or_hold() -> None:
    assert held(shape(unpaid=123), controls=(Control("unpaid_due", "CNY", 123), Control("accounts", None, 100))) == []
    assert held(shape(unpaid=123), controls=(Control("unpaid_due", "CNY", 124),)) == ["control_totals"]
    assert held(shape(), controls=(Control("rows", None, 2099),)) == ["control_totals"]


Run = Callable[..., tuple[str, list[Gate]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "feeds"
    made.mkdir()
    (made / "accounts.csv").write_text("account_id,closed_on\nA1,\nA2,\n", encoding="utf-8")
    write_schedule(made, 4)
    return made


def write_schedule(folder: Path, rows: int) -> None:
    lines = [f"A1,{number},2026-{number:02d}-15,100.00" for number in range(1, rows + 1)]
    header = "account_id,instalment_no,due_date,amount_due"
    (folder / "instalments.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")


@pytest.fixture
def gated(rt: Runtime, store: Engine, folder: Path) -> Run:
    counted = iter(range(1, 100))

    def run(on: date = DAY) -> tuple[str, list[Gate]]:
        number = next(counted)
        run_id = f"daily-{on}-{number}"
        with writing(store) as connection:
            connection.execute(runs.run.insert().values(
                run_id=run_id, origin_key=natural_key(run_id), kind="daily", business_date=on, ordinal=number,
                status="running", rehearsal=False, plan_only=False, released=True, started_at="2026-11-12T00:00:00Z",
                policy_sha256=POLICY.sha256, code_version="0", code_id="x", attempt="{}"))  # fmt: skip
        found = pull(rt, store, run_id, folder, on, POLICY)
        with writing(store) as connection:
            mine = runs.run.c.run_id == run_id
            connection.execute(update(runs.run).where(mine).values(snapshot_id=found.snapshot_id))
        return run_id, check_gates(rt, store, run_id, found.snapshot_id, POLICY)

    return run


def failed(gates: list[Gate]) -> list[str]:
    return [gate.name for gate in gates if not gate.passed]


def test_an_empty_file_holds_the_run_instead_of_stopping_it(gated: Run, folder: Path) -> None:
    assert failed(gated()[1]) == []
    (folder / "instalments.csv").write_bytes(b"")
    assert "zero_rows" in failed(gated(DAY + timedelta(1))[1])


def test_a_held_ledger_is_never_what_the_next_one_is_compared_with(gated: Run, folder: Path) -> None:
    gated()
    write_schedule(folder, 2)
    assert failed(gated(DAY + timedelta(1))[1]) == ["rows_band"]
    assert failed(gated(DAY + timedelta(2))[1]) == ["rows_band"]
    write_schedule(folder, 4)
    assert failed(gated(DAY + timedelta(3))[1]) == []


def test_a_correction_of_the_same_day_is_compared_with_the_earlier_delivery(gated: Run, folder: Path) -> None:
    gated()
    write_schedule(folder, 2)
    assert failed(gated()[1]) == ["rows_band"]


def test_a_later_date_is_never_what_an_earlier_one_is_compared_with(gated: Run, folder: Path) -> None:
    gated()
    write_schedule(folder, 2)
    assert failed(gated(DAY - timedelta(1))[1]) == []


def override(store: Engine, run_id: str, name: str) -> None:
    with writing(store) as connection:
        gate = runs.gate
        mine = (gate.c.run_id == run_id) & (gate.c.name == name)
        connection.execute(update(gate).where(mine).values(overridden_by="S1"))


def test_an_override_counts_for_the_same_ledger_in_the_next_run(gated: Run, folder: Path, store: Engine) -> None:
    gated()
    write_schedule(folder, 2)
    run_id, gates = gated(DAY + timedelta(1))
    assert failed(gates) == ["rows_band"]
    override(store, run_id, "rows_band")
    _, gates = gated(DAY + timedelta(1))
    assert failed(gates) == []
    assert [gate.overridden_by for gate in gates if gate.name == "rows_band"] == ["S1"]
    write_schedule(folder, 1)
    assert failed(gated(DAY + timedelta(1))[1]) == ["rows_band"]


def test_nobody_can_override_an_empty_ledger(gated: Run, folder: Path, store: Engine) -> None:
    write_schedule(folder, 0)
    run_id, _ = gated()
    override(store, run_id, "zero_rows")
    assert "zero_rows" in failed(gated()[1])


def test_gates_without_a_frozen_ledger_cannot_tell(rt: Runtime, store: Engine) -> None:
    with pytest.raises(CannotTell, match="no frozen ledger"):
        check_gates(rt, store, "daily-2026-11-12-1", None, POLICY)
