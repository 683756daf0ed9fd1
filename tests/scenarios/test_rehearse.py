"""Many days in a row: a rehearsal is the same when repeated, breaks no rule, and starts only from nothing."""

from datetime import date
from pathlib import Path

import pytest

from arrears.core.errors import BadArguments
from arrears.core.settings import Settings
from arrears.rehearsal.rehearse import Plan, Rehearsed, outages, rehearse
from arrears.store.engine import open_engine


def silently(_on: date, _step: str) -> None:
    """Show no progress."""


def play(home: Path, plan: Plan) -> Rehearsed:
    return rehearse(Settings.from_environment({"ARREARS_HOME": str(home)}), plan, silently)


SHORT = Plan(9, 24, seed=7, missed=frozenset({5, 6}))
"""Nine days with two without any run; the ninth brings a file that is corrected in the afternoon."""


@pytest.fixture(scope="module")
def first_home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("first")


@pytest.fixture(scope="module")
def first(first_home) -> Rehearsed:
    return play(first_home, SHORT)


def test_the_same_seed_gives_the_same_days_to_the_last_event(first, tmp_path):
    again = play(tmp_path, SHORT)
    assert again.audit["size"] == first.audit["size"] > 400
    assert again.audit["root"] == first.audit["root"]


def test_no_day_breaks_a_rule_and_things_happen_all_the_same(first):
    assert set(first.violations.values()) == {0}
    assert [day["status"] for day in first.over_time] == ["completed"] * 5 + ["missed"] * 2 + ["completed"] * 2
    assert first.actions["sent"] > 40


def test_the_log_names_what_changed_by_its_own_word(first, first_home):
    with open_engine(f"sqlite:///{first_home / 'arrears.sqlite'}").connect() as connection:
        told = set(connection.exec_driver_sql("SELECT DISTINCT type FROM audit_event_index").scalars())
    assert told >= {"run.started", "run.finished", "run.sealed", "ledger.received", "ledger.accepted",
                    "account.staged", "action.planned", "action.suppressed",
                    "action.attempted", "action.sent", "contact.recorded"}, told  # fmt: skip


def test_every_contact_of_every_day_is_accounted_for(first):
    ends = ("sent", "rejected", "in_doubt", "withdrawn", "expired", "open")
    assert first.actions["planned"] == sum(first.actions[end] for end in ends) + first.withheld.total()


def test_a_rehearsal_refuses_a_store_that_holds_anything(tmp_path):
    settings = Settings.from_environment({"ARREARS_HOME": str(tmp_path)})
    play(tmp_path, Plan(1, 20, seed=1))
    with pytest.raises(BadArguments, match="holds a store already"):
        rehearse(settings, Plan(1, 20, seed=1), silently)


def test_a_rehearsal_never_runs_in_live_mode(tmp_path):
    settings = Settings.from_environment({"ARREARS_HOME": str(tmp_path), "ARREARS_MODE": "live"})
    with pytest.raises(BadArguments, match="sandbox only"):
        rehearse(settings, Plan(1, 20, seed=1), silently)


def test_a_long_rehearsal_misses_three_days_in_forty_and_never_the_first():
    assert outages(30) == {24, 25, 26}
    assert len(outages(120)) == 9
