"""Deciding a day again: what stands is seen without reading it, and whatever differs, or was lost, is written."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import IntegrityError

from arrears.core.runtime import Request, Runtime
from arrears.ladder import decisions
from arrears.ladder.in_force import decisions_in_force
from arrears.ladder.layers import load_policy
from arrears.steps import daily, runs
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import decided_range, decision
from arrears.store.tables.runs import gate

DAY = date(2026, 11, 12)
FEEDS = {
    "accounts": "account_id,closed_on,branch\nA1,,east\nA2,,east\nA3,,east\n",
    "instalments": "account_id,instalment_no,due_date,amount_due,amount_paid\n"
    "A1,1,2026-10-15,100.00,0\nA2,1,2026-12-15,50.00,0\nA3,1,2026-09-15,10.00,0\n",
}


class Day:
    """One business date that may be decided again and again."""

    def __init__(self, rt: Runtime, store: Engine, folder: Path) -> None:
        self.rt, self.store, self.folder = rt, store, folder
        folder.mkdir()

    def decide(self, feeds: dict[str, str], *, every: bool = False) -> decisions.Decided:
        for name, text in feeds.items():
            (self.folder / f"{name}.csv").write_text(text, encoding="utf-8")
        run = runs.open_run(self.rt, "daily", Request(self.rt.clock.now(), DAY, str(self.folder)))
        daily.pull_ledger(self.rt, run)
        snapshot_id = runs.read_run(self.rt, run).snapshot_id
        assert snapshot_id
        return decisions.decide_snapshot(
            self.rt, self.store, run, snapshot_id, DAY, load_policy(), newest=True, every=every
        )

    def revisions(self) -> dict[str, int]:
        query = select(decision.c.account_id, decision.c.revision).order_by(decision.c.revision)
        with reading(self.store) as connection:
            return dict(connection.execute(query).all())


@pytest.fixture(params=["store", pytest.param("postgres_store", marks=pytest.mark.real)])
def day(rt: Runtime, request: pytest.FixtureRequest, tmp_path: Path) -> Day:
    engine: Engine = request.getfixturevalue(request.param)
    url = engine.url.render_as_string(hide_password=False)
    settings = rt.settings.model_copy(update={"store_url": url})
    return Day(Runtime(settings, rt.clock, rt.entropy, rt.attempt), engine, tmp_path / "feeds")


def test_the_same_run_again_counts_the_same_and_looks_at_no_row_that_stands(day: Day, monkeypatch) -> None:
    first = day.decide(FEEDS)
    monkeypatch.setattr(decisions._Work, "_in_force", lambda *_: pytest.fail("a row in force was read"))
    again = day.decide(FEEDS)
    assert (again.rows, again.stages, again.rungs, again.new_rows) == (first.rows, first.stages, first.rungs, 0)
    assert first.new_rows == first.rows == 2


def test_a_row_that_was_lost_is_written_by_the_same_run_again(day: Day) -> None:
    day.decide(FEEDS)
    with writing(day.store) as connection:
        connection.execute(delete(decision).where(decision.c.account_id == "A3"))
    assert day.decide(FEEDS).new_rows == 1
    assert day.revisions() == {"A1": 1, "A3": 1}


def test_a_ledger_that_comes_back_to_what_it_was_is_decided_back(day: Day) -> None:
    day.decide(FEEDS)
    paid = FEEDS | {"instalments": FEEDS["instalments"].replace("10.00,0", "10.00,10.00")}
    assert day.decide(paid).rows == 2  # paid since: the row of this morning is corrected, not left
    assert day.revisions() == {"A1": 1, "A3": 2}
    assert day.decide(FEEDS).new_rows == 1
    assert day.revisions() == {"A1": 1, "A3": 3}
    assert day.decide(paid).new_rows == 1


@pytest.mark.parametrize("gone", ["A1", "A3"])
def test_an_account_that_a_correction_drops_leaves_its_decision_and_comes_back_to_it(day: Day, gone: str) -> None:
    day.decide(FEEDS)
    dropped = {name: "".join(row for row in text.splitlines(keepends=True) if not row.startswith(gone))
               for name, text in FEEDS.items()}  # fmt: skip
    assert (day.decide(dropped).new_rows, day.revisions()[gone]) == (1, 2)
    with reading(day.store) as connection:
        decided = decisions_in_force(DAY)
        assert connection.execute(select(decided.c.account_id)).scalars().all() == [{"A1": "A3", "A3": "A1"}[gone]]
    assert day.decide(dropped).new_rows == 0
    assert (day.decide(FEEDS).new_rows, day.revisions()[gone]) == (1, 3)


def test_rows_for_everybody_are_corrected_by_a_run_that_writes_only_what_is_overdue(day: Day) -> None:
    assert day.decide(FEEDS, every=True).new_rows == 3
    assert (day.decide(FEEDS).rows, day.decide(FEEDS).new_rows) == (3, 0)
    day.decide(FEEDS | {"accounts": FEEDS["accounts"].replace("A2,,east", "A2,,west")})
    assert day.revisions() == {"A1": 1, "A2": 2, "A3": 1}


def test_only_the_day_decided_last_is_remembered(day: Day) -> None:
    day.decide(FEEDS)
    with writing(day.store) as connection:
        connection.execute(decided_range.update().values(business_date=date(2026, 11, 11)))
    day.decide(FEEDS)
    with reading(day.store) as connection:
        assert connection.execute(select(decided_range.c.business_date)).scalars().all() == [DAY]


def test_a_decision_that_points_at_no_facts_is_refused_with_the_whole_run(day: Day, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(decisions.Judge, "store", lambda *_: None)
        with pytest.raises((LookupError, IntegrityError), match=r"(facts|verdict)_sha256"):
            day.decide(FEEDS)
    assert day.revisions() == {}
    with pytest.raises(IntegrityError), writing(day.store) as connection:  # from here on the database looks again
        connection.execute(gate.insert().values(run_id="of nobody", name="rows", passed=True, detail=""))
    assert day.decide(FEEDS).new_rows == 2


def test_what_decisions_point_at_is_there_though_it_was_looked_up_by_set(rt: Runtime, store: Engine, tmp_path) -> None:
    assert Day(rt, store, tmp_path / "feeds").decide(FEEDS, every=True).new_rows == 3
    with reading(store) as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
