"""The packet of one account: which state it is in, and the pages a lawyer files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

from arrears.core.money import digits_of, format_minor
from arrears.ladder.policy import Policy
from arrears.legal import statement, typesetting
from arrears.legal.case_file import CaseFile
from arrears.legal.clocks import LegalClock
from arrears.legal.facts import LegalFacts, Party
from arrears.legal.readiness import REMEDIES, Readiness
from arrears.legal.wording import words, words_or_code

TEMPLATE = "packet.typ"
_LONG_WORD = 12
_ZERO_WIDTH_SPACE = "\u200b"
WATERMARKS = {
    "draft": ("草稿—不得提交", "DRAFT—NOT FOR FILING"),
    "withheld": ("暂停—不得提交", "WITHHELD—NOT FOR FILING"),
    "incomplete": ("不完整—不得提交", "INCOMPLETE—NOT FOR FILING"),
}


@dataclass(frozen=True)
class State:
    """The state of a packet and the codes of its reasons."""

    name: str
    reasons: tuple[str, ...] = ()


def state_of(case: CaseFile, readiness: Readiness) -> State:
    """Return the state before rendering: a hard hold withholds, doubtful data is incomplete, all gates make ready.

    The state rules are architecture idea 16; ``withheld`` wins over ``incomplete``.
    """
    held = [kind for kind in readiness.hard_holds if kind != "data_incomplete"]
    if held:
        return State("withheld", tuple(f"hold_{kind}" for kind in held))
    if not case.in_ledger:
        return State("incomplete", ("no_snapshot_row",))
    if case.facts.data_incomplete:
        return State("incomplete", ("data_incomplete",))
    if statement.differences(case.facts):
        return State("incomplete", ("does_not_reconcile",))
    chosen = case.facts.chosen_remedy
    if chosen is not None and chosen not in readiness.open_remedies:
        return State("draft", ("chosen_remedy_closed",))
    return State("ready" if readiness.is_ready else "draft")


def render(
    home: Path, case: CaseFile, readiness: Readiness, policy: Policy, state: State, number: str, facts_sha256: str
) -> bytes:
    """Return the PDF of a packet; withheld and incomplete ones show the readiness page only.

    Raises:
        CannotRender: a character is in no font, or the template is broken.
    """
    data = compose(case, readiness, policy, state, number, facts_sha256)
    return typesetting.render(home, TEMPLATE, data, case.facts.business_date)


def compose(
    case: CaseFile, readiness: Readiness, policy: Policy, state: State, number: str, facts_sha256: str
) -> dict[str, Any]:
    """Return what the template shows: every amount and date already as text, people only in full packets."""
    facts, lang = case.facts, policy.language
    full = state.name in ("draft", "ready")
    chosen = facts.chosen_remedy if facts.chosen_remedy in REMEDIES else None
    return {
        "lang": lang,
        "state": state.name,
        "full": full,
        "number": number,
        "facts": facts_sha256,
        "qr": _qr(f"{number} {facts_sha256}".upper()),
        "watermark": WATERMARKS.get(state.name, ("", ""))[lang == "en"],
        "lender": policy.creditor.name if lang == "zh" else policy.creditor.name_en,
        "policy": f"{policy.policy_id} {policy.version}",
        "cutoff": facts.business_date.isoformat(),
        "summary": _summary(case, policy),
        "reasons": [words_or_code(reason, lang) for reason in state.reasons],
        "chosen": words(chosen, lang) if chosen else "",
        "remedy": chosen or "" if state.name == "ready" else "",
        **_readiness(facts, readiness, lang, full),
        **(_file(case, readiness, lang, state, policy) if full else {}),
    }


def _summary(case: CaseFile, policy: Policy) -> list[list[str]]:
    facts, money, lang = case.facts, case.facts.money, policy.language
    labels = (
        ("账户", "Account"),
        ("合同类型", "Contract"),
        ("分支机构", "Branch"),
        ("逾期期数", "Instalments overdue"),
        ("已到期未付", "Due and unpaid"),
        ("最长逾期天数", "Days past due"),
        ("最早未付到期日", "Oldest unpaid due"),
    )
    values = (
        _breakable(facts.account_id),
        words(facts.contract_type, lang),
        case.branch,
        str(money.overdue_instalments),
        _money(money.overdue_minor, facts),
        str(money.days_past_due),
        _day(money.oldest_unpaid_due),
    )
    return [[label[lang == "en"], value] for label, value in zip(labels, values, strict=True)]


def _readiness(facts: LegalFacts, readiness: Readiness, lang: str, full: bool) -> dict[str, Any]:
    closed, stop = readiness.closed, "；" if lang == "zh" else "; "
    blocking = set(readiness.missing) | {"no_hard_hold"}
    cure = (
        []
        if readiness.cure is None
        else [[words("cure", lang), "", _day(readiness.cure.ends_on), _day(readiness.cure.arrived_on), ""]]
    )
    return {
        "gates": [{"text": words(name, lang), "passed": passed} for name, passed in readiness.gates.items()],
        "missing": [words(code, lang) for code in readiness.missing],
        "remedies": [
            {
                "text": words(remedy, lang),
                "open": remedy in readiness.open_remedies,
                "reasons": stop.join(_why_not(closed.get(remedy, ()), blocking, lang)),
            }
            for remedy in REMEDIES
        ],
        "clocks": [_clock(clock, facts, lang, full) for clock in readiness.clocks] + cure,
    }


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
        _day(clock.expires_on),
        words(clock.assumption, lang),
        _day(clock.preserved_on),
    ]


def _file(case: CaseFile, readiness: Readiness, lang: str, state: State, policy: Policy) -> dict[str, Any]:
    facts, money, cure = case.facts, case.facts.money, readiness.cure
    return {
        "contract_type": words(facts.contract_type, lang),
        "overdue": _money(money.overdue_minor, facts),
        "overdue_count": str(money.overdue_instalments),
        "oldest": _day(money.oldest_unpaid_due),
        "days_late": str(money.days_past_due),
        "schedule": _money(money.schedule_minor, facts),
        "paid": _money(money.paid_minor, facts),
        "unpaid": _money(money.schedule_minor - money.paid_minor, facts),
        "demand": None
        if cure is None
        else {"kind": words(cure.document.kind, lang), "arrived": _day(cure.arrived_on), "ends": _day(cure.ends_on)},
        "parties": [_party(party, lang, state) for party in facts.parties],
        "evidence": _evidence(facts, lang),
        "totals": _totals(facts, lang),
        "statement": [_instalment(row, facts) for row in facts.instalments],
        "payments": [
            [
                _day(row.paid_on),
                _money(row.amount_minor, facts),
                words_or_code(row.kind, lang),
                _breakable(row.payment_id),
            ]
            for row in facts.payments
        ],
        "charges": [
            [_day(row["charged_on"]), words_or_code(row["kind"], lang), _money(row["amount_minor"], facts)]
            for row in case.charges
        ],
        "chronology": _chronology(case, lang),
        "promises": [
            [_day(row["made_on"]), _day(row["due_on"]), _money(row["amount_minor"], facts), words(row["state"], lang)]
            for row in case.promises
        ],
        "guarantors": _guarantors(facts, readiness, lang),
        "asset": _asset(facts, lang),
        "positions": [
            [row["at"], row["lat"], row["lon"], row["source"], row["site_type"] or ""] for row in case.locations
        ],
        "manifest": _manifest(facts, policy, lang),
    }


def _party(party: Party, lang: str, state: State) -> dict[str, str | None]:
    return {
        "role": words(party.role, lang),
        "name": party.name,
        "address": party.address,
        "phone": _breakable(party.mobile),
        "service": party.service_address,
        "id": _breakable(party.id_no) if state.name == "ready" else None,
    }


def _evidence(facts: LegalFacts, lang: str) -> list[list[str]]:
    ordered = sorted(facts.documents, key=lambda row: (row.kind, row.dated_on or date.max, row.sha256))
    return [
        [
            str(number),
            row.title or words(row.kind, lang),
            words(row.kind, lang),
            _day(row.dated_on),
            str(row.pages or ""),
            " ".join(
                filter(None, (words(row.service_result, lang) if row.service_result else "", _day(row.served_on)))
            ),
            ", ".join(filter(None, (row.confirmed_by, row.second_confirmed_by))),
            _breakable(row.sha256),
        ]
        for number, row in enumerate(ordered, start=1)
    ]


def _instalment(row: Any, facts: LegalFacts) -> list[str]:
    late = (facts.business_date - row.due_date).days if row.unpaid_minor and row.due_date < facts.business_date else 0
    return [
        str(row.instalment_no),
        _day(row.due_date),
        _plain(row.amount_minor, facts),
        _plain(row.paid_minor, facts),
        _plain(row.unpaid_minor, facts),
        str(late) if late else "",
    ]


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
    return [[label[lang == "en"], _money(amount, facts)] for label, amount in zip(labels, amounts, strict=True)]


def _chronology(case: CaseFile, lang: str) -> list[list[str]]:
    known = {party.party_id: f"{party.name} ({words(party.role, lang)})" for party in case.facts.parties}
    return [
        [
            _day(line.on),
            known.get(line.party_id, ""),
            words_or_code(line.channel, lang),
            words_or_code(line.result, lang),
            _day(line.arrived_on),
            _breakable(line.proof),
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
                    else [_day(clock.expires_on), words(clock.assumption, lang), _day(clock.preserved_on)]
                ),
            ]
        )
    return rows


def _asset(facts: LegalFacts, lang: str) -> list[list[str]]:
    labels = {
        "asset_kind": ("种类", "Kind"),
        "asset_make": ("品牌", "Make"),
        "asset_model": ("型号", "Model"),
        "asset_serial": ("机身号/车架号", "Serial no. / VIN"),
        "engine_no": ("发动机号", "Engine no."),
        "plate": ("号牌", "Plate"),
    }
    return [[label[lang == "en"], _breakable(facts.asset.get(name, ""))] for name, label in labels.items()]


def _manifest(facts: LegalFacts, policy: Policy, lang: str) -> list[list[str]]:
    documents = {(words(row.kind, lang), row.sha256) for row in facts.documents}
    return [
        [f"policy {policy.policy_id} {policy.version}", policy.sha256],
        [TEMPLATE, typesetting.template_sha256(TEMPLATE)],
        *(list(pair) for pair in sorted(documents)),
    ]


def _qr(text: str) -> str:
    import segno

    out = BytesIO()
    code = segno.make(text, error="m", micro=False, mask=0)  # weighing all eight masks costs ten times as much
    code.save(out, kind="svg", border=1, xmldecl=False, svgclass=None, lineclass=None)
    return out.getvalue().decode()


def _money(minor: int, facts: LegalFacts) -> str:
    return f"{facts.money.currency} {_plain(minor, facts)}"


def _breakable(text: str) -> str:
    """Allow a line break after every eighth character of a long word such as a hash or a licence number."""
    if len(text) <= _LONG_WORD or not text.isascii():
        return text
    return " ".join(
        _ZERO_WIDTH_SPACE.join(word[at : at + 8] for at in range(0, len(word), 8)) if len(word) > _LONG_WORD else word
        for word in text.split(" ")
    )


def _plain(minor: int, facts: LegalFacts) -> str:
    return format_minor(minor, digits_of(facts.money.currency), grouped=True)


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


def reasons_of(state: State, readiness: Readiness) -> list[str]:
    """Return the codes kept with the packet: why this state, then ``remedy:reason`` for each legal test not met."""
    blocking = set(readiness.missing) | {"no_hard_hold"}
    tests: Mapping[str, Sequence[str]] = readiness.closed
    return [
        *state.reasons,
        *(f"{remedy}:{reason}" for remedy, reasons in tests.items() for reason in reasons if reason not in blocking),
    ]
