"""What a court wants to read: who files, which letters arrived, where papers are served, where the assets are."""

from arrears.ladder.policy import Policy
from arrears.legal.case_file import CaseFile
from arrears.legal.clocks import DEMAND_KINDS
from arrears.legal.facts import DEBTOR_ROLES, GUARANTOR_ROLES, LegalFacts
from arrears.legal.machine import local_minute
from arrears.legal.plain_text import amount, breakable, day_text
from arrears.legal.wording import words, words_or_code

_MACHINE = ("asset_kind", "asset_make", "asset_model")


def plaintiff(policy: Policy) -> str:
    """Return who sues as a complaint must say (CPL 124): name, domicile, representative, number, telephone."""
    creditor, en = policy.creditor, policy.language == "en"
    labels = (
        ("", ""),
        ("住所地 ", "domicile "),
        ("法定代表人 ", "represented by "),
        ("统一社会信用代码 ", "registration no. "),
        ("电话 ", "telephone "),
    )
    values = (
        creditor.name_en if en else creditor.name,
        creditor.address,
        creditor.legal_representative,
        creditor.registration_no,
        creditor.complaint_line,
    )
    known = [label[en] + value for label, value in zip(labels, values, strict=True) if value]
    return (", " if en else "，").join(known)


def claims_against(facts: LegalFacts) -> dict[str, list[str]]:
    """Return by what each who answers for the debt is sued; a guarantee of no stated kind is general (CC 686)."""
    guarantors = [party for party in facts.parties if party.role == "guarantor"]
    return {
        "joint": [party.name for party in guarantors if party.guarantee_kind == "joint"],
        "general": [party.name for party in guarantors if party.guarantee_kind != "joint"],
        "buyback": [party.name for party in facts.parties if party.role == "dealer_buyback"],
    }


def letter_rows(facts: LegalFacts, lang: str) -> list[list[str]]:
    """Return each demand and lawyer's letter with its service: to whom, sent, result and day, confirmed by whom."""
    names = {party.party_id: party.name for party in facts.parties} | {
        "": facts.debtors[0].name if facts.debtors else ""
    }
    return [
        [
            words(row.kind, lang),
            names.get(row.party_id, ""),
            day_text(row.dated_on),
            words(row.service_result, lang) if row.service_result else "",
            day_text(row.served_on),
            ", ".join(filter(None, (row.confirmed_by, row.second_confirmed_by))),
        ]
        for row in facts.documents_of(*DEMAND_KINDS)
    ]


def service_rows(facts: LegalFacts, lang: str) -> list[list[str]]:
    """Return where each debtor and guarantor is served: the agreed address, whether it is on paper, any other."""
    agreed = {row.party_id for row in facts.documents_of("service_address_confirmation")}
    return [
        [
            words(party.role, lang),
            party.name,
            party.service_address,
            words("on_paper" if party.party_id in agreed else "not_on_paper", lang),
            party.address if party.address != party.service_address else "",
        ]
        for party in facts.parties
        if party.role in (*DEBTOR_ROLES, *GUARANTOR_ROLES)
    ]


def leads(case: CaseFile, lang: str, zone: str) -> str:
    """Return the asset leads of a preservation (SPC 2020 art. 1): the machine, its value, where it was last seen."""
    facts, newest = case.facts, case.locations[0] if case.locations else None
    parts = [
        " ".join(words_or_code(facts.asset[name], lang) for name in _MACHINE if facts.asset.get(name)),
        breakable(facts.asset.get("asset_serial", "")),
        amount(case.asset_value_minor, facts.money) if case.asset_value_minor is not None else "",
        f"{newest['lat']}, {newest['lon']} ({local_minute(newest['at'], zone)})" if newest else "",
    ]
    return ("; " if lang == "en" else "；").join(filter(None, parts))
