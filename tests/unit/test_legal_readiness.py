from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest

from arrears.core.calendar import add_months
from arrears.ladder.layers import load_policy
from arrears.legal.facts import Document, Instalment, LegalFacts, Money, Party, facts_sha256
from arrears.legal.readiness import REMEDIES, assess
from arrears.legal.wording import words

TODAY = date(2026, 11, 12)
POLICY = load_policy()
BORROWER = Party("B", "borrower", "王五", service_address="某路1号")
GUARANTOR = Party("G", "guarantor", "李四", service_address="某路2号", guarantee_kind="joint")
SERVED = date(2026, 10, 14)


def paper(kind: str, party: str = "B", **more: object) -> Document:
    more = {"confirmed_by": "S1", "second_confirmed_by": "S2", **more}
    return Document(kind, (kind[0] + party).ljust(64, "0"), party, date(2026, 10, 10), **more)


PAPERS = (
    paper("contract"), paper("guarantee_contract", "G"), paper("service_address_confirmation"),
    paper("proof_of_service"), paper("visit_report"),
    *(paper(kind) for kind in ("delivery_note", "registration", "valuation", "power_of_attorney", "lender_licence",
                               "identity")),
    paper("lawyers_letter", served_on=SERVED, service_result="arrived"),
    paper("lawyers_letter", "G", served_on=SERVED, service_result="arrived"),
)  # fmt: skip


def facts(**more: object) -> LegalFacts:
    money = Money("CNY", 4, 400_00, 120, date(2026, 7, 15), 2200_00, 3600_00, 1800_00)
    schedule = [Instalment(n + 1, add_months(date(2025, 1, 15), n), 100_00, 100_00 if n < 18 else 0) for n in range(36)]
    whole = LegalFacts("A", "ref", TODAY, "finance_lease", money, 4, parties=(BORROWER, GUARANTOR),
                       instalments=schedule, documents=PAPERS)  # fmt: skip
    return replace(whole, **more)


def with_money(**more: object) -> LegalFacts:
    whole = facts()
    return replace(whole, money=replace(whole.money, **more))


def without(kind: str) -> tuple[Document, ...]:
    return tuple(document for document in PAPERS if document.kind != kind)


def test_with_everything_in_place_every_remedy_of_a_lease_is_open():
    assert assess(facts(), POLICY).open_remedies == REMEDIES


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"rung": 3}, "rung_four"),
        ({"parties": (GUARANTOR,)}, "borrower_known"),
        ({"parties": (replace(BORROWER, service_address=""), GUARANTOR)}, "service_address"),
        ({"documents": without("lawyers_letter")}, "demand_served"),
        ({"documents": without("contract")}, "document_contract"),
        ({"documents": without("visit_report")}, "document_visit_report"),
        ({"documents": without("proof_of_service")}, "document_proof_of_service"),
        ({"documents": without("service_address_confirmation")}, "document_service_address_confirmation"),
        ({"documents": without("guarantee_contract")}, "document_guarantee_contract"),
        ({"parties": (BORROWER, replace(GUARANTOR, guarantee_until=date(2026, 6, 30)))}, "guarantee_running"),
    ],
)
def test_one_thing_missing_closes_every_remedy_and_is_named(more, code):
    verdict = assess(facts(**more), POLICY)
    assert code in verdict.missing
    assert verdict.open_remedies == ()
    assert all(code in verdict.closed[remedy] for remedy in REMEDIES)


def test_a_paper_confirmed_twice_by_one_person_does_not_count():
    doubtful = (*without("visit_report"), paper("visit_report", second_confirmed_by="S1"))
    assert "document_visit_report" in assess(facts(documents=doubtful), POLICY).missing


@pytest.mark.parametrize(
    ("result", "counts"), [("sent", False), ("arrived", True), ("refused", True), ("returned", True)]
)
def test_a_letter_counts_when_served_refused_or_returned_but_not_when_only_sent(result, counts):
    letter = paper("lawyers_letter", served_on=SERVED, service_result=result)
    verdict = assess(facts(documents=(*without("lawyers_letter"), letter)), POLICY)
    assert verdict.gates["demand_served"] is counts


def test_the_day_of_arrival_is_not_counted_and_the_cure_end_moves_to_a_working_day():
    letter = paper("lawyers_letter", served_on=date(2026, 10, 14), service_result="arrived")
    on = [replace(facts(documents=(*without("lawyers_letter"), letter)), business_date=day)
          for day in (date(2026, 10, 26), date(2026, 10, 27))]  # fmt: skip
    verdicts = [assess(one, POLICY) for one in on]
    assert verdicts[0].cure is not None
    assert verdicts[0].cure.ends_on == date(2026, 10, 26), "ten days end on Saturday 24 October"
    assert [verdict.gates["cure_over"] for verdict in verdicts] == [False, True]


@pytest.mark.parametrize("kind", POLICY.holds.hard)
def test_every_hard_hold_closes_every_remedy(kind):
    verdict = assess(facts(hard_holds=(kind,)), POLICY)
    assert verdict.open_remedies == ()
    assert verdict.hard_holds == (kind,)


def test_a_soft_hold_leaves_the_remedies_open():
    assert assess(facts(soft_holds=("promise",)), POLICY).open_remedies == REMEDIES


@pytest.mark.parametrize(
    ("money", "contract", "accelerate"),
    [
        ({"overdue_instalments": 2, "overdue_minor": 1}, "finance_lease", True),
        ({"overdue_instalments": 1, "overdue_minor": 539_99}, "finance_lease", False),
        ({"overdue_instalments": 1, "overdue_minor": 540_00}, "finance_lease", True),
        ({"overdue_instalments": 9, "overdue_minor": 719_99}, "instalment_sale", False),
        ({"overdue_instalments": 3, "overdue_minor": 720_00}, "instalment_sale", True),
        ({"overdue_instalments": 2, "overdue_minor": 900_00}, "loan", False),
        ({"overdue_instalments": 3, "overdue_minor": 1}, "loan", True),
        ({"overdue_instalments": 3, "overdue_minor": 1}, "chattel_mortgage", True),
    ],
)
def test_the_legal_test_depends_on_the_contract(money, contract, accelerate):
    verdict = assess(replace(with_money(**money), contract_type=contract), POLICY)
    assert ("accelerate" in verdict.open_remedies) is accelerate


@pytest.mark.parametrize(
    ("contract", "remedy", "reason"),
    [
        ("chattel_mortgage", "terminate_and_recover", "self_help_unlawful"),
        ("loan", "terminate_and_recover", "no_title_to_asset"),
        ("loan", "realise_security", "no_security"),
    ],
)
def test_some_contracts_never_allow_a_remedy(contract, remedy, reason):
    assert reason in assess(replace(facts(), contract_type=contract), POLICY).closed[remedy]


@pytest.mark.parametrize(("paid", "blocked"), [(2699_99, False), (2700_00, True)])
def test_three_quarters_paid_blocks_taking_back_goods_sold(paid, blocked):
    sale = replace(with_money(paid_minor=paid, overdue_minor=800_00), contract_type="instalment_sale")
    reasons = assess(sale, POLICY).closed.get("terminate_and_recover", ())
    assert ("paid_ratio_block" in reasons) is blocked


def test_a_down_payment_outside_the_schedule_counts_as_paid():
    sale = replace(with_money(total_price_minor=7200_00, overdue_minor=1500_00), contract_type="instalment_sale")
    assert "paid_ratio_block" in assess(sale, POLICY).closed["terminate_and_recover"]


@pytest.mark.parametrize(("days", "open_"), [(0, False), (30, False), (31, True)])
def test_a_whole_instalment_paid_recently_closes_what_takes_the_asset(days, open_):
    verdict = assess(with_money(whole_paid_on=TODAY - timedelta(days=days)), POLICY)
    for remedy in ("terminate_and_recover", "realise_security", "agency"):
        assert (remedy in verdict.open_remedies) is open_
    assert {"accelerate", "sue_and_preserve"} <= set(verdict.open_remedies)


def test_no_combination_of_shut_gates_opens_a_remedy():
    switches = [
        {"rung": 3}, {"documents": ()}, {"hard_holds": ("dispute",)}, {"parties": ()},
    ]  # fmt: skip
    for chosen in product((False, True), repeat=len(switches)):
        more: dict[str, object] = {}
        for use, switch in zip(chosen, switches, strict=True):
            more |= switch if use else {}
        assert bool(assess(facts(**more), POLICY).open_remedies) is not any(chosen)


def test_every_gate_reason_and_remedy_has_words_in_both_languages():
    verdict = assess(replace(facts(rung=1, documents=(), parties=()), contract_type="loan"), POLICY)
    codes = {
        *verdict.gates,
        *verdict.missing,
        *REMEDIES,
        *(code for reasons in verdict.closed.values() for code in reasons),
    }
    for code in codes:
        assert words(code, "zh") != words(code, "en")


def test_accrual_contacts_and_days_left_are_outside_the_identity_but_a_cent_is_inside():
    def identity(some: LegalFacts) -> str:
        verdict = assess(some, POLICY)
        return facts_sha256(some, verdict.gates, verdict.papers, POLICY.sha256)

    base = facts()
    later = replace(
        base,
        business_date=TODAY + timedelta(days=5),
        money=replace(base.money, days_past_due=125, overdue_instalments=5, overdue_minor=500_00),
    )
    assert identity(later) == identity(base)
    first = replace(base.instalments[18], paid_minor=1)
    assert identity(replace(base, instalments=[*base.instalments[:18], first, *base.instalments[19:]])) != identity(
        base
    )
    assert identity(replace(base, soft_holds=("promise",))) != identity(base)
    assert identity(replace(base, chosen_remedy="accelerate")) != identity(base)
    assert identity(replace(base, documents=(*PAPERS, paper("visit_report", "B2")))) == identity(base)
    swapped = [replace(one, sha256="f" * 64) if one.kind == "contract" else one for one in PAPERS]
    assert identity(replace(base, documents=swapped)) != identity(base)
