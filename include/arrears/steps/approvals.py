"""A human decision from the shell, sealed at once."""

from datetime import date
from zoneinfo import ZoneInfo

from arrears.approvals.questions import list_open
from arrears.approvals.remedy import Choice, choose
from arrears.approvals.votes import Voted, vote
from arrears.audit.succession import is_lost
from arrears.core.clock import local_date
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.repossession.outlook import kept_back, order_of
from arrears.steps import overrides, runs
from arrears.steps.visits import rule_on
from arrears.steps.world import build_runtime, policy_of, shell_attempt, store_of

RECORDED = "recorded as {0.role}: {0.state}"
VISIT_NEXT = "the next day's decisions know of the visit"


def vote_from_shell(settings: Settings, approval: str, by: str, note: str, decision: str) -> tuple[Voted, str | None]:
    """Record one person's vote, seal it, and say what to do next; a rehearsed day is voted on on that day.

    Raises:
        BadArguments: see :func:`arrears.approvals.votes.vote`.
    """
    from arrears.audit.seal import seal

    rt = _runtime(settings, decision)
    engine = store_of(rt)
    ruled = rule_on(rt, engine, policy_of(rt.settings), approval, by, decision, note, "shell")
    if ruled is not None:
        if not is_lost(rt.settings):
            seal(rt, engine)
        return ruled, VISIT_NEXT if ruled.state == "approved" else None
    voted = vote(rt, engine, approval_id=approval, staff_id=by, decision=decision, note=note, identity="shell",
                 policy=policy_of(rt.settings), run_id=rt.attempt.run_id)  # fmt: skip
    next_step = overrides.apply(rt, voted.approval_id) or _way_out(rt, voted)
    if not is_lost(rt.settings):  # a vote about the lost key stands; its event waits for the new one
        seal(rt, engine)
    return voted, next_step


def vote_on_the_desk(rt: Runtime, approval: str, user: str, decision: str, note: str) -> str:
    """Record the vote of a logged-in person in their own name and say what comes next; the sealer seals it later.

    The user id of Airflow is the staff id of the feed. A rehearsed day is voted on on that day.

    Raises:
        BadArguments: see :func:`arrears.approvals.votes.vote`.
    """
    rt = _runtime(rt.settings, decision)
    ruled = rule_on(rt, store_of(rt), policy_of(rt.settings), approval, user, decision, note, "airflow")
    if ruled is not None:
        return VISIT_NEXT if ruled.state == "approved" else RECORDED.format(ruled)
    voted = vote(rt, store_of(rt), approval_id=approval, staff_id=user, decision=decision, note=note,
                 identity="airflow", policy=policy_of(rt.settings), run_id=rt.attempt.run_id)  # fmt: skip
    return overrides.apply(rt, voted.approval_id) or _way_out(rt, voted) or RECORDED.format(voted)


def choose_from_shell(settings: Settings, account_id: str, remedy: str, by: str, note: str) -> None:
    """Record the remedy one person chooses and seal it; on a rehearsed day it is chosen on that day.

    Raises:
        BadArguments: see :func:`arrears.approvals.remedy.choose`.
    """
    from arrears.audit.seal import seal

    rt = _runtime(settings, "remedy")
    engine = store_of(rt)
    choose(rt, engine, Choice(account_id, remedy, by, note, "shell"), policy_of(rt.settings), rt.attempt.run_id)
    if not is_lost(rt.settings):
        seal(rt, engine)


def choose_on_the_desk(rt: Runtime, account_id: str, remedy: str, facts_sha256: str, user: str, note: str) -> None:
    """Record the remedy a logged-in person chooses in their own name, on the facts their page showed.

    Raises:
        BadArguments: see :func:`arrears.approvals.remedy.choose`.
    """
    rt = _runtime(rt.settings, "remedy")
    choice = Choice(account_id, remedy, user, note, "airflow", facts_sha256)
    choose(rt, store_of(rt), choice, policy_of(rt.settings), rt.attempt.run_id)


def day_of_decisions(rt: Runtime) -> date:
    """Return the day on which people decide now: a rehearsed day is decided on on that day."""
    return local_date(runs.on_its_day(rt).clock.now(), policy_of(rt.settings).time_zone)


def _runtime(settings: Settings, decision: str) -> Runtime:
    return runs.on_its_day(build_runtime(settings, shell_attempt(f"approvals {decision}")))


def orders_waiting(rt: Runtime) -> list[str]:
    """Return the numbers of the orders that wait for approval, first those that only the votes keep back."""
    waiting = [one.order_no for one in list_open(store_of(rt)) if one.order_no]
    back = _kept_back(_runtime(rt.settings, "list")) if waiting else {}
    return sorted(waiting, key=lambda order_no: (back.get(order_no) != "", order_no))


def _kept_back(rt: Runtime) -> dict[str, str]:
    newest = runs.newest_daily(rt)
    if newest is None:
        return {}
    return kept_back(rt, store_of(rt), runs.read_run(rt, newest).business_date, policy_of(rt.settings))


def _way_out(rt: Runtime, voted: Voted) -> str | None:
    """Say how an order leaves that has all its votes, or what else keeps it back."""
    order_no = order_of(store_of(rt), voted.approval_id) if voted.state == "approved" else None
    if order_no is None:
        return None
    back = _kept_back(rt).get(order_no)
    if back:
        return f"{order_no} does not leave yet: {back}"
    here = rt.clock.now().astimezone(ZoneInfo(policy_of(rt.settings).time_zone))
    at = f" --rehearsal --at {here.isoformat(timespec='seconds')}" if rt.rehearsal else ""
    return f"{order_no} leaves with the next dispatch: `arrears dispatch{at}`"
