"""The whole day without Airflow: the steps of ``arrears_daily`` in its order, with the time each took."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from arrears.core.errors import ArrearsError, TemporaryFailure
from arrears.core.runtime import Request, Runtime
from arrears.steps import daily, orders, runs, summary
from arrears.store.turn import turn

Progress = Callable[[str], None]

MORNING = (
    daily.pull_ledger,
    daily.gate_ledger,
    daily.decide_accounts,
    daily.plan_contacts,
    daily.build_packets,
    daily.propose_orders,
    daily.seal_morning,
    daily.write_worklists,
)


@dataclass(frozen=True)
class DayResult:
    """The summary document of the command contract, and the failure that ended the day early, if any."""

    document: dict[str, Any]
    error: ArrearsError | None


def run_day(rt: Runtime, request: Request, progress: Progress) -> DayResult:
    """Run one business date to its end; a held or failed day is closed and sealed all the same.

    Recalls go out whatever became of the day: no machine is towed because a ledger was late or wrong.
    One day is done at a time: a second one waits for the first, whatever their dates.
    """
    runs.refuse_early(rt, request)
    with turn(rt.settings.store_url, lambda: progress("waiting for the run that is in progress")):
        return _run_day(rt, request, progress)


def _run_day(rt: Runtime, request: Request, progress: Progress) -> DayResult:
    timings: dict[str, float] = {}
    failure: ArrearsError | None = None
    silent: TemporaryFailure | None = None
    day = daily.open_day(rt, request)
    runs.end_abandoned(rt, day)
    try:
        for step in MORNING:
            _timed(step.__name__, timings, progress, partial(step, rt, day))
        silent = _mailed("send_digest", timings, progress, partial(daily.send_digest, rt, day))
        _send(rt, day, timings, progress)
    except ArrearsError as error:
        failure = error
    settle = _recall_orders if failure else daily.settle_orders
    try:
        _timed(settle.__name__.strip("_"), timings, progress, partial(settle, rt, day))
    except ArrearsError as error:
        failure = failure or error
    silent = _mailed("close_day", timings, progress, partial(daily.close_day, rt, day)) or silent
    return DayResult(summary.read(rt, day) | {"timings_s": timings}, failure or silent)


def _recall_orders(rt: Runtime, day: str) -> dict[str, Any]:
    """Stand down what should not be out on a day that was held or broke off; nothing is handed over."""
    return orders.recall(rt, runs.read_run(rt, day))


def _mailed(
    name: str, timings: dict[str, float], progress: Progress, work: Callable[[], Any]
) -> TemporaryFailure | None:
    """Do what mails to our own readers; that the mail server is down stops no day, and is told at its end."""
    try:
        _timed(name, timings, progress, work)
    except TemporaryFailure as failure:
        return failure
    return None


def _send(rt: Runtime, day: str, timings: dict[str, float], progress: Progress) -> None:
    for group in daily.branch_by_stage(rt, day):
        stage = int(group.removeprefix("stage_"))
        for batch in daily.list_batches(rt, day, stage):
            label = f"send_{group}"
            _timed(label, timings, progress, partial(daily.send_batch, rt, day, stage, batch))


def _timed(name: str, timings: dict[str, float], progress: Progress, work: Callable[[], Any]) -> None:
    progress(name.replace("_", " "))
    started = perf_counter()
    try:
        work()
    finally:
        timings[name] = round(timings.get(name, 0.0) + perf_counter() - started, 3)
