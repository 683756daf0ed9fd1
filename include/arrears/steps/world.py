"""Build the outside world of a step: clock, policy and store, the same for the shell and for Airflow."""

import os
from datetime import date, time

from sqlalchemy import Engine

from arrears.core.clock import Clock, PinnedClock, SystemClock, at_local
from arrears.core.entropy import SystemEntropy, random_uuid
from arrears.core.errors import BadArguments
from arrears.core.runtime import RunKey, Runtime
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.ladder.policy import Policy
from arrears.store.migrate import open_store

REHEARSAL_HOUR = time(10, 0)
SHELL = "cli"
"""What stands in the place of a DAG when a person gives the command."""


def build_runtime(settings: Settings, attempt: RunKey, *, rehearsal_of: date | None = None) -> Runtime:
    """Return the runtime of one attempt; a rehearsal pins the clock into the contact hours of its date.

    Raises:
        BadArguments: a rehearsal outside a sandbox.
    """
    if rehearsal_of is None:
        return Runtime(settings, SystemClock(), SystemEntropy(), attempt)
    if settings.mode != "sandbox":
        raise BadArguments("a rehearsal runs in a sandbox only: unset ARREARS_MODE or set it to sandbox")
    zone = policy_of(settings).time_zone
    clock: Clock = PinnedClock(at_local(rehearsal_of, REHEARSAL_HOUR, zone))
    return Runtime(settings, clock, SystemEntropy(), attempt, rehearsal=True)


def shell_attempt(command: str) -> RunKey:
    """Return the key of a call from the shell; each call is its own attempt."""
    return RunKey(dag_id=SHELL, run_id=f"cli-{random_uuid(SystemEntropy())}", task_id=command, ti_id=str(os.getpid()))


def policy_of(settings: Settings) -> Policy:
    """Return the policy in force: the configured file, or the built-in profile."""
    return load_policy(settings.policy_file)


def store_of(rt: Runtime) -> Engine:
    """Return the engine of the store, made or migrated when needed."""
    return open_store(rt)
