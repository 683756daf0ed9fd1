"""Many days in a row: a rehearsal is the same when repeated, breaks no rule, and starts only from nothing."""

import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from arrears.core.errors import BadArguments
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.proof.explain import explain
from arrears.proof.prove import NAMED, Check, prove
from arrears.proof.replay import Replayed, replay
from arrears.rehearsal.rehearse import Plan, Rehearsed, outages, rehearse
from arrears.steps.runs import list_runs
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


def replayed(home: Path) -> list[Replayed]:
    """Every daily run of a store, each decision recomputed."""
    rt = Runtime(Settings.from_environment({"ARREARS_HOME": str(home)}))
    engine = open_engine(rt.settings.store_url)
    runs = [one["run_id"] for one in list_runs(rt) if one["run_id"].startswith("daily-")]
    return [replay(rt, engine, run_id) for run_id in runs]


def test_every_morning_keeps_how_accounts_moved_and_counts_each_in_arrears_once(first, first_home):
    standing = "SELECT COUNT(*) FROM decision WHERE business_date = ? AND stage = ?"
    corrected = "SELECT business_date FROM decision WHERE revision > 1"
    with sqlite3.connect(first_home / "arrears.sqlite") as connection:
        rows = connection.execute(
            "SELECT business_date, stage, SUM(count) FROM flow_day "
            f"WHERE stage > 0 AND business_date NOT IN ({corrected}) GROUP BY business_date, stage"
        ).fetchall()
        assert len({on for on, _, _ in rows}) > 2
        for on, stage, count in rows:
            assert connection.execute(standing, (on, stage)).fetchone() == (count,), (on, stage)


def test_the_same_seed_gives_the_same_days_to_the_last_event(first, tmp_path):
    again = play(tmp_path, SHORT)
    assert again.audit["size"] == first.audit["size"] > 400
    assert again.audit["root"] == first.audit["root"]


def test_every_decision_of_every_run_is_replayed_identical_also_of_a_day_that_was_corrected(first, first_home):
    found = replayed(first_home)
    assert len(found) == 8
    assert [one.different for one in found] == [()] * 8
    assert min(one.replayed for one in found) > 5


def spoil(home: Path, store: str, statement: str, *values: object) -> set[str]:
    """Change something behind a copy of the store, and return what the replay of all its runs names."""
    import shutil
    import sqlite3

    copy = home.parent / store
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("feeds", "sandbox"))
    with sqlite3.connect(copy / "arrears.sqlite") as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(statement, values)
    return {problem for one in replayed(copy) for _, problem in one.different}


def test_a_decision_that_was_changed_behind_the_log_does_not_come_out_again(first, first_home):
    text = "UPDATE fact_set SET body = replace(body, '\"malice\":false', '\"malice\":true')"
    assert spoil(first_home, "facts", text) == {"facts"}
    assert spoil(first_home, "policy", "UPDATE policy_text SET body = body || ' '") == {"policy"}
    assert spoil(first_home, "ledger", "UPDATE decision SET overdue_minor = overdue_minor + 1 WHERE stage = 1") == {
        "ledger"
    }
    assert spoil(first_home, "decision", "UPDATE decision SET verdict_sha256 = ?", "0" * 64) == {"decision"}
    assert spoil(first_home, "rung", "UPDATE decision SET rung = 4 WHERE stage = 1") == {"row"}
    assert spoil(first_home, "hash", "UPDATE decision SET row_sha256 = ?", "0" * 64) == {"row"}


def test_an_account_is_explained_with_a_warning_when_its_decision_is_not_what_the_log_was_told(first, first_home):
    import shutil
    import sqlite3

    copy = first_home.parent / "warned"
    shutil.copytree(first_home, copy, ignore=shutil.ignore_patterns("feeds", "sandbox"))
    engine = open_engine(Settings.from_environment({"ARREARS_HOME": str(copy)}).store_url)
    with sqlite3.connect(copy / "arrears.sqlite") as connection:
        (account_id,) = connection.execute("SELECT min(account_id) FROM decision WHERE stage = 1").fetchone()
        assert explain(engine, account_id, None)["lineage"]["as_told"]
        connection.execute("UPDATE decision SET unlocked_rung = 4, rung = 2 WHERE account_id = ?", (account_id,))
    assert not explain(engine, account_id, None)["lineage"]["as_told"]


def test_a_frozen_ledger_whose_stage_does_not_follow_from_its_instalments_is_found(first, first_home):
    import shutil

    import pyarrow as pa
    import pyarrow.parquet as pq

    copy = first_home.parent / "stage"
    shutil.copytree(first_home, copy, ignore=shutil.ignore_patterns("feeds", "sandbox"))
    for file in (copy / "artifacts" / "snapshots").glob("*/payments.parquet"):
        table = pq.read_table(file)
        more = pa.compute.multiply(table.column("amount_minor"), 100)
        pq.write_table(table.set_column(table.schema.get_field_index("amount_minor"), "amount_minor", more), file)
    assert {problem for one in replayed(copy) for _, problem in one.different} == {"stage"}


@pytest.fixture
def spoiled(first, first_home, tmp_path) -> Callable[..., dict[str, Check]]:
    """Plant a fault in a copy of the rehearsed store, and return the checks of `prove` that find it."""

    def plant(*statements: str) -> dict[str, Check]:
        import shutil

        copy = tmp_path / "copy"
        copy.mkdir(exist_ok=True)
        shutil.copyfile(first_home / "arrears.sqlite", copy / "arrears.sqlite")
        with sqlite3.connect(copy / "arrears.sqlite") as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            for statement in statements:
                assert connection.execute(statement).rowcount > 0, statement
        engine = open_engine(f"sqlite:///{copy / 'arrears.sqlite'}")
        return {check.name: check for check in prove(engine, load_policy()) if check.violations}

    return plant


REACHED = (
    "(SELECT item.account_id FROM item JOIN contact USING (contact_id) WHERE contact.state = 'sent'"
    " AND item.dropped_reason IS NULL ORDER BY contact.sent_at DESC LIMIT 1)"
)
ROW = {
    "hold": f"INSERT INTO hold (hold_key, account_id, kind, from_on) SELECT 'h', {REACHED}, 'asset_loss', '2026-01-01'",
    "plan": "INSERT INTO plan (plan_key, account_id, signed_on, first_due_on, instalments, amount_each_minor,"
    f" approved_by) SELECT 'p', {REACHED}, '2026-01-01', '2099-01-01', 6, 1, 'S'",
    "suit": "INSERT INTO court_case (court_case_key, account_id, case_id, kind, state, at)"
    f" SELECT 'c', {REACHED}, 'K', 'suit', 'filed', '2026-01-01T00:00:00Z'",
    "write-off": "INSERT INTO committee (committee_key, account_id, decided_on, decision, reason, decided_by,"
    f" second_decided_by) SELECT 'w', {REACHED}, '2026-01-01', 'write_off', 'aged', min(staff_id), max(staff_id)"
    " FROM staff",
    "placement": "INSERT INTO placement (placement_id, account_id, party_id, agency_id, contact_id, placed_on,"
    f" amount_minor, currency, state) SELECT 'x', {REACHED}, 'P', 'A', contact_id, '2026-01-01', 1, 'CNY', 'placed'"
    " FROM contact WHERE sent_at IS NOT NULL ORDER BY sent_at LIMIT 1",
    "known to the decision": """UPDATE fact_set SET body = replace(body, '"hard_holds":[]', '"hard_holds":["x"]')""",
}
"""Each kind of hold that a store may know of, on an account whose people were contacted all the same."""


@pytest.mark.parametrize("kind", ROW)
def test_a_contact_under_any_kind_of_hold_is_found(spoiled, kind):
    assert spoiled(ROW[kind])["holds"].violations > 0


def test_what_breaks_a_rule_is_named(spoiled, tmp_path):
    found = spoiled(ROW["hold"])["holds"]
    with sqlite3.connect(tmp_path / "copy" / "arrears.sqlite") as connection:
        (account,) = connection.execute("SELECT account_id FROM hold WHERE hold_key = 'h'").fetchone()
    assert set(found.first) == {f"account {account}"}
    assert len(spoiled("DELETE FROM evidence")["ladder"].first) == NAMED


HIGHEST = "UPDATE item SET rung = 4", "UPDATE decision SET rung = 4, unlocked_rung = 4"
UNDECIDED = "DELETE FROM decision WHERE business_date = (SELECT max(business_date) FROM item)"
AT_NIGHT = """UPDATE contact SET intent_at = substr(intent_at, 1, 11) || '19:30:00Z',
    slot_opens_at = substr(intent_at, 1, 11) || '19:00:00Z', slot_closes_at = substr(intent_at, 1, 11) || '20:00:00Z'
    WHERE channel = 'sms' AND state = 'sent'"""
FAULTS = {
    "a rung that the decision claims and no evidence opened": ("ladder", *HIGHEST),
    "evidence that is not there": ("ladder", "DELETE FROM evidence"),
    "evidence that never counted": ("ladder", "UPDATE evidence SET counts = 0"),
    "an item without a decision": ("ladder", UNDECIDED),
    "a message in the night with a slot to match": ("hours", AT_NIGHT),
    "a person who is elsewhere": ("hours", "UPDATE party SET time_zone = 'America/New_York'"),
    "a role that does not count": ("orders", "UPDATE approval_vote SET role = 'finance' WHERE role = 'risk'"),
    "an approval of other facts": ("orders", "UPDATE approval SET facts_sha256 = 'other' WHERE kind = 'order'"),
    "an approval that was taken back": ("orders", "UPDATE approval SET state = 'void' WHERE state = 'used'"),
    "a vote after the order left": ("orders", "UPDATE approval_vote SET at = '2099-01-01T00:00:00Z'"),
    "an order that nobody was asked about": ("orders", "DELETE FROM approval WHERE kind = 'order'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_the_check_that_is_there_for_it(spoiled, fault):
    check, *statements = FAULTS[fault]
    assert check in spoiled(*statements)


@pytest.mark.long
def test_ninety_rehearsed_days_are_replayed_and_every_decision_is_identical(tmp_path):
    done = play(tmp_path, Plan(90, 60, seed=11, missed=outages(90)))
    found = replayed(tmp_path)
    assert set(done.violations.values()) == {0}
    assert [one.run_id for one in found if one.different] == []
    assert sum(one.replayed for one in found) > 1_500


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
