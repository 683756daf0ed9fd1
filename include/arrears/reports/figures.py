"""Every figure of one morning, read once when a reader needs it and shown to all in their own words (docs/kpi.md)."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from functools import cached_property

from sqlalchemy import Connection

from arrears.ladder.policy import Policy
from arrears.reports import branches, casework, control, overnight, promised, questions, stopped, work
from arrears.reports.casework import Lapsing, PacketLine, Waiting
from arrears.reports.committee import AgedLine, aged_lines, is_committee_day
from arrears.reports.control import ExceptionLine, GateLine, RunLine
from arrears.reports.deadlines import Deadline, deadlines_of
from arrears.reports.expected import BandLine, bands_of
from arrears.reports.frozen import migration_of, quarter_before, recovery_of, snapshot_portfolio
from arrears.reports.kpi import Pace, expected_share, pace, promise_kept_rate, right_party_rate
from arrears.reports.migration import Migration
from arrears.reports.month import Month, month_before
from arrears.reports.months import recovered_before
from arrears.reports.overnight import Paid, Spared
from arrears.reports.portfolio import Portfolio
from arrears.reports.promised import PromiseDue
from arrears.reports.questions import Question
from arrears.reports.recovery import Recovery, recovery_of_branch
from arrears.reports.refused_rows import quarantine_reasons
from arrears.reports.standing import Group, Standing, standing
from arrears.reports.week import Week, week_until
from arrears.reports.work import Plan, Task
from arrears.reports.worklist_rows import Row
from arrears.reports.worklists import first_rows

ONE_DAY, QUARTER = timedelta(days=1), timedelta(days=90)
TOP = 10
"""How many lines of a list a mail carries; the rest is in the work lists."""


class Figures:
    """What a morning looks like to a reader; amounts are minor units by currency, rates basis points.

    Each figure is read when it is first asked for and kept: readers of one scope share them, and nobody waits for what
    no reader is shown. All are read in the one transaction of ``connection``: it must stay open.
    """

    def __init__(
        self,
        connection: Connection,
        business_date: date,
        policy: Policy,
        branch: str | None = None,
        *,
        artifacts_url: str | None = None,
        run_id: str | None = None,
        staff_id: str | None = None,
        recovered: Callable[[], dict[str, Recovery]] | None = None,
    ) -> None:
        """Look at a business date, of one branch or of all; ``staff_id`` narrows the lists to one member of staff.

        Without ``artifacts_url``, or a snapshot of the run, portfolio and recovery are empty; many share ``recovered``.
        """
        self.business_date, self.lists_of, self.branch, self.staff_id = business_date, business_date, branch, staff_id
        self._connection, self._policy, self._artifacts_url, self._asked_run = connection, policy, artifacts_url, run_id
        self._yesterday = business_date - ONE_DAY
        self._reader = (business_date, branch, staff_id)
        self._recovered = recovered or (lambda: recovery_of(connection, artifacts_url, self._run_id, business_date))

    @property
    def _run_id(self) -> str | None:
        return self.run.run_id if self.run else None

    @cached_property
    def run(self) -> RunLine | None:
        """Return the run whose morning it is."""
        return control.run_of(self._connection, self.business_date, self._asked_run)

    @cached_property
    def gates(self) -> list[GateLine]:
        """Return what the ledger's checks said."""
        return control.gates_of(self._connection, self.run.run_id) if self.run else []

    @cached_property
    def standing(self) -> Standing:
        """Return where the accounts stand."""
        return standing(self._connection, self.business_date, self.branch)

    @cached_property
    def portfolio(self) -> dict[str, Portfolio]:
        """Return the frozen portfolio by currency; empty without a frozen ledger."""
        return snapshot_portfolio(self._connection, self._artifacts_url, self._run_id, self.branch)

    @cached_property
    def quarter_before(self) -> dict[str, Portfolio]:
        """Return the portfolio at the end of the quarter before."""
        return quarter_before(self._connection, self._artifacts_url, self.business_date, self.branch)

    @cached_property
    def migration(self) -> dict[str, Migration]:
        """Return how accounts moved since the month before ended."""
        return migration_of(self._connection, self._artifacts_url, self._run_id, self.business_date, self.branch)

    @cached_property
    def recovery(self) -> dict[str, Recovery]:
        """Return what was recovered; empty where it cannot be told."""
        return recovery_of_branch(self._recovered(), self.branch)

    @cached_property
    def today(self) -> Plan:
        """Return today's contacts."""
        return work.plan_of(self._connection, self.business_date, self.branch)

    @cached_property
    def yesterday(self) -> Plan:
        """Return yesterday's contacts."""
        return work.plan_of(self._connection, self._yesterday, self.branch)

    @cached_property
    def outcomes(self) -> Counter[str]:
        """Return what came of yesterday's contacts."""
        return work.outcomes_of(self._connection, self._yesterday, self._policy.time_zone, self.branch)

    @cached_property
    def suppressed(self) -> Counter[str]:
        """Return what was due and not planned, by reason."""
        return stopped.suppressed_by_reason(self._connection, *self._reader)

    @cached_property
    def stopped_calls(self) -> int:
        """Return the calls and visits that must not happen today."""
        return stopped.stopped_calls(self._connection, *self._reader)

    @cached_property
    def stopped_reasons(self) -> Counter[str]:
        """Return the same by reason."""
        return stopped.stopped_by_reason(self._connection, *self._reader)

    @cached_property
    def spared(self) -> list[Spared]:
        """Return whom nobody may call today."""
        return overnight.spared(self._connection, *self._reader, TOP)

    @cached_property
    def paid_since(self) -> list[Paid]:
        """Return whose arrears went down."""
        return overnight.paid_since(self._connection, *self._reader, TOP)

    @cached_property
    def tasks(self) -> list[Task]:
        """Return the first calls and visits; where an earlier day's lists are carried over, what is left of those."""
        is_carried = self.lists_of != self.business_date
        return work.tasks_of(
            self._connection, self.lists_of, self.branch, staff_id=self.staff_id, limit=TOP, only_open=is_carried
        )

    @cached_property
    def list_rows(self) -> list[Row]:
        """Return the rows of all work lists that a mail carries."""
        return first_rows(self._connection, self.business_date, self.branch)

    @cached_property
    def tasks_by_staff(self) -> dict[str, Counter[str]]:
        """Return today's work by desk."""
        return work.tasks_by_staff(self._connection, self.business_date, self.branch)

    @cached_property
    def staff_names(self) -> dict[str, str]:
        """Return the names of all staff."""
        return work.staff_names(self._connection)

    @cached_property
    def promises_due(self) -> list[PromiseDue]:
        """Return the largest promises that fall due today."""
        return promised.promises_due(self._connection, *self._reader[:2], staff_id=self.staff_id, limit=TOP)

    @cached_property
    def promises_settled(self) -> Counter[str]:
        """Return what became of the promises of the last 90 days."""
        return promised.promises_settled(self._connection, self.business_date - QUARTER, self._yesterday, self.branch)

    @cached_property
    def packets(self) -> Counter[str]:
        """Return current packets by state."""
        return casework.packets_by_state(self._connection, self.branch)

    @cached_property
    def packet_lines(self) -> list[PacketLine]:
        """Return the packets nearest to hand-over."""
        return casework.packet_lines(self._connection, self.business_date, self.branch, TOP)

    @cached_property
    def approvals(self) -> list[Waiting]:
        """Return the questions put to people by kind."""
        return casework.approvals_waiting(self._connection, self.branch)

    @cached_property
    def approval_lines(self) -> list[Question]:
        """Return the longest waiting questions."""
        return questions.waiting(self._connection, self.branch, TOP)

    @cached_property
    def orders(self) -> Counter[str]:
        """Return repossession orders by state."""
        return casework.orders_by_state(self._connection, self.branch)

    @cached_property
    def lapsing(self) -> dict[str, Lapsing]:
        """Return the rights that lapse before the month ends."""
        return casework.lapsing(self._connection, self.business_date, self.branch)

    @cached_property
    def deadlines(self) -> list[Deadline]:
        """Return the last days near or passed."""
        return deadlines_of(self._connection, self.business_date, self._policy, self.branch)

    @cached_property
    def in_doubt(self) -> list[tuple[str, str, date]]:
        """Return sends whose fate nobody knows."""
        return control.in_doubt(self._connection, self.branch, TOP)

    @cached_property
    def exceptions(self) -> list[ExceptionLine]:
        """Return what waits for a person."""
        return control.exceptions_of(self._connection, self.business_date, self.branch, self._policy)

    @cached_property
    def expected(self) -> list[BandLine]:
        """Return what is expected back, by band."""
        return bands_of(self._connection, self.business_date, self.branch, self._policy)

    @cached_property
    def month(self) -> Month | None:
        """Return the month before, on the first morning of a month."""
        return month_before(self._connection, self.business_date, self.branch, self._policy)

    @cached_property
    def quarantine(self) -> Counter[str]:
        """Return why ledger rows were set aside."""
        return quarantine_reasons(self._connection, self.business_date)

    @cached_property
    def pace(self) -> Pace:
        """Return the pace of the house currency; a share only where recovery counts from the first of the month."""
        main = self.recovery.get(self._policy.currency)
        share = expected_share(self._policy.business_calendar(), self.business_date)
        target = self._policy.digest.month_target_percent
        return pace(main.collected_minor, main.base_minor, target, share) if main else pace(0, 0, target, share)

    @cached_property
    def recovered_before(self) -> int | None:
        """Return what the month before came to, as its last morning found it over the whole house."""
        return None if self.branch else recovered_before(self._connection, self.business_date, self._policy.currency)

    @cached_property
    def branch_lines(self) -> list[branches.BranchLine]:
        """Return the month of the house currency by branch, the one that lacks most first."""
        return branches.branch_lines(self._connection, self.recovery.get(self._policy.currency), self.pace)

    @cached_property
    def promises_due_count(self) -> int:
        """Return how many promises fall due today."""
        return promised.count_promises_due(self._connection, *self._reader)

    @cached_property
    def committee(self) -> list[AgedLine]:
        """Return the list of the case committee, on its day."""
        if not is_committee_day(self.business_date, self._policy):
            return []
        return aged_lines(self._connection, self.business_date, self.branch, self._policy)

    @cached_property
    def week(self) -> Week:
        """Return the week that an auditor looks back on."""
        return week_until(self._connection, self.business_date)

    @property
    def all_gates_passed(self) -> bool:
        """Say whether the ledger was checked and every check passed."""
        return bool(self.gates) and all(line.passed for line in self.gates)

    @property
    def right_party_rate(self) -> int | None:
        """Return yesterday's contacts with the right person over attempts made."""
        reached = sum(self.outcomes[name] for name in work.RIGHT_PARTY)
        return right_party_rate(reached, sum(self.outcomes[name] for name in work.ATTEMPTS))

    @property
    def promise_kept_rate(self) -> int | None:
        """Return promises kept over promises settled, of those that fell due in the last 90 days."""
        return promise_kept_rate(*(self.promises_settled[name] for name in ("kept", "partly_kept", "broken")))

    @property
    def stages(self) -> dict[int, Group]:
        """Return accounts and overdue amounts by stage: of the whole frozen ledger, or of the decisions without it."""
        if not self.portfolio:
            return self.standing.stages
        found = {stage: Group() for stage in self.standing.stages}
        for currency, part in self.portfolio.items():
            for stage, group in part.stages.items():
                found[stage].add(group.accounts, currency, group.overdue_minor)
        return found
