"""How many batches a stage has: an issued item costs little, a message waits for its gateway."""

import json
from collections import Counter
from importlib.resources import files

import pytest

from arrears.outreach.desks import ROLES
from arrears.outreach.new_contacts import MAIL_SLOTS, MOST_BATCHES, Stages
from arrears.outreach.slots import WORK_LIST


@pytest.mark.parametrize(
    ("contacts", "messages", "batches"),
    [
        (1, 0, 1),
        (5_000, 0, 1),
        (5_001, 0, 2),
        (500, 500, 1),
        (501, 501, 2),
        (5_000, 1_501, 4),
        (5_000, 5_000, 4),
        (40_000, 2_000, 8),
        (1_000_000, 1_000_000, MOST_BATCHES),
    ],
)
def test_many_messages_of_a_stage_are_shared_by_the_mail_slots(contacts: int, messages: int, batches: int) -> None:
    assert Stages(Counter({2: contacts}), Counter({2: messages})).batches() == {2: batches}


def test_the_slots_are_those_the_mail_pool_begins_with() -> None:
    pools = json.loads((files("arrears.orchestration") / "pools.json").read_text("utf-8"))
    assert pools["arrears_mail"]["slots"] == MAIL_SLOTS


def test_what_people_of_the_house_carry_out_is_no_message() -> None:
    assert set(ROLES) <= WORK_LIST
