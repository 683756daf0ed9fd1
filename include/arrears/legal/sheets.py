"""The pages of a packet as data for the template: every amount and date already as text."""

from collections.abc import Sequence
from typing import Any

from arrears.ladder.policy import Policy
from arrears.legal import typesetting
from arrears.legal.case_file import CaseFile
from arrears.legal.case_rows import Row
from arrears.legal.clocks import Cure, LegalClock
from arrears.legal.exhibits import evidence_rows, in_order
from arrears.legal.facts import Instalment, LegalFacts, Party, Payment
from arrears.legal.filing import claims_against, leads, letter_rows, plaintiff, service_rows
from arrears.legal.machine import machine_rows, position_rows
from arrears.legal.plain_text import amount, breakable, day_text, pairs, plain_amount, qr_svg, share, table
from arrears.legal.readiness import REMEDIES, Readiness
from arrears.legal.wording import words, words_or_code

TEMPLATE = "packet.typ"
WATERMARKS = {
    "draft": ("草稿—不得提交", "DRAFT—NOT FOR FILING"),
    "withheld": ("暂停—不得提交", "WITHHELD—NOT FOR FILING"),
    "incomplete": ("不完整—不得提交", "INCOMPLETE—NOT FOR FILING"),
}


def compose(
    case: CaseFile,
    readiness: Readiness,
    policy: Policy,
    state: str,
    reasons: Sequence[str],
    number: str,
    facts_sha256: str,
    template: str = TEMPLATE,
) -> dict[str, Any]:
    """Return what the template shows: every amount and date already as text, people only in full packets."""
    facts, lang = case.facts, policy.language
    full = state in ("draft", "ready")
    chosen = facts.chosen_remedy if facts.chosen_remedy in REMEDIES else None
    return {
        "lang": lang,
        "state": state,
        "full": full,
        "number": number,
        "facts": facts_sha256,
        "qr": qr_svg(f"{number} {facts_sha256}".upper()),
        "watermark": WATERMARKS.get(state, ("", ""))[lang == "en"],
        "lender": policy.creditor.name if lang == "zh" else policy.creditor.name_en,
        "plaintiff": plaintiff(policy),
        "policy": policy.stamp,
        "cutoff": facts.business_date.isoformat(),
        "summary": pairs(_summary(case, readiness, policy)),
        "reasons": [words_or_code(reason, lang) for reason in reasons],
        "chosen": words(chosen, lang) if chosen else "",
        "claims": _claims(chosen if state == "ready" else None, readiness),
        **_readiness(facts, readiness, lang, full),
        **(_file(case, readiness, lang, state, policy) if full else {}),
        "manifest": table(_manifest(facts, policy, lang, template) if full else ()),
    }


def _claims(chosen: str | None, readiness: Readiness) -> list[str]:
    """Return whose claims a complaint states: those of the remedy a person chose, or every choice the law leaves.

    All rent and termination cannot be asked at once (SPC finance lease interpretation art. 10): one has to be struck.
    """
    if chosen is not None:
        return [chosen]
    return [remedy for remedy in REMEDIES if remedy != "agency" and readiness.gates[f"test_{remedy}"]]


def _summary(case: CaseFile, readiness: Readiness, policy: Policy) -> list[list[str]]:
    facts, money, lang = case.facts, case.facts.money, policy.language
    labels = (
        ("账户", "Account"),
        ("合同类型", "Contract"),
        ("分支机构", "Branch"),
        ("逾期期数", "Instalments overdue"),
        ("已到期未付", "Due and unpaid"),
        ("最长逾期天数", "Days past due"),
        ("最早未付到期日", "Oldest unpaid due"),
        ("到期未付占总额", "Due and unpaid of the total"),
        ("已付占总额", "Paid of the total"),
        ("停止催收的事由", "Holds"),
    )
    values = (
        breakable(facts.account_id),
        words(facts.contract_type, lang),
        case.branch,
        str(money.overdue_instalments),
        amount(money.overdue_minor, facts.money),
        str(money.days_past_due),
        day_text(money.oldest_unpaid_due),
        share(readiness.numbers["overdue"], readiness.numbers["total"]),
        share(readiness.numbers["paid"], readiness.numbers["total"]),
        words("list_stop", lang).join(
            words_or_code(f"hold_{kind}", lang) for kind in (*facts.hard_holds, *facts.soft_holds)
        )
        or words("none", lang),
    )
    return [[label[lang == "en"], value] for label, value in zip(labels, values, strict=True)]


def _readiness(facts: LegalFacts, readiness: Readiness, lang: str, full: bool) -> dict[str, Any]:
    closed, stop = readiness.closed, "；" if lang == "zh" else "; "
    blocking = set(readiness.missing) | {"no_hard_hold"}
    cure = (
        []
        if readiness.cure is None
        else [[words("cure", lang), "", day_text(readiness.cure.ends_on), day_text(readiness.cure.arrived_on), ""]]
    )
    return {
        "gates": table(_gates(readiness, lang)),
        "missing": [words(code, lang) for code in readiness.missing],
        "remedies": table(
            [
                words(remedy, lang),
                words("remedy_open" if remedy in readiness.open_remedies else "remedy_closed", lang),
                stop.join(_why_not(closed.get(remedy, ()), blocking, lang)),
            ]
            for remedy in REMEDIES
        ),
        "clocks": table([*(_clock(clock, facts, lang, full) for clock in readiness.clocks), *cure]),
    }


def _gates(readiness: Readiness, lang: str) -> list[list[str]]:
    """Return the gates two a line, the first half on the left."""
    said = [[words(name, lang), words("met" if met else "not_met", lang)] for name, met in readiness.gates.items()]
    half = (len(said) + 1) // 2
    right = [*said[half:], ["", ""]]
    return [left + right[at] for at, left in enumerate(said[:half])]


def _why_not(reasons: Sequence[str], blocking: set[str], lang: str) -> list[str]:
    """Return a remedy's own reasons; what blocks every remedy alike is named once, in the list above."""
    own = [words(reason, lang) for reason in reasons if reason not in blocking]
    if any(reason in blocking for reason in reasons):
        own.append("见待满足条件" if lang == "zh" else "see what is still to be met")
    return own


def _clock(clock: LegalClock, facts: LegalFacts, lang: str, full: bool) -> list[str]:
    names = {party.party_id: party.name for party in facts.guarantors}
    whom = names.get(clock.party_id, "") if full else clock.party_id
    return [
        words(clock.name, lang),
        whom,
        day_text(clock.expires_on),
        words(clock.assumption, lang),
        day_text(clock.preserved_on),
    ]


def _file(case: CaseFile, readiness: Readiness, lang: str, state: str, policy: Policy) -> dict[str, Any]:
    facts, money, cure = case.facts, case.facts.money, readiness.cure
    return {
        "contract_type": words(facts.contract_type, lang),
        "basis": facts.contract_type if policy.calendar.country == "CN" else "",
        **claims_against(facts),
        "overdue": amount(money.overdue_minor, facts.money),
        "overdue_count": str(money.overdue_instalments),
        "oldest": day_text(money.oldest_unpaid_due),
        "days_late": str(money.days_past_due),
        "schedule": amount(money.schedule_minor, facts.money),
        "paid": amount(money.paid_minor, facts.money),
        "unpaid": amount(money.schedule_minor - money.paid_minor, facts.money),
        "demand": None if cure is None else _demand(cure, lang),
        "parties": table(_party(party, lang, state) for party in facts.parties),
        "evidence": table(evidence_rows(facts, lang)),
        "totals": pairs(_totals(facts, lang)),
        "statement": table(_instalment(row, facts) for row in facts.instalments),
        "payments": table(_payment(row, facts, lang) for row in facts.payments),
        "charges": table(
            [day_text(row["charged_on"]), words_or_code(row["kind"], lang), amount(row["amount_minor"], facts.money)]
            for row in case.charges
        ),
        "chronology": table(_chronology(case, lang)),
        "promises": table(_promise(row, facts, lang) for row in case.promises),
        "letters": table(letter_rows(facts, lang)),
        "service": table(service_rows(facts, lang)),
        "leads": leads(case, lang, policy.time_zone),
        "guarantors": table(_guarantors(facts, readiness, lang)),
        "asset": pairs(machine_rows(case, lang)),
        "positions": table(position_rows(case, lang, policy.time_zone)),
    }


def _party(party: Party, lang: str, state: str) -> list[str]:
    return [
        words(party.role, lang),
        party.name,
        breakable(party.id_no) if state == "ready" else words("id_when_ready", lang),
        party.address,
        party.service_address,
        breakable(party.mobile),
    ]


def _instalment(row: Instalment, facts: LegalFacts) -> list[str]:
    late = (facts.business_date - row.due_date).days if row.unpaid_minor and row.due_date < facts.business_date else 0
    return [
        str(row.instalment_no),
        day_text(row.due_date),
        plain_amount(row.amount_minor, facts.money),
        plain_amount(row.paid_minor, facts.money),
        plain_amount(row.unpaid_minor, facts.money),
        plain_amount(row.penalty_minor, facts.money) if row.penalty_minor else "",
        str(late) if late else "",
    ]


def _payment(row: Payment, facts: LegalFacts, lang: str) -> list[str]:
    paid = amount(row.amount_minor, facts.money)
    return [day_text(row.paid_on), paid, words_or_code(row.kind, lang), breakable(row.payment_id)]


def _promise(row: Row, facts: LegalFacts, lang: str) -> list[str]:
    promised = amount(row["amount_minor"], facts.money)
    return [day_text(row["made_on"]), day_text(row["due_on"]), promised, words(row["state"], lang)]


def _demand(cure: Cure, lang: str) -> dict[str, str]:
    arrived, ends = day_text(cure.arrived_on), day_text(cure.ends_on)
    return {"kind": words(cure.document.kind, lang), "arrived": arrived, "ends": ends}


def _totals(facts: LegalFacts, lang: str) -> list[list[str]]:
    money = facts.money
    labels = (
        ("应付总额", "Schedule in all"),
        ("截至截止日已到期", "Fallen due"),
        ("已付", "Paid"),
        ("已到期未付", "Due and unpaid"),
        ("未付总额", "Unpaid in all"),
    )
    amounts = (
        money.schedule_minor,
        money.due_minor,
        money.paid_minor,
        money.overdue_minor,
        money.schedule_minor - money.paid_minor,
    )
    return [[label[lang == "en"], amount(minor, facts.money)] for label, minor in zip(labels, amounts, strict=True)]


def _chronology(case: CaseFile, lang: str) -> list[list[str]]:
    known = {party.party_id: f"{party.name} ({words(party.role, lang)})" for party in case.facts.parties}
    return [
        [
            day_text(line.on),
            known.get(line.party_id, ""),
            words_or_code(line.channel, lang),
            breakable(line.script),
            words_or_code(line.result, lang),
            day_text(line.arrived_on),
            breakable(line.proof),
        ]
        for line in case.contacts
    ]


def _guarantors(facts: LegalFacts, readiness: Readiness, lang: str) -> list[list[str]]:
    clocks = {clock.party_id: clock for clock in readiness.clocks if clock.name == "guarantee"}
    rows = []
    for party in facts.guarantors:
        kind = words(party.guarantee_kind, lang) if party.guarantee_kind else ""
        clock = clocks.get(party.party_id)
        rows.append(
            [
                party.name,
                kind,
                *(
                    ["", "", ""]
                    if clock is None
                    else [day_text(clock.expires_on), words(clock.assumption, lang), day_text(clock.preserved_on)]
                ),
            ]
        )
    return rows


def _manifest(facts: LegalFacts, policy: Policy, lang: str, template: str) -> list[list[str]]:
    documents = [
        [f"{number}  {row.title or words(row.kind, lang)}", row.sha256]
        for number, row in enumerate(in_order(facts), start=1)
    ]
    return [
        [f"policy {policy.policy_id} {policy.version}", policy.sha256],
        [template, typesetting.template_sha256(template)],
        *documents,
    ]
