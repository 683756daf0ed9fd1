"""Where the month is behind: base and collected by branch, and who leads the branch."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from arrears.reports.kpi import Pace, rate
from arrears.reports.recovery import Recovery
from arrears.store.tables.feeds import staff

WHOLE = 10_000


@dataclass(frozen=True)
class BranchLine:
    """One branch; minor units of the house currency, ``short_minor`` what the line to the target has more."""

    branch: str
    base_minor: int
    collected_minor: int
    short_minor: int
    supervisors: tuple[str, ...]

    @property
    def recovered(self) -> int | None:
        """Return collected over base, basis points."""
        return rate(self.collected_minor, self.base_minor)


def branch_lines(connection: Connection, recovery: Recovery | None, pace: Pace) -> list[BranchLine]:
    """Return the branches, the one that lacks most first; none where there is one alone or no line to the target."""
    if recovery is None or pace.expected is None or len(recovery.branches) < 2:
        return []
    leaders = _supervisors(connection)
    lines = [
        BranchLine(branch, own.base_minor, own.collected_minor,
                   _due(own.base_minor, pace.expected) - own.collected_minor, leaders.get(branch, ()))
        for branch, own in recovery.branches.items()
        if own.base_minor
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (-line.short_minor, line.branch))


def _due(base_minor: int, expected: int) -> int:
    """Return what should have come in by now, half up."""
    return (2 * base_minor * expected + WHOLE) // (2 * WHOLE)


def _supervisors(connection: Connection) -> Mapping[str, tuple[str, ...]]:
    query = select(staff.c.branch, staff.c.name, staff.c.roles).where(staff.c.branch.is_not(None))
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for row in connection.execute(query.order_by(staff.c.staff_id)):
        if "supervisor" in str(row.roles).split(";"):
            found[row.branch] += (row.name,)
    return found
