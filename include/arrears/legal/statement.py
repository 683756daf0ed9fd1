"""The statement of account must agree with the frozen ledger to the cent, or the packet is incomplete."""

from arrears.legal.facts import LegalFacts


def differences(facts: LegalFacts) -> list[str]:
    """Return the names of the totals that do not agree with the ledger row; empty when all do."""
    rows, money, day = facts.instalments, facts.money, facts.business_date
    overdue = [row for row in rows if row.due_date < day and row.unpaid_minor > 0]
    checks = {
        "schedule": (sum(row.amount_minor for row in rows), money.schedule_minor),
        "paid": (sum(row.paid_minor for row in rows), money.paid_minor),
        "due": (sum(row.amount_minor for row in rows if row.due_date <= day), money.due_minor),
        "overdue": (sum(row.unpaid_minor for row in overdue), money.overdue_minor),
        "overdue_instalments": (len(overdue), money.overdue_instalments),
        "oldest_unpaid_due": (min((row.due_date for row in overdue), default=None), money.oldest_unpaid_due),
    }
    if facts.payments:
        pool = max(0, sum(payment.amount_minor for payment in facts.payments))
        checks["payments"] = (min(pool, money.schedule_minor), money.paid_minor)
    return [name for name, (ours, ledger) in checks.items() if ours != ledger]
