"""The steps of ``arrears_repossession``: put one batch of orders before two people and record what they said."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from arrears.core.errors import BadArguments, BadInput
from arrears.core.runtime import Request, Runtime

log = logging.getLogger(__name__)


def open_batch(rt: Runtime, request: Request) -> str:
    """Open the run of one approval batch."""
    from arrears.steps import runs

    return runs.open_run(rt, "repossession", request)


def ask_legal(rt: Runtime, batch: str) -> list[dict[str, Any]]:
    """Return the question to the legal desk: order numbers and facts hashes; empty when none waits."""
    return _question(rt, "legal")


def ask_risk(rt: Runtime, batch: str) -> list[dict[str, Any]]:
    """Return the question to the risk desk."""
    return _question(rt, "risk")


def record_legal(rt: Runtime, batch: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Record what the legal desk chose; the store decides whether it counts."""
    return _record(rt, batch, "legal", answers)


def record_risk(rt: Runtime, batch: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Record what the risk desk chose."""
    return _record(rt, batch, "risk", answers)


def close_batch(rt: Runtime, batch: str) -> dict[str, Any]:
    """Seal the batch; orders that both desks approved leave with the next dispatch."""
    from arrears.core.clock import utc_text
    from arrears.steps import runs, summary

    runs.set_run(rt, batch, settled_at=utc_text(rt.clock.now()))
    return summary.close(rt, batch)


def _question(rt: Runtime, role: str) -> list[dict[str, Any]]:
    from arrears.approvals.questions import list_open
    from arrears.steps.world import store_of

    waiting = [a for a in list_open(store_of(rt)) if a.order_no and role in a.missing]
    if not waiting:
        return []
    body = "\n".join(f"* {a.order_no} ({a.order_kind}): facts `{a.facts_sha256[:16]}`" for a in waiting)
    return [{"options": [str(a.order_no) for a in waiting], "body": body}]


def _record(rt: Runtime, batch: str, role: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Record each chosen order as a vote by the Airflow user who answered; an expired question chose nothing.

    Raises:
        BadInput: the note is missing: an approval without a reason is no approval.
    """
    from arrears.approvals.questions import list_open
    from arrears.steps.world import store_of

    recorded = 0
    for answer in answers:
        chosen = set(answer["chosen_options"])
        note = str((answer.get("params_input") or {}).get("note") or "").strip()
        if chosen and not note:
            raise BadInput("an approval needs a note: answer again with the reason")
        person = str((answer.get("responded_by_user") or {}).get("name") or "")
        for waiting in list_open(store_of(rt)):
            if waiting.order_no in chosen and role in waiting.missing:
                recorded += _vote(rt, batch, waiting.approval_id, role, person, note)
    return {"recorded": recorded}


def _vote(rt: Runtime, batch: str, approval_id: str, role: str, person: str, note: str) -> bool:
    """Record one vote; one that may not count is left out and the rest of the batch goes on."""
    from arrears.approvals.votes import vote
    from arrears.steps.world import policy_of, store_of

    try:
        vote(rt, store_of(rt), approval_id=approval_id, staff_id=person, decision="approve", note=note,
             identity="airflow", policy=policy_of(rt.settings), run_id=batch, role=role)  # fmt: skip
    except BadArguments as error:
        log.warning("a vote did not count: %s", error)
        return False
    return True
