"""Which policy decides an account: the one its episode began under, until a written mapping moves it."""

from datetime import date, timedelta

import pyarrow as pa
import pytest
from sqlalchemy import insert, select

from arrears.ladder.layers import account_key, load_policy
from arrears.ladder.policy import Move, Policy
from arrears.ladder.rulebook import Rulebook, keep_policy
from arrears.ladder.today import Today
from arrears.store.account_range import EVERY
from arrears.store.engine import writing
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.decisions import episode
from arrears.store.tables.people import subject

OLD = load_policy()
DAY = date(2026, 11, 12)
NEW = OLD.model_copy(update={"version": "2.0"})
MOVED = NEW.model_copy(update={"version": "2.1", "moves": [Move(was="cn 1.0", steps={"borrower_call": "first_call"})]})


@pytest.fixture
def with_episodes(store):
    """A1 and A3 began under the old policy, A2 under the new one; A3 is cured."""
    with writing(store) as connection:
        keep_policy(connection, OLD)
        keep_policy(connection, NEW)
        rows = [("A1", OLD, None), ("A2", NEW, None), ("A3", OLD, DAY)]
        connection.execute(insert(episode), [
            {"account_id": name, "first_unpaid_due": DAY - timedelta(days=9), "opened_on": DAY, "cured_on": cured,
             "policy_sha256": policy.sha256} for name, policy, cured in rows
        ])  # fmt: skip
        connection.execute(insert(subject), [{"subject_ref": f"ref-{name}", "account_id": name, "created_at": ""}
                                             for name, _, _ in rows])  # fmt: skip
    return store


def places(store, rt, policy: Policy, *, newest: bool = True) -> tuple[dict[str, int], list[Policy]]:
    with writing(store) as connection:
        book = Rulebook(connection, rt, "daily-1", Today.of(connection, DAY, policy), newest=newest)
        found = book.places(["A1", "A2", "A3"], pa.array(["loan"] * 3), EVERY)
        return found, [today.policy for today in book.todays]


def test_an_open_episode_keeps_the_policy_it_began_under(with_episodes, rt):
    found, policies = places(with_episodes, rt, NEW)
    assert found == {"A1": 1}
    assert policies[1].sha256 == OLD.sha256


def test_a_written_mapping_moves_it_once_and_the_log_says_so(with_episodes, rt):
    for _ in range(2):
        assert places(with_episodes, rt, MOVED)[0] == {"A2": 1}
    with writing(with_episodes) as connection:
        events = connection.execute(select(audit_pending.c.body)).scalars().all()
        pin = connection.execute(select(episode.c.policy_sha256).where(episode.c.account_id == "A1")).scalar()
    assert sum('"episode.moved"' in str(body) for body in events) == 1
    assert pin == MOVED.sha256


def test_a_run_of_a_past_day_moves_nobody(with_episodes, rt):
    places(with_episodes, rt, MOVED, newest=False)
    with writing(with_episodes) as connection:
        pin = connection.execute(select(episode.c.policy_sha256).where(episode.c.account_id == "A1")).scalar()
    assert pin == OLD.sha256


def test_a_product_and_an_account_are_decided_by_their_own_tighter_figures(store, rt):
    own = OLD.model_copy(update={"products": {"loan": {"staging": {"grace_days": 3}}},
                                 "accounts": {account_key("A2"): {"staging": {"grace_days": 5}}}})  # fmt: skip
    found, policies = places(store, rt, own)
    assert [policies[found[name]].staging.grace_days for name in ("A1", "A2", "A3")] == [3, 5, 3]
