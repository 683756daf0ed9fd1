"""A promise from the phone call to its end, day by day, beside a customer who simply pays."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from arrears.core.settings import Settings
from arrears.rehearsal.rehearse import FROM, Plan, rehearse
from arrears.rehearsal.scenarios import ACTOR, CONTROL, scenario_named, scenario_world
from arrears.store.engine import open_engine, reading
from arrears.store.tables.feeds import promise
from arrears.store.tables.outreach import contact, item

DAYS = 12


def play(name: str, home: Path, days: int = DAYS) -> Engine:
    settings = Settings.from_environment({"ARREARS_HOME": str(home)})
    world = scenario_world(scenario_named(name), FROM, 7)
    result = rehearse(settings, Plan(days, 2, 7), lambda _on, _step: None, world)
    assert set(result.violations.values()) == {0}
    return open_engine(settings.store_url)


def calls(store: Engine, account_id: str) -> list[int]:
    """Return the days from the start on which a call to the borrower was issued."""
    query = select(item.c.business_date).join(contact, contact.c.contact_id == item.c.contact_id)
    query = query.where(item.c.account_id == account_id, item.c.step == "borrower_call", contact.c.state == "sent")
    with reading(store) as connection:
        return sorted((day - FROM).days for day in connection.execute(query).scalars())


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> Engine:
    return play("broken_promise", tmp_path_factory.mktemp("broken"))


def test_a_promise_without_money_is_broken_the_day_after_its_grace(broken):
    with reading(broken) as connection:
        rows = connection.execute(select(promise).order_by(promise.c.made_on)).all()
    assert rows[0].state == "broken"


def test_calls_wait_for_a_promise_and_go_on_once_it_is_broken(broken):
    assert calls(broken, ACTOR) == [1, 8]


def test_a_broken_promise_brings_a_visit(broken):
    with reading(broken) as connection:
        visits = connection.execute(select(item.c.business_date).where(item.c.step == "visit")).scalars().all()
    assert [(day - FROM).days for day in visits] == [8]


def test_who_pays_on_time_is_not_called_about_arrears(broken):
    assert calls(broken, CONTROL) == []


def test_a_promise_with_its_money_is_kept_and_calls_never_resume(tmp_path):
    store = play("kept_promise", tmp_path)
    with reading(store) as connection:
        states = connection.execute(select(promise.c.state)).scalars().all()
    assert states == ["kept"]
    assert calls(store, ACTOR) == [1]
