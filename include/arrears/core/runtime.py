"""What every step is given: settings, clock, entropy and the key of the attempt that runs it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime

from arrears.core.clock import Clock, SystemClock
from arrears.core.entropy import Entropy, SystemEntropy
from arrears.core.settings import Settings


@dataclass(frozen=True)
class RunKey:
    """Which attempt did it: evidence for the auditor, never part of a natural key."""

    dag_id: str = "cli"
    run_id: str = "cli"
    task_id: str = "cli"
    map_index: int = -1
    try_number: int = 1
    ti_id: str = ""

    def as_dict(self) -> dict[str, str | int]:
        """Return the key as JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Runtime:
    """The outside world of a step."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    entropy: Entropy = field(default_factory=SystemEntropy)
    attempt: RunKey = field(default_factory=RunKey)
    rehearsal: bool = False


@dataclass(frozen=True)
class Request:
    """What was asked of a daily run; ``asked_at`` (UTC) gives the business date when none is named."""

    asked_at: datetime
    business_date: date | None = None
    feeds: str | None = None
    plan_only: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    """By which Airflow, DAG version and bundle; empty from the shell."""
