"""Who does the work of a day: owner, deputy, branch, skill, dialect, load; and what no day holds is said."""

import pytest

from arrears.outreach.desks import NO_CAPACITY, NO_STAFF, Desks, Member, Seat, Task

CALL = Task("call", "C1", "North", "good_faith", None, "zh")
VISIT = Task("visit", "C1", "North", "good_faith", None, "zh")


def member(staff_id: str, role: str = "collector", **more: object) -> Member:
    values = {
        "roles": frozenset({role}), "skills": frozenset(), "dialects": frozenset(), "branch": "North", "capacity": 2,
        "is_certified": True, "is_absent": False, "deputy": None,
    }  # fmt: skip
    return Member(staff_id, **(values | more))  # type: ignore[arg-type] # the fields of the dataclass


def test_a_call_is_the_owners_until_the_day_is_full_and_then_it_is_listed():
    desks = Desks([member("C1"), member("C2")], {})
    assert [desks.seat(CALL) for _ in range(3)] == [Seat("C1"), Seat("C1"), Seat(None, refusal=NO_CAPACITY)]


def test_what_was_given_earlier_today_counts():
    assert Desks([member("C1")], {"C1": 2}).seat(CALL) == Seat(None, refusal=NO_CAPACITY)


@pytest.mark.parametrize("why", [{"is_absent": True}, {"is_certified": False}])
def test_the_deputy_stands_in_and_without_one_the_least_loaded_of_the_branch(why):
    away = member("C1", deputy="C3", **why)
    rest = [member("C2", capacity=10), member("C3", capacity=10), member("C4", capacity=10, branch="South")]
    assert Desks([away, *rest], {}).seat(CALL) == Seat("C3")
    alone = member("C1", **why)
    assert Desks([alone, *rest], {"C2": 5, "C3": 4}).seat(CALL) == Seat("C3")


def test_with_an_expired_certificate_nobody_is_given_anything():
    desks = Desks([member("C1", is_certified=False), member("V1", "field", is_certified=False)], {})
    assert {desks.seat(CALL), desks.seat(VISIT)} == {Seat(None, refusal=NO_STAFF)}


def test_who_speaks_the_dialect_goes_before_who_has_less_to_do():
    desks = Desks([member("V1", "field"), member("V2", "field", dialects=frozenset({"wu"}))], {"V2": 1})
    local = Task("visit", "C1", "North", "good_faith", "wu", "zh")
    assert desks.seat(local) == Seat("V2")


def test_a_hard_case_goes_to_the_trained_ear_of_the_branch():
    desks = Desks([member("C1"), member("C2", skills=frozenset({"difficult"}))], {})
    assert desks.seat(Task("call", "C1", "North", "high_risk", None, "zh")) == Seat("C2")
    assert desks.seat(CALL) == Seat("C1")


def test_among_equals_the_skill_of_the_channel_decides():
    desks = Desks([member("C2"), member("C3", skills=frozenset({"phone"}))], {"C3": 1})
    assert desks.seat(Task("call", None, "North", "good_faith", None, "zh")) == Seat("C3")
    field = Desks([member("V1", "field"), member("V2", "field", skills=frozenset({"field"}))], {})
    assert field.seat(VISIT) == Seat("V2")


def test_a_visitors_companion_brings_what_the_first_lacks():
    lead = member("V1", "field", skills=frozenset({"field"}))
    alike = member("V2", "field", skills=frozenset({"field"}))
    other = member("V3", "field", skills=frozenset({"negotiation"}))
    assert Desks([lead, alike, other], {"V2": 0, "V3": 1}).seat(VISIT, 2) == Seat("V1", "V3")


def test_visitors_go_in_twos_and_each_has_one_task_less():
    desks = Desks([member("V1", "field", capacity=1), member("V2", "field", capacity=1)], {})
    assert desks.seat(VISIT, 2) == Seat("V1", "V2")
    assert desks.seat(VISIT, 2) == Seat(None, refusal=NO_CAPACITY)


def test_nobody_travels_to_another_branch_but_may_call_there():
    desks = Desks([member("V9", "field", branch="South"), member("C9", branch="South")], {})
    assert desks.seat(VISIT).refusal == NO_CAPACITY
    assert desks.seat(Task("call", None, "North", "good_faith", None, "zh")) == Seat("C9")


def test_without_a_staff_feed_the_ledgers_word_stands():
    assert Desks([], {}).seat(CALL) == Seat("C1")


def test_a_letter_is_the_legal_desks_and_takes_nobodys_room():
    desks = Desks([member("C1", capacity=0)], {})
    assert desks.seat(Task("letter", "C1", "North", "aged", None, "zh")) == Seat("C1")
