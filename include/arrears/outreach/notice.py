"""What a notice is about, as plain values: the only things a template may see."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from arrears.core.keys import digest
from arrears.core.money import digits_of, format_minor
from arrears.ladder.policy import Policy
from arrears.outreach.contact_total import Said, totals
from arrears.outreach.gates import APART, ItemFacts, SendFacts

LONGEST = 60
CONSEQUENCES = {
    "courteous": (),
    "firm": ("late_charges",),
    "serious": ("late_charges", "credit_report"),
    "legal": ("late_charges", "credit_report", "legal_action"),
}
"""Which consequences a tone may name, if the policy says that the lender takes them."""

LEGAL_RUNG = 3
"""Legal action is named only to whom it may really happen next: rung 3, a visit with a lawyer's letter."""


@dataclass(frozen=True, slots=True)
class Line:
    """One contract of a notice."""

    account: str
    amount: str
    currency: str
    due_on: str
    instalments: int
    is_overdue: bool
    as_guarantor: bool
    is_promise: bool = False
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One contact as its templates see it; every text from a ledger has been made plain."""

    contact_ref: str
    channel: str
    language: str
    tone: str
    as_guarantor: bool
    on: str
    name: str
    address: str
    lines: tuple[Line, ...]
    totals: tuple[tuple[str, str], ...]
    consequences: tuple[str, ...]
    creditor: str
    complaint_line: str
    help_line: str
    payment_account: str
    pay_link: str
    minimum_part: str
    may_opt_out: bool
    cure_days: int
    promise_days: int
    promise_in_month: bool
    objection_days: int
    policy_stamp: str
    statements: tuple[str, ...]

    @property
    def any_overdue(self) -> bool:
        """Say whether anything is late, or all of it merely falls due."""
        return any(line.is_overdue for line in self.lines)

    @property
    def only_thanks(self) -> bool:
        """Say whether it asks for nothing: all of it has been paid."""
        return all(line.is_settled for line in self.lines)

    @property
    def any_thanks(self) -> bool:
        """Say whether it thanks for anything."""
        return any(line.is_settled for line in self.lines)

    @property
    def only_promises(self) -> bool:
        """Say whether all that it asks for is what the person has promised; beside it, it may thank."""
        return not self.only_thanks and all(line.is_promise or line.is_settled for line in self.lines)


def plain(text: str | None, longest: int = LONGEST) -> str:
    """Return ledger text as one harmless line: no control, format or direction characters, cut to length."""
    kept = "".join(
        " " if unicodedata.category(char) in ("Zl", "Zp", "Cc") else char
        for char in unicodedata.normalize("NFC", text or "")
        if unicodedata.category(char) not in ("Cf", "Cs", "Co")
    )
    return " ".join(kept.split())[:longest]


def notice_of(facts: SendFacts, dropped: Iterable[str], language: str, policy: Policy) -> Notice:
    """Gather what a contact says: its remaining items, one line a contract, and what the policy requires."""
    left_out = set(dropped)
    items = [item for item in facts.items if item.item_key not in left_out]
    spoken_of: dict[tuple[str, str], ItemFacts] = {}
    for item in items:
        spoken_of.setdefault((item.account_id, item.about if item.about in APART else ""), item)
    lines = tuple(_line(item) for item in spoken_of.values())
    owed = totals(Said(one.about, one.account_id, one.currency, one.amount_minor) for one in items)
    tone = max((item.tone for item in items), key=tuple(CONSEQUENCES).index)
    creditor, offer = policy.creditor, policy.notices
    return Notice(
        contact_ref=facts.contact_id[:12],
        channel=facts.channel,
        language=language,
        tone=tone,
        as_guarantor=all(line.as_guarantor for line in lines),
        on=facts.business_date.isoformat(),
        name=plain(facts.party.name),
        address=plain(facts.point, 200) if facts.channel in ("visit", "letter", "credit_notice") else "",
        lines=lines,
        totals=tuple((money(amount, currency), currency) for currency, amount in sorted(owed.items())),
        consequences=_consequences(items, tone, policy),
        creditor=creditor.name if language == "zh" else creditor.name_en,
        complaint_line=creditor.complaint_line,
        help_line=offer.help_line,
        payment_account=creditor.payment_account,
        pay_link=offer.pay_link or "",
        minimum_part=money(offer.minimum_part_minor, policy.currency),
        may_opt_out=facts.channel in offer.opt_out_channels,
        cure_days=policy.legal.demand_cure_days,
        promise_days=policy.promises.max_days,
        promise_in_month=policy.promises.within_month,
        objection_days=offer.credit_objection_days,
        policy_stamp=_stamp(facts.channel, policy),
        statements=tuple(one.zh if language == "zh" else one.en for one in offer.statements),
    )


def _stamp(channel: str, policy: Policy) -> str:
    """Return the policy's id, version, first day and mark; an SMS, paid by the part, leaves the last two to the log."""
    return f"{policy.policy_id} {policy.version}" if channel == "sms" else policy.stamp


def _line(item: ItemFacts) -> Line:
    return Line(
        account=plain(item.account_id),
        amount=money(item.amount_minor, item.currency),
        currency=item.currency,
        due_on=item.due_on.isoformat() if isinstance(item.due_on, date) else "",
        instalments=item.overdue_instalments,
        is_overdue=item.overdue_instalments > 0 and item.about not in APART,
        as_guarantor=item.audience == "guarantors",
        is_promise=item.about == "promise",
        is_settled=item.about == "cured",
    )


def _consequences(items: list[ItemFacts], tone: str, policy: Policy) -> tuple[str, ...]:
    """Return the consequences that may be named: allowed by tone, taken by the lender, and true of these accounts."""
    if not any(item.overdue_instalments for item in items):
        return ()
    highest = max(item.rung for item in items)
    return tuple(
        name
        for name in CONSEQUENCES[tone]
        if name in policy.notices.consequences and (name != "legal_action" or highest >= LEGAL_RUNG)
    )


def money(minor: int, currency: str) -> str:
    """Write an amount for people, ``1234567`` CNY -> ``12,345.67``."""
    return format_minor(minor, digits_of(currency), grouped=True)


def payload_sha256(
    facts: SendFacts, dropped: Iterable[str], notice: Notice, template_sha256: str, policy_sha256: str
) -> str:
    """Return the hash of what is said, without the person: template, policy, items, amounts, tone."""
    left_out = set(dropped)
    said: dict[str, Any] = {
        "contact_id": facts.contact_id,
        "template_sha256": template_sha256,
        "policy_sha256": policy_sha256,
        "tone": notice.tone,
        "consequences": list(notice.consequences),
        "items": [
            [item.item_key, item.amount_minor, item.currency] for item in facts.items if item.item_key not in left_out
        ],
    }
    return digest(said)
