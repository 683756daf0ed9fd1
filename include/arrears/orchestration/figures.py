"""Our own figures among Airflow's, over whatever its ``[metrics]`` section names (StatsD or OpenTelemetry).

Counts, ages and rates only: names and tags never speak of an account or a person. A figure that cannot be read or
sent never fails the task that was to tell it.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from arrears.core.runtime import Runtime

LOG = logging.getLogger(__name__)
PREFIX = "arrears"
CLOSING = frozenset({"close_day", "close_dispatch", "watch_deliveries"})
"""Steps around which the state of the whole store is told: seldom, for it counts."""
RUNS, PLACES = ("day", "dispatch", "intake", "night"), ("stage", "batch")
"""Arguments of a step that name its run, and which part of the run's work it did."""
Figure = tuple[str, float]


def tell(rt: Runtime, step: str, seconds: float, result: Any, keys: Mapping[str, Any] | None = None) -> None:
    """Send how long a step took and what it counted.

    The log gets the same as one line of JSON, with the run, stage and batch that the step's arguments ``keys`` name.
    """
    LOG.info(json.dumps(_line(rt, step, seconds, result, keys or {})))
    _send(step, lambda: dict(_of_step(step, seconds, result)))


@contextmanager
def standing_told(rt: Runtime, step: str) -> Iterator[None]:
    """Tell how the store stands around a closing step, and no less when it fails.

    How long events wait for their seal is told before: afterwards none waits, or nobody could seal.
    """
    if step not in CLOSING:
        yield
        return
    from arrears.steps.pulse import seal_lag

    _send(step, lambda: seal_lag(rt))
    try:
        yield
    except Exception:
        _tell_standing(rt, step)
        raise
    _tell_standing(rt, step)


def _tell_standing(rt: Runtime, step: str) -> None:
    """Send how the store stands, and one beat, by whose absence an alarm knows that nothing tells any more."""
    from airflow.sdk.observability import stats

    from arrears.steps.pulse import pulse

    if _send(step, lambda: pulse(rt)):
        stats.incr(f"{PREFIX}.pulse")


def _send(step: str, read: Callable[[], Mapping[str, float]]) -> bool:
    from airflow.sdk.observability import stats

    try:
        for name, value in read().items():
            stats.gauge(f"{PREFIX}.{name}", value)
    except Exception:
        LOG.warning("figures of %s could not be told; that changes nothing about the step itself", step, exc_info=True)
        return False
    return True


def _line(rt: Runtime, step: str, seconds: float, result: Any, keys: Mapping[str, Any]) -> dict[str, Any]:
    run = next((keys[name] for name in RUNS if name in keys), None)
    place = {name: keys[name] for name in PLACES if name in keys}
    said = result.items() if isinstance(result, dict) else ()
    counts = {name: value for name, value in said if isinstance(value, int)}
    return {"step": step, "run": run, **place, "dag_run": rt.attempt.run_id, "try": rt.attempt.try_number,
            "milliseconds": int(1000 * seconds), "counts": counts}  # fmt: skip


def _of_step(step: str, seconds: float, result: Any) -> Iterator[Figure]:
    yield f"step.{step}.seconds", seconds
    if isinstance(result, dict):
        yield from _counts(step, seconds, result)


def _counts(step: str, seconds: float, result: dict[str, Any]) -> Iterator[Figure]:
    """Return the plain numbers of a step; decisions and accounts also as a rate, in pieces a second."""
    for name, value in result.items():
        if isinstance(value, int) and not isinstance(value, bool):
            yield f"step.{step}.{name}", float(value)
    for name in ("accounts", "rows"):
        if seconds > 0 and isinstance(result.get(name), int):
            yield f"step.{step}.{name}_per_second", result[name] / seconds
