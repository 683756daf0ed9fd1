"""A part payment moves the oldest due date. Elsewhere that restarted or skipped a stage; here the ladder stands."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from arrears.core.settings import Settings
from arrears.rehearsal.rehearse import FROM, Plan, rehearse
from arrears.rehearsal.scenarios import ACTOR, scenario_named, scenario_world
from arrears.store.engine import open_engine, reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.outreach import contact, item

PAID = FROM + timedelta(days=6)


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    settings = Settings.from_environment({"ARREARS_HOME": str(tmp_path_factory.mktemp("part"))})
    world = scenario_world(scenario_named("part_payment"), FROM, 7)
    result = rehearse(settings, Plan(16, 2, 7), lambda _on, _step: None, world)
    assert set(result.violations.values()) == {0}
    query = select(decision).where(decision.c.account_id == ACTOR).order_by(decision.c.business_date)
    left = select(item.c.business_date, item.c.rung).join(contact, contact.c.contact_id == item.c.contact_id)
    left = left.where(item.c.account_id == ACTOR, contact.c.state == "sent").order_by(item.c.business_date)
    with reading(open_engine(settings.store_url)) as connection:
        return connection.execute(query).all(), connection.execute(left).all()


def test_the_payment_moves_the_oldest_due_date_and_lowers_the_stage(days):
    rows, _ = days
    before, after = rows[6], rows[7]
    assert (before.business_date, after.business_date) == (PAID, PAID + timedelta(days=1))
    assert after.oldest_unpaid_due > before.oldest_unpaid_due
    assert (before.stage, after.stage) == (2, 1)


def test_the_episode_and_its_evidence_stay(days):
    rows, _ = days
    assert len({row.episode_due for row in rows}) == 1
    unlocked = [row.unlocked_rung for row in rows]
    assert unlocked == sorted(unlocked)


def test_no_rung_is_skipped_by_what_is_really_done(days):
    _, left = days
    reached = 0
    for row in left:
        assert row.rung <= reached + 1
        reached = max(reached, row.rung)
    assert reached == 3
