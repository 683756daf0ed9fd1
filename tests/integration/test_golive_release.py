"""A live store only plans in its first working days, and after them until a manager has released it by name."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from arrears.approvals.votes import vote
from arrears.core.entropy import SystemEntropy
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.ladder.opening import is_attested
from arrears.steps import golive
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import delivery, opening, staff
from arrears.store.tables.repossession import approval
from arrears.store.tables.runs import run

POLICY = load_policy()
FIRST = date(2026, 10, 28)
ELEVENTH = date(2026, 11, 12)


@pytest.fixture
def live(rt, store) -> Runtime:
    """A live store whose first daily run was eleven working days ago."""
    row = {
        "run_id": "daily-first", "origin_key": "0" * 64, "kind": "daily", "business_date": FIRST, "ordinal": 1,
        "status": "completed", "rehearsal": False, "plan_only": True, "released": False,
        "started_at": "2026-10-28T00:00:00Z", "policy_sha256": "0" * 64, "code_version": "1", "code_id": "1",
        "attempt": "{}",
    }  # fmt: skip
    people = [{"staff_id": name, "name": name, "roles": roles, "skills": "", "dialects": "", "branch": ""}
              for name, roles in (("M-1", "manager"), ("S-1", "supervisor"), ("L-1", "legal"))]  # fmt: skip
    with writing(store) as connection:
        connection.execute(run.insert(), row)
        connection.execute(staff.insert(), people)
    return Runtime(rt.settings.model_copy(update={"mode": "live"}), rt.clock, SystemEntropy())


def only_plans(live, store, on: date = ELEVENTH) -> bool:
    with reading(store) as connection:
        return golive.only_plans(connection, live, POLICY, on)


def asked(store, kind: str) -> list[str]:
    with reading(store) as connection:
        query = select(approval.c.approval_id).where(approval.c.kind == kind, approval.c.state == "open")
        return list(connection.execute(query).scalars())


def test_the_first_ten_working_days_only_plan_and_nobody_is_asked_to_release(live, store):
    tenth = POLICY.business_calendar().add_working_days(FIRST, 9)
    golive.ask(live, "daily-first", tenth, POLICY)
    assert only_plans(live, store, tenth)
    assert asked(store, "release") == []


def test_after_them_the_store_goes_on_planning_until_a_manager_releases_it(live, store):
    assert only_plans(live, store)
    golive.ask(live, "daily-first", ELEVENTH, POLICY)
    golive.ask(live, "daily-first", ELEVENTH + timedelta(days=1), POLICY)
    [question] = asked(store, "release")
    assert only_plans(live, store)
    vote(live, store, approval_id=question, staff_id="M-1", decision="approve", note="compared for ten days",
         identity="airflow", policy=POLICY)  # fmt: skip
    assert not only_plans(live, store)


def test_a_sandbox_never_waits(rt, store):
    assert not only_plans(rt, store)


def test_in_a_live_store_what_happened_before_counts_only_when_a_supervisor_and_a_lawyer_attested_the_file(live, store):
    with writing(store) as connection:
        connection.execute(delivery.insert(), {
            "delivery_id": "d" * 64, "feed": "opening", "file_name": "opening.csv", "sha256": "e" * 64, "rows": 1,
            "accepted": 1, "quarantined": 0, "received_at": "2026-10-28T00:00:00Z", "business_date": FIRST,
            "delivery_no": 1, "run_id": "daily-first",
        })  # fmt: skip
        connection.execute(opening.insert(), {
            "opening_key": "a" * 64, "account_id": "A1", "kind": "call", "at": "2026-10-01T00:00:00Z",
            "attested_by": "S-1", "second_attested_by": "L-1", "delivery_id": "d" * 64,
        })  # fmt: skip
    golive.ask(live, "daily-first", FIRST, POLICY)
    [question] = asked(store, "attestation")

    def counting() -> int:
        with reading(store) as connection:
            return len(connection.execute(select(opening.c.opening_key).where(is_attested())).all())

    for who in ("S-1", "L-1"):
        assert counting() == 0
        vote(live, store, approval_id=question, staff_id=who, decision="approve", note="seen the files",
             identity="airflow", policy=POLICY)  # fmt: skip
    assert counting() == 1
