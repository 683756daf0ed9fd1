"""Letters on paper: one to the borrower, one to each guarantor, in the words of the notice behind them.

What a message would say - what may follow, part payment, help, complaint, statements of the law - comes with the
notice, and the sheet as a whole passes the same lint. A demand adds the contract, the cure days and the open remedies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from arrears.core.errors import BadArguments, PermanentFailure
from arrears.core.keys import natural_key
from arrears.ladder.policy import Policy
from arrears.ladder.policy_terms import LetterDocument
from arrears.legal import typesetting
from arrears.legal.facts import DEBTOR_ROLES, GUARANTOR_ROLES, Instalment, LegalFacts, Party
from arrears.legal.plain_text import amount, day_text, table
from arrears.legal.readiness import REMEDIES, Readiness
from arrears.legal.wording import words

TEMPLATE = "letter.typ"
DEMANDS = ("demand_letter", "lawyers_letter")
"""What demands payment: once served it starts the cure clock. Every other letter only informs."""


class Said(Protocol):
    """The words of the notice behind a letter, and the lint that the printed sheet must pass."""

    def blocks(self, *, court: bool) -> Sequence[Sequence[str]]:
        """Return the paragraphs in groups: why, the contract, what to do, who writes; ``court``: it may follow."""
        ...

    @property
    def names_legal_action(self) -> bool:
        """Say whether steps before a court may be named."""
        ...

    def faults(self, printed: str) -> list[str]:
        """Return what must not be said, and what is missing."""
        ...


@dataclass(frozen=True)
class Letter:
    """One letter to one person; its id is the same however often it is printed on the same day."""

    letter_id: str
    kind: LetterDocument
    party_id: str
    dated_on: date
    data: Mapping[str, Any]


def letter_for(
    party_id: str, facts: LegalFacts, readiness: Readiness, policy: Policy, kind: LetterDocument, said: Said
) -> Letter:
    """Return the letter to one debtor or guarantor, in their own language.

    A remedy is named only when its legal test is met and the policy allows it: no threat that will not be carried
    out. Guarantors are demanded one by one, for a demand on one does not save the claim on another (Civil Code 693).

    Raises:
        BadArguments: nothing is overdue, or the person is not bound by the contract: there is nothing to demand.
        PermanentFailure: the lint refuses what would be printed.
    """
    bound = {party.party_id: party for party in facts.parties if party.role in (*DEBTOR_ROLES, *GUARANTOR_ROLES)}
    if facts.money.overdue_minor <= 0 or party_id not in bound:
        raise BadArguments(f"account {facts.account_id}: nothing is overdue, so there is nothing to demand")
    letter = _letter(bound[party_id], facts, readiness, policy, kind, said)
    faults = said.faults(_printed(letter.data))
    if faults:
        raise PermanentFailure(f"letter {letter.data['number']} refused by the lint: {', '.join(faults)}")
    return letter


def render_letter(home: Path, letter: Letter) -> bytes:
    """Return the letter as PDF/A; the same letter is the same bytes.

    Raises:
        CannotRender: a character is in no font.
    """
    return typesetting.render(home, TEMPLATE, letter.data, letter.dated_on)


def _letter(
    party: Party, facts: LegalFacts, readiness: Readiness, policy: Policy, kind: LetterDocument, said: Said
) -> Letter:
    lang = party.language or policy.language
    money, day = facts.money, facts.business_date
    letter_id = natural_key(facts.account_id, party.party_id, kind, day.isoformat())
    remedies = _remedies(readiness, said, lang) if kind in DEMANDS else []
    why, contract, *rest = said.blocks(court=not remedies)  # what may follow is said once
    demand = [words("demand_cure", lang).format(days=policy.legal.demand_cure_days)] if kind in DEMANDS else []
    data = {
        "lang": lang,
        "kind": kind,
        "number": f"{letter_id[:4]}-{letter_id[4:8]}-{letter_id[8:12]}".upper(),
        "watermark": "",
        "lender": policy.creditor.name if lang == "zh" else policy.creditor.name_en,
        "policy": policy.stamp,
        "cutoff": day.isoformat(),
        "name": party.name,
        "address": party.service_address or party.address,
        "opening": [*([_demand_of(party, facts, lang)] if kind in DEMANDS else []), *why, *contract],
        "overdue": amount(money.overdue_minor, money),
        "rows": table(_unpaid(row, facts) for row in facts.instalments if row.due_date < day and row.unpaid_minor),
        "demand": [*demand, *([words("demand_consequences", lang)] if remedies else [])],
        "consequences": remedies,
        "rest": [line for block in rest for line in block],
    }
    return Letter(letter_id, kind, party.party_id, day, data)


def _remedies(readiness: Readiness, said: Said, lang: str) -> list[str]:
    """Name the remedies whose legal test is met, if the notice may speak of a court at all."""
    if not said.names_legal_action:
        return []
    return [words(remedy, lang) for remedy in REMEDIES if readiness.gates[f"test_{remedy}"]]


def _demand_of(party: Party, facts: LegalFacts, lang: str) -> str:
    """Say what is demanded of whom: the debt itself, or the guarantee of another's."""
    money, surety = facts.money, party.role in GUARANTOR_ROLES
    borrower = next((debtor.name for debtor in facts.debtors if debtor.role == "borrower"), "")
    return words("demand_of_guarantor" if surety else "demand_of_debtor", lang).format(
        borrower=borrower,
        contract=facts.account_id,
        type=words(facts.contract_type, lang),
        count=money.overdue_instalments,
        oldest=day_text(money.oldest_unpaid_due),
        day=facts.business_date.isoformat(),
        overdue=amount(money.overdue_minor, money),
    )


def _printed(data: Mapping[str, Any]) -> str:
    """Return every word of a sheet but who it is to: people's names and addresses are not ours to judge."""
    told = [data[name] for name in ("opening", "demand", "consequences", "rest")]
    return "\n".join([str(data["lender"]), str(data["policy"]), *(line for lines in told for line in lines)])


def _unpaid(row: Instalment, facts: LegalFacts) -> list[str]:
    late = (facts.business_date - row.due_date).days
    return [str(row.instalment_no), day_text(row.due_date), amount(row.unpaid_minor, facts.money), str(late)]
