"""What, besides the votes, keeps an order from leaving: told before people vote, judged again at hand-off."""

from datetime import date

from sqlalchemy import Engine, select

from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.repossession.checks import blocking, run_checks
from arrears.repossession.order_facts import load_order_facts
from arrears.store.engine import reading
from arrears.store.tables.repossession import ORDER_UNSENT, approval, repossession_order

VOTES = "C11"


def kept_back(rt: Runtime, engine: Engine, business_date: date, policy: Policy) -> dict[str, str]:
    """Return, by number, the failed checks of every own order that has not left; empty text where only votes lack."""
    own = select(repossession_order).where(repossession_order.c.state.in_(ORDER_UNSENT), ~repossession_order.c.imported)
    with reading(engine) as connection:
        orders = connection.execute(own.order_by(repossession_order.c.order_no)).all()
        facts = load_order_facts(connection, rt, business_date, policy, orders)
    failed = {order.order_no: blocking(run_checks(facts[order.order_id], policy)) for order in orders}
    return {
        order_no: "; ".join(f"{check.code} {check.detail}" for check in checks if check.code != VOTES)
        for order_no, checks in failed.items()
    }


def order_of(engine: Engine, approval_id: str) -> str | None:
    """Return the number of the order that an approval is about, if it is about one."""
    query = select(repossession_order.c.order_no).join(
        approval, approval.c.subject_key == repossession_order.c.order_id
    )
    with reading(engine) as connection:
        return connection.execute(query.where(approval.c.approval_id == approval_id)).scalar_one_or_none()
