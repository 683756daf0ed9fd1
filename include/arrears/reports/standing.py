"""Where the accounts stand today: by stage, by treatment and by age, read from the decisions in force."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, case, func, select

from arrears.reports.kpi import BUCKET_FLOORS
from arrears.reports.scope import in_force
from arrears.store.tables.decisions import decision

Amounts = dict[str, int]
"""Minor units by currency; currencies are never added up."""


@dataclass
class Group:
    """Accounts with what they owe overdue."""

    accounts: int = 0
    overdue: Amounts = field(default_factory=dict)

    def add(self, accounts: int, currency: str, minor: int) -> None:
        """Count accounts in, with their overdue amount."""
        self.accounts += accounts
        self.overdue[currency] = self.overdue.get(currency, 0) + minor


@dataclass(frozen=True)
class Standing:
    """The portfolio by stage, rung, bucket and lane."""

    stages: dict[int, Group]
    rungs: Counter[int]
    buckets: dict[str, Group]
    lanes: Counter[str]
    held_back: int

    @property
    def accounts(self) -> int:
        """Return how many accounts were decided on."""
        return sum(group.accounts for group in self.stages.values())

    @property
    def overdue(self) -> Group:
        """Return all accounts with an overdue instalment together."""
        total = Group()
        for stage, group in self.stages.items():
            if stage:
                total.accounts += group.accounts
                for currency, minor in group.overdue.items():
                    total.add(0, currency, minor)
        return total


def standing(connection: Connection, business_date: date, branch: str | None) -> Standing:
    """Count the accounts of a day in one pass over the decisions in force."""
    held = case((decision.c.unlocked_rung < decision.c.entitled_rung, 1), else_=0).label("held")
    seen = (
        select(decision.c.stage, decision.c.rung, _bucket().label("bucket"), decision.c.lane, held,
               decision.c.currency, decision.c.overdue_minor)
        .where(in_force(business_date, branch)).subquery()
    )  # fmt: skip
    groups = [column for column in seen.c if column.name != "overdue_minor"]
    rows = connection.execute(select(*groups, func.count(), func.sum(seen.c.overdue_minor)).group_by(*groups))
    stages = {stage: Group() for stage in range(4)}
    buckets: dict[str, Group] = defaultdict(Group, {name: Group() for name in BUCKET_FLOORS})
    rungs: Counter[int] = Counter()
    lanes: Counter[str] = Counter()
    held_back = 0
    for stage, rung, name, lane, is_held, currency, accounts, minor in (tuple(row) for row in rows):
        stages[stage].add(accounts, currency, int(minor))
        buckets[name].add(accounts, currency, int(minor))
        rungs[rung] += accounts
        lanes[lane] += accounts
        held_back += accounts * is_held
    return Standing(stages, rungs, dict(buckets), lanes, held_back)


def _bucket() -> Any:
    falling = sorted(BUCKET_FLOORS.items(), key=lambda pair: -pair[1])
    return case(*((decision.c.days_past_due >= floor, name) for name, floor in falling), else_="M0")
