"""Which tables a reader of the digest finds, in their order: what must be done first, what explains it after."""

from collections.abc import Callable

from arrears.reports.page import Block, Table
from arrears.reports.tables import Tables

Column = tuple[Callable[[Tables], Table | None], ...]
"""Tables under one another."""

Sections = tuple[tuple[Column, ...], ...]
"""Blocks of one column or two."""


def _each(*makers: Callable[[Tables], Table | None]) -> Sections:
    """Return one block a table, one under the other."""
    return tuple(((make,),) for make in makers)


MONTHLY: Sections = (
    ((Tables.performance, Tables.cadence), (Tables.steps, Tables.cases)),
    ((Tables.features,),),
    ((Tables.scorecard,),),
)
"""On the first morning of a month: what the month before came to."""

SECTIONS: dict[str, Sections] = {
    "manager": (
        ((Tables.key_figures,), (Tables.exceptions, Tables.next_deadlines, Tables.stopped_first)),
        ((Tables.first_tasks,),),
        ((Tables.migration, Tables.branches),),
        ((Tables.approvals, Tables.clocks), (Tables.committee, Tables.promises)),
        ((Tables.packets,),),
        ((Tables.plan,),),
        ((Tables.paid_since,), (Tables.stages, Tables.workload)),
        ((Tables.buckets, Tables.expected),),
        *MONTHLY,
        ((Tables.troubled_gates,),),
    ),
    "collector": _each(Tables.tasks, Tables.spared, Tables.paid_since, Tables.promises, Tables.stopped),
    "legal": _each(Tables.approvals, Tables.packets, Tables.deadlines, Tables.orders, Tables.legal_exceptions),
    "auditor": (
        ((Tables.runs, Tables.exceptions),),
        *_each(Tables.gates, Tables.overrides, Tables.policies, Tables.in_doubt, Tables.stopped, Tables.quarantine),
    ),
}
CARRIED_OVER: Sections = (
    ((Tables.gates, Tables.exceptions),),
    *_each(Tables.quarantine, Tables.tasks, Tables.promises),
)
"""What a held morning still shows: why, and the work nobody needs a new ledger for.

What stands in the first block is cut last: an exception, with its owner and age, never gives way to a list of cases.
"""


def blocks_of(sections: Sections, tables: Tables) -> list[Block]:
    """Return the blocks of a digest; a table without rows, a column without tables and an empty block are left out."""
    blocks = []
    for columns in sections:
        made = (tuple(table for make in column if (table := make(tables)) is not None) for column in columns)
        filled = tuple(column for column in made if column)
        if filled:
            blocks.append(Block(filled))
    return blocks
