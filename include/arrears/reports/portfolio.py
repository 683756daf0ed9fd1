"""Portfolio at risk, overdue ratio and buckets, streamed from a frozen snapshot: no account is held in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from arrears.reports.kpi import BUCKET_FLOORS, PAR_DAYS, overdue_ratio, rate

COLUMNS = ("branch", "currency", "stage", "days_past_due", "overdue_minor", "due_minor", "principal_outstanding_minor")
STAGES = (0, 1, 2, 3)


@dataclass
class Bucket:
    """Accounts of one age or one stage with what they owe; principal is what the ledger states."""

    accounts: int = 0
    overdue_minor: int = 0
    principal_minor: int = 0


@dataclass
class Portfolio:
    """One currency of the portfolio on one day."""

    accounts: int = 0
    due_minor: int = 0
    overdue_minor: int = 0
    principal_minor: int = 0
    without_principal: int = 0
    principal_over: dict[int, int] = field(default_factory=lambda: dict.fromkeys(PAR_DAYS, 0))
    buckets: dict[str, Bucket] = field(default_factory=lambda: {name: Bucket() for name in BUCKET_FLOORS})
    stages: dict[int, Bucket] = field(default_factory=lambda: {stage: Bucket() for stage in STAGES})

    @property
    def overdue_ratio(self) -> int | None:
        """Return amount overdue over amount fallen due, basis points."""
        return overdue_ratio(self.overdue_minor, self.due_minor)

    def at_risk(self, over_days: int) -> int | None:
        """Return PAR over 30, 60 or 90 days by principal, basis points."""
        return rate(self.principal_over[over_days], self.principal_minor)


def portfolio_of(batches: Iterable[Any], branch: str | None) -> dict[str, Portfolio]:
    """Add up record batches of a snapshot's accounts by currency; ``branch`` None means all branches."""
    found: dict[str, Portfolio] = {}
    for batch in batches:
        _add(found, batch, branch)
    return found


def _add(found: dict[str, Portfolio], batch: Any, branch: str | None) -> None:
    import numpy as np

    data = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in COLUMNS[:-1]}
    principal_column = batch.column("principal_outstanding_minor")
    known = principal_column.is_valid().to_numpy(zero_copy_only=False)
    data["principal"] = principal_column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    wanted = np.ones(batch.num_rows, dtype=bool) if branch is None else data["branch"] == branch
    for currency in np.unique(data["currency"][wanted].astype(str)):
        rows = wanted & (data["currency"] == currency)
        _add_currency(found.setdefault(str(currency), Portfolio()), data, rows, known)


def _add_currency(total: Portfolio, data: dict[str, Any], rows: Any, known: Any) -> None:
    days, principal, overdue = data["days_past_due"][rows], data["principal"][rows], data["overdue_minor"][rows]
    total.accounts += int(rows.sum())
    total.due_minor += int(data["due_minor"][rows].sum())
    total.overdue_minor += int(overdue.sum())
    total.principal_minor += int(principal.sum())
    total.without_principal += int((rows & ~known).sum())
    for limit in PAR_DAYS:
        total.principal_over[limit] += int(principal[days > limit].sum())
    floors = [*BUCKET_FLOORS.values(), None]
    for position, bucket in enumerate(total.buckets.values()):
        low, high = floors[position], floors[position + 1]
        inside = (days >= low) if high is None else (days >= low) & (days < high)
        _fill(bucket, inside, overdue, principal)
    for stage, group in total.stages.items():
        _fill(group, data["stage"][rows] == stage, overdue, principal)


def _fill(bucket: Bucket, inside: Any, overdue: Any, principal: Any) -> None:
    bucket.accounts += int(inside.sum())
    bucket.overdue_minor += int(overdue[inside].sum())
    bucket.principal_minor += int(principal[inside].sum())
