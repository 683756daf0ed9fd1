"""The fourteen conditions of a hand-off: all true on the same day, or nothing leaves and the reason is named."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from arrears.ladder.grave_default import Default, cure_ends_on, is_grave, is_mostly_paid
from arrears.ladder.policy import Policy
from arrears.repossession.lockable import KIND
from arrears.repossession.vin import serial_is_sound

RECOVERY_REMEDIES = frozenset({"terminate_and_recover", "realise_security"})
TOP_RUNG = 4
LAST_STAGE = 3
HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Check:
    """One condition and what was found; a failed one blocks."""

    code: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    """What the register says about the firm that would carry out the order; no region means everywhere."""

    licence_no: str | None
    licence_until: date | None
    insurance_until: date | None
    active_until: date | None
    regions: tuple[str, ...]
    is_party: bool
    under_agreement: bool
    has_room: bool = True


@dataclass(frozen=True, slots=True)
class VoteFacts:
    """One vote: in which role, by whom, how sure we are who it was, and whether the role is still theirs."""

    role: str
    staff_id: str
    decision: str
    identity: str
    holds_role: bool


@dataclass(frozen=True, slots=True)
class ApprovalFacts:
    """The approval behind an order."""

    state: str
    facts_sha256: str
    expires_on: date | None
    votes: tuple[VoteFacts, ...]


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """All that the checks look at for one order at one moment; amounts in minor units, no people."""

    kind: str
    today: date
    now: datetime
    live: bool
    proposed_on: date
    order_facts_sha256: str
    order_target_sha256: str | None  # the machine and people that were approved
    target_sha256: str | None  # those that the store names now
    decided_on: date | None
    plan_only: bool
    in_ledger: bool
    stage: int
    overdue_instalments: int
    overdue_minor: int
    total_minor: int
    paid_minor: int
    debt_minor: int
    last_paid_on: date | None  # the last day on which money came, by its own date or by when it reached us
    whole_paid_on: date | None
    contract_type: str
    branch: str
    asset_serial: str | None
    asset_value_minor: int | None
    spent_minor: int
    # what stands in the way
    finance_confirmed: bool
    payment_in_flight: bool
    holds: tuple[str, ...]
    other_orders: int
    open_suits: int
    rung: int
    unlocked_rung: int
    demand_arrived_on: date | None
    basis: str | None
    packet_state: str | None
    packet_facts_sha256: str | None
    packet_remedy: str | None
    remedy_open: bool
    guarantees_until: tuple[date | None, ...]
    limitation_until: date | None
    serial_registered: bool
    located_at: datetime | None
    parties_without_notice: int
    agency: AgencyFacts | None
    approval: ApprovalFacts | None
    collectors: frozenset[str]
    lock_refusals: tuple[str, ...] = ("not_judged",)
    currency: str = ""
    decided_under: str = ""

    @property
    def names_another(self) -> bool:
        """Say whether the store names another machine or other people than the order does, where that is known."""
        return self.order_target_sha256 is not None and self.order_target_sha256 != self.target_sha256

    @property
    def default(self) -> Default:
        """Return what the legal test compares."""
        return Default(
            self.contract_type, self.overdue_instalments, self.overdue_minor, self.total_minor, self.paid_minor
        )


def run_checks(facts: OrderFacts, policy: Policy) -> list[Check]:
    """Judge all fourteen conditions (domain rules C1 to C14); none is ever left out."""
    checks = []
    for code, rule in RULES:
        reasons = rule(facts, policy)
        checks.append(Check(code, not reasons, ", ".join(reasons) or "ok"))
    return checks


def blocking(checks: list[Check]) -> list[Check]:
    """Return the failed checks; a list that is short of a condition blocks as well."""
    failed = [check for check in checks if not check.passed]
    missing = {code for code, _ in RULES} - {check.code for check in checks}
    return failed + [Check(code, passed=False, detail="not_judged") for code in sorted(missing)]


def _unless(*conditions: tuple[bool, str]) -> list[str]:
    return [reason for holds, reason in conditions if not holds]


def _balance(facts: OrderFacts, policy: Policy) -> list[str]:
    return _unless(
        (facts.decided_on == facts.today, "no_decision_of_today"),
        (facts.decided_under == policy.sha256, "policy_changed"),
        (not facts.plan_only, "plan_only"),
        (facts.in_ledger, "not_in_ledger"),
        (facts.stage == LAST_STAGE and facts.overdue_instalments >= LAST_STAGE, "fewer_than_three_overdue"),
        (facts.last_paid_on is None or facts.last_paid_on < facts.proposed_on, "paid_since_proposal"),
    )


def _nothing_in_flight(facts: OrderFacts, _policy: Policy) -> list[str]:
    return _unless(
        (facts.finance_confirmed, "finance_has_not_confirmed"),
        (not facts.payment_in_flight, "debit_pending"),
    )


def _no_hold(facts: OrderFacts, _policy: Policy) -> list[str]:
    return [f"hold_{kind}" for kind in facts.holds]


def _evidence_complete(facts: OrderFacts, _policy: Policy) -> list[str]:
    return _unless((min(facts.rung, facts.unlocked_rung) >= TOP_RUNG, "evidence_incomplete"))


def _demand_cured(facts: OrderFacts, policy: Policy) -> list[str]:
    if facts.demand_arrived_on is None:
        return ["demand_not_served"]
    ends = cure_ends_on(facts.demand_arrived_on, policy.legal, policy.business_calendar())
    return _unless((facts.today > ends, "cure_days_running"))


def _legal_test(facts: OrderFacts, policy: Policy) -> list[str]:
    guard = timedelta(days=policy.legal.recent_payment_guard_days)
    remedy = facts.packet_remedy
    return _unless(
        (facts.packet_state == "ready", "packet_not_ready"),
        (remedy in RECOVERY_REMEDIES and remedy in policy.legal.allowed_remedies, "remedy_is_not_recovery"),
        (facts.remedy_open, "remedy_not_open"),
        (facts.basis in policy.repossession.basis, "no_legal_basis"),
        (is_grave(facts.default, policy.legal), "legal_test_not_met"),
        (not is_mostly_paid(facts.default, policy.legal), "mostly_paid"),
        (facts.whole_paid_on is None or facts.today - facts.whole_paid_on > guard, "recent_payment"),
    )


def _rights_alive(facts: OrderFacts, _policy: Policy) -> list[str]:
    return _unless(
        (all(until is not None and until >= facts.today for until in facts.guarantees_until), "guarantee_over"),
        (facts.limitation_until is not None and facts.limitation_until >= facts.today, "limitation_over"),
    )


def _right_machine(facts: OrderFacts, _policy: Policy) -> list[str]:
    return _unless(
        (serial_is_sound(facts.asset_serial), "serial_unsound"),
        (facts.serial_registered, "serial_not_in_register"),
    )


def _fresh_location(facts: OrderFacts, policy: Policy) -> list[str]:
    """Ask for a fresh position to recover, for a machine at rest off the road to lock, and for nothing to locate."""
    if facts.kind == "locate":
        return []
    if facts.kind == KIND:
        return list(facts.lock_refusals)
    if facts.located_at is None:
        return ["no_location"]
    age = facts.now - facts.located_at
    limit = timedelta(hours=policy.repossession.location_max_age_hours)
    return _unless((timedelta(0) <= age <= limit, "location_too_old"))


def _agency_valid(facts: OrderFacts, _policy: Policy) -> list[str]:
    agency = facts.agency
    if agency is None:
        return ["no_agency"]
    return _unless(
        (agency.active_until is None or agency.active_until >= facts.today, "agency_not_active"),
        (bool(agency.licence_no), "agency_without_licence"),
        (agency.licence_until is not None and agency.licence_until >= facts.today, "licence_expired"),
        (agency.insurance_until is not None and agency.insurance_until >= facts.today, "insurance_expired"),
        (not agency.regions or facts.branch in agency.regions, "outside_region"),
        (not agency.is_party, "agency_is_party"),
        (agency.has_room, "agency_is_full"),
        (agency.under_agreement, "no_data_agreement"),  # PIPL art. 21
    )


def _four_eyes(facts: OrderFacts, policy: Policy) -> list[str]:
    approval = facts.approval
    if approval is None:
        return ["no_approval"]
    roles = policy.repossession.approval_roles["order"]
    votes = [vote for vote in approval.votes if vote.decision == "approve" and vote.role in roles]
    return _unless(
        (approval.state in ("approved", "used"), "not_approved"),
        (_is_as_approved(facts, approval), "facts_changed"),
        (approval.expires_on is not None and approval.expires_on >= facts.today, "approval_expired"),
        ({vote.role for vote in votes} == set(roles), "a_role_is_missing"),
        (len({vote.staff_id for vote in votes}) == len(roles), "one_person_twice"),
        (not any(vote.staff_id in facts.collectors for vote in votes), "approved_by_the_collector"),
        (all(vote.holds_role for vote in votes), "approver_lost_the_role"),
        (not facts.live or all(vote.identity == "airflow" for vote in votes), "identity_too_weak"),
    )


def _is_as_approved(facts: OrderFacts, approval: ApprovalFacts) -> bool:
    """Say whether packet, machine and people are those that two people agreed to: these alone are printed."""
    same_packet = facts.order_facts_sha256 == facts.packet_facts_sha256 == approval.facts_sha256
    return same_packet and facts.order_target_sha256 is not None and not facts.names_another


def _nothing_excludes(facts: OrderFacts, _policy: Policy) -> list[str]:
    return _unless((facts.other_orders == 0, "another_order"), (facts.open_suits == 0, "suit_is_open"))


def _worth_it(facts: OrderFacts, policy: Policy) -> list[str]:
    if facts.asset_value_minor is None:
        return ["value_unknown"]
    if facts.currency != policy.currency:
        return ["other_currency"]  # the policy's costs are no figures of this one, and nothing here converts
    brings = min(facts.asset_value_minor, facts.debt_minor)  # a surplus goes back to the customer
    costs = policy.repossession.recovery_cost_minor + facts.spent_minor  # whether the machine is found or not
    expected = brings * policy.repossession.recovery_chance_percent
    return _unless((expected > costs * HUNDRED, "costs_exceed_value"))


def _notices_given(facts: OrderFacts, _policy: Policy) -> list[str]:
    return _unless((facts.parties_without_notice == 0, "notice_missing"))


RULES: tuple[tuple[str, Callable[[OrderFacts, Policy], list[str]]], ...] = (
    ("C1", _balance),
    ("C2", _nothing_in_flight),
    ("C3", _no_hold),
    ("C4", _evidence_complete),
    ("C5", _demand_cured),
    ("C6", _legal_test),
    ("C7", _rights_alive),
    ("C8", _right_machine),
    ("C9", _fresh_location),
    ("C10", _agency_valid),
    ("C11", _four_eyes),
    ("C12", _nothing_excludes),
    ("C13", _worth_it),
    ("C14", _notices_given),
)
