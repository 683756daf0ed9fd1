"""No order left without the people the policy asks for: in their roles, on its own facts, and before it left."""

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Connection, select

from arrears.ladder.policy import Policy
from arrears.store.tables.repossession import approval, approval_vote, repossession_order

HANDED_OVER = ("offered", "acknowledged", "accepted", "located", "recovered")
"""States in which an agency may act: the approval behind them is used, and by nothing else."""


def unapproved(connection: Connection, policy: Policy) -> Iterator[str]:
    """Yield the accounts of orders that left without approval of their own facts by the policy's roles, a person each.

    A refused, void or expired question stands behind no order that is still out.
    """
    wanted = set(policy.repossession.approval_roles["order"])
    votes: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    cast = select(approval_vote).where(approval_vote.c.decision == "approve")
    for vote in connection.execute(cast):
        votes[vote.approval_id].append((vote.role, vote.staff_id, vote.at))
    query = (
        select(
            repossession_order.c.order_id, repossession_order.c.account_id, repossession_order.c.state,
            repossession_order.c.offered_at, approval.c.approval_id, approval.c.state.label("asked"),
            (approval.c.facts_sha256 == repossession_order.c.facts_sha256).label("same"),
        )
        .outerjoin(
            approval, (approval.c.subject_key == repossession_order.c.order_id) & (approval.c.kind == "order")
        )
        .where(repossession_order.c.offered_at.is_not(None), ~repossession_order.c.imported)
    )  # fmt: skip
    stood: dict[tuple[str, str], bool] = defaultdict(bool)
    for row in connection.execute(query):
        people = [vote for vote in votes[row.approval_id or ""] if vote[2] <= row.offered_at]
        enough = {role for role, _, _ in people} >= wanted and len({who for _, who, _ in people}) >= len(wanted)
        live = row.state not in HANDED_OVER or row.asked == "used"
        stood[(row.account_id, row.order_id)] |= bool(row.same) and enough and live
    yield from (account_id for (account_id, _), holds in stood.items() if not holds)
