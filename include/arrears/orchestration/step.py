"""The one way from a plain step to an Airflow task."""

import inspect
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from importlib.metadata import version
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from arrears.core.days import day_of
from arrears.core.errors import ArrearsError, BadArguments, TemporaryFailure
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.orchestration import figures, lineage, progress, retrying
from arrears.orchestration.assets import announce
from arrears.orchestration.masking import guard_logs, told_safely

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Step = Callable[Concatenate[Runtime, Arguments], Result]
SEAL_QUEUE = "seal"
"""The queue whose workers hold the signing key."""


def step(function: Step[Arguments, Result], **options: Any) -> Any:
    """Return a step as a TaskFlow task named after it; what no further try can mend is not tried again."""
    return task(_inject(function), task_id=function.__name__, **_options(options))


def sending(function: Step[Arguments, Result], **options: Any) -> Any:
    """Return a step that reaches people: never tried again blindly."""
    return step(function, retry_policy=retrying.SENDING, **options)


def sealing(function: Step[Arguments, Result], **options: Any) -> Any:
    """Return a step that seals the log, or deletes what is past its time: only the workers of one queue can do that."""
    return step(function, queue=SEAL_QUEUE, **options)


def branch(function: Step[Arguments, Result], **options: Any) -> Any:
    """Return a step that names the task groups to go on with."""
    return task.branch(_inject(function), task_id=function.__name__, **_options(options))


def closing(function: Step[Arguments, Result], **options: Any) -> Any:
    """Return the step that closes and seals a run: it runs whatever became of the others, and fails if one failed.

    Airflow judges a run by its last task, and a closing that succeeds would show a failed run as a success.
    """
    close = _inject(function)

    @wraps(close)
    def run(*args: Any, **kwargs: Any) -> Any:
        result = close(*args, **kwargs)
        if failed := _failed_tasks():
            raise AirflowFailException(f"closed, but not done: {', '.join(failed)} failed; the reason is in its log")
        return result

    make = task(run, task_id=function.__name__, **_options({"queue": SEAL_QUEUE, **options}))
    return lambda *args: make(*args).as_teardown(on_failure_fail_dagrun=True)


def _failed_tasks() -> list[str]:
    ti: Any = get_current_context()["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])
    return sorted(name for name, state in states.get(ti.run_id, {}).items() if state == "failed")


def wait(function: Step[Arguments, Result], *, every: timedelta, at_most: timedelta) -> Any:
    """Return a step as a sensor that gives its slot back between looks."""
    return task.sensor(
        _inject(function),
        task_id=function.__name__,
        mode="reschedule",
        poke_interval=every.total_seconds(),
        timeout=at_most.total_seconds(),
        **_options({}),
    )


def _options(options: dict[str, Any]) -> dict[str, Any]:
    return {**retrying.retries(), "retry_policy": retrying.WORKING, **options}


def _inject(function: Step[Arguments, Result]) -> Callable[..., Any]:
    """Hide the runtime from Airflow's signature and hand it in from the context when the task runs."""
    signature = inspect.signature(function)
    wants_request = "request" in signature.parameters
    shown = [p for name, p in signature.parameters.items() if name not in (next(iter(signature.parameters)), "request")]

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        context: dict[str, Any] = dict(get_current_context())
        if wants_request:
            kwargs["request"] = request_of(context)
        progress.tell(function.__name__)
        context["task"].on_kill = _interrupt
        guard_logs()
        try:
            rt, begun = runtime_of(context), time.monotonic()
            with figures.standing_told(rt, function.__name__):
                result = function(rt, *args, **kwargs)
            keys = signature.bind(rt, *args, **kwargs).arguments
            figures.tell(rt, function.__name__, time.monotonic() - begun, result, keys)
            announce(context, result)
            lineage.keep(str(context["ti"].id), result)
            return result
        except ArrearsError as error:
            if not isinstance(error, TemporaryFailure):
                progress.tell_failure(function.__name__, str(error))
            raise error from None  # what it came from may quote a cell
        except AirflowException:
            raise
        except Exception as error:
            raise told_safely(error) from None

    run.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined] # inspect reads it
    return run


def _interrupt() -> NoReturn:
    """Let a task that is cleared or marked write down how its messages ended.

    Airflow then sends its process SIGTERM, whose handler asks the operator's ``on_kill``, and kills it five seconds
    later; ``on_kill`` of a TaskFlow task does nothing, so that it would be killed in the middle of a message.
    """
    raise KeyboardInterrupt


def runtime_of(context: dict[str, Any]) -> Runtime:
    """Return the runtime of the attempt that is running, its key taken from Airflow."""
    from arrears.orchestration.connections import settings_from_airflow
    from arrears.steps.world import build_runtime

    ti = context["ti"]
    attempt = RunKey(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, str(ti.id))
    rehearsal_of = None
    if context["params"].get("rehearsal"):
        rehearsal_of = _date(context["params"].get("business_date"))
        if rehearsal_of is None:
            raise BadArguments("a rehearsal names its day: give the parameter business_date as YYYY-MM-DD")
    return build_runtime(settings_from_airflow(), attempt, rehearsal_of=rehearsal_of)


def request_of(context: dict[str, Any]) -> Request:
    """Return what was asked of this DAG run; logical dates are UTC and may be absent, so they are not used."""
    params = context["params"]
    return Request(
        asked_at=context["dag_run"].run_after,
        business_date=_date(params.get("business_date")),
        feeds=params.get("feeds") or None,
        plan_only=bool(params.get("plan_only")),
        versions=_versions(context["ti"]),
    )


def _versions(ti: Any) -> dict[str, str]:
    """Return by which Airflow, DAG version and bundle the run is made.

    A local bundle has a name and no version; a run in this very process (``make run``) has no bundle at all.
    """
    bundle = getattr(ti, "bundle_instance", None)
    return {
        "airflow": version("apache-airflow"),
        "dag_version": str(ti.dag_version_id),
        "bundle": bundle.name if bundle else "",
        "bundle_version": (bundle.version or "") if bundle else "",
    }


def _date(text: str | None) -> date | None:
    try:
        return day_of(text) if text else None
    except ValueError:
        raise BadArguments(f"business_date {text!r}: write it as YYYY-MM-DD") from None
