"""A day before an account's first decision is told apart from a quiet one; what is imported into a rehearsed day."""

from datetime import date

import pytest
from outreach_world import CALL, DAY, World
from sqlalchemy import select, update

from arrears.core.errors import CannotTell
from arrears.proof.explain import explain
from arrears.steps import intake
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import delivery
from arrears.store.tables.people import subject
from arrears.store.tables.runs import policy_text, run

BEFORE = date(2026, 11, 11)


@pytest.fixture
def decided(world: World) -> World:
    """A1 was decided about on the day; A2 was there and quiet; A3 came the day after."""
    world.person("P1")
    for name in ("A1", "A2", "A3"):
        world.account(name, {"P1": "borrower"})
    world.decide("A1", [CALL])
    with writing(world.engine) as connection:
        connection.execute(update(run).values(status="completed", snapshot_id=None, finished_at="2026-11-12T01:00:00Z"))
        connection.execute(update(policy_text).values(body='{"time_zone":"Asia/Shanghai"}'))
        later = update(subject).where(subject.c.account_id == "A3")
        connection.execute(later.values(created_at="2026-11-13T00:00:00Z"))
    return world


def test_a_day_before_the_first_decision_is_said_to_be_one(decided):
    said = "account A1: nobody decided on 2026-11-11; its first decision is of 2026-11-12"
    with pytest.raises(CannotTell, match=said):
        explain(decided.engine, "A1", BEFORE)
    with pytest.raises(CannotTell, match="account A2: nobody decided on 2026-11-11; nothing was decided"):
        explain(decided.engine, "A2", BEFORE)


def test_an_account_that_came_later_was_not_quiet(decided):
    assert explain(decided.engine, "A2", DAY)["standing"]["undecided"] == "quiet"
    with pytest.raises(CannotTell, match="account A3: no ledger had brought it by 2026-11-12"):
        explain(decided.engine, "A3", DAY)


def test_a_day_after_the_first_decision_on_which_nobody_worked_has_its_story(decided):
    assert explain(decided.engine, "A1", date(2026, 11, 13))["standing"]["undecided"] == "no_run"


def test_what_is_imported_into_a_rehearsed_store_comes_on_the_rehearsed_day(decided, tmp_path):
    with writing(decided.engine) as connection:
        connection.execute(update(run).values(rehearsal=True))
    file = tmp_path / "payments.csv"
    file.write_text("payment_id,account_id,paid_on,amount\nP-1,A1,2026-11-12,100.00\n", encoding="utf-8")
    counts = intake.import_file(decided.rt, "payments", file)
    with reading(decided.engine) as connection:
        query = select(run.c.business_date, run.c.rehearsal).where(run.c.run_id == counts["run_id"])
        assert tuple(connection.execute(query).one()) == (DAY, True)
    assert counts["accepted"] == 1


@pytest.mark.parametrize(("left_at", "received_at"), [
    ("2026-11-12T07:00:00Z", "2026-11-12T07:00:01Z"),
    ("2026-11-12T15:59:59Z", "2026-11-12T15:59:59Z"),
    ("2026-11-12T16:30:00Z", "2026-11-12T02:00:01Z"),
], ids=["of the day", "its last second", "of the next day"])  # fmt: skip
def test_what_is_imported_into_a_rehearsed_day_comes_after_all_that_was_done_on_it(
    decided, tmp_path, left_at, received_at
):
    with writing(decided.engine) as connection:
        connection.execute(update(run).values(rehearsal=True, started_at="2026-11-12T02:00:00Z"))
        connection.execute(run.insert().values(
            run_id="dispatch-2026-11-12-1", origin_key="d" * 64, kind="dispatch", business_date=DAY, ordinal=1,
            status="completed", rehearsal=True, plan_only=False, released=True, started_at=left_at,
            policy_sha256="p" * 64, code_version="1", code_id="1", attempt="{}"))  # fmt: skip
    file = tmp_path / "holds.csv"
    file.write_text("account_id,kind,from_on\nA1,dispute,2026-11-12\n", encoding="utf-8")
    intake.import_file(decided.rt, "holds", file)
    with reading(decided.engine) as connection:
        came = connection.execute(select(delivery.c.received_at).where(delivery.c.feed == "holds")).scalar_one()
    assert came == received_at
