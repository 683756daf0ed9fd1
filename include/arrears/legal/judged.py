"""One account's case with the verdict on it: does the packet that stands still tell the truth?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arrears.ladder.policy import Policy
from arrears.legal import packet
from arrears.legal.case_file import CaseFile
from arrears.legal.facts import facts_sha256
from arrears.legal.packet import State
from arrears.legal.readiness import Readiness, assess


@dataclass(frozen=True)
class Judged:
    """What a packet must say today, and the one that stands ``before`` it; ``version`` is a new packet's number."""

    case: CaseFile
    readiness: Readiness
    state: State
    identity: str
    before: Mapping[str, Any] | None
    version: int

    def stands(self, state: State) -> bool:
        """Say whether the current packet already tells these facts in this state, for these reasons."""
        return self.before is not None and (
            self.before["facts_sha256"], self.before["state"], self.before["reasons"]
        ) == (self.identity, state.name, packet.reasons_of(state, self.readiness))  # fmt: skip

    def clocks(self) -> list[dict[str, str]]:
        """Return the clocks that run as JSON data, the cure period among them."""
        rows = [clock.as_row() for clock in self.readiness.clocks]
        if self.readiness.cure is not None:
            ends = self.readiness.cure.ends_on.isoformat()
            rows.append({"name": "cure", "party_id": "", "expires_on": ends, "assumption": "", "preserved_on": ""})
        return rows


def judge(case: CaseFile, policy: Policy, before: Mapping[str, Any] | None, version: int) -> Judged:
    """Judge a case by its legal facts alone: no record is needed to see that nothing has changed."""
    readiness = assess(case.facts, policy)
    identity = facts_sha256(case.facts, readiness.gates, readiness.papers, policy.sha256)
    return Judged(case, readiness, packet.state_of(case, readiness), identity, before, version)
