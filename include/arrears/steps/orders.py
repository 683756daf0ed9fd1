"""Settle repossession orders: recalls first, then rehearsed approvals, then what two people approved."""

from typing import TYPE_CHECKING, Any

from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.steps import channels, runs
from arrears.steps.world import policy_of, store_of

if TYPE_CHECKING:
    from arrears.repossession.agency import Agency


def settle(rt: Runtime, this: runs.Day) -> dict[str, Any]:
    """Recall what a payment, hold or expiry has overtaken, then hand over what stands.

    A plan-only run hands nothing over. Recalls go on every run, paused or not: no machine is towed for want of one.
    """
    from arrears.legal.work_order import print_order
    from arrears.repossession.handoff import HandedOff, hand_off
    from arrears.repossession.rehearsed import rehearse_approval

    engine, policy = store_of(rt), policy_of(rt.settings)
    with channels.agency_channel(rt) as agency:
        counts = _recall(rt, this, agency)
        handed = HandedOff(withheld="plan_only")
        if not this.plan_only:
            rehearse_approval(rt, engine, this.run_id, this.business_date, policy)
            handed = hand_off(
                rt, engine, this.run_id, this.business_date, policy, agency,
                lambda document: print_order(rt.settings.home, document, policy),
            )  # fmt: skip
    runs.set_run(rt, this.run_id, settled_at=utc_text(rt.clock.now()))
    return {
        **counts,
        "orders_offered": handed.offered,
        "orders_acknowledged": handed.acknowledged,
        "orders_blocked": handed.blocked,
        "orders_failed": handed.failed,
    }


def recall(rt: Runtime, this: runs.Day) -> dict[str, Any]:
    """Recall what should not be out, and hand nothing over: what is left to do of a day that was held or broke off."""
    with channels.agency_channel(rt) as agency:
        return _recall(rt, this, agency)


def _recall(rt: Runtime, this: runs.Day, agency: "Agency") -> dict[str, Any]:
    from arrears.repossession.reported import apply_reports
    from arrears.repossession.stand_down import stand_down

    engine, policy = store_of(rt), policy_of(rt.settings)
    reported = apply_reports(rt, engine, this.run_id, policy)
    recalled = stand_down(rt, engine, this.run_id, this.business_date, policy, agency)
    return {
        "recalls_sent": recalled.recalled,
        "order_reports": reported.applied,
        "order_reports_refused": reported.refused,
    }
