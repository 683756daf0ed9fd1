"""A human decision from the shell, sealed at once."""

from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.repossession.approvals import list_open
from arrears.repossession.votes import Voted, vote
from arrears.steps import overrides, runs
from arrears.steps.world import build_runtime, policy_of, shell_attempt, store_of


def vote_from_shell(settings: Settings, approval: str, by: str, note: str, decision: str) -> tuple[Voted, str | None]:
    """Record one person's vote, seal it, and say what to do next; a rehearsed day is voted on on that day.

    Raises:
        BadArguments: see :func:`arrears.repossession.votes.vote`.
    """
    from arrears.audit.seal import seal

    rt = _runtime(settings, decision)
    engine = store_of(rt)
    voted = vote(rt, engine, approval_id=approval, staff_id=by, decision=decision, note=note, identity="shell",
                 policy=policy_of(rt.settings), run_id=rt.attempt.run_id)  # fmt: skip
    next_step = overrides.apply(rt, voted.approval_id)
    seal(rt, engine)
    return voted, next_step


def _runtime(settings: Settings, decision: str) -> Runtime:
    rt = build_runtime(settings, shell_attempt(f"approvals {decision}"))
    rehearsed = runs.rehearsed_date(rt)
    return rt if rehearsed is None else build_runtime(settings, rt.attempt, rehearsal_of=rehearsed)


def orders_waiting(rt: Runtime) -> list[str]:
    """Return the numbers of the orders that wait for approval."""
    return [waiting.order_no for waiting in list_open(store_of(rt)) if waiting.order_no]
