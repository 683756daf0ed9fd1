"""What a printed letter says: the words of the same notice as a message, one contract a sheet, under the same lint."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Engine

from arrears.core.runtime import Runtime
from arrears.ladder.balance import Balances
from arrears.ladder.policy import Policy
from arrears.outreach.gates import check
from arrears.outreach.lint import lint
from arrears.outreach.listed import listed
from arrears.outreach.moment import load
from arrears.outreach.notice import Notice, notice_of
from arrears.outreach.render import render
from arrears.store.engine import reading

BLANK_LINE = "\n\n"


@dataclass(frozen=True, slots=True)
class Said:
    """The words of one letter about one contract, and what is wrong with a sheet that prints them."""

    notice: Notice
    policy: Policy

    def blocks(self, *, court: bool) -> tuple[tuple[str, ...], ...]:
        """Return the paragraphs in groups: why we write, the contract, what may follow and what to do, who writes.

        Without ``court`` that a court may follow is left to the sheet around these words.
        """
        said = tuple(name for name in self.notice.consequences if court or name != "legal_action")
        groups = render(replace(self.notice, consequences=said)).text.split(BLANK_LINE)
        return tuple(tuple(line for line in group.splitlines() if line.strip()) for group in groups)

    @property
    def names_legal_action(self) -> bool:
        """Say whether the policy lets this letter name steps before a court."""
        return "legal_action" in self.notice.consequences

    def faults(self, printed: str) -> list[str]:
        """Return what the lint finds in the words of a sheet."""
        return lint(printed, self.notice, self.policy)


def letter_words(rt: Runtime, engine: Engine, on: date, policy: Policy) -> dict[tuple[str, str], Said]:
    """Return the words of the day's letters by contact and contract; a contract with nothing to say has none."""
    balances = Balances(rt, on, policy)
    found: dict[tuple[str, str], Said] = {}
    for claims in listed(engine, on, ("letter",)):
        with reading(engine) as connection:
            facts = load(connection, rt, claims, policy, balances)
        for claim in claims:
            one = facts[claim.contact_id]
            dropped = check(one, policy, rt.clock.now()).dropped
            for account_id, others in _by_contract(one.items, dropped):
                notice = notice_of(one, others, claim.row.language, policy)
                found[claim.contact_id, account_id] = Said(notice, policy)
    return found


def _by_contract(items: Sequence[Any], dropped: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield each contract that a letter is still about, with the items that its own sheet leaves out."""
    for account_id in sorted({item.account_id for item in items if item.item_key not in dropped}):
        yield account_id, [*dropped, *(item.item_key for item in items if item.account_id != account_id)]
