"""What nobody knows the fate of is listed with its age, digests included; a receipt, bounce or person ends it."""

from datetime import time, timedelta

import pytest
from outreach_world import DAY, SMS, Witness, World, one_customer
from sqlalchemy import select

from arrears.core.keys import natural_key
from arrears.ladder.layers import load_policy
from arrears.outreach.channels import Channels
from arrears.outreach.digest_doubt import bounce_digest
from arrears.outreach.verdict import Outcome, Verdict
from arrears.reports.control import exceptions_of, in_doubt
from arrears.steps import receipts
from arrears.store.engine import reading, writing
from arrears.store.tables.reports import digest_sent
from arrears.store.tables.repossession import approval

RUN = "daily-2026-11-12-1"
KEY = natural_key("digest")


@pytest.fixture
def stuck(world: World) -> World:
    """A digest whose worker died while it was being sent at eight."""
    with writing(world.engine) as connection:
        connection.execute(
            digest_sent.insert().values(
                digest_key=KEY, business_date=DAY, delivery_no=1, recipient_sha256="0" * 64, role="manager",
                language="zh", branch="", kind="morning", run_id=RUN, html_sha256="1" * 64, artefact="digests/x",
                state="sending", planned_at="2026-11-12T00:00:00Z", sending_at="2026-11-12T00:00:00Z",
                message_id="<digest@test>",
            )
        )  # fmt: skip
    return world


def state_of(world: World) -> str:
    (row,) = world.rows(digest_sent)
    return str(row.state)


def test_a_digest_whose_worker_died_is_in_doubt_and_asked_about_once(stuck):
    assert receipts.ask_about_doubts(stuck.at(time(8, 10)).rt, RUN) == 0, "it may still be on its way"
    assert receipts.ask_about_doubts(stuck.rt, RUN) == 1
    assert receipts.ask_about_doubts(stuck.rt, RUN) == 0
    assert state_of(stuck) == "in_doubt"
    (listed,) = receipts.list_doubts(stuck.rt)
    assert (listed["channel"], listed["age_hours"], listed["key"]) == ("digest", 2, KEY)
    assert listed["approval_id"]
    with reading(stuck.engine) as connection:
        assert in_doubt(connection, None, 10) == [(KEY, "digest", DAY)]
        (line,) = [one for one in exceptions_of(connection, DAY, None, load_policy()) if one.kind == "in_doubt"]
    assert (line.count, line.oldest_on) == (1, DAY)


@pytest.mark.parametrize(("vote", "state"), [("approved", "sent"), ("refused", "rejected")])
def test_a_named_person_ends_the_doubt_about_a_digest(stuck, vote, state):
    receipts.ask_about_doubts(stuck.rt, RUN)
    with writing(stuck.engine) as connection:
        row = connection.execute(select(approval)).one()
        row = type("Row", (), {"state": vote, "run_id": RUN, "subject_key": row.subject_key})
        assert "digest" in receipts.carry_out(connection, stuck.rt, row, "S-1")
    assert state_of(stuck) == state
    assert [e["actor"] for e in stuck.events() if e["type"] == "digest.resolved"] == ["S-1"]
    assert receipts.list_doubts(stuck.rt) == []


def test_a_bounce_ends_the_doubt_and_takes_the_question_back(stuck):
    receipts.ask_about_doubts(stuck.rt, RUN)
    with writing(stuck.engine) as connection:
        assert bounce_digest(connection, stuck.rt, RUN, "<digest@test>", "dsn_5.1.1")
        assert not bounce_digest(connection, stuck.rt, RUN, "<another@test>", "dsn_5.1.1")
    receipts.ask_about_doubts(stuck.rt, RUN)
    assert (state_of(stuck), [row.state for row in stuck.rows(approval)]) == ("rejected", ["void"])


def test_a_message_without_a_reply_is_listed_with_its_age_and_never_sent_again(world):
    one_customer(world, SMS)
    world.plan()
    channel = Witness("sms", Verdict(Outcome.IN_DOUBT, "no_reply"))
    world.send(Channels(world.policy, {"sms": channel}))
    tomorrow = world.at(time(13), DAY + timedelta(days=1))
    (listed,) = receipts.list_doubts(tomorrow.rt)
    assert (listed["channel"], listed["age_hours"]) == ("sms", 27)
    tomorrow.send(Channels(world.policy, {"sms": channel}))
    assert len(channel.got) == 1
