"""A person's budget is proven by the policy under which each contact left."""

import pytest
from outreach_world import DAY, SMS, World, one_customer
from sqlalchemy import insert, select, update

from arrears.ladder.policy import Policy
from arrears.proof.prove import prove
from arrears.store.engine import writing
from arrears.store.tables.outreach import contact
from arrears.store.tables.runs import policy_text, run


def with_sms_caps(policy: Policy, *caps: int) -> Policy:
    """Return the policy with other caps of SMS: a day, 7 days, 30 days."""
    contact = policy.contact.model_copy(update={"caps": dict(policy.contact.caps) | {"sms": caps}})
    return policy.model_copy(update={"contact": contact})


def over(world: World, policy: Policy) -> int:
    """Return how often ``prove`` finds a budget exceeded."""
    return next(check.violations for check in prove(world.engine, policy) if check.name == "budgets")


@pytest.fixture
def reminded(world: World, witnesses) -> World:
    """One SMS has left, its run under a policy of its own whose text is kept."""
    one_customer(world, SMS)
    world.plan()
    assert world.send(witnesses)["sent"] == 1
    return world


def work_under(world: World, policy: Policy, run_id: str = "%", key: str = "f") -> None:
    """Let the runs of the world, or one of them, have worked under a policy."""
    row = {"policy_sha256": key * 64, "policy_id": "cn", "version": "then", "effective_from": DAY,
           "body": policy.model_dump_json()}  # fmt: skip
    with writing(world.engine) as connection:
        connection.execute(insert(policy_text).values(row))
        connection.execute(update(run).where(run.c.run_id.like(run_id)).values(policy_sha256=key * 64))
        assert connection.execute(select(run.c.run_id)).all()


def test_a_policy_tightened_later_makes_no_earlier_contact_wrong(reminded):
    work_under(reminded, with_sms_caps(reminded.policy, 1, 2, 4))
    assert over(reminded, with_sms_caps(reminded.policy, 0, 0, 0)) == 0


def test_a_policy_loosened_later_excuses_no_earlier_contact(reminded):
    work_under(reminded, with_sms_caps(reminded.policy, 0, 0, 4))
    assert over(reminded, with_sms_caps(reminded.policy, 1, 2, 4)) == 2, "above the cap of a day and of a week"


def test_a_contact_is_held_against_the_policy_it_left_under_not_the_one_it_was_planned_under(reminded):
    loose = with_sms_caps(reminded.policy, 1, 2, 4)
    reminded.run("daily-2026-11-12-2")
    with writing(reminded.engine) as connection:
        connection.execute(update(contact).values(state_run_id="daily-2026-11-12-2"))
    work_under(reminded, loose)
    work_under(reminded, with_sms_caps(reminded.policy, 0, 0, 0), "daily-2026-11-12-1", "e")
    assert over(reminded, loose) == 0
    work_under(reminded, with_sms_caps(reminded.policy, 0, 0, 4), "daily-2026-11-12-2", "d")
    assert over(reminded, loose) == 2
