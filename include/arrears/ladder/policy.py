"""The policy: every parameter of the rulebook, checked on load, stamped on every decision.

Beside each parameter stands which way is tighter: a layer below may only move it that way.
"""

import json
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from arrears.core.calendar import BusinessCalendar
from arrears.core.keys import sha256
from arrears.ladder.clocks import Clocks
from arrears.ladder.policy_contact import Calendar, Contact, Creditor, Notices
from arrears.ladder.policy_law import Legal, Repossession
from arrears.ladder.policy_office import Assurance, Digest, GoLive, LedgerGates, Retention, Surge
from arrears.ladder.policy_steps import (
    Evidence,
    Expected,
    Holds,
    Lanes,
    PartPayment,
    Plans,
    Promises,
    Staging,
    Step,
    VisitTriggers,
)
from arrears.ladder.policy_terms import ContractType, Free, Language, Strict

MARK = 8
"""So many digits of the hash stand on a notice: enough to tell two texts of one version apart."""


class Move(Strict):
    """A written mapping that lets open episodes leave an older version: ``was`` is its id and version, ``cn 1.0``.

    ``steps`` names what each renamed step is called now, so that what was done under the old name still counts.
    """

    was: str
    steps: dict[str, str] = {}


class Policy(Strict):
    """One version of the rulebook's parameters; ``layers`` names the id and version of each file it was made of."""

    policy_id: Annotated[str, Field(min_length=1, max_length=40), Free]
    version: Annotated[str, Field(min_length=1, max_length=20), Free]
    effective_from: Annotated[date, Free]
    layers: Annotated[list[str], Free] = []
    language: Annotated[Language, Free]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$"), Free]
    time_zone: Annotated[str, Free]
    contract_type: Annotated[ContractType, Free]
    calendar: Calendar
    creditor: Creditor
    contact: Contact
    notices: Notices
    staging: Staging
    steps: list[Step]
    evidence: Evidence
    visit_triggers: VisitTriggers
    promises: Promises
    plans: Plans = Plans()
    part_payment: PartPayment = PartPayment()
    holds: Holds
    lanes: Lanes
    expected: Expected = Expected()
    ledger: LedgerGates
    legal: Legal
    repossession: Repossession
    digest: Digest
    retention: Retention
    go_live: GoLive
    clocks: Clocks = Clocks()
    surge: Surge = Surge()
    assurance: Assurance = Assurance()
    moves: Annotated[list[Move], Free] = []
    products: Annotated[dict[ContractType, dict[str, Any]], Free] = {}
    accounts: Annotated[dict[str, dict[str, Any]], Free] = {}

    @model_validator(mode="after")
    def _calendar_is_known(self) -> "Policy":
        try:
            self.business_calendar().is_working_day(self.effective_from)
        except (RuntimeError, KeyError):
            raise ValueError(f"calendar: no holidays of {self.calendar.country} {self.calendar.subdivision}") from None
        if self.calendar.country == "GB" and self.calendar.subdivision is None:
            raise ValueError("calendar.subdivision: give ENG, SCT, NIR or WLS; bank holidays differ")
        return self

    @model_validator(mode="after")
    def _steps_stand_on_each_other(self) -> "Policy":
        names = [step.name for step in self.steps]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"steps: {twice[0]} stands there twice")
        lost = [step for step in self.steps if step.after is not None and step.after not in names]
        if lost:
            raise ValueError(f"steps.{lost[0].name}.after: there is no step {lost[0].after}")
        self._refuse_steps_in_a_circle()
        locks = [step for step in self.steps if step.channel == "remote_lock"]
        if locks:
            raise ValueError(f"steps.{locks[0].name}: a lock is an order of two people: see repossession.remote_lock")
        if self.evidence.unlock_rung_4.letter_cure_days < self.legal.demand_cure_days:
            raise ValueError("evidence.unlock_rung_4.letter_cure_days: no less than legal.demand_cure_days")
        return self

    def _refuse_steps_in_a_circle(self) -> None:
        """Refuse steps that would each stand back for the other: a reminder by SMS does for one of arrears."""
        arrears = [step.name for step in self.steps if step.channel == "sms" and step.offset is not None]
        before = {step.name: set(step.unless) for step in self.steps}
        for step in self.steps:
            if step.about == "cycle" and step.channel == "sms":
                before[step.name].update(arrears)
        try:
            TopologicalSorter(before).prepare()
        except CycleError as found:
            raise ValueError(f"steps.{found.args[1][0]}.unless: it would wait for itself") from None

    def canonical(self) -> str:
        """Return the one text form that is hashed and kept."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @cached_property
    def sha256(self) -> str:
        """Return the hash stamped on every decision."""
        return sha256(self.canonical().encode())

    @property
    def stamp(self) -> str:
        """Return what stands on every paper and mail: id, version, first day, and enough of the hash."""
        return f"{self.policy_id} {self.version} ({self.effective_from.isoformat()}, {self.sha256[:MARK]})"

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a changed copy, which has a hash of its own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("sha256", None)
        return copied

    def business_calendar(self) -> BusinessCalendar:
        """Return the working-day calendar of this policy."""
        return BusinessCalendar(self.calendar.country, self.calendar.subdivision, self.calendar.overrides)
