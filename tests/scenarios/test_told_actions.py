"""What was done and left out is held against the log: a row that was changed or deleted behind it is found and told."""

import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.proof import told_actions
from arrears.proof.explain import explain
from arrears.proof.prove import prove
from arrears.proof.replay import replay
from arrears.proof.told_actions import Untold, days_of, untold, untold_of_all
from arrears.rehearsal.rehearse import Plan, rehearse
from arrears.store.engine import open_engine, reading
from arrears.store.tables.outreach import contact

DAYS = 2
DONE = "SELECT contact_id FROM contact WHERE state = 'sent' ORDER BY contact_id LIMIT 1"
HELD = "SELECT contact_id FROM contact WHERE state = 'withheld' ORDER BY contact_id LIMIT 1"
AS_SENT = (
    "state = 'sent', sent_at = '2026-11-12T02:00:00Z', provider_code = '250', intent_at = '2026-11-12T02:00:00Z',"
    f" payload_sha256 = '{'0' * 64}'"
)
LEFT_OUT = "SELECT rowid FROM suppression ORDER BY business_date, account_id, step LIMIT 1"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A store of some rehearsed days in which messages were sent, withheld and left out."""
    home = tmp_path_factory.mktemp("told")
    rehearse(Settings.from_environment({"ARREARS_HOME": str(home)}), Plan(DAYS, 24, seed=11), lambda _on, _step: None)
    return home


@pytest.fixture
def tampered(home, tmp_path) -> Callable[..., Engine]:
    """Change something behind the log in a copy of the store."""

    def change(*statements: str) -> Engine:
        copy = tmp_path / "copy.sqlite"
        with closing(sqlite3.connect(home / "arrears.sqlite")) as whole, sqlite3.connect(copy) as connection:
            whole.backup(connection)  # with what still waits in its write-ahead log
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                assert connection.execute(statement).rowcount > 0, statement
        return open_engine(f"sqlite:///{copy}")

    return change


def found_in(engine: Engine) -> list[Untold]:
    with reading(engine) as connection:
        return [one for day in days_of(connection) for one in untold(connection, day)]


@pytest.mark.usefixtures("held")
def test_a_store_that_nobody_touched_stands_as_the_log_was_told(home):
    engine = open_engine(Settings.from_environment({"ARREARS_HOME": str(home)}).store_url)
    with reading(engine) as connection:
        days = days_of(connection)
        assert len(days) == DAYS
        assert [one for day in days for one in untold(connection, day)] == []
        states = {row[0] for row in connection.exec_driver_sql("SELECT DISTINCT state FROM contact")}
    assert {"sent", "withheld"} <= states


CHANGES = {
    "a withheld message that reads as sent": (
        f"UPDATE contact SET {AS_SENT} WHERE contact_id = ({HELD})",
        ("contact", "withheld", "sent"),
    ),
    "a sent message that reads as never sent": (
        f"UPDATE contact SET state = 'expired' WHERE contact_id = ({DONE})",
        ("contact", "sent", "expired"),
    ),
    "a sent message that waits again": (
        f"UPDATE contact SET state = 'planned' WHERE contact_id = ({DONE})",
        ("contact", "sent", "planned"),
    ),
    "another answer of the provider": (
        f"UPDATE contact SET provider_code = 'other' WHERE contact_id = ({DONE})",
        ("contact", "sent", "sent"),
    ),
    "a contact that is gone": (
        f"DELETE FROM contact WHERE contact_id = ({DONE})",
        ("contact", "sent", None),
    ),
    "a suppression that is gone": (
        f"DELETE FROM suppression WHERE rowid = ({LEFT_OUT})",
        ("suppression", "left_out", None),
    ),
}


@pytest.fixture(params=["whole", "in ranges"])
def held(request, monkeypatch) -> None:
    """A day is held whole beside the log, or a range of its keys after another."""
    if request.param == "in ranges":
        monkeypatch.setattr(told_actions, "IN_MEMORY", 9)


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_done_or_left_out_is_not_changed_behind_the_log_without_a_word(tampered, change):
    statement, told = CHANGES[change]
    engine = tampered(statement)
    (one,) = found_in(engine)
    assert (one.what, one.told, one.stands) == told
    assert {check.name: check.violations for check in prove(engine, load_policy())}["told"] == 1


@pytest.mark.usefixtures("held")
def test_a_contact_and_a_suppression_that_the_log_never_heard_of_are_found(tampered):
    engine = tampered(
        "INSERT INTO suppression SELECT business_date, account_id, step, channel, party_id, 'made_up', run_id"
        f" FROM suppression WHERE rowid = ({LEFT_OUT})",
        f"UPDATE contact SET contact_id = '{'f' * 64}' WHERE contact_id = ({DONE})",
        f"UPDATE item SET contact_id = '{'f' * 64}' WHERE contact_id NOT IN (SELECT contact_id FROM contact)",
    )
    found = {(one.what, one.told, one.stands) for one in found_in(engine)}
    assert found == {("suppression", None, "left_out"), ("contact", None, "sent"), ("contact", "sent", None)}


@pytest.mark.parametrize("change", ["a withheld message that reads as sent", "a suppression that is gone"])
def test_the_account_is_explained_and_its_day_replayed_with_what_the_log_says_instead(tampered, home, change):
    statement, (what, told, stands) = CHANGES[change]
    engine = tampered(statement)
    (one,) = found_in(engine)
    with reading(engine) as connection:
        (day,) = {on for on in days_of(connection) if untold(connection, on)}
    story = explain(engine, one.account_id, day)
    assert story["not_as_told"] == [{"what": what, "key": one.key, "told": told, "stands": stands}]
    rt = Runtime(Settings.from_environment({"ARREARS_HOME": str(home)}))
    assert replay(rt, engine, f"daily-{day}-1").different == ((one.account_id, what),)


@pytest.mark.usefixtures("held")
def test_what_waits_to_be_sealed_was_told(tampered):
    unseal = (
        "INSERT INTO audit_pending (run_id, type, natural_key, at, leaf, body, subject_ref, action_id, business_date)"
        " SELECT run_id, type, key, at, leaf, body, subject_ref, action_id, business_date"
        " FROM audit_event JOIN audit_event_index USING (seq) WHERE type LIKE 'action.%'"
    )
    assert found_in(tampered(unseal, "DELETE FROM audit_event_index WHERE type LIKE 'action.%'")) == []


@pytest.mark.parametrize("count", [1, 9, 10, 1_000, 65_000])
def test_the_ranges_of_a_day_hold_every_key_once(count, monkeypatch):
    monkeypatch.setattr(told_actions, "IN_MEMORY", 9)
    ranges = list(told_actions._ranges(count))
    assert len(ranges) == -(-count // 9)
    for key in ("0" * 64, "7" * 64, "8" + "0" * 63, "f" * 64, "", "~"):
        assert sum(key in keys for keys in ranges) == 1


def more_of(count: int, day: str) -> str:
    """Put so many more contacts on a day, of each of which the log heard nothing."""
    with_own = {"contact_id": "lower(hex(randomblob(32)))", "party_id": "'X' || n", "business_date": f"'{day}'"}
    own = [column.name for column in contact.columns]
    chosen = ", ".join(with_own.get(name, name) for name in own)
    return (
        f"INSERT INTO contact ({', '.join(own)})"
        f" WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {count})"
        f" SELECT {chosen} FROM many, (SELECT * FROM contact WHERE contact_id = ({HELD}))"
    )


def test_the_memory_does_not_grow_with_the_rows_of_a_day(tampered, monkeypatch):
    monkeypatch.setattr(told_actions, "IN_MEMORY", 2_000)
    few, many = date(2027, 1, 4), date(2027, 1, 5)
    sizes = {few: 5_000, many: 25_000}
    engine = tampered(*(more_of(count, day.isoformat()) for day, count in sizes.items()))
    peaks = {}
    with reading(engine) as connection:
        for day, count in sizes.items():
            tracemalloc.start()
            assert sum(1 for _ in untold_of_all(connection, day)) == count
            peaks[day] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peaks[many] < 1.5 * peaks[few]


def test_a_doubt_that_was_resolved_stands_as_it_was_resolved_though_the_log_names_the_doubt_later():
    from arrears.proof.told_actions import _Log

    class Row:
        def __init__(self, kind: str, body: bytes) -> None:
            self.type, self.key, self.body = kind, "c", body

    log = _Log()
    log.hear([Row("action.resolved", b'{"data":{"code":"x","state":"rejected"}}'),
              Row("action.in_doubt", b'{"data":{"code":"lease_over"}}'),
              Row("action.not_sent", b'{"data":{"code":"421","state":"planned"}}')])  # fmt: skip
    assert log.endings["c"].state == "rejected"


def test_the_packet_and_the_orders_of_a_past_day_are_those_of_that_day(tampered):
    later = "2026-12-01T02:00:00Z"
    engine = tampered(
        "UPDATE packet SET superseded_on = (SELECT max(business_date) FROM decision) WHERE superseded_on IS NULL",
        f"UPDATE repossession_order SET offered_at = '{later}'",
    )
    with reading(engine) as connection:
        last = max(days_of(connection))
        old = connection.exec_driver_sql(
            "SELECT account_id, max(version) AS version FROM packet WHERE built_on < superseded_on GROUP BY account_id"
        ).first()
        order = connection.exec_driver_sql("SELECT account_id, order_no FROM repossession_order").first()
    before = explain(engine, old.account_id, last - timedelta(days=1))["packet"]
    assert (before["version"], before["superseded_on"]) == (old.version, last.isoformat())
    assert explain(engine, old.account_id, last)["packet"] is None
    (told,) = [one for one in explain(engine, order.account_id, last)["orders"] if one["order_no"] == order.order_no]
    assert {"offered_at", "state"} <= set(told["came_later"])
    with pytest.raises(CannotTell, match="nobody decided"):
        explain(engine, order.account_id, last - timedelta(days=30))
