"""A mail server that is down: the digest is lost to nobody, keeps nobody from being contacted, and goes out later."""

import json
import socket
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import func, select

from arrears.outreach.digest_left import owed
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import audit_event_index, audit_pending
from arrears.store.tables.outreach import contact
from arrears.store.tables.reports import digest_sent
from arrears.store.tables.runs import run

TRIED_AGAIN, LEFT = "2026-11-12T10:10:00+08:00", "2026-11-12T10:15:00+08:00"
"""Two moments after a day that was rehearsed at ten: its own tries may still be going on; they are over."""


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a mail server that refuses every connection."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))  # bound and never listening: nobody else can take the port
        yield f"smtp://127.0.0.1:{door.getsockname()[1]}"


def states(place) -> dict[str, int]:
    with reading(place.store) as connection:
        query = select(digest_sent.c.state, func.count()).group_by(digest_sent.c.state)
        return {str(state): int(count) for state, count in connection.execute(query)}


def dispatched(place, at: str, **variables: str) -> int:
    said = place.call("dispatch", "--rehearsal", "--at", at, "--json", **variables)
    assert said.code == 0, said.err
    return json.loads(said.out)["digests"]


def test_a_digest_that_cannot_be_mailed_stops_no_contact_and_makes_the_day_fail_loudly(place, nobody):
    said = place.run(ARREARS_SMTP_URL=nobody)
    assert said.code == 1
    assert "digests are not sent" in said.reason
    day = json.loads(said.out)
    assert day["status"] == "completed", "what the day is for was done"
    assert day["actions"]["sent"] > 0
    assert states(place) == {"planned": 1}, "the first found the server down, the others did not wait for it in vain"


def test_the_next_dispatch_after_the_days_own_tries_sends_the_digest_once(place, nobody):
    place.run(ARREARS_SMTP_URL=nobody)
    assert dispatched(place, TRIED_AGAIN) == 0
    assert place.alarms() == []
    assert dispatched(place, LEFT, ARREARS_SMTP_URL=nobody) == 0
    sent = dispatched(place, "2026-11-12T10:30:00+08:00")
    assert sent == len(place.alarms()) > 1
    assert states(place) == {"sent": sent}
    assert dispatched(place, "2026-11-12T10:45:00+08:00") == 0
    with reading(place.store) as connection:
        reached = connection.execute(select(contact.c.state).where(contact.c.channel == "email")).scalars().all()
    assert "in_doubt" not in reached


def test_the_day_again_sends_the_digest_that_is_left(place, nobody):
    place.run(ARREARS_SMTP_URL=nobody)
    effects = place.effects()
    assert place.run().code == 0
    assert states(place) == {"sent": len(place.alarms())}
    assert len(place.alarms()) > 1
    assert set(effects) <= set(place.effects())
    assert len(place.effects()) == len(set(place.effects())), "and nobody is reached twice"


def test_the_alarm_of_a_held_day_is_sent_by_the_next_dispatch(place, nobody):
    place.write("instalments.csv", "account_id,instalment_no,due_date,amount_due\n")
    said = place.run(ARREARS_SMTP_URL=nobody)
    assert (said.code, "zero_rows" in said.reason) == (3, True), "why the day is held is what is told"
    with reading(place.store) as connection:
        assert connection.execute(select(func.count()).select_from(audit_pending)).scalar_one() == 0, "and it is sealed"
    assert dispatched(place, LEFT) == len(place.readers()) == len(place.alarms())
    assert states(place) == {"sent": len(place.readers())}


def test_a_later_day_is_not_asked_for_the_digest_of_an_earlier_one(place, nobody):
    place.run(ARREARS_SMTP_URL=nobody)
    assert dispatched(place, "2026-11-13T10:15:00+08:00") == 0
    assert place.alarms() == []


def told_withdrawn(place) -> int:
    with reading(place.store) as connection:
        events = connection.execute(select(audit_event_index.c.type)).scalars().all()
    return events.count("digest.withdrawn")


def owed_by(place) -> int:
    with reading(place.store) as connection:
        return len(connection.execute(owed(date(2026, 11, 12))).all())


def end(place, status: str) -> None:
    with writing(place.store) as connection:
        connection.execute(run.update().where(run.c.kind == "daily").values(status=status))


def test_a_digest_that_a_second_delivery_overtook_is_withdrawn_and_nobody_waits_for_it(place, nobody):
    place.run(ARREARS_SMTP_URL=nobody)
    assert owed_by(place) == 1
    place.write("payments.csv", "\n".join([*place.rows("payments.csv")[:-1], ""]))
    assert place.run().code == 0
    sent = len(place.alarms())
    assert states(place) == {"rejected": 1, "sent": sent}
    assert (owed_by(place), told_withdrawn(place)) == (0, 1)
    assert dispatched(place, LEFT) == 0
    assert len(place.alarms()) == sent, "nobody has two"


def test_a_second_delivery_that_cannot_be_mailed_either_leaves_its_own_digest_alone_to_be_sent(place, nobody):
    place.run(ARREARS_SMTP_URL=nobody)
    place.write("payments.csv", "\n".join([*place.rows("payments.csv")[:-1], ""]))
    place.run(ARREARS_SMTP_URL=nobody)
    assert states(place) == {"rejected": 1, "planned": 1}
    assert owed_by(place) == 1
    sent = dispatched(place, LEFT)
    assert states(place) == {"rejected": 1, "sent": sent}
    assert owed_by(place) == 0


def test_a_digest_that_an_alarm_overtook_leaves_after_all_when_the_day_is_mended(place, nobody):
    place.run(ARREARS_SMTP_URL=nobody)
    end(place, "failed")
    alarms = dispatched(place, LEFT)
    assert states(place) == {"rejected": 1, "sent": alarms}
    assert owed_by(place) == 0, "no later dispatch builds them anew"
    assert place.run().code == 0
    assert states(place) == {"sent": len(place.alarms())}
    assert len(place.alarms()) > alarms


def test_a_run_that_only_plans_takes_no_digest_from_the_run_that_could_not_mail_it(place, nobody):
    place.run(ARREARS_SMTP_URL=nobody)
    said = place.call("run", "--date", "2026-11-12", "--feeds", str(place.feeds), "--rehearsal", "--plan-only")
    assert said.code == 0, said.err
    assert owed_by(place) == 1
    assert dispatched(place, LEFT) == len(place.alarms()) > 1
    assert owed_by(place) == 0
