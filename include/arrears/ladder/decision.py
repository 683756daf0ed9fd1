"""What the one decision function answers: where an account stands today, what is done, and what is not and why."""

from dataclasses import dataclass
from typing import Any

from arrears.core.keys import digest
from arrears.ladder.standing import Gate


@dataclass(frozen=True, slots=True)
class Action:
    """A step to be carried out today."""

    step: str
    channel: str
    audience: str
    tone: str
    rung: int
    occasion: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A step that is due but not carried out, with every reason."""

    step: str
    channel: str
    audience: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """Where an account stands on the ladder today, what is done, and what is not."""

    entitled_rung: int
    unlocked_rung: int
    rung: int
    lane: str
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...]
    actions: tuple[Action, ...]
    suppressed: tuple[Suppressed, ...]

    def body(self) -> dict[str, Any]:
        """Return the decision as JSON data: what is hashed, kept and replayed."""
        return {
            "entitled_rung": self.entitled_rung,
            "unlocked_rung": self.unlocked_rung,
            "rung": self.rung,
            "lane": self.lane,
            "reasons": list(self.reasons),
            "gates": [{"name": g.name, "passed": g.passed, "detail": g.detail} for g in self.gates],
            "actions": [
                {
                    "step": a.step,
                    "channel": a.channel,
                    "audience": a.audience,
                    "tone": a.tone,
                    "rung": a.rung,
                    "occasion": a.occasion,
                    "ordinal": a.ordinal,
                }
                for a in self.actions
            ],
            "suppressed": [
                {"step": s.step, "channel": s.channel, "audience": s.audience, "reasons": list(s.reasons)}
                for s in self.suppressed
            ],
        }

    def sha256(self) -> str:
        """Return the hash of the decision."""
        return digest(self.body())
