"""The sections of a policy about the law: its tests and clocks, and what an order needs."""

from typing import Annotated

from pydantic import Field, model_validator

from arrears.ladder.policy_terms import (
    AtLeast,
    AtLeastPercent,
    AtMost,
    AtMostPercent,
    Count,
    DocumentKind,
    Free,
    Minor,
    Needed,
    Strict,
    Whole,
)
from arrears.ladder.tighter import Tighter


class LeaseTest(Strict):
    """SPC finance lease interpretation art. 5."""

    instalments: AtLeast
    percent_of_total: AtLeastPercent


class SaleTest(Strict):
    """Civil Code art. 634."""

    percent_of_total: AtLeastPercent


class LoanTest(Strict):
    """The contract's acceleration clause; the statute names no figure."""

    instalments: AtLeast


class Alerts(Strict):
    """Days before a right lapses on which somebody is told."""

    guarantee: Annotated[list[Count], Tighter.MORE]
    limitation: Annotated[list[Count], Tighter.MORE]
    preservation: Annotated[list[Count], Tighter.MORE]
    enforcement: Annotated[list[Count], Tighter.MORE]
    order: Annotated[list[Count], Tighter.MORE]
    licence: Annotated[list[Count], Tighter.MORE]
    disposition: Annotated[list[Count], Tighter.MORE]
    claim: Annotated[list[Count], Tighter.MORE]


class Legal(Strict):
    """The tests a remedy must pass, and the clocks that run against the lender."""

    demand_cure_days: AtLeast
    guarantee_period_months: AtMost
    limitation_years: AtMost
    preservation_sue_days: AtMost
    enforcement_years: AtMost
    claim_days: AtMost
    alert_days: Alerts
    paid_ratio_block_percent: AtMostPercent
    lease_test: LeaseTest
    sale_test: SaleTest
    loan_test: LoanTest
    allowed_remedies: Annotated[list[str], Tighter.FEWER]
    recent_payment_guard_days: AtLeast
    required_documents: Annotated[dict[Needed, list[DocumentKind]], Tighter.MORE]
    confirmed_by_two: Annotated[list[DocumentKind], Tighter.MORE]


class RemoteLock(Strict):
    """Keeping a machine from starting: ``allowed`` is the jurisdiction's word, ``enabled`` the lender's.

    Only a machine seen at rest off the road is ever locked, and a recalled lock is opened within hours.
    """

    allowed: Annotated[bool, Tighter.LOWER] = False
    enabled: Annotated[bool, Free] = False
    location_max_age_hours: AtMost = 4
    at_rest_minutes: AtLeast = 60
    unlock_within_hours: AtMost = 4

    @model_validator(mode="after")
    def _only_where_allowed(self) -> "RemoteLock":
        if self.enabled and not self.allowed:
            raise ValueError("enabled: the profile of this jurisdiction does not allow locking a machine (allowed)")
        return self


class Repossession(Strict):
    """Limits of an order and of the approvals behind it."""

    approval_valid_working_days: AtMost
    order_expiry_days: AtMost
    location_max_age_hours: AtMost
    geofence_metres: AtMost
    recall_acknowledge_hours: AtMost
    fee_cap_minor: Annotated[Minor, Tighter.LOWER]
    recovery_cost_minor: Annotated[Minor, Tighter.HIGHER]
    recovery_chance_percent: Annotated[Whole, Field(ge=1, le=100), Tighter.LOWER]
    basis: Annotated[list[str], Tighter.FEWER]
    do_not: Annotated[list[str], Tighter.MORE]
    remote_lock: RemoteLock = RemoteLock()
    redemption_days: AtLeast
    disposition_notice_days: AtLeast
    approval_roles: Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], Tighter.MORE]
