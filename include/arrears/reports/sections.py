"""Which tables a reader of the digest finds, in their order: what must be done first, what explains it after."""

from collections.abc import Callable

from arrears.reports.page import Table
from arrears.reports.tables import Tables

MONTHLY = (Tables.steps, Tables.cadence, Tables.cases, Tables.features, Tables.scorecard)
"""On the first morning of a month: what the month before came to."""

SECTIONS: dict[str, tuple[Callable[[Tables], Table | None], ...]] = {
    "manager": (
        Tables.key_figures,
        Tables.first_tasks,
        Tables.exceptions,
        Tables.committee,
        Tables.approvals,
        Tables.clocks,
        Tables.promises,
        Tables.paid_since,
        Tables.branches,
        Tables.packets,
        Tables.stages,
        Tables.plan,
        Tables.stopped,
        Tables.workload,
        Tables.buckets,
        Tables.migration,
        Tables.expected,
        *MONTHLY,
        Tables.troubled_gates,
    ),
    "collector": (Tables.tasks, Tables.spared, Tables.paid_since, Tables.promises, Tables.stopped),
    "legal": (Tables.approvals, Tables.packets, Tables.deadlines, Tables.orders, Tables.exceptions),
    "auditor": (
        Tables.runs,
        Tables.gates,
        Tables.overrides,
        Tables.policies,
        Tables.in_doubt,
        Tables.stopped,
        Tables.quarantine,
        Tables.exceptions,
    ),
}
CARRIED_OVER = (Tables.gates, Tables.quarantine, Tables.tasks, Tables.promises, Tables.exceptions)
"""What a held morning still shows: why, and the work nobody needs a new ledger for."""
