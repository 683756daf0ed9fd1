"""A layer of the policy may only tighten the one above it, and whoever loosens is told file, key and both values."""

from pathlib import Path

import pytest
import yaml

from arrears.core.errors import BadArguments
from arrears.ladder.layers import for_account, load_policy, read_policy
from arrears.ladder.policy import Policy
from arrears.ladder.tighter import Tighter, directions_of, is_looser

CN = load_policy()


@pytest.fixture
def lender(tmp_path: Path):
    """Write a lender's layer and read it with what stands above."""

    def read(text: str, name: str = "lender.yaml", extends: str = "cn") -> Policy:
        head = f'extends: {extends}\npolicy_id: ours\nversion: "7"\neffective_from: 2026-12-01\n'
        (tmp_path / name).write_text(head + text, encoding="utf-8")
        return read_policy(str(tmp_path / name))

    return read


def groups(model: type) -> list[type]:
    """Return every group of the schema, nested ones too."""
    found, pending = [], [model]
    while pending:
        group = pending.pop()
        found.append(group)
        for field in group.model_fields.values():
            kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
            pending += [kind for kind in kinds if hasattr(kind, "model_fields") and not field.metadata]
    return found


def test_every_parameter_says_which_way_is_tighter():
    undeclared = [
        (group.__name__, name)
        for group in groups(Policy)
        for name, direction in directions_of(group).items()
        if direction is None and not any(
            hasattr(kind, "model_fields") for kind in (group.model_fields[name].annotation,
                                                       *getattr(group.model_fields[name].annotation, "__args__", ())))
    ]  # fmt: skip
    assert undeclared == []


@pytest.mark.parametrize("name", ["cn", "us", "uk"])
def test_the_profiles_of_three_jurisdictions_stand_on_one_base_and_load(name):
    found = load_policy(Path(name))
    assert found.layers == ["base 1.0", f"{name} 1.0"]
    assert found.policy_id == name


@pytest.mark.parametrize(
    ("name", "call", "window", "cure", "quiet"),
    [("cn", (3, 10, 30), ("09:00", "20:00"), 10, 2), ("us", (3, 7, 20), ("09:00", "20:00"), 10, 7),
     ("uk", (2, 5, 15), ("09:00", "19:00"), 14, 3)],
)  # fmt: skip
def test_each_profile_has_the_budgets_hours_and_notice_periods_of_its_place(name, call, window, cure, quiet):
    found = load_policy(Path(name))
    assert found.contact.caps["call"] == call
    assert (f"{found.contact.window.opens:%H:%M}", f"{found.contact.window.closes:%H:%M}") == window
    assert found.legal.demand_cure_days == cure
    assert found.contact.quiet_after_conversation_days == quiet


def test_the_template_for_europe_refuses_to_start_and_names_what_to_fill_in():
    with pytest.raises(BadArguments) as refused:
        load_policy(Path("eu"))
    for key in ("contact.window", "contact.legal_window", "legal.demand_cure_days", "calendar", "creditor"):
        assert key in str(refused.value)


FILLED = """
language: en
time_zone: Europe/Vienna
calendar: {country: AT}
creditor: {name: Muster AG, name_en: Muster AG, complaint_line: "1", payment_account: "2", mail_from: a@b.example}
contact:
  legal_window: {opens: "08:00", closes: "20:00"}
  window: {opens: "09:00", closes: "18:00"}
  visit_notice_days: 2
notices: {help_line: "3", statements: []}
legal: {demand_cure_days: 14, limitation_years: 3, guarantee_period_months: 6, paid_ratio_block_percent: 100}
evidence: {unlock_rung_4: {letter_cure_days: 14}}
repossession: {basis: [court]}
"""


def test_a_country_that_fills_the_template_in_may_start(lender):
    found = lender("layer: jurisdiction" + FILLED, extends="eu")
    assert found.layers == ["base 1.0", "eu 1.0", "ours 7"]
    with pytest.raises(BadArguments, match=r"template: fill in legal\.demand_cure_days in"):
        lender("layer: jurisdiction" + FILLED.replace("demand_cure_days: 14, ", ""), "b.yaml", "eu")


def test_a_lender_may_tighten_and_has_a_name_and_a_hash_of_its_own(lender):
    found = lender("contact: {caps: {sms: [1, 2, 4]}, window: {closes: '19:00'}}\nlegal: {demand_cure_days: 10}\n")
    assert found.contact.caps["sms"] == (1, 2, 4)
    assert found.contact.caps["call"] == CN.contact.caps["call"]
    assert found.layers == ["base 1.0", "cn 1.0", "ours 7"]
    assert found.sha256 != CN.sha256


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("contact: {caps: {sms: [2, 3, 8]}}", r"contact\.caps: .*2, 3, 8.* is looser than .*1, 3, 8.* of cn\.yaml"),
        ("contact: {window: {opens: '08:30'}}", r"contact\.window\.opens: 08:30:00 is looser than 09:00:00"),
        ("contact: {min_gap_days: 0}", r"contact\.min_gap_days: 0 is looser than 1 of cn\.yaml"),
        ("contact: {weekly_calls_by_week: [1, 2, 3, 4, 5]}", r"weekly_calls_by_week"),
        ("contact: {caps: {placement: [1, 1, 1]}}", r"contact\.caps"),
        ("legal: {allowed_remedies: [self_help]}", r"legal\.allowed_remedies: .* entries may only be taken out"),
        ("holds: {hard: [dispute]}", r"holds\.hard: .* entries may only be added"),
        ("notices: {banned_words: {zh: []}}", r"notices\.banned_words"),
        ("calendar: {country: US}", r"calendar\.country: US is looser than CN .*the jurisdiction says it"),
        ("evidence: {unlock_rung_4: {letter_cure_days: 9}}", r"letter_cure_days"),
        ("steps: [{name: borrower_call, offset: 1}]", r"steps\.borrower_call\.offset: 1 is looser than 2"),
        ("steps: [{name: borrower_call, tone: legal}]", r"steps\.borrower_call\.tone: legal is looser than by_ordinal"),
        ("steps: [{name: one_more, rung: 2, channel: call, audience: borrower, tone: firm, offset: 9}]", r"steps"),
    ],
)  # fmt: skip
def test_whoever_loosens_is_refused_with_file_key_and_both_values(lender, text, says):
    with pytest.raises(BadArguments, match=r"lender\.yaml, .*" + says):
        lender(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("contact: {min_gap_days: -1}", r"contact\.min_gap_days: -1 is not allowed: .*greater than or equal to 0"),
        ("language: fr", r"language: 'fr' is not allowed: it should be 'zh' or 'en'"),
        ("contact: {min_gap: 2}", r"contact\.min_gap: there is no such key; did you mean min_gap_days\?"),
        ("contact: {window: {opens: '20:00', closes: '19:00'}}", r"contact\.window: opens must be before closes"),
        ("contact: {caps: {sms: [1, 0, 8]}}", r"contact: caps\.sms: give 1 day, 7 days, 30 days"),
        ("contact: {who_may_be_told: [borrower]}", r"contact: audience_roles names \w+, who may not be told"),
        ("steps: [{name: lawyers_letter_guarantors, unless: [written_demand_guarantors]}]",
         r"steps\.\w+_guarantors\.unless: it would wait for itself"),
        ("steps: [{name: borrower_call, drop: true}]", r"steps\.guarantor_call\.after: there is no step borrower_call"),
        (
            "steps: [{name: thank_you, audience: guarantors}]",
            r"steps\.thank_you: a word about a promise or of thanks is a message \(sms, email\) to the borrower",
        ),
        ("steps: [{name: guarantor_call, after: null}]", r"steps\.guarantor_call: after: a step for guarantors, and"),
        ("steps: [{name: visit, rung: 1}]", r"steps\.visit: rung: a visit is an action of rung 2"),
        ("steps: [{name: visit, month_day: 3}]", r"steps\.visit: give exactly one of month_day, offset, before_due"),
        ("layer: district", r"layer: 'district' is not allowed: use one of base, jurisdiction, lender"),
    ],
)  # fmt: skip
def test_an_error_names_file_key_value_and_what_is_allowed(lender, text, says):
    with pytest.raises(BadArguments, match=r"lender\.yaml, " + says):
        lender(text)


def test_a_layer_without_a_name_and_one_that_extends_itself_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("extends: cn\n", encoding="utf-8")
    with pytest.raises(BadArguments, match=r"a\.yaml, policy_id: is missing"):
        read_policy(str(tmp_path / "a.yaml"))
    (tmp_path / "b.yaml").write_text('extends: b.yaml\npolicy_id: b\nversion: "1"\neffective_from: 2026-01-01\n')
    with pytest.raises(BadArguments, match="extends itself"):
        read_policy(str(tmp_path / "b.yaml"))


def test_a_step_that_is_dropped_is_gone_and_one_that_is_patched_keeps_the_rest(lender):
    found = lender("steps: [{name: guarantor_email, drop: true}, {name: arrears_sms, repeat_every: 9}]\n")
    names = [step.name for step in found.steps]
    assert "guarantor_email" not in names
    assert len(names) == len(CN.steps) - 1
    patched = next(step for step in found.steps if step.name == "arrears_sms")
    assert (patched.repeat_every, patched.offset, patched.late) == (9, 1, "collapse_to_latest")


SECTIONS = """
products: {chattel_mortgage: {staging: {grace_days: 3}}}
accounts: {A00017: {staging: {grace_days: 5}, steps: [{name: visit, drop: true}]}}
"""


def test_products_and_accounts_tighten_further_and_everybody_else_is_left_alone(lender):
    found = lender(SECTIONS)
    assert for_account(found, "loan", "A1") is found
    assert for_account(found, "chattel_mortgage", "A1").staging.grace_days == 3
    own = for_account(found, "chattel_mortgage", "A00017")
    assert own.staging.grace_days == 5
    assert "visit" not in [step.name for step in own.steps]


def test_a_policy_names_no_account_in_the_clear(lender):
    assert "A00017" not in lender(SECTIONS).canonical()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("products: {loan: {staging: {tolerance_minor: 5}}}", r"products\.loan, .*tolerance_minor: 5 is looser"),
        ("products: {loan: {contact: {caps: {sms: [0, 0, 0]}}}}", r"products\.loan\.contact\.caps\.sms: belongs to"),
        ("products: {loan: {staging: {grace_days: 4}}}\naccounts: {A1: {staging: {grace_days: 3}}}",
         r"staging\.grace_days: 3 is looser than 4 of products\.loan"),
        ("accounts: {A1: {staging: {grace_days: x}}}", r"accounts\.\w+\.staging\.grace_days: 'x' is not allowed"),
    ],
)  # fmt: skip
def test_a_product_or_an_account_that_loosens_is_refused_on_load(lender, text, says):
    with pytest.raises(BadArguments, match=says):
        lender(text)


@pytest.mark.parametrize(
    ("direction", "before", "after", "looser"),
    [
        (Tighter.LOWER, 3, 4, True),
        (Tighter.LOWER, (1, 3), (1, 3, 3), False),
        (Tighter.HIGHER, None, 5, True),
        (Tighter.HIGHER, 5, None, False),
        (Tighter.INSIDE, (50, 200), (60, 150), False),
        (Tighter.INSIDE, (50, 200), (40, 150), True),
        (Tighter.FIXED, None, "a", False),
        (Tighter.FIXED, "a", "b", True),
    ],
)
def test_what_counts_as_looser(direction, before, after, looser):
    assert is_looser(direction, before, after) is looser


def test_what_a_policy_says_is_kept_and_read_back_with_the_same_hash(lender):
    found = lender(SECTIONS)
    assert Policy.model_validate_json(found.canonical()).sha256 == found.sha256
    assert yaml.safe_load(found.canonical())["layers"] == found.layers
