"""What went to court without an approval, packets that wait to be filed, and choices that do not count."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, exists, func, select

from arrears.approvals.filings import is_unapproved
from arrears.approvals.questions import PACKETS
from arrears.ladder.chooser import is_by_nobody_entitled
from arrears.ladder.policy import Policy
from arrears.reports.scope import of_branch
from arrears.store.tables.feeds import court_case
from arrears.store.tables.legal import court_filing, emergency_packet, packet
from arrears.store.tables.repossession import approval

DAY = timedelta(days=1)


def filed_unapproved(branch: str | None) -> Any:
    """Return count and oldest of the filings that no approval stood behind and that people have not settled since."""
    return select(func.count(), func.min(court_filing.c.filed_at)).where(
        is_unapproved(), of_branch(court_filing.c.account_id, branch)
    )


def choices_that_do_not_count(business_date: date, policy: Policy, branch: str | None) -> Any:
    """Return count and oldest of the newest words about a remedy that came from somebody who may not choose one."""
    later = court_case.alias("later")
    newer = exists().where(
        later.c.account_id == court_case.c.account_id, later.c.kind == "remedy", later.c.at > court_case.c.at
    )
    has_packet = exists().where(packet.c.account_id == court_case.c.account_id, packet.c.superseded_on.is_(None))
    return select(func.count(), func.min(court_case.c.at)).where(
        is_by_nobody_entitled(policy), ~newer, has_packet, court_case.c.at < (business_date + DAY).isoformat(),
        of_branch(court_case.c.account_id, branch),
    )  # fmt: skip


def emergencies_lacking(branch: str | None) -> Any:
    """Return count and oldest of the emergencies asked for whose application cannot be made yet."""
    return select(func.count(), func.min(emergency_packet.c.built_on)).where(
        emergency_packet.c.superseded_on.is_(None), emergency_packet.c.state == "lacking",
        of_branch(emergency_packet.c.account_id, branch),
    )  # fmt: skip


def waiting_to_be_filed(connection: Connection, branch: str | None) -> Iterator[Any]:
    """Yield account and last day of the packets that two people approved and nobody has filed yet."""
    query = (
        select(approval.c.account_id, approval.c.expires_on)
        .where(approval.c.kind.in_(PACKETS), approval.c.state == "approved", of_branch(approval.c.account_id, branch))
        .order_by(approval.c.account_id, approval.c.approval_id)
    )
    yield from connection.execute(query)
