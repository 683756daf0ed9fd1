"""The steps of ``arrears_repossession``: put one batch of orders before two people and record what they said."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from arrears.core.errors import BadArguments, BadInput
from arrears.core.runtime import Request, Runtime

log = logging.getLogger(__name__)

DECISIONS = {"": "approve", " refuse 不同意": "refuse", " send back 退回": "send_back"}
"""What each ending of an order number decides, when a person picks it."""

MEANING = (
    "The bare number approves. Refused facts are not asked about again; sent back, the remedy is chosen anew. "
    "单号为同意；不同意则同一事实不再提交；退回则须重新选定救济方式。"
)


def open_batch(rt: Runtime, request: Request) -> str:
    """Open the run of one approval batch."""
    from arrears.steps import runs

    there = runs.on_its_day(rt)
    asked = request if there is rt else replace(request, business_date=runs.rehearsed_date(rt))
    return runs.open_run(there, "repossession", asked)


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

    rt = runs.on_its_day(rt)
    runs.set_run(rt, batch, settled_at=utc_text(rt.clock.now()))
    return summary.close(rt, batch)


def _question(rt: Runtime, role: str) -> list[dict[str, Any]]:
    """Return the question of a desk: what each choice means, and who of the staff feed may answer.

    Airflow's own list of who may answer knows its users by a number that no feed carries, so the store is the judge.
    """
    from arrears.approvals.questions import list_open
    from arrears.ladder.staff import staff_roles
    from arrears.steps.world import store_of
    from arrears.store.engine import reading

    waiting = [a for a in list_open(store_of(rt)) if a.order_no and role in a.missing]
    if not waiting:
        return []
    with reading(store_of(rt)) as connection:
        people = sorted(name for name, roles in staff_roles(connection).items() if role in roles)
    options = [option for one in waiting for option in options_of(str(one.order_no))]
    asked = [f"* {one.order_no} ({one.order_kind}): facts `{one.facts_sha256[:16]}`" for one in waiting]
    return [{"options": options, "body": "\n".join([*asked, "", MEANING, f"May answer 可答: {', '.join(people)}"])}]


def options_of(order_no: str) -> list[str]:
    """Return what can be chosen about an order: its bare number approves."""
    return [f"{order_no}{ending}" for ending in DECISIONS]


def _record(rt: Runtime, batch: str, role: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Record each choice as a vote by the Airflow user who answered; an expired question chose nothing.

    Raises:
        BadInput: the note is missing: a decision without a reason is no decision.
    """
    from arrears.approvals.questions import list_open
    from arrears.steps import runs
    from arrears.steps.world import store_of

    rt, recorded = runs.on_its_day(rt), 0
    for answer in answers:
        chosen = set(answer["chosen_options"])
        note = str((answer.get("params_input") or {}).get("note") or "").strip()
        if chosen and not note:
            raise BadInput("a decision needs a note: answer again with the reason")
        person = str((answer.get("responded_by_user") or {}).get("name") or "")
        for waiting in list_open(store_of(rt)):
            if waiting.order_no and role in waiting.missing:
                decision = _decision(waiting.order_no, chosen)
                recorded += bool(decision) and _vote(rt, batch, waiting.approval_id, role, person, decision, note)
    return {"recorded": recorded}


def _decision(order_no: str, chosen: set[str]) -> str:
    """Return what was decided about an order; nothing when nothing, or more than one thing, was chosen."""
    found = [decision for ending, decision in DECISIONS.items() if f"{order_no}{ending}" in chosen]
    if len(found) > 1:
        log.warning("%s: more than one choice, so none counts; it is asked again", order_no)
    return found[0] if len(found) == 1 else ""


def _vote(rt: Runtime, batch: str, approval_id: str, role: str, person: str, decision: str, note: str) -> bool:
    """Record one vote; one that may not count is left out and the rest of the batch goes on."""
    from arrears.approvals.votes import vote
    from arrears.steps.world import policy_of, store_of

    try:
        vote(rt, store_of(rt), approval_id=approval_id, staff_id=person, decision=decision, note=note,
             identity="airflow", policy=policy_of(rt.settings), run_id=batch, role=role)  # fmt: skip
    except BadArguments as error:
        log.warning("a vote did not count: %s", error)
        return False
    return True
