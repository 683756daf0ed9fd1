"""Demands and lawyer's letters: one to the borrower, one to each guarantor, naming only steps that are open in law."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.ladder.policy import Policy
from arrears.legal import typesetting
from arrears.legal.facts import DEBTOR_ROLES, GUARANTOR_ROLES, Instalment, LegalFacts, Party
from arrears.legal.plain_text import amount, day_text, table
from arrears.legal.readiness import REMEDIES, Readiness
from arrears.legal.wording import words

TEMPLATE = "letter.typ"
LetterKind = Literal["demand_letter", "lawyers_letter"]


@dataclass(frozen=True)
class Letter:
    """One letter to one person; its id is the same however often it is printed on the same day."""

    letter_id: str
    kind: LetterKind
    party_id: str
    dated_on: date
    data: Mapping[str, Any]


def letters_for(facts: LegalFacts, readiness: Readiness, policy: Policy, kind: LetterKind) -> list[Letter]:
    """Return the letters an account needs: to each debtor and each guarantor, in their own language.

    A consequence is named only when its legal test is met and the policy allows it: no threat that will not be carried
    out. Guarantors are demanded one by one, for a demand on one does not save the claim on another (Civil Code 693).

    Raises:
        BadArguments: nothing is overdue, so there is nothing to demand.
    """
    if facts.money.overdue_minor <= 0:
        raise BadArguments(f"account {facts.account_id}: nothing is overdue, so there is nothing to demand")
    return [
        _letter(party, facts, readiness, policy, kind)
        for party in facts.parties
        if party.role in (*DEBTOR_ROLES, *GUARANTOR_ROLES)
    ]


def render_letter(home: Path, letter: Letter) -> bytes:
    """Return the letter as PDF/A; the same letter is the same bytes.

    Raises:
        CannotRender: a character is in no font.
    """
    return typesetting.render(home, TEMPLATE, letter.data, letter.dated_on)


def _letter(party: Party, facts: LegalFacts, readiness: Readiness, policy: Policy, kind: LetterKind) -> Letter:
    lang = party.language or policy.language
    money, day = facts.money, facts.business_date
    letter_id = natural_key(facts.account_id, party.party_id, kind, day.isoformat())
    consequences = [remedy for remedy in REMEDIES if readiness.gates[f"test_{remedy}"]]
    borrower = next((debtor.name for debtor in facts.debtors if debtor.role == "borrower"), "")
    data = {
        "lang": lang,
        "kind": kind,
        "number": f"{letter_id[:4]}-{letter_id[4:8]}-{letter_id[8:12]}".upper(),
        "watermark": "",
        "lender": policy.creditor.name if lang == "zh" else policy.creditor.name_en,
        "policy": f"{policy.policy_id} {policy.version}",
        "cutoff": day.isoformat(),
        "name": party.name,
        "address": party.service_address or party.address,
        "borrower": borrower if party.role in GUARANTOR_ROLES else "",
        "contract": facts.account_id,
        "contract_type": words(facts.contract_type, lang),
        "count": str(money.overdue_instalments),
        "oldest": money.oldest_unpaid_due.isoformat() if money.oldest_unpaid_due else "",
        "overdue": amount(money.overdue_minor, money),
        "rows": table(_unpaid(row, facts) for row in facts.instalments if row.due_date < day and row.unpaid_minor),
        "cure_days": str(policy.legal.demand_cure_days),
        "account": policy.creditor.payment_account,
        "consequences": [words(remedy, lang) for remedy in consequences],
        "complaint_line": policy.creditor.complaint_line,
    }
    return Letter(letter_id, kind, party.party_id, day, data)


def _unpaid(row: Instalment, facts: LegalFacts) -> list[str]:
    late = (facts.business_date - row.due_date).days
    return [str(row.instalment_no), day_text(row.due_date), amount(row.unpaid_minor, facts.money), str(late)]
