"""Whether a default is grave enough for the law, when too much is paid for it, and when the time to cure is over.

Three overdue instalments are a business trigger. The test of the law depends on the contract: finance lease, SPC
interpretation art. 5; instalment sale, Civil Code 634 and SPC sales interpretation 26; otherwise the contract's clause.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from arrears.core.calendar import BusinessCalendar
from arrears.ladder.policy_law import Legal

HUNDRED = 100
TITLE_KEPT = ("finance_lease", "instalment_sale")
"""The contracts under which the machine stays the lender's, who may take it back as agreed (Civil Code 410)."""


@dataclass(frozen=True, slots=True)
class Default:
    """What the tests compare, in minor units; ``total_minor`` is the price of a sale, the rent of a lease."""

    contract_type: str
    overdue_instalments: int
    overdue_minor: int
    total_minor: int
    paid_minor: int


def default_of(
    contract_type: str,
    overdue_instalments: int,
    overdue_minor: int,
    *,
    schedule_minor: int,
    paid_minor: int,
    total_price_minor: int | None,
) -> Default:
    """Return what the tests compare: a down payment outside the schedule counts as paid; a lease has only its rent."""
    total = schedule_minor
    if contract_type != "finance_lease":
        total = max(total_price_minor or 0, schedule_minor)
    paid = max(0, total - (schedule_minor - paid_minor))
    return Default(contract_type, overdue_instalments, overdue_minor, total, paid)


def is_grave(default: Default, legal: Legal) -> bool:
    """Say whether the legal test of the contract type is met; a figure of 0 in the policy is no test at all."""
    if default.total_minor <= 0 or default.overdue_minor <= 0:
        return False
    if default.contract_type == "finance_lease":
        lease = legal.lease_test
        return _at_least(default.overdue_instalments, lease.instalments) or _share(default, lease.percent_of_total)
    if default.contract_type == "instalment_sale":
        return _share(default, legal.sale_test.percent_of_total)
    return _at_least(default.overdue_instalments, legal.loan_test.instalments)


def is_mostly_paid(default: Default, legal: Legal) -> bool:
    """Say whether so much of a sale's price is paid that its title is no remedy any more."""
    most = legal.paid_ratio_block_percent * default.total_minor
    return default.contract_type == "instalment_sale" and default.paid_minor * HUNDRED >= most


def cure_ends_on(arrived_on: date, legal: Legal, calendar: BusinessCalendar) -> date:
    """Return the last day to pay after a demand; arrival day excluded, end on a working day (Civil Code 201, 203)."""
    return calendar.next_working_day(arrived_on + timedelta(days=legal.demand_cure_days))


def _at_least(found: int, wanted: int) -> bool:
    return found >= wanted > 0


def _share(default: Default, percent: int) -> bool:
    return percent > 0 and default.overdue_minor * HUNDRED >= percent * default.total_minor
