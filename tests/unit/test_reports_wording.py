"""Every code a reader could meet has a word in both languages, and both vocabularies have the same shape."""

from importlib.resources import files

import pytest
import yaml

from arrears.approvals.votes import REASONS
from arrears.ladder.gather import DELAYS
from arrears.ladder.layers import load_policy
from arrears.ledger.columns import REASONS as FAULTS
from arrears.legal import wording as legal_wording
from arrears.outreach import gates as send_gates
from arrears.reports import money_text
from arrears.reports.control import OWNERS
from arrears.reports.sheet import CHOICES, COLUMNS
from arrears.reports.wording import words
from arrears.repossession.order_kinds import WHY_NOT
from arrears.store.tables import feeds, legal, repossession, runs

POLICY = load_policy()
PROFILES = [file for file in files("arrears.ladder").joinpath("profiles").iterdir() if file.name.endswith(".yaml")]
STEPS = {step["name"] for file in PROFILES for step in yaml.safe_load(file.read_text("utf-8")).get("steps", [])}
DECIDE_REASONS = ("promise_open", "evidence_missing", "not_a_working_day", "weekly_call_budget", "recent_conversation",
                  "covered_by_arrears_message", "not_a_contact_day", "missed_day", "nothing_paid")  # fmt: skip
SEND_REASONS = ("past_date", "window_closed", "no_contact_point", "opted_out", "invalid", "land_line",
                "account_closed",
                "account_missing", "paid", "no_longer_due", "cap_day", "cap_7_days", "cap_reserved", "cap_30_days",
                "min_gap", "daily_cap", "every_item_held", "text_refused", "channel_not_enabled", "no_amount",
                "no_borrower", "no_guarantor", "already_done", "already_contacted_today", "superseded",
                "slot_over")  # fmt: skip
NEEDS = ("rung_four", "borrower_known", "service_address", "demand_served", "cure_over", "limitation_running",
         "guarantee_running", "document_contract", "document_service_address_confirmation", "document_lawyers_letter",
         "document_proof_of_service", "document_visit_report", "no_snapshot_row",
         "data_incomplete", "does_not_reconcile", "chosen_remedy_closed", "missing_glyph",
         "template_error")  # fmt: skip
DOCUMENTS = tuple(f"document_{kind}" for kinds in POLICY.legal.required_documents.values() for kind in kinds)
FAMILIES = {
    "reason": (*DECIDE_REASONS, *SEND_REASONS),
    "delay": DELAYS,
    "hold": (*POLICY.holds.hard, *POLICY.holds.soft),
    "step": tuple(sorted(STEPS)),
    "need": (*NEEDS, *DOCUMENTS),
    "counted_from": ("from_last_instalment", "from_acceleration", "restarted_by_demand", "agreed_in_guarantee",
                     "from_preservation", "from_judgment"),
    "clock": (*type(POLICY.legal.alert_days).model_fields, "filing"),
    "outcome": feeds.OUTCOMES,
    "why": feeds.REASONS,
    "channel": feeds.CHANNELS,
    "approval": (*repossession.APPROVAL_KINDS, "visit", "lock", "filing"),
    "order": repossession.ORDER_STATES,
    "packet": legal.PACKET_STATES,
    "approval_state": repossession.APPROVAL_STATES,
    "vote": repossession.DECISIONS,
    "case_kind": legal.FILED_KINDS,
    "order_note": (*REASONS.values(), *WHY_NOT.values(), "withdrawn", "facts_changed", "agency_failed"),
    "run_status": runs.RUN_STATES,
    "exception": tuple(OWNERS),
    "role": tuple(OWNERS.values()),
    "fault": tuple(FAULTS),
    "gate": ("zero_rows", "control_totals", "quarantined_share", "rows_band", "absent_accounts", "total_change",
             "stage_three"),
    "script": tuple(f"{channel}_{tone}" for channel in CHOICES for tone in ("courteous", "firm", "serious", "legal")),
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_code_has_a_word(family, language):
    say = words(language)
    assert [code for code in FAMILIES[family] if not say.knows(family, code)] == []


def test_the_reasons_listed_here_are_those_the_gates_give():
    source = send_gates.__loader__.get_source(send_gates.__name__)
    assert [
        code for code in ("window_closed", "cap_7_days", "every_item_held", "no_longer_due") if code not in source
    ] == []
    assert [code for code in NEEDS if code not in legal_wording.__loader__.get_source(legal_wording.__name__)] == []


def _shape(entry):
    if isinstance(entry, dict) and set(entry) != {"one", "other"}:
        return {key: _shape(value) for key, value in entry.items()}
    return None


def test_both_vocabularies_have_the_same_shape():
    assert _shape(words("zh")._entries) == _shape(words("en")._entries)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_two_columns_of_a_work_list_share_a_head_and_no_two_choices_a_word(language):
    say = words(language)
    heads = say.family("sheet.header")
    assert set(COLUMNS) <= set(heads)
    assert len(set(heads.values())) == len(heads)
    assert len({say.label("outcome", code) for code in feeds.OUTCOMES}) == len(feeds.OUTCOMES)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_choices_of_a_channel_fit_into_one_cell_rule(language):
    say = words(language)
    for codes in (*CHOICES.values(), feeds.REASONS):
        labels = [say.label("outcome" if codes is not feeds.REASONS else "why", code) for code in codes]
        assert len(",".join(labels)) <= 255
        assert not any("," in label for label in labels)


def test_a_step_that_another_takes_the_place_of_names_the_other():
    assert words("zh").reason("covered_by_visit_with_letter") == "改为：带律师函上门"
    assert words("en").reason("covered_by_arrears_message") == "an arrears message goes out already"


def test_a_code_without_a_word_never_reaches_the_reader():
    assert words("zh").reason("brand_new_reason") == "未列明的情况"
    assert words("en").reason("hold_dispute") == "on hold: dispute"


def test_n_picks_singular_or_plural_and_large_numbers_are_grouped():
    say = words("en")
    assert say("lead.promises_today", n=1) == "1 promise falls due today."
    assert say("lead.promises_today", n=1234) == "1,234 promises fall due today."


@pytest.mark.parametrize(
    ("minor", "zh", "en"),
    [
        (4_000_00, "¥4,000", "¥4,000"),
        (128_450_00, "¥12.8万", "¥128,450"),
        (3_400_000_00, "¥340万", "¥3.4M"),
        (-50_00, "-¥50", "-¥50"),
        (250_000_000_00, "¥2.5亿", "¥250M"),
    ],
)
def test_amounts_in_sentences_are_short(minor, zh, en):
    assert money_text.short(minor, "CNY", "zh") == zh
    assert money_text.short(minor, "CNY", "en") == en


def test_amounts_in_tables_are_exact_and_currencies_are_never_added_up():
    assert money_text.exact(1_234_567_89, "CNY") == "¥1,234,567.89"
    assert money_text.exact(1500, "JPY") == "JPY 1,500"
    assert money_text.exact_all({"USD": 100, "CNY": 200}, "CNY") == "¥2.00 + $1.00"
    assert money_text.exact_all({}, "CNY") == "¥0.00"


def test_names_are_masked_to_their_first_character():
    assert [money_text.masked(name) for name in ("张三", "欧阳修", "Alice", "", None)] == [
        "张**",
        "欧**",
        "A***",
        "—",
        "—",
    ]


@pytest.mark.parametrize(
    ("points", "text"), [(4310, "43.1%"), (4315, "43.2%"), (-4, "0.0%"), (None, "—"), (10000, "100.0%")]
)
def test_rates_are_shown_to_a_tenth(points, text):
    assert money_text.percent(points) == text
