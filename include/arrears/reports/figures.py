"""Every figure of one morning, collected once and shown to every reader in their own words (docs/kpi.md)."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, Engine

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.policy import Policy
from arrears.reports import casework, control, overnight, promised, questions, stopped, work
from arrears.reports.casework import Lapsing, PacketLine, Waiting
from arrears.reports.committee import AgedLine, aged_lines, is_committee_day
from arrears.reports.control import ExceptionLine, GateLine, RunLine
from arrears.reports.deadlines import Deadline, deadlines_of
from arrears.reports.expected import BandLine, bands_of
from arrears.reports.frozen import migration_of, quarter_before, recovery_of, snapshot_portfolio
from arrears.reports.kpi import Pace, expected_share, pace, promise_kept_rate, right_party_rate
from arrears.reports.migration import Migration
from arrears.reports.month import Month, month_before
from arrears.reports.overnight import Paid, Spared
from arrears.reports.portfolio import Portfolio
from arrears.reports.promised import PromiseDue
from arrears.reports.questions import Question
from arrears.reports.recovery import Recovery
from arrears.reports.standing import Amounts, Group, Standing, standing
from arrears.reports.work import Plan, Task
from arrears.store.engine import reading

ONE_DAY = timedelta(days=1)
TOP = 10
"""How many lines of a list a mail carries; the rest is in the work lists."""

QUARTER = timedelta(days=90)


@dataclass(frozen=True)
class Week:
    """What an auditor looks back on: a week of runs, what people overrode, and the rules in use."""

    runs: list[RunLine]
    overrides: list[tuple[str, str, str]]
    policies: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Figures:
    """What a morning looks like; amounts are minor units by currency, rates basis points."""

    business_date: date
    branch: str | None
    staff_id: str | None
    run: RunLine | None
    gates: list[GateLine]
    standing: Standing
    portfolio: dict[str, Portfolio]
    quarter_before: dict[str, Portfolio]
    migration: dict[str, Migration]
    recovery: dict[str, Recovery]
    pace: Pace
    today: Plan
    yesterday: Plan
    outcomes: Counter[str]
    suppressed: Counter[str]
    stopped_calls: int
    stopped_reasons: Counter[str]
    spared: list[Spared]
    paid_since: list[Paid]
    tasks: list[Task]
    tasks_by_staff: dict[str, Counter[str]]
    staff_names: dict[str, str]
    promises_due: list[PromiseDue]
    promises_due_count: int
    promises_due_amount: Amounts
    promises_settled: Counter[str]
    packets: Counter[str]
    packet_lines: list[PacketLine]
    approvals: list[Waiting]
    approval_lines: list[Question]
    orders: Counter[str]
    lapsing: dict[str, Lapsing]
    deadlines: list[Deadline]
    in_doubt: list[tuple[str, str, date]]
    exceptions: list[ExceptionLine]
    committee: list[AgedLine]
    expected: list[BandLine]
    month: Month | None
    quarantine: Counter[str]
    week: Week

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
        settled = self.promises_settled
        return promise_kept_rate(settled["kept"], settled["partly_kept"], settled["broken"])

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


def collect(
    engine: Engine,
    business_date: date,
    policy: Policy,
    branch: str | None = None,
    *,
    artifacts_url: str | None = None,
    run_id: str | None = None,
    staff_id: str | None = None,
) -> Figures:
    """Read the figures of a business date, of one branch or of all, in one consistent view of the store.

    Without ``artifacts_url``, or when the run has no snapshot, portfolio and recovery are empty. ``staff_id`` narrows
    the lists of tasks and promises to one member of staff.
    """
    with reading(engine) as connection:
        return _collect(connection, business_date, policy, branch, artifacts_url, run_id, staff_id)


def _collect(
    connection: Connection,
    day: date,
    policy: Policy,
    branch: str | None,
    artifacts_url: str | None,
    run_id: str | None,
    staff_id: str | None,
) -> Figures:
    run = control.run_of(connection, day, run_id)
    yesterday = day - ONE_DAY
    frozen = snapshot_portfolio(connection, artifacts_url, run.run_id if run else None, branch)
    recovered = recovery_of(connection, artifacts_url, run.run_id if run else None, day, branch)
    due_count, due_amount = promised.promise_totals(connection, day, branch, staff_id)
    return Figures(
        business_date=day,
        branch=branch,
        staff_id=staff_id,
        run=run,
        gates=control.gates_of(connection, run.run_id) if run else [],
        standing=standing(connection, day, branch),
        portfolio=frozen,
        quarter_before=quarter_before(connection, artifacts_url, day, branch),
        migration=migration_of(connection, artifacts_url, run.run_id if run else None, day, branch),
        recovery=recovered,
        pace=_pace(recovered, policy, policy.business_calendar(), day),
        today=work.plan_of(connection, day, branch),
        yesterday=work.plan_of(connection, yesterday, branch),
        outcomes=work.outcomes_of(connection, yesterday, policy.time_zone, branch),
        suppressed=stopped.suppressed_by_reason(connection, day, branch, staff_id),
        stopped_calls=stopped.stopped_calls(connection, day, branch, staff_id),
        stopped_reasons=stopped.stopped_by_reason(connection, day, branch, staff_id),
        spared=overnight.spared(connection, day, branch, staff_id, TOP),
        paid_since=overnight.paid_since(connection, day, branch, staff_id, TOP),
        tasks=work.tasks_of(connection, day, branch, staff_id=staff_id, limit=TOP),
        tasks_by_staff=work.tasks_by_staff(connection, day, branch),
        staff_names=work.staff_names(connection),
        promises_due=promised.promises_due(connection, day, branch, staff_id=staff_id, limit=TOP),
        promises_due_count=due_count,
        promises_due_amount=due_amount,
        promises_settled=promised.promises_settled(connection, day - QUARTER, yesterday, branch),
        packets=casework.packets_by_state(connection, branch),
        packet_lines=casework.packet_lines(connection, day, branch, TOP),
        approvals=casework.approvals_waiting(connection, branch),
        approval_lines=questions.waiting(connection, branch, TOP),
        orders=casework.orders_by_state(connection, branch),
        lapsing=casework.lapsing(connection, day, branch),
        deadlines=deadlines_of(connection, day, policy, branch),
        in_doubt=control.in_doubt(connection, branch, TOP),
        exceptions=control.exceptions_of(connection, day, branch, policy),
        committee=aged_lines(connection, day, branch, policy) if is_committee_day(day, policy) else [],
        expected=bands_of(connection, day, branch, policy),
        month=month_before(connection, day, branch),
        quarantine=control.quarantine_reasons(connection, day),
        week=_week(connection, day),
    )


def _pace(recovered: dict[str, Recovery], policy: Policy, calendar: BusinessCalendar, day: date) -> Pace:
    """Return the pace of the house currency; a share only where recovery counts from the first of the month."""
    main = recovered.get(policy.currency)
    share = expected_share(calendar, day)
    if main is None:
        return pace(0, 0, policy.digest.month_target_percent, share)
    return pace(main.collected_minor, main.base_minor, policy.digest.month_target_percent, share)


def _week(connection: Connection, day: date) -> Week:
    first = day - control.WEEK + ONE_DAY
    return Week(
        control.runs_since(connection, first, day),
        control.overrides_since(connection, first, day),
        control.policies_since(connection, first, day),
    )
