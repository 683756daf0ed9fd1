"""The steps of ``arrears_repossession``: put a batch of orders and packets before two people, record what they said."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from arrears.core.errors import BadArguments, BadInput
from arrears.core.runtime import Request, Runtime

if TYPE_CHECKING:
    from arrears.approvals.questions import OpenApproval

log = logging.getLogger(__name__)

DECISIONS = {"": "approve", " refuse 不同意": "refuse", " send back 退回": "send_back"}
"""What each ending of a number decides, when a person picks it."""

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


def ask_legal(rt: Runtime, batch: str, packets: str) -> list[dict[str, Any]]:
    """Return the question to the legal desk: numbers of orders and packets, facts hashes; empty when none waits.

    ``packets`` is the address at which the packets can be read.
    """
    return _question(rt, batch, "legal", packets)


def ask_risk(rt: Runtime, batch: str, packets: str) -> list[dict[str, Any]]:
    """Return the question to the risk desk."""
    return _question(rt, batch, "risk", packets)


def record_legal(rt: Runtime, batch: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Record what the legal desk chose; the store decides whether it counts."""
    return _record(rt, batch, "legal", answers)


def record_risk(rt: Runtime, batch: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Record what the risk desk chose."""
    return _record(rt, batch, "risk", answers)


def close_batch(rt: Runtime, batch: str) -> dict[str, Any]:
    """Seal the batch; orders that both desks approved leave with the next dispatch, packets with their lawyer."""
    from arrears.approvals.batches import end_questions
    from arrears.core.clock import utc_text
    from arrears.steps import runs, summary
    from arrears.steps.world import store_of
    from arrears.store.engine import writing

    rt = runs.on_its_day(rt)
    with writing(store_of(rt)) as connection:
        end_questions(connection, batch, utc_text(rt.clock.now()))
    runs.set_run(rt, batch, settled_at=utc_text(rt.clock.now()))
    return summary.close(rt, batch)


def _question(rt: Runtime, batch: str, role: str, packets: str) -> list[dict[str, Any]]:
    """Return the question of a desk: what each choice means, and who of the staff feed may answer.

    What stands in an earlier batch that is still open is not asked again. Airflow's own list of who may answer knows
    its users by a number that no feed carries, so the store is the judge.
    """
    from arrears.approvals.questions import list_open
    from arrears.ladder.staff import staff_roles
    from arrears.steps.world import store_of
    from arrears.store.engine import reading

    engine = store_of(rt)
    waiting = [a for a in list_open(engine) if a.number and role in a.missing]
    waiting = _only_new(rt, batch, role, waiting)
    if not waiting:
        return []
    with reading(engine) as connection:
        people = sorted(name for name, roles in staff_roles(connection).items() if role in roles)
    options = [option for one in waiting for option in options_of(str(one.number))]
    asked = [f"* {one.number} ({one.order_kind or one.kind}): facts `{one.facts_sha256[:16]}`" for one in waiting]
    told = [f"[Packets 材料]({packets})", MEANING, f"May answer 可答: {', '.join(people)}"]
    return [{"options": options, "body": "\n\n".join(["\n".join(asked), *told])}]


def _only_new(rt: Runtime, batch: str, role: str, waiting: Sequence["OpenApproval"]) -> list["OpenApproval"]:
    """Leave out what another open batch asks a role already, and write down what this one asks."""
    from arrears.approvals.batches import asked_elsewhere, keep_asked
    from arrears.core.clock import utc_text
    from arrears.steps import runs
    from arrears.steps.world import policy_of, store_of
    from arrears.store.engine import writing

    rt = runs.on_its_day(rt)
    now, stands = rt.clock.now(), timedelta(days=policy_of(rt.settings).clocks.answer_days)
    with writing(store_of(rt)) as connection:
        elsewhere = asked_elsewhere(connection, batch, role, utc_text(now - stands))
        new = [one for one in waiting if one.approval_id not in elsewhere]
        keep_asked(connection, batch, role, [one.approval_id for one in new], utc_text(now))
    return new


def options_of(number: str) -> list[str]:
    """Return what can be chosen about an order or packet: its bare number approves."""
    return [f"{number}{ending}" for ending in DECISIONS]


def _record(rt: Runtime, batch: str, role: str, answers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Record each choice as a vote by the Airflow user who answered; an expired question chose nothing.

    Raises:
        BadInput: the note is missing: a decision without a reason is no decision.
    """
    from arrears.approvals.batches import end_questions
    from arrears.approvals.questions import list_open
    from arrears.core.clock import utc_text
    from arrears.steps import runs
    from arrears.steps.world import store_of
    from arrears.store.engine import writing

    rt, recorded = runs.on_its_day(rt), 0
    with writing(store_of(rt)) as connection:
        end_questions(connection, batch, utc_text(rt.clock.now()), role)
    for answer in answers:
        chosen = set(answer["chosen_options"])
        note = str((answer.get("params_input") or {}).get("note") or "").strip()
        if chosen and not note:
            raise BadInput("a decision needs a note: answer again with the reason")
        person = str((answer.get("responded_by_user") or {}).get("name") or "")
        for waiting in list_open(store_of(rt)):
            if waiting.number and role in waiting.missing:
                decision = _decision(waiting.number, chosen)
                recorded += bool(decision) and _vote(rt, batch, waiting.approval_id, role, person, decision, note)
    return {"recorded": recorded}


def _decision(number: str, chosen: set[str]) -> str:
    """Return what was decided about an order or packet; nothing when nothing, or more than one thing, was chosen."""
    found = [decision for ending, decision in DECISIONS.items() if f"{number}{ending}" in chosen]
    if len(found) > 1:
        log.warning("%s: more than one choice, so none counts; it is asked again", number)
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
