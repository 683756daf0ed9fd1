"""After days on which nobody worked: sent late once, folded into the latest, or only recorded; never a burst."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.decide import decide
from arrears.ladder.decision import Decision
from arrears.ladder.facts import Evidence, Facts, StepDone
from arrears.ladder.layers import load_policy
from arrears.ladder.outage import Missed
from arrears.ladder.policy import Policy
from arrears.ladder.today import Today

POLICY = load_policy()
REMINDED = Evidence(reminders=1, attempts=1, channels=1)


def facts(**changes: object) -> Facts:
    plain = Facts(
        on=date(2026, 11, 12), working_day=True, calendar_steps=(), stage=1, effective_instalments=1, delays=(),
        days_past_due=14, working_days_overdue=10, cycle_unpaid=False, hard_holds=(), soft_holds=(),
        promise_broken=False, late_episodes=0, malice=False, calls_last_7_days=0, days_since_conversation=None,
        evidence=REMINDED, done=(),
    )  # fmt: skip
    return replace(plain, **changes)


def steps(decision: Decision) -> set[str]:
    return {action.step for action in decision.actions}


def why_not(decision: Decision) -> dict[str, tuple[str, ...]]:
    return {held.step: held.reasons for held in decision.suppressed}


def with_late(step: str, late: str) -> Policy:
    changed = [each.model_copy(update={"late": late}) if each.name == step else each for each in POLICY.steps]
    return POLICY.model_copy(update={"steps": changed})


def test_without_an_outage_every_message_that_is_due_goes_out():
    assert {"arrears_sms", "arrears_email"} <= steps(decide(facts(), POLICY))


def test_after_an_outage_of_any_length_one_message_goes_out_and_names_the_one_it_stands_for():
    for missed in (1, 5, 200):
        back = decide(facts(missed_working_days=missed, working_days_overdue=missed + 4), POLICY)
        assert {action.step for action in back.actions if action.channel in ("sms", "email")} == {"arrears_email"}
        assert why_not(back)["arrears_sms"] == ("collapsed_into_arrears_email",)


def test_the_other_message_follows_on_the_day_after():
    after = facts(working_days_overdue=11, done=(StepDone("arrears_email", 1, 1, 1),))
    assert steps(decide(after, POLICY)) & {"arrears_sms", "arrears_email"} == {"arrears_sms"}


def test_a_missed_call_is_made_late_and_once():
    called = decide(facts(missed_working_days=8), POLICY)
    assert [action.step for action in called.actions].count("borrower_call") == 1
    later = facts(working_days_overdue=11, done=(StepDone("borrower_call", 1, 1, 1),))
    assert "borrower_call" not in steps(decide(later, POLICY))


def test_a_message_that_fell_due_today_is_not_late():
    fresh = facts(missed_working_days=3, working_days_overdue=2, done=(StepDone("arrears_sms", 1, 1, 5),))
    assert steps(decide(fresh, POLICY)) >= {"arrears_sms", "arrears_email"}


def test_a_missed_courtesy_message_is_recorded_and_never_sent_late():
    missed = facts(stage=0, effective_instalments=0, cycle_unpaid=True, missed_steps=("courtesy_sms_first",))
    decision = decide(missed, POLICY)
    assert not decision.actions
    assert why_not(decision) == {"courtesy_sms_first": ("missed_day",)}


def test_a_policy_may_send_a_missed_courtesy_message_late_while_the_payment_is_still_open():
    late = with_late("courtesy_sms_first", "send_late_once")
    missed = facts(stage=0, effective_instalments=0, cycle_unpaid=True, missed_steps=("courtesy_sms_first",))
    assert steps(decide(missed, late)) == {"courtesy_sms_first"}
    assert not decide(replace(missed, cycle_unpaid=False), late).actions


def test_of_two_missed_courtesy_messages_the_later_stands_for_both():
    names = ("courtesy_sms_first", "courtesy_sms_second")
    steps_of = [s.model_copy(update={"late": "collapse_to_latest"}) if s.name in names else s for s in POLICY.steps]
    policy = POLICY.model_copy(update={"steps": steps_of})
    missed = facts(stage=0, effective_instalments=0, cycle_unpaid=True, missed_steps=names)
    assert steps(decide(missed, policy)) == {"courtesy_sms_second"}


@pytest.mark.parametrize(("overdue", "missed", "goes", "told"), [(1, 0, True, False), (3, 0, False, False),
                                                                 (6, 0, True, False), (8, 3, False, True)])  # fmt: skip
def test_a_step_of_arrears_that_is_never_sent_late_keeps_its_days(overdue, missed, goes, told):
    skip = with_late("arrears_sms", "skip_and_record")
    decision = decide(facts(working_days_overdue=overdue, missed_working_days=missed, evidence=Evidence()), skip)
    assert ("arrears_sms" in steps(decision)) is goes
    assert ("arrears_sms" in why_not(decision)) is told


@pytest.mark.parametrize(
    ("promise_in", "clean_for", "missed", "expected"),
    [
        (1, None, 0, (("promise_reminder",), ())),
        (2, None, 3, ((), ())),
        (0, None, 0, ((), ())),
        (0, None, 2, ((), ("promise_reminder",))),
        (None, 0, 0, (("thank_you",), ())),
        (None, 2, 2, ((), ("thank_you",))),
        (None, 3, 2, ((), ())),
    ],
)
def test_a_reminder_of_a_promise_and_thanks_have_one_day_and_are_late_after_it(promise_in, clean_for, missed, expected):
    calendar = POLICY.business_calendar()
    today = Today(date(2026, 11, 12), POLICY, calendar, (), True, False, Missed(missed, (), missed))
    assert today.dated_steps(None, promise_in, clean_for) == expected
    assert (promise_in is None or promise_in in today.promise_days) == (expected != ((), ()) or promise_in is None)


def test_a_reminder_whose_day_was_missed_is_recorded_and_not_sent():
    decision = decide(facts(missed_steps=("promise_reminder",), soft_holds=("promise",)), POLICY)
    assert why_not(decision)["promise_reminder"] == ("missed_day",)


def test_working_days_since_a_due_date_are_those_of_the_calendar_whatever_was_asked_before():
    on, made_up = date(2026, 11, 12), date(2026, 11, 8)
    calendar = BusinessCalendar("CN", overrides={made_up: True, date(2026, 11, 9): False})
    today = Today(on, POLICY, calendar, (), True, False, Missed())
    ago = [9, 0, 40, 3, 40, 400, 1, -5, 12, 4]
    dues = [on - timedelta(days=days) for days in ago]
    assert [today.working_days_since(due) for due in dues] == [calendar.working_days_after(due, on) for due in dues]
    assert today.working_days_since(None) == 0
