"""How the run went, and what only a person can settle: gates, quarantine, doubt, and work without an owner."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, literal, select

from arrears.core.settings import UNRELEASED
from arrears.ladder.policy import Policy
from arrears.reports import neglected
from arrears.reports.filings import choices_that_do_not_count, emergencies_lacking, filed_unapproved
from arrears.reports.promised import broken_plans, broken_promises
from arrears.reports.recalls import placements_silent, recalls, refused_reports, silent_since, unlocks_silent
from arrears.reports.refused_rows import quarantined, unknown_accounts
from arrears.reports.scope import of_branch
from arrears.store.tables.feeds import account, snapshot, staff
from arrears.store.tables.outreach import contact, item
from arrears.store.tables.reports import digest_sent
from arrears.store.tables.runs import gate, run, store_identity

OWNERS = {
    "in_doubt": "supervisor",
    "no_owner": "supervisor",
    "no_contact_point": "supervisor",
    "quarantined_rows": "finance",
    "unknown_accounts": "finance",
    "account_missing": "finance",
    "data_incomplete": "finance",
    "broken_promises": "collector",
    "broken_plans": "collector",
    "recall_overdue": "risk",
    "filed_unapproved": "legal",
    "remedy_unentitled": "legal",
    "emergency_lacking": "legal",
    "unlock_overdue": "risk",
    "placement_overdue": "manager",
    "recall_unanswered": "risk",
    "report_refused": "risk",
    "certificate_expired": "supervisor",
    "calendar_unconfirmed": "manager",
    "code_unnamed": "manager",
    **neglected.OWNERS,
}
"""Which role settles each kind of exception."""

FIRST = ("recall_overdue", "unlock_overdue", "placement_overdue", "filed_unapproved", "emergency_lacking")
"""In this order: what somebody outside was told to stop and may still be doing, what left without its approval, and
what cannot wait."""

SURVEYED = (
    "no_owner",
    "no_contact_point",
    "account_missing",
    "data_incomplete",
    "remedy_unentitled",
    *neglected.OWNERS,
)
"""What is found by reading every account: kept each morning, so that a page need not."""


@dataclass(frozen=True)
class RunLine:
    """One daily run as an auditor lists it."""

    run_id: str
    business_date: date
    status: str
    plan_only: bool
    released: bool
    rehearsal: bool
    policy_sha256: str
    code_version: str
    delivery_no: int
    rows: int
    accepted: int
    quarantined: int


@dataclass(frozen=True)
class GateLine:
    """What one ledger gate said."""

    name: str
    passed: bool
    detail: str
    overridden_by: str | None


@dataclass(frozen=True)
class ExceptionLine:
    """Something that waits for a person: how many, who settles it, since when."""

    kind: str
    count: int
    owner: str
    oldest_on: date | None

    def age(self, business_date: date) -> int | None:
        """Return the days the oldest has waited."""
        return None if self.oldest_on is None else (business_date - self.oldest_on).days


def run_of(connection: Connection, business_date: date, run_id: str | None) -> RunLine | None:
    """Return a run by its id, or the newest daily run of a date."""
    query = (
        runs_with_ledger().where(run.c.run_id == run_id)
        if run_id
        else (
            runs_with_ledger()
            .where(run.c.kind == "daily", run.c.business_date == business_date)
            .order_by(run.c.ordinal.desc())
        )
    )
    row = connection.execute(query.limit(1)).first()
    return RunLine(*row) if row else None


def runs_with_ledger() -> Select[Any]:
    """Ask for runs with the counts of the ledger they froze, in the order of :class:`RunLine`."""
    return (
        select(
            run.c.run_id,
            run.c.business_date,
            run.c.status,
            run.c.plan_only,
            run.c.released,
            run.c.rehearsal,
            run.c.policy_sha256,
            run.c.code_version,
            func.coalesce(snapshot.c.delivery_no, 0),
            func.coalesce(snapshot.c.rows, 0),
            func.coalesce(snapshot.c.accepted, 0),
            func.coalesce(snapshot.c.quarantined, 0),
        )
        .select_from(run)
        .join(snapshot, snapshot.c.snapshot_id == run.c.snapshot_id, isouter=True)
    )


def gates_of(connection: Connection, run_id: str) -> list[GateLine]:
    """Return what the gates of a run said, the failed ones first."""
    query = select(gate.c.name, gate.c.passed, gate.c.detail, gate.c.overridden_by).where(gate.c.run_id == run_id)
    return [GateLine(*row) for row in connection.execute(query.order_by(gate.c.passed, gate.c.name))]


def exceptions_of(
    connection: Connection, business_date: date, branch: str | None, policy: Policy
) -> list[ExceptionLine]:
    """Return what waits for a person: recalls that an agency left unanswered too long, then the longest waiting.

    Kinds with nothing to do are left out.
    """
    found = (
        *waiting_now(connection, business_date, branch, policy),
        *surveyed(connection, business_date, branch, policy),
    )
    return in_order(found, business_date)


def in_order(found: Iterable[ExceptionLine], business_date: date) -> list[ExceptionLine]:
    """Return the kinds of which there is something, the most pressing first."""
    return sorted(
        (line for line in found if line.count),
        key=lambda line: (_weight(line.kind), line.oldest_on or business_date, line.kind),
    )


def _weight(kind: str) -> int:
    return FIRST.index(kind) if kind in FIRST else len(FIRST)


def waiting_now(connection: Connection, business_date: date, branch: str | None, policy: Policy) -> list[ExceptionLine]:
    """Return what changes while the day goes on, each kind found by looking at a few rows."""
    silent = silent_since(business_date, policy)
    return [
        _line(connection, "recall_overdue", recalls(branch, until=silent)),
        _line(connection, "unlock_overdue", unlocks_silent(business_date, policy, branch)),
        _line(connection, "placement_overdue", placements_silent(silent, branch)),
        _line(connection, "filed_unapproved", filed_unapproved(branch)),
        _line(connection, "emergency_lacking", emergencies_lacking(branch)),
        _line(connection, "report_refused", refused_reports(business_date, branch)),
        _line(connection, "in_doubt", _counted(_in_doubt(branch).subquery())),
        _line(connection, "quarantined_rows", quarantined(business_date, branch)),
        _line(connection, "unknown_accounts", unknown_accounts(business_date, branch, policy)),
        _line(connection, "broken_promises", broken_promises(business_date, branch)),
        _line(connection, "broken_plans", broken_plans(business_date, branch)),
        _line(connection, "recall_unanswered", recalls(branch, after=silent)),
        _line(connection, "certificate_expired", _certificates(business_date, branch)),
        _calendar(business_date, policy),
        _line(connection, "code_unnamed", _unnamed_code(business_date)),
    ]


def surveyed(connection: Connection, business_date: date, branch: str | None, policy: Policy) -> list[ExceptionLine]:
    """Return what is found by reading every account, as the ledger and the decisions of the day leave it."""
    return [
        _line(connection, "no_owner", neglected.no_owner(business_date, branch)),
        _line(connection, "no_contact_point", _counted(neglected.no_contact_point(business_date, branch).subquery())),
        _line(connection, "account_missing", _flagged(account.c.is_missing, branch)),
        _line(connection, "data_incomplete", _flagged(account.c.data_incomplete, branch)),
        _line(connection, "remedy_unentitled", choices_that_do_not_count(business_date, policy, branch)),
        *(
            ExceptionLine(kind, count, OWNERS[kind], oldest)
            for kind, count, oldest in neglected.neglected(connection, business_date, branch, policy)
        ),
    ]


def in_doubt(connection: Connection, branch: str | None, limit: int) -> list[tuple[str, str, date]]:
    """Return contact, channel and day of sends whose fate nobody knows, the oldest first."""
    found = _in_doubt(branch).subquery()
    query = select(found).order_by(found.c.day, found.c.key).limit(limit)
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def accounts_in_doubt(branch: str | None) -> Select[Any]:
    """Ask for the accounts of contacts whose fate nobody knows, each with the day of the oldest."""
    return (
        select(item.c.account_id, func.min(contact.c.business_date).label("day"))
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(contact.c.state == "in_doubt", of_branch(item.c.account_id, branch))
        .group_by(item.c.account_id)
    )


def _line(connection: Connection, kind: str, query: Any) -> ExceptionLine:
    count, oldest = connection.execute(query).one()
    day = date.fromisoformat(oldest[:10]) if isinstance(oldest, str) else oldest
    return ExceptionLine(kind, count, OWNERS[kind], day)


def _calendar(business_date: date, policy: Policy) -> ExceptionLine:
    """Return how many of the coming days are not yet announced as worked or free; a file may say it before."""
    days = policy.business_calendar().unconfirmed_days(business_date, policy.calendar.confirmed_days)
    return ExceptionLine("calendar_unconfirmed", days, OWNERS["calendar_unconfirmed"], None)


def _unnamed_code(business_date: date) -> Any:
    """Ask for the day's runs in a live store by which nobody can tell what code decided: its build named no commit."""
    live = exists(select(store_identity.c.id).where(store_identity.c.mode == "live"))
    made = (run.c.kind == "daily", run.c.business_date == business_date, run.c.code_id == UNRELEASED)
    return select(func.count(), func.min(run.c.business_date)).where(*made, live)


def _counted(found: Any) -> Any:
    return select(func.count(), func.min(found.c.day)).select_from(found)


def _doubtful(branch: str | None) -> Any:
    found = contact.c.state == "in_doubt"
    if branch is None:
        return found
    return found & exists(
        select(item.c.item_key).where(item.c.contact_id == contact.c.contact_id, of_branch(item.c.account_id, branch))
    )


def _in_doubt(branch: str | None) -> Any:
    """Return key, channel and day of contacts and, for the whole house, of digests whose fate nobody knows."""
    columns = (
        contact.c.contact_id.label("key"),
        contact.c.channel.label("channel"),
        contact.c.business_date.label("day"),
    )
    mails = select(digest_sent.c.digest_key, literal("digest"), digest_sent.c.business_date).where(
        digest_sent.c.state == "in_doubt"
    )
    found = select(*columns).where(_doubtful(branch))
    return found.union_all(mails) if branch is None else found


def _flagged(flag: Any, branch: str | None) -> Any:
    query = select(func.count(), func.min(account.c.closed_on)).where(flag.is_(True), account.c.closed_on.is_(None))
    return query if branch is None else query.where(account.c.branch == branch)


def _certificates(business_date: date, branch: str | None) -> Any:
    found = and_(staff.c.certificate_until < business_date, staff.c.roles.contains("collector"))
    return select(func.count(), func.min(staff.c.certificate_until)).where(
        found if branch is None else found & (staff.c.branch == branch)
    )
