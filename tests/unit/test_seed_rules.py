"""Rules the training document states in so many words, each tried on the rulebook or on the texts people receive."""

from dataclasses import replace
from datetime import date

import pytest

from arrears.ladder.cycle import calendar_steps
from arrears.ladder.decide import decide
from arrears.ladder.facts import Evidence, Facts, StepDone
from arrears.ladder.layers import load_policy
from arrears.outreach.lint import lint
from arrears.outreach.notice import CONSEQUENCES, Line, Notice
from arrears.outreach.render import render

POLICY = load_policy()
CALENDAR = POLICY.business_calendar()
CALLED = Evidence(reminders=1, call_attempts=3, call_days=2, attempts=4, channels=2, span_days=10)
SERVED = replace(CALLED, letter_age_days=3, guarantors=1, guarantors_tried=1)


def facts(**changes: object) -> Facts:
    plain = Facts(
        on=date(2026, 11, 12), working_day=True, calendar_steps=(), stage=2, effective_instalments=2, delays=(),
        days_past_due=30, working_days_overdue=21, cycle_unpaid=False, hard_holds=(), soft_holds=(),
        promise_broken=False, late_episodes=0, malice=False, calls_last_7_days=0, days_since_conversation=None,
        evidence=CALLED, done=(),
    )  # fmt: skip
    return replace(plain, **changes)


def notice(tone: str = "courteous", channel: str = "email", language: str = "zh", overdue: int = 1) -> Notice:
    creditor = POLICY.creditor
    line = Line("A00001", "12,345.67", "CNY", "2026-10-15", overdue, is_overdue=overdue > 0, as_guarantor=False)
    return Notice(
        contact_ref="0123456789ab", channel=channel, language=language, tone=tone, as_guarantor=False,
        on="2026-11-12", name="示例客户", address="示例省长河市", lines=(line,), totals=(("12,345.67", "CNY"),),
        consequences=CONSEQUENCES[tone], creditor=creditor.name if language == "zh" else creditor.name_en,
        complaint_line=creditor.complaint_line, help_line=POLICY.notices.help_line,
        payment_account=creditor.payment_account, pay_link="", minimum_part="500.00", may_opt_out=True,
        cure_days=POLICY.legal.demand_cure_days,
        promise_days=POLICY.promises.max_days, promise_in_month=POLICY.promises.within_month,
        objection_days=POLICY.notices.credit_objection_days,
        policy_stamp=POLICY.stamp,
        statements=tuple(one.zh if language == "zh" else one.en for one in POLICY.notices.statements),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 11), ()),
        (date(2026, 11, 12), ("courtesy_sms_first",)),
        (date(2026, 11, 13), ("courtesy_sms_second", "due_day_call")),
        (date(2026, 12, 12), ("courtesy_sms_first",)),
        (date(2026, 12, 15), ("due_day_call",)),
    ],
)
def test_messages_go_on_the_twelfth_and_thirteenth_and_the_call_of_the_fifteenth_never_after_it(day, expected):
    assert calendar_steps(day, POLICY, CALENDAR) == expected


def test_two_overdue_and_everybody_called_bring_a_letter_and_then_a_visit_with_it():
    first = decide(facts(), POLICY)
    assert first.rung == 3
    assert "lawyers_letter" in {action.step for action in first.actions}
    assert "visit_with_letter" not in {action.step for action in first.actions}
    later = decide(facts(evidence=SERVED, done=(StepDone("lawyers_letter", 1, 1, 4),)), POLICY)
    assert {"visit_with_letter", "lawyers_letter_guarantors"} <= {action.step for action in later.actions}


def triggers(given: Facts) -> list[str]:
    return [reason for reason in decide(given, POLICY).reasons if reason.startswith("V")]


def test_calls_without_effect_send_a_visitor_and_so_does_a_habit_of_paying_late():
    assert triggers(facts(evidence=replace(CALLED, call_days=1))) == []
    assert triggers(facts()) == ["V1_no_effect"]
    habitual = facts(evidence=Evidence(), late_episodes=POLICY.visit_triggers.habitual_count)
    assert triggers(habitual) == ["V2_habitual"]


@pytest.mark.parametrize(
    ("changes", "lane"),
    [
        ({}, "good_faith"),
        ({"late_episodes": 3}, "habitual"),
        ({"days_past_due": 181}, "aged"),
        ({"malice": True, "days_past_due": 181}, "high_risk"),
    ],
)
def test_record_and_reason_choose_the_lane(changes, lane):
    assert decide(facts(**changes), POLICY).lane == lane


def test_the_tone_is_courteous_first_and_grows_by_the_contact():
    tones = []
    for sent in range(4):
        done = (StepDone("arrears_sms", sent, sent, 5),) if sent else ()
        decision = decide(facts(stage=1, effective_instalments=1, done=done), POLICY)
        tones.append(next(action.tone for action in decision.actions if action.step == "arrears_sms"))
    assert tones == ["courteous", "firm", "serious", "serious"]


@pytest.mark.parametrize(("sent", "tone"), [(0, "firm"), (1, "serious"), (2, "serious")])
def test_after_a_broken_promise_the_next_contact_is_one_step_more_serious(sent, tone):
    """Source: domain.md 5e: broken, ordinal + 1; who is willing and able still hears a soft tone."""
    done = (StepDone("arrears_sms", sent, sent, 5),) if sent else ()
    broken = facts(stage=1, effective_instalments=1, done=done, promise_broken=True)
    for treatment, expected in ((None, tone), ("remind", "courteous")):
        actions = decide(replace(broken, treatment=treatment), POLICY).actions
        assert [action.tone for action in actions if action.step == "arrears_sms"] == [expected]


def test_a_first_contact_names_no_consequence_a_second_late_charges_a_third_the_credit_record():
    first, second, third = (render(notice(tone)).text for tone in ("courteous", "firm", "serious"))
    assert "罚息" not in first
    assert "征信" not in first
    assert "罚息" in second
    assert "征信" not in second
    assert "征信" in third


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("tone", list(CONSEQUENCES))
def test_every_notice_tells_amount_ways_to_pay_part_payment_help_dispute_and_that_collection_is_free(tone, language):
    told = notice(tone, language=language)
    assert lint(render(told).text, told, POLICY) == []


@pytest.mark.parametrize(
    ("removed", "problem"),
    [("部分还款", "missing_part_payment"), ("困难", "missing_help"), ("异议", "missing_dispute"),
     ("投诉", "missing_complaint"), ("不收取任何催收费用", "missing_no_fee")],
)  # fmt: skip
def test_a_notice_that_leaves_out_an_offer_or_a_right_is_refused(removed, problem):
    told = notice()
    assert problem in lint(render(told).text.replace(removed, ""), told, POLICY)


def test_a_consequence_the_lender_does_not_take_may_not_be_named():
    told = replace(notice("firm"), consequences=())
    assert "empty_threat_legal_action" in lint(render(told).text + "我们将向法院起诉。", told, POLICY)


@pytest.mark.parametrize("word", ["老赖", "坐牢", "曝光"])
def test_words_that_insult_or_frighten_are_refused(word):
    told = notice()
    assert "banned_word" in lint(render(told).text + word, told, POLICY)


def test_a_call_script_greets_listens_asks_for_the_reason_and_ends_with_the_next_step():
    script = render(notice("firm", channel="call")).text
    for part in ("您好", "原因", "不打断", "下一步日期"):
        assert part in script


def test_a_loaded_policy_tells_its_number_version_and_first_day_and_a_change_changes_its_hash():
    assert (POLICY.policy_id, POLICY.version, POLICY.effective_from) == ("cn", POLICY.version, date(2026, 1, 31))
    assert POLICY.model_copy(update={"version": "other"}).sha256 != POLICY.sha256
