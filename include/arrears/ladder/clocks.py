"""When the day begins, how long its ledger is awaited, when the night's checks run: policy, read without its rules.

Airflow reads the DAG files over and over; what a schedule needs is therefore taken from the layers' files alone, in
some milliseconds and without the calendar libraries that a whole policy loads.
"""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from arrears.core.errors import BadArguments
from arrears.ladder.layer_files import beside, file_values, shown
from arrears.ladder.tighter import Tighter


class Clocks(BaseModel):
    """Times of day in the policy's zone; no answer of a person within ``answer_days`` is no approval.

    A letter leaves by ``posted_by`` of the next working day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: Annotated[time, Tighter.FREE] = time(6)
    ledger_by: Annotated[time, Tighter.FREE] = time(8, 30)
    night: Annotated[time, Tighter.FREE] = time(22, 30)
    posted_by: Annotated[time, Tighter.FREE] = time(18)
    answer_days: Annotated[int, Tighter.LOWER] = 3

    @model_validator(mode="after")
    def _ledger_is_awaited(self) -> "Clocks":
        if self.day >= self.ledger_by:
            raise ValueError("ledger_by must be after day")
        if self.answer_days < 1:
            raise ValueError("answer_days: at least one day")
        return self

    @property
    def patience(self) -> timedelta:
        """How long the morning waits for its ledger."""
        on = date.min
        return datetime.combine(on, self.ledger_by) - datetime.combine(on, self.day)


def read_clocks(policy_file: Path | None) -> tuple[str, Clocks]:
    """Return a policy's time zone and clocks: each as the layer says it that is nearest to the file.

    Raises:
        BadArguments: a file is missing or is no YAML, or a time is none; names file and key.
    """
    zone: str | None = None
    given: dict[str, Any] = {}
    name = str(policy_file) if policy_file else "cn"
    place: str | None = name
    while place is not None:
        values = file_values(place)
        zone = zone or values.get("time_zone")
        given = {**(values.get("clocks") or {}), **given}
        place = beside(place, str(values.get("extends", "base"))) if place != "base" else None
    try:
        return str(zone), Clocks.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in ("clocks", *first["loc"]))
        raise BadArguments(f"policy {shown(name)}, {where}: {first['msg']}") from None
