"""The packet of one account: which state it is in, why, and its PDF."""

from dataclasses import dataclass
from pathlib import Path

from arrears.ladder.policy import Policy
from arrears.legal import sheets, statement, typesetting
from arrears.legal.case_file import CaseFile
from arrears.legal.readiness import Readiness


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
    data = sheets.compose(case, readiness, policy, state.name, state.reasons, number, facts_sha256)
    return typesetting.render(home, sheets.TEMPLATE, data, case.facts.business_date)


def reasons_of(state: State, readiness: Readiness) -> list[str]:
    """Return the codes kept with the packet: why this state, then ``remedy:reason`` for each legal test not met."""
    blocking = set(readiness.missing) | {"no_hard_hold"}
    return [
        *state.reasons,
        *(
            f"{remedy}:{reason}"
            for remedy, reasons in readiness.closed.items()
            for reason in reasons
            if reason not in blocking
        ),
    ]
