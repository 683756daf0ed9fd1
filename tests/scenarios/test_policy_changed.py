"""The policy changes during the day: nothing leaves until the date is run again, then it does; recalls go at once."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from arrears.core.keys import natural_key
from arrears.proof.prove import prove
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import decision
from arrears.store.tables.outreach import contact
from arrears.store.tables.repossession import repossession_order
from arrears.store.tables.runs import run

DAY = date(2026, 11, 18)
"""No step of the calendar falls on it: all that is decided stands by episodes."""
OWN = """extends: cn
layer: lender
policy_id: mine
version: "{version}"
effective_from: 2026-02-01
contact: {{daily_cap_per_person: {cap}}}
"""
AFTERNOON = f"{DAY}T15:30:00+08:00"


@pytest.fixture
def old(place) -> Path:
    """The morning ran under the old policy, and everybody wishes to be written to in the afternoon."""
    header, *rows = place.rows("parties.csv")
    place.write("parties.csv", "\n".join([f"{header},preferred_time", *(f"{row},15:00" for row in rows), ""]))
    file = place.home / "old.yaml"
    file.write_text(OWN.format(version="1.0", cap=3))
    assert place.run(DAY, ARREARS_POLICY=str(file)).code == 0
    assert states(place)["planned"] > 0
    return file


@pytest.fixture
def new(place) -> Path:
    """A stricter policy that is laid over the same profile."""
    file = place.home / "new.yaml"
    file.write_text(OWN.format(version="1.1", cap=2))
    return file


def states(place) -> dict[str, int]:
    with reading(place.store) as connection:
        return dict(connection.execute(select(contact.c.state, func.count()).group_by(contact.c.state)).all())


def dispatch(place, policy: Path, at: str = AFTERNOON):
    return place.call("dispatch", "--rehearsal", "--at", at, "--json", ARREARS_POLICY=str(policy))


def order_that_nobody_approved(place) -> None:
    """An order that is out though no approval stands behind it: it must come back with the next step of any kind."""
    with writing(place.store) as connection:
        connection.execute(
            insert(repossession_order).values(
                order_id=natural_key("order"), order_no="RO-1", account_id="K7", episode_due=DAY, kind="recover",
                ordinal=1, packet_id="0" * 64, state="acknowledged", proposed_on=DAY, document_sha256="0" * 64,
                idempotency_key=natural_key("order"), offered_at=f"{DAY}T01:00:00Z", imported=False, run_id="-",
            )
        )  # fmt: skip


def order_state(place) -> str:
    with reading(place.store) as connection:
        return connection.execute(select(repossession_order.c.state)).scalar_one()


def test_after_the_date_was_run_again_under_the_new_policy_its_open_contacts_leave(place, old, new):
    held = dispatch(place, new)
    assert (held.code, "was decided under" in held.reason) == (3, True)
    assert "sent" not in states(place)
    again = place.run(DAY, ARREARS_POLICY=str(new))
    assert again.code == 0, again.err
    with reading(place.store) as connection:
        made = set(connection.execute(select(decision.c.run_id)).scalars())
        runs = connection.execute(select(run.c.run_id).where(run.c.decided_at.is_not(None))).scalars().all()
    assert (made, len(runs)) == ({f"daily-{DAY}-1"}, 2), "the episodes are pinned: the second run decided nothing new"
    sent = dispatch(place, new)
    assert sent.code == 0, sent.err
    assert json.loads(sent.out)["sent"] > 0
    assert states(place)["sent"] > 0
    assert place.call("prove", ARREARS_POLICY=str(new)).code == 0
    late = dispatch(place, old)
    assert late.code == 3, "now it is the old policy under which the day does not stand"


def test_a_recall_goes_out_though_the_contacts_of_the_day_are_held(place, old, new):
    order_that_nobody_approved(place)
    assert dispatch(place, new).code == 3
    assert order_state(place) in ("recall_sent", "recalled")


def test_a_recall_goes_out_though_the_ledger_held_the_day(place):
    order_that_nobody_approved(place)
    place.write("instalments.csv", "account_id,instalment_no,due_date,amount_due\n")
    assert place.run(DAY).code == 3
    assert order_state(place) in ("recall_sent", "recalled")


def test_contacts_of_a_date_under_another_policy_do_not_hold_those_of_today(place, old, new):
    with writing(place.store) as connection:
        open_until = f"{DAY + timedelta(days=2)}T00:00:00Z"
        connection.execute(contact.update().where(contact.c.state == "planned").values(slot_closes_at=open_until))
    tomorrow = DAY + timedelta(days=1)
    assert place.run(tomorrow, ARREARS_POLICY=str(new)).code == 0
    said = dispatch(place, new, f"{tomorrow}T15:30:00+08:00")
    assert (said.code, f"the one {DAY}" in said.reason) == (3, True)
    with reading(place.store) as connection:
        sent = select(func.count()).where(contact.c.business_date == tomorrow, contact.c.state == "sent")
        assert connection.execute(sent).scalar_one() > 0
    assert [check.name for check in prove(place.store, load(new)) if check.violations] == []


def load(file: Path):
    from arrears.ladder.layers import load_policy

    return load_policy(file)
