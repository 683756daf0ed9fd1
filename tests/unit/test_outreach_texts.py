"""What people read and hear: every required statement is there, nothing false or banned is, in both languages.

``tests/golden/messages`` holds every rendering for a lawyer to read; ``python tests/unit/test_outreach_texts.py``
writes it anew after a deliberate change.
"""

from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError
from jinja2.sandbox import SecurityError
from markupsafe import escape

from arrears.ladder.layers import load_policy
from arrears.outreach.gates import ItemFacts, SendFacts
from arrears.outreach.lint import SPOKEN, lint
from arrears.outreach.notice import Notice, notice_of, payload_sha256, plain
from arrears.outreach.render import FORMS, _environment, _texts, render, template_sha256
from arrears.outreach.slots import INTERNAL

PROFILES = Path(__file__).resolve().parents[2] / "include" / "arrears" / "ladder" / "profiles"
GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "messages"
POLICY = load_policy()
TONES = ("courteous", "firm", "serious", "legal")
SAID = [channel for channel in FORMS if channel not in INTERNAL | {"credit_notice"}]
CASES = [
    *[(channel, tone, "borrower", 1) for channel, tone in product(SAID, TONES)],
    *[
        ("credit_notice", tone, audience, 1)
        for tone, audience in product(("serious", "legal"), ("borrower", "guarantors"))
    ],
    *[(channel, "courteous", "borrower", 0) for channel in ("sms", "email", "call")],
    *[(channel, tone, "guarantors", 1) for channel, tone in product(SAID, ("firm", "legal"))],
]


def _item(number: int = 1, **changes: object) -> ItemFacts:
    columns = {
        "item_key": f"{number:064}",
        "account_id": f"A{number}",
        "subject_ref": f"r{number}",
        "audience": "borrower",
        "tone": "firm",
        "rung": 3,
        "amount_minor": 1234_56 * number,
        "currency": "CNY",
        "due_on": date(2026, 10, 15),
        "overdue_instalments": number,
        "is_closed": False,
        "is_missing": False,
        "data_incomplete": False,
        "hard_holds": (),
        "soft_holds": (),
        "about": "episode",
        "is_tied": True,
        "still_due": True,
        "paid_since": False,
        "is_refused": False,
    }
    values = columns | changes
    return ItemFacts(planned_minor=values["amount_minor"], **values)


def _facts(channel: str, *items: ItemFacts, name: str | None = "张三") -> SendFacts:
    return SendFacts(
        "c" * 64,
        channel,
        date(2026, 11, 12),
        (POLICY.time_zone,),
        "某市某路1号",
        False,
        frozenset(),
        "",
        items,
        {},
        None,
        None,
        SimpleNamespace(name=name),
    )


def _notice(language: str, channel: str, tone: str, audience: str, overdue: int, name: str | None = "张三") -> Notice:
    items = [_item(number, tone=tone, audience=audience, overdue_instalments=overdue and number) for number in (1, 2)]
    return notice_of(_facts(channel, *items, name=name), (), language, POLICY)


APART = [(channel, about) for channel, about in product(("sms", "email"), ("promise", "cured"))]
"""What a message says apart from arrears: what was promised, and thanks."""


def _apart(language: str, channel: str, about: str) -> Notice:
    owed, late = (0, 0) if about == "cured" else (1234_56, 1)
    said = _item(1, tone="courteous", rung=1, about=about, amount_minor=owed, overdue_instalments=late)
    return notice_of(_facts(channel, said), (), language, POLICY)


def _golden(language: str) -> str:
    parts = []
    for channel, about in APART:
        rendered = render(_apart(language, channel, about))
        parts.append(f"=== {channel} | courteous | borrower | {about} ===")
        parts.extend(text for text in (rendered.subject, rendered.text) if text)
    for channel, tone, audience, overdue in CASES:
        rendered = render(_notice(language, channel, tone, audience, overdue))
        parts.append(f"=== {channel} | {tone} | {audience} | {'overdue' if overdue else 'due soon'} ===")
        parts.extend(text for text in (rendered.subject, rendered.text) if text)
    return ("\n".join(parts) + "\n").replace(POLICY.sha256[:8], "hash")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_rendering_is_the_one_that_was_read_and_approved(language):
    assert _golden(language) == (GOLDEN / f"{language}.txt").read_text("utf-8")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("channel", "tone", "audience", "overdue"), CASES)
def test_every_text_says_what_it_must_and_nothing_that_it_must_not(language, channel, tone, audience, overdue):
    notice = _notice(language, channel, tone, audience, overdue)
    rendered = render(notice)
    for text in filter(None, (rendered.text, rendered.html)):
        assert lint(text, notice, POLICY) == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", ["张三", "李四<b>&'\"", "\ue000\ue001", "{{ n.creditor }}", None])
@pytest.mark.parametrize(("channel", "tone", "audience", "overdue"), CASES)
def test_a_text_with_blanks_filled_in_is_the_one_written_for_that_person_alone(
    language, name, channel, tone, audience, overdue
):
    notice = _notice(language, channel, tone, audience, overdue, name=name)
    alone, rendered = _texts(notice), render(notice)
    assert (rendered.subject, rendered.text, rendered.html) == tuple(
        alone.get(form, "") for form in ("subject.txt", "txt", "html")
    )


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("channel", "about"), APART)
def test_a_reminder_of_a_promise_and_a_word_of_thanks_are_written_with_blanks_as_well(language, channel, about):
    notice = _apart(language, channel, about)
    assert render(notice).text == _texts(notice)["txt"]


def test_words_of_a_policy_that_look_like_blanks_stay_what_they_are():
    creditor = POLICY.creditor.model_copy(update={"name": "某公司\ue001"})
    notice = notice_of(_facts("email", _item()), (), "zh", POLICY.model_copy(update={"creditor": creditor}))
    assert "某公司\ue001" in render(notice).text


def test_the_next_person_is_not_told_the_name_the_contract_or_the_amount_of_the_one_before():
    first, second = (
        render(notice_of(_facts("email", _item(number), name=name), (), "zh", POLICY))
        for number, name in ((1, "张三"), (1, "李四"))
    )
    assert second == replace(first, text=first.text.replace("张三", "李四"), html=first.html.replace("张三", "李四"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_days_that_a_text_names_are_those_of_the_policy(language):
    promises = POLICY.promises.model_copy(update={"max_days": 17})
    notices = POLICY.notices.model_copy(update={"credit_objection_days": 23})
    policy = POLICY.model_copy(update={"promises": promises, "notices": notices})
    for channel, tone, days in (("call", "firm", "17"), ("credit_notice", "serious", "23")):
        notice = notice_of(_facts(channel, _item(tone=tone)), (), language, policy)
        assert days in render(notice).text.replace(notice.policy_stamp, "")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("removed", "finding"),
    [
        ("creditor", "missing_creditor"),
        ("payment_account", "missing_payment"),
        ("complaint_line", "missing_complaint_line"),
        ("help_line", "missing_help_line"),
        ("policy_stamp", "missing_policy"),
    ],
)
def test_the_lint_misses_no_missing_statement(language, removed, finding):
    notice = _notice(language, "email", "firm", "borrower", 1)
    text = render(notice).text.replace(getattr(notice, removed), "")
    assert finding in lint(text, notice, POLICY)


@pytest.mark.parametrize(
    ("language", "word", "finding"),
    [
        ("zh", "老赖", "banned_word"),
        ("zh", "曝光", "banned_word"),
        ("en", "Deadbeat", "banned_word"),
        ("zh", "我们会向法院起诉", "empty_threat_legal_action"),
        ("en", "we go to court", "empty_threat_legal_action"),
        ("zh", "影响征信", "empty_threat_credit_report"),
    ],
)
def test_the_lint_refuses_banned_words_and_empty_threats(language, word, finding):
    notice = _notice(language, "sms", "firm", "borrower", 1)
    assert finding in lint(render(notice).text + word, notice, POLICY)


def test_a_banned_word_in_a_name_is_nobodys_fault():
    notice = _notice("en", "sms", "firm", "borrower", 1, name="Police Towing Ltd")
    assert lint(render(notice).text, notice, POLICY) == []


def test_a_missing_amount_is_found():
    notice = _notice("zh", "sms", "firm", "borrower", 1)
    assert "missing_amount" in lint(render(notice).text.replace("1,234.56", "很多"), notice, POLICY)


@pytest.mark.parametrize(
    ("tone", "rung", "overdue", "named"),
    [
        ("courteous", 3, 1, ()),
        ("firm", 3, 1, ("late_charges",)),
        ("serious", 3, 1, ("late_charges", "credit_report")),
        ("legal", 3, 1, ("late_charges", "credit_report", "legal_action")),
        ("legal", 2, 1, ("late_charges", "credit_report")),
        ("legal", 3, 0, ()),
    ],
)
def test_a_consequence_is_named_only_where_it_is_true(tone, rung, overdue, named):
    facts = _facts("email", _item(tone=tone, rung=rung, overdue_instalments=overdue))
    assert notice_of(facts, (), "zh", POLICY).consequences == named


def test_a_consequence_the_lender_does_not_take_is_never_named():
    offer = POLICY.notices.model_copy(update={"consequences": ["late_charges"]})
    policy = POLICY.model_copy(update={"notices": offer})
    notice = notice_of(_facts("letter", _item(tone="legal")), (), "zh", policy)
    assert notice.consequences == ("late_charges",)
    assert "诉讼" not in render(notice).text


def test_a_contract_left_out_is_neither_named_nor_counted():
    facts = _facts("sms", _item(1), _item(2))
    notice = notice_of(facts, [_item(1).item_key], "zh", POLICY)
    assert [line.account for line in notice.lines] == ["A2"]
    assert notice.totals == (("2,469.12", "CNY"),)


def test_two_steps_of_one_contract_are_one_line():
    facts = _facts("sms", _item(1), _item(1, item_key="f" * 64))
    assert len(notice_of(facts, (), "zh", POLICY).lines) == 1


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("channel", "about"), APART)
def test_a_reminder_of_a_promise_and_a_word_of_thanks_pass_the_lint_and_threaten_nothing(language, channel, about):
    notice = _apart(language, channel, about)
    rendered = render(notice)
    assert notice.consequences == ()
    for text in filter(None, (rendered.text, rendered.html)):
        assert lint(text, notice, POLICY) == []
        assert (POLICY.creditor.payment_account in text) == (about == "promise")
        assert ("1,234.56" in text) == (about == "promise")


def test_what_was_promised_is_a_line_of_its_own_beside_the_arrears_and_counts_once_in_the_total():
    items = [_item(1), _item(1, item_key="p" * 64, about="promise", amount_minor=500_00), _item(2, about="cured")]
    notice = notice_of(_facts("sms", *items), (), "zh", POLICY)
    assert [(line.account, line.is_promise, line.is_settled) for line in notice.lines] == [
        ("A1", False, False), ("A1", True, False), ("A2", False, True)]  # fmt: skip
    assert notice.totals == (("1,234.56", "CNY"),)
    assert not notice.only_promises
    assert not notice.only_thanks


def test_thanks_beside_a_promise_open_with_the_thanks_and_the_day_promised_and_announce_nothing_else():
    items = [_item(1, about="cured", overdue_instalments=0, amount_minor=0),
             _item(2, about="promise", amount_minor=500_00)]  # fmt: skip
    notice = notice_of(_facts("sms", *items), (), "zh", POLICY)
    assert notice.totals == (("500.00", "CNY"),)
    text = render(notice).text
    assert "即将到期" not in text
    assert "感谢您付清逾期款项。温馨提醒，您约定的付款日即将到来" in text
    english = render(notice_of(_facts("email", *items), (), "en", POLICY))
    assert "about to fall due" not in english.text
    assert "Thank you for your payment. A friendly reminder: the day you promised to pay is near" in english.text


def test_currencies_are_totalled_apart():
    facts = _facts("sms", _item(1), _item(2, currency="USD"), _item(3, currency="JPY", amount_minor=5000))
    assert notice_of(facts, (), "en", POLICY).totals == (("1,234.56", "CNY"), ("5,000", "JPY"), ("2,469.12", "USD"))


def test_a_person_without_a_name_is_greeted_all_the_same():
    for language, channel in product(("zh", "en"), SAID):
        text = render(_notice(language, channel, "firm", "borrower", 1, name=None)).text
        assert "None" not in text
        assert lint(text, _notice(language, channel, "firm", "borrower", 1, name=None), POLICY) == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\r\nBcc: x", "a Bcc: x"),
        ("张\u202e三\u200b", "张三"),
        ("x\u2028y", "x y"),
        ("n\0ul", "n ul"),
        (None, ""),
        ("长" * 99, "长" * 60),
        ("  a  b ", "a b"),
    ],
)
def test_ledger_text_becomes_one_harmless_line(text, kept):
    assert plain(text) == kept


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ n.missing }}",
        "{{ nobody }}",
        "{{ n.__class__.__mro__ }}",
        "{{ n.lines[0].__class__.__mro__ }}",
        "{{ n.name.format.__globals__ }}",
        "{% import 'zh/words.j2' as w with context %}{{ w.__init__.__globals__ }}",
        "{% import 'zh/words.j2' as w with context %}{{ w._body_stream.append(1) }}",
    ],
)
def test_templates_run_in_a_sandbox_that_knows_only_the_notice(source):
    template = _environment(escaping=False).from_string(source)
    with pytest.raises((SecurityError, UndefinedError)):
        template.render(n=_notice("zh", "sms", "firm", "borrower", 1))


def test_the_payload_hash_changes_with_what_is_said_and_not_with_the_person():
    facts = _facts("sms", _item(1))
    notice = notice_of(facts, (), "zh", POLICY)

    def hashed(changed: SendFacts, template: str = template_sha256("zh", "sms")) -> str:
        return payload_sha256(changed, (), notice, template, POLICY.sha256)

    assert hashed(facts) == hashed(_facts("sms", _item(1), name="李四"))
    assert hashed(facts) != hashed(_facts("sms", _item(1, amount_minor=1)))
    assert hashed(facts) != hashed(facts, template_sha256("en", "sms"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_notice_of_reporting_in_a_gentle_tone_is_an_empty_threat(language):
    notice = _notice(language, "credit_notice", "firm", "borrower", 1)
    assert lint("credit report 征信 " + render(notice).text, notice, POLICY) == ["empty_threat_credit_report"]


@pytest.mark.parametrize("profile", ["us", "uk"])
@pytest.mark.parametrize("channel", SAID)
def test_what_the_law_of_a_place_wants_said_is_in_every_text_and_its_absence_is_refused(profile, channel):
    policy = load_policy(PROFILES / f"{profile}.yaml")
    assert policy.notices.statements
    items = tuple(_item(number, currency=policy.currency) for number in (1, 2))
    notice = notice_of(_facts(channel, *items), (), "en", policy)
    rendered = render(notice)
    for text in filter(None, (rendered.text, rendered.html)):
        assert lint(text, notice, policy) == []
        for statement in notice.statements:
            told = escape(statement) if text == rendered.html else statement
            assert "missing_statement_1" in lint(text.replace(str(told), ""), notice, policy)
            break


def test_what_is_sent_names_the_policy_with_its_first_day_and_hash_and_what_is_read_out_names_no_number():
    """The short message names id and version alone."""
    for language, channel in product(("zh", "en"), SAID):
        notice = _notice(language, channel, "firm", "borrower", 1)
        text = render(notice).text
        for part in (f"{POLICY.policy_id} {POLICY.version}", notice.contact_ref):
            assert (part in text) is (channel not in SPOKEN)
        for part in (POLICY.effective_from.isoformat(), POLICY.sha256[:8]):
            assert (part in text) is (channel not in ("sms", *SPOKEN))


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for language in ("zh", "en"):
        (GOLDEN / f"{language}.txt").write_text(_golden(language), "utf-8")
