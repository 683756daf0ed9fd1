"""The ladder as sentences: what decide() may and may never do."""

from dataclasses import replace
from datetime import date

import pytest

from arrears.ladder.decide import decide
from arrears.ladder.decision import Decision
from arrears.ladder.facts import Evidence, Facts, StepDone
from arrears.ladder.layers import load_policy

POLICY = load_policy()
THURSDAY = date(2026, 11, 12)
NOTHING = Evidence()
REMINDED = Evidence(reminders=1, attempts=1, channels=1)
CALLED = Evidence(reminders=1, call_attempts=3, call_days=2, attempts=4, channels=2, span_days=10)
COMPLETE = Evidence(
    reminders=2, call_attempts=4, call_days=3, attempts=8, channels=4, span_days=40, visits=1, letter_age_days=12
)


def facts(**changes: object) -> Facts:
    plain = Facts(
        on=THURSDAY, working_day=True, calendar_steps=(), stage=1, effective_instalments=1, delays=(),
        days_past_due=10, working_days_overdue=6, cycle_unpaid=False, hard_holds=(), soft_holds=(),
        promise_broken=False, late_episodes=0, malice=False, calls_last_7_days=0, days_since_conversation=None,
        evidence=NOTHING, done=(),
    )  # fmt: skip
    return replace(plain, **changes)


def steps(decision: Decision) -> set[str]:
    return {action.step for action in decision.actions}


def why_not(decision: Decision, step: str) -> tuple[str, ...]:
    return next(found.reasons for found in decision.suppressed if found.step == step)


def test_an_account_first_seen_with_five_instalments_overdue_starts_on_the_first_rung():
    decision = decide(facts(stage=3, effective_instalments=3), POLICY)
    assert (decision.entitled_rung, decision.unlocked_rung, decision.rung) == (4, 1, 1)
    assert all(action.rung == 1 for action in decision.actions)


@pytest.mark.parametrize(("evidence", "rung"), [(NOTHING, 1), (REMINDED, 2), (CALLED, 3), (COMPLETE, 4)])
def test_each_rung_is_opened_by_its_own_evidence_and_all_below(evidence: Evidence, rung: int):
    assert decide(facts(stage=3, effective_instalments=3, evidence=evidence), POLICY).unlocked_rung == rung


def test_a_letter_without_the_calls_before_it_opens_nothing():
    skipped = replace(COMPLETE, call_attempts=0, call_days=0)
    assert decide(facts(stage=3, effective_instalments=3, evidence=skipped), POLICY).unlocked_rung == 2


def test_every_guarantor_must_have_been_tried_before_the_third_rung():
    one_of_two = replace(CALLED, guarantors=2, guarantors_tried=1)
    assert decide(facts(stage=2, effective_instalments=2, evidence=one_of_two), POLICY).unlocked_rung == 2


def test_a_person_without_any_contact_point_is_not_immune():
    attested = Evidence(no_contact_point=True, channels=2, span_days=20, visits_failed=2, letter_age_days=15)
    assert decide(facts(stage=3, effective_instalments=3, evidence=attested), POLICY).rung == 4


def test_the_lawyers_letter_opens_the_fourth_rung_only_after_its_cure_days():
    fresh = replace(COMPLETE, letter_age_days=POLICY.evidence.unlock_rung_4.letter_cure_days - 1)
    assert decide(facts(stage=3, effective_instalments=3, evidence=fresh), POLICY).rung == 3


def test_a_guarantor_is_never_called_before_the_borrower():
    guaranteed = replace(REMINDED, guarantors=1)
    decision = decide(facts(evidence=guaranteed), POLICY)
    assert why_not(decision, "guarantor_call") == ("before_borrower_call",)
    assert "borrower_call" in steps(decision)
    after = decide(facts(evidence=replace(guaranteed, call_attempts=1, call_days=1)), POLICY)
    assert "guarantor_call" in steps(after)


def test_a_call_that_was_only_put_on_a_list_brings_neither_the_guarantor_nor_a_visitor():
    """Nobody dialled, or nobody wrote it down: our own failure never counts."""
    listed = facts(evidence=replace(REMINDED, guarantors=1), promise_broken=True,
                   done=(StepDone("borrower_call", 1, 1, 2),))  # fmt: skip
    decision = decide(listed, POLICY)
    for step in ("guarantor_call", "visit"):
        assert why_not(decision, step) == ("before_borrower_call",)
    told = decide(replace(listed, evidence=replace(listed.evidence, call_attempts=1, call_days=1)), POLICY)
    assert {"guarantor_call", "visit"} <= steps(told)


def test_one_cent_unpaid_causes_no_step_of_arrears():
    decision = decide(facts(effective_instalments=0, delays=("tolerance",)), POLICY)
    assert not decision.actions
    assert "delayed_tolerance" in decision.reasons


def test_the_courtesy_message_is_for_performing_customers_too():
    decision = decide(facts(stage=0, effective_instalments=0, cycle_unpaid=True, days_past_due=0,
                            working_days_overdue=0, calendar_steps=("courtesy_sms_first",)), POLICY)  # fmt: skip
    assert steps(decision) == {"courtesy_sms_first"}
    paid = decide(facts(stage=0, effective_instalments=0, calendar_steps=("courtesy_sms_first",)), POLICY)
    assert not paid.actions


def test_a_courtesy_message_is_not_added_to_an_arrears_message_of_the_same_day():
    decision = decide(facts(cycle_unpaid=True, calendar_steps=("courtesy_sms_first",)), POLICY)
    assert why_not(decision, "courtesy_sms_first") == ("covered_by_arrears_message",)


def test_an_open_promise_stops_everything_but_the_courtesy_reminder():
    decision = decide(facts(evidence=COMPLETE, soft_holds=("promise",), stage=3, effective_instalments=3), POLICY)
    assert not decision.actions
    assert decision.rung < 4


def test_a_broken_promise_sends_a_visitor():
    decision = decide(facts(promise_broken=True, evidence=replace(REMINDED, call_attempts=1, call_days=1)), POLICY)
    assert "visit" in steps(decision)
    assert "V3_broken_promise" in decision.reasons


def test_whoever_never_answers_is_visited_as_lost_contact():
    silent = replace(CALLED, call_attempts=6, call_days=3)
    assert "V4_lost_contact" in decide(facts(evidence=silent), POLICY).reasons
    assert "V4_lost_contact" not in decide(facts(evidence=replace(silent, calls_answered=1)), POLICY).reasons


def test_calls_grow_from_few_to_many_by_the_week():
    late = {"evidence": REMINDED, "calls_last_7_days": 1}
    assert why_not(decide(facts(days_past_due=5, **late), POLICY), "borrower_call") == ("weekly_call_budget",)
    assert "borrower_call" in steps(decide(facts(days_past_due=8, **late), POLICY))


def test_nobody_is_called_or_visited_on_a_day_off():
    decision = decide(facts(working_day=False, evidence=COMPLETE, stage=3, effective_instalments=3), POLICY)
    assert {action.channel for action in decision.actions} <= {"sms", "email"}


def test_high_risk_halves_the_gap_and_opens_no_gate():
    done = (StepDone("arrears_sms", 1, 1, 3),)
    calm, risky = facts(done=done), facts(done=done, malice=True)
    assert "arrears_sms" not in steps(decide(calm, POLICY))
    assert "arrears_sms" in steps(decide(risky, POLICY))
    assert decide(calm, POLICY).unlocked_rung == decide(risky, POLICY).unlocked_rung


def test_a_step_that_was_withheld_is_due_again_under_the_next_ordinal():
    withheld = decide(facts(done=(StepDone("arrears_sms", 2, 0, None),)), POLICY)
    assert next(action.ordinal for action in withheld.actions if action.step == "arrears_sms") == 3


def test_facts_survive_being_frozen_and_read_back():
    full = facts(evidence=COMPLETE, done=(StepDone("visit", 2, 1, 3),), hard_holds=("dispute",))
    assert Facts.from_body(full.body()) == full


def test_an_open_promise_stops_the_call_of_the_due_day_too():
    due = facts(calendar_steps=("due_day_call",), cycle_unpaid=True, soft_holds=("promise",), evidence=CALLED)
    assert why_not(decide(due, POLICY), "due_day_call") == ("promise_open",)


def test_nobody_is_visited_with_and_without_a_letter_within_a_week():
    lettered = replace(COMPLETE, letter_age_days=3)
    letter = StepDone("lawyers_letter", 1, 1, 3)
    behind = facts(stage=2, effective_instalments=2, working_days_overdue=30, evidence=lettered, done=(letter,))
    both_due = decide(behind, POLICY)
    assert "visit_with_letter" in steps(both_due)
    assert "covered_by_visit_with_letter" in why_not(both_due, "visit")
    yesterday = decide(replace(behind, done=(letter, StepDone("visit", 1, 1, 1))), POLICY)
    assert not {"visit", "visit_with_letter"} & steps(yesterday)
    a_week_later = decide(replace(behind, done=(letter, StepDone("visit", 1, 1, 5))), POLICY)
    assert "visit_with_letter" in steps(a_week_later)


def test_a_message_that_is_held_back_covers_no_courtesy_message():
    promised = facts(cycle_unpaid=True, calendar_steps=("courtesy_sms_first",), soft_holds=("promise",))
    assert why_not(decide(promised, POLICY), "arrears_sms") == ("promise_open",)
    assert steps(decide(promised, POLICY)) == {"courtesy_sms_first"}


# --- who cannot be reached is not immune ---


def test_whom_no_message_reaches_is_called_on_the_first_rung_until_something_has_reached_them():
    assert "reminder_call" not in steps(decide(facts(working_days_known=1), POLICY))
    assert "reminder_call" in steps(decide(facts(working_days_known=2), POLICY))
    assert "reminder_call" not in steps(decide(facts(working_days_known=2, evidence=REMINDED), POLICY))


def test_three_unanswered_calls_on_two_days_stand_for_a_reminder():
    tried = Evidence(call_attempts=3, call_days=2, attempts=3, channels=1)
    assert decide(facts(evidence=replace(tried, call_days=1)), POLICY).unlocked_rung == 1
    assert decide(facts(evidence=tried), POLICY).unlocked_rung > 1


@pytest.mark.parametrize("lost", [{"dead_number": True}, {"no_contact_point": True}])
def test_a_dead_number_or_none_at_all_brings_a_visit_without_the_call_that_nobody_can_make(lost):
    decision = decide(facts(evidence=replace(REMINDED, **lost)), POLICY)
    assert "V4_lost_contact" in decision.reasons
    assert "visit" in steps(decision)


def test_a_number_that_was_dead_and_then_answered_is_no_lost_contact():
    answered = replace(CALLED, call_days=1, dead_number=True, calls_answered=1)
    assert "V4_lost_contact" not in decide(facts(evidence=answered), POLICY).reasons


def test_a_refusal_stops_calls_for_its_days_and_sends_the_consequences_in_writing():
    reminded = replace(REMINDED, calls_answered=1)
    fresh = decide(facts(evidence=reminded, days_since_refusal=3), POLICY)
    assert why_not(fresh, "borrower_call") == ("recent_refusal",)
    assert "demand_letter" in steps(fresh)
    over = facts(evidence=reminded, days_since_refusal=POLICY.contact.quiet_after_refusal_days)
    assert "borrower_call" in steps(decide(over, POLICY))
    assert "demand_letter" not in steps(decide(facts(evidence=reminded), POLICY))


def test_a_rating_orders_the_work_and_opens_no_gate():
    for treatment in ("remind", "plan", "press", "secure"):
        rated = decide(facts(evidence=REMINDED, treatment=treatment), POLICY)
        plain = decide(facts(evidence=REMINDED), POLICY)
        assert (rated.unlocked_rung, rated.rung, rated.gates) == (plain.unlocked_rung, plain.rung, plain.gates)
        assert rated.reasons == (*plain.reasons, f"treatment_{treatment}")


def test_an_approved_visit_is_a_reason_for_a_visit():
    called = replace(REMINDED, call_attempts=1, call_days=1)
    assert "visit" not in steps(decide(facts(evidence=called), POLICY))
    approved = decide(facts(evidence=called, visit_approved=True), POLICY)
    assert "visit" in steps(approved)
    assert "V5_approved" in approved.reasons


def test_a_promise_holds_everything_but_the_reminder_of_itself_and_a_pause_holds_that_too():
    eve = facts(calendar_steps=("promise_reminder",), soft_holds=("promise",), evidence=COMPLETE)
    assert steps(decide(eve, POLICY)) == {"promise_reminder"}
    paused = replace(eve, soft_holds=("part_payment", "promise"))
    assert why_not(decide(paused, POLICY), "promise_reminder") == ("hold_part_payment",)
    disputed = replace(eve, hard_holds=("dispute",))
    assert not decide(disputed, POLICY).actions


def test_thanks_are_for_arrears_that_are_paid_and_were_asked_for():
    paid = facts(stage=0, effective_instalments=0, days_past_due=0, working_days_overdue=0,
                 calendar_steps=("thank_you",), done=(StepDone("arrears_sms", 1, 1, 3),))  # fmt: skip
    assert steps(decide(paid, POLICY)) == {"thank_you"}
    assert steps(decide(replace(paid, done=()), POLICY)) == set()
    assert steps(decide(replace(paid, done=(StepDone("arrears_sms", 1, 0, None),)), POLICY)) == set()
    assert not decide(replace(paid, hard_holds=("complaint",)), POLICY).actions
    assert "thank_you" not in steps(decide(replace(paid, stage=1, effective_instalments=1), POLICY))


def test_arrears_that_ended_without_money_earn_no_thanks_and_the_decision_says_why():
    moved = facts(stage=0, effective_instalments=0, days_past_due=0, working_days_overdue=0, paid_nothing=True,
                  calendar_steps=("thank_you",), done=(StepDone("arrears_sms", 1, 1, 3),))  # fmt: skip
    assert not decide(moved, POLICY).actions
    assert why_not(decide(moved, POLICY), "thank_you") == ("nothing_paid",)
    assert why_not(decide(replace(moved, hard_holds=("dispute",)), POLICY), "thank_you") == (
        "hold_dispute",
        "nothing_paid",
    )


def test_a_written_demand_follows_after_twelve_working_days_and_only_where_no_letter_was_sent():
    late = facts(evidence=replace(CALLED, guarantors=1, guarantors_tried=1), working_days_overdue=12,
                 working_days_known=10)  # fmt: skip
    assert {"written_demand", "written_demand_guarantors"} <= steps(decide(late, POLICY))
    assert "written_demand" not in steps(decide(replace(late, working_days_overdue=11), POLICY))
    first_seen_late = replace(late, working_days_overdue=90, working_days_known=9)
    assert not {"written_demand", "written_demand_guarantors"} & steps(decide(first_seen_late, POLICY))
    for letter in ("demand_letter", "lawyers_letter"):
        written = replace(late, done=(StepDone(letter, 1, 1, 4),))
        assert "written_demand" not in steps(decide(written, POLICY))
    worse = decide(replace(late, stage=2, effective_instalments=2), POLICY)
    assert why_not(worse, "written_demand") == ("covered_by_lawyers_letter",)
    assert why_not(worse, "written_demand_guarantors") == ("covered_by_lawyers_letter_guarantors",), "it goes tomorrow"
    told = replace(late, stage=2, effective_instalments=2, done=(StepDone("lawyers_letter", 1, 1, 1),))
    assert why_not(decide(told, POLICY), "written_demand_guarantors") == ("covered_by_lawyers_letter_guarantors",)
    alone = replace(late, evidence=CALLED)
    assert "written_demand_guarantors" not in steps(decide(alone, POLICY))


def test_a_guarantor_gets_the_demand_while_the_lawyers_letter_cannot_reach_the_borrower():
    """The clock of the guarantee runs on where no letter to the borrower has ever left."""
    homeless = facts(evidence=replace(CALLED, guarantors=1, guarantors_tried=1), stage=2, effective_instalments=2,
                     working_days_overdue=60, working_days_known=60,
                     done=(StepDone("borrower_call", 9, 9, 5), StepDone("lawyers_letter", 5, 0, None)))  # fmt: skip
    decision = decide(homeless, POLICY)
    assert why_not(decision, "lawyers_letter_guarantors") == ("before_lawyers_letter",)
    assert "written_demand_guarantors" in steps(decision), "a letter that is held back takes nobody's place"
    assert why_not(decision, "written_demand") == ("covered_by_lawyers_letter",)


@pytest.mark.parametrize("kind", POLICY.holds.debtor_only)
def test_while_nothing_but_the_debtors_own_fate_holds_an_account_each_guarantor_is_asked_by_letter_and_nobody_else(
    kind,
):
    """Source: domain.md 5e, guarantor-only; Civil Code 693: the period of the guarantee runs on."""
    held = facts(evidence=replace(Evidence(), guarantors=1), working_days_overdue=1, hard_holds=(kind,))
    assert steps(decide(held, POLICY)) == {"guarantor_demand"}
    assert "guarantor_demand" not in steps(decide(replace(held, evidence=Evidence()), POLICY)), "there is no guarantor"
    asked = replace(held, done=(StepDone("written_demand_guarantors", 1, 1, 9),))
    assert not decide(asked, POLICY).actions, "they were asked in writing before"
    for others in ((), ("deceased",), tuple(sorted((kind, "dispute"))), tuple(sorted((kind, "data_incomplete")))):
        decision = decide(replace(held, hard_holds=others), POLICY)
        assert "guarantor_demand" not in steps(decision)
        assert not (others and decision.actions)


def test_no_guarantor_gets_a_written_demand_before_the_borrower_was_tried():
    unheard = Evidence(reminders=1, attempts=1, channels=1, guarantors=1)
    decision = decide(facts(evidence=unheard, working_days_overdue=12, working_days_known=10), POLICY)
    assert why_not(decision, "written_demand_guarantors") == ("before_borrower_call",)


def test_who_is_to_be_reported_is_told_before_and_only_once_on_the_third_rung():
    letter = StepDone("lawyers_letter", 1, 1, 2)
    two = facts(stage=2, effective_instalments=2, evidence=CALLED, done=(letter,))
    assert "credit_notice" in steps(decide(two, POLICY))
    assert "credit_notice" not in steps(
        decide(replace(two, done=(StepDone("credit_notice", 1, 1, 30), letter)), POLICY)
    )
    fresh = replace(two, done=(StepDone("lawyers_letter", 1, 1, 1),))
    assert why_not(decide(fresh, POLICY), "credit_notice") == ("too_soon_after_lawyers_letter",)
    assert why_not(decide(replace(two, done=()), POLICY), "credit_notice") == ("before_lawyers_letter",)
    assert why_not(decide(replace(two, evidence=REMINDED), POLICY), "credit_notice") == ("evidence_missing",)
    assert "credit_notice" not in steps(decide(facts(evidence=CALLED), POLICY))


def test_a_word_of_the_committee_starts_the_placement_only_once_every_gate_is_open():
    placed = facts(stage=3, effective_instalments=3, days_past_due=200, evidence=COMPLETE, committee="placement")
    assert "placement" in steps(decide(placed, POLICY))
    assert "committee_placement" in decide(placed, POLICY).reasons
    assert why_not(decide(replace(placed, evidence=CALLED), POLICY), "placement") == ("evidence_missing",)
    assert why_not(decide(replace(placed, hard_holds=("dispute",)), POLICY), "placement") == ("hold_dispute",)
    for word in (None, "legal"):
        assert "placement" not in steps(decide(replace(placed, committee=word), POLICY))


def test_where_the_bank_may_debit_it_is_asked_first_and_once_and_the_customer_has_heard_nothing_of_it():
    """Source: domain.md 2c and 5c: a direct debit is asked again before a person is, on a working day."""
    agreed = facts(working_days_overdue=1, debit_mandate=True)
    assert "debit_retry" in steps(decide(agreed, POLICY))
    assert "debit_retry" not in steps(decide(replace(agreed, debit_mandate=False), POLICY))
    assert "debit_retry" not in steps(decide(replace(agreed, working_days_overdue=0), POLICY))
    assert why_not(decide(replace(agreed, working_day=False), POLICY), "debit_retry") == ("not_a_working_day",)
    asked = replace(agreed, working_days_overdue=3, done=(StepDone("debit_retry", 1, 1, 2),))
    assert "debit_retry" not in steps(decide(asked, POLICY))
    tones = {action.step: action.tone for action in decide(asked, POLICY).actions}
    assert tones["arrears_sms"] == "courteous"
    paid = replace(asked, stage=0, effective_instalments=0, calendar_steps=("thank_you",))
    assert "thank_you" not in steps(decide(paid, POLICY)), "thanks are for who was asked"


def test_an_account_sent_to_court_has_its_machine_looked_for():
    called = (StepDone("borrower_call", 3, 3, 2),)
    to_court = facts(stage=3, effective_instalments=3, evidence=COMPLETE, committee="legal", done=called)
    assert "asset_search" in steps(decide(to_court, POLICY))
    assert "asset_search" not in steps(decide(replace(to_court, committee=None), POLICY))


def test_only_the_watch_lane_hears_of_a_payment_five_days_before():
    ahead = facts(stage=0, effective_instalments=0, days_past_due=0, working_days_overdue=0, cycle_unpaid=True,
                  calendar_steps=("watch_sms",))  # fmt: skip
    assert steps(decide(replace(ahead, late_episodes=3), POLICY)) == {"watch_sms"}
    for other in ({}, {"late_episodes": 2}, {"late_episodes": 3, "malice": True}):
        assert steps(decide(replace(ahead, **other), POLICY)) == set()
