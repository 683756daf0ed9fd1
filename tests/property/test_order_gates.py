"""No path to a hand-off with any of the fourteen conditions false: every combination of them is tried."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from arrears.ladder.layers import load_policy
from arrears.repossession.checks import (
    AgencyFacts,
    ApprovalFacts,
    OrderFacts,
    VoteFacts,
    blocking,
    run_checks,
)

POLICY = load_policy()
DAY = date(2026, 11, 12)
NOW = datetime(2026, 11, 12, 2, tzinfo=UTC)
FACTS = "f" * 64
TARGET = "a" * 64
CODES = [f"C{number}" for number in range(1, 15)]

GOOD = OrderFacts(
    kind="recover",
    today=DAY,
    now=NOW,
    live=False,
    proposed_on=date(2026, 11, 11),
    order_facts_sha256=FACTS,
    order_target_sha256=TARGET,
    target_sha256=TARGET,
    decided_on=DAY,
    plan_only=False,
    in_ledger=True,
    stage=3,
    overdue_instalments=3,
    overdue_minor=3_000_000,
    total_minor=36_000_000,
    paid_minor=10_000_000,
    debt_minor=26_000_000,
    last_paid_on=date(2026, 11, 10),
    whole_paid_on=date(2026, 8, 1),
    contract_type="finance_lease",
    branch="east",
    asset_serial="1M8GDM9AXKP042788",
    asset_value_minor=9_000_000,
    currency="CNY",
    decided_under=POLICY.sha256,
    spent_minor=0,
    finance_confirmed=True,
    payment_in_flight=False,
    holds=(),
    other_orders=0,
    open_suits=0,
    rung=4,
    unlocked_rung=4,
    demand_arrived_on=date(2026, 10, 1),
    basis="agreed_recovery",
    packet_state="ready",
    packet_facts_sha256=FACTS,
    packet_remedy="terminate_and_recover",
    remedy_open=True,
    guarantees_until=(date(2026, 12, 31),),
    limitation_until=date(2029, 1, 1),
    serial_registered=True,
    located_at=NOW - timedelta(hours=1),
    parties_without_notice=0,
    agency=AgencyFacts("L", DAY, DAY, None, ("east",), is_party=False, under_agreement=True),
    approval=ApprovalFacts(
        "approved",
        FACTS,
        DAY,
        (
            VoteFacts("legal", "LAW", "approve", "shell", holds_role=True),
            VoteFacts("risk", "RISK", "approve", "shell", holds_role=True),
        ),
    ),
    collectors=frozenset({"COL"}),
)

BREAK_ONE = {
    "C1": {"plan_only": True},
    "C2": {"payment_in_flight": True},
    "C3": {"holds": ("dispute",)},
    "C4": {"unlocked_rung": 3},
    "C5": {"demand_arrived_on": None},
    "C6": {"remedy_open": False},
    "C7": {"limitation_until": None},
    "C8": {"serial_registered": False},
    "C9": {"located_at": None},
    "C10": {"agency": None},
    "C11": {"approval": None},
    "C12": {"other_orders": 1},
    "C13": {"asset_value_minor": None},
    "C14": {"parties_without_notice": 1},
}


@pytest.mark.parametrize("kind", ["recover", "locate"])
def test_of_all_combinations_of_the_fourteen_conditions_only_one_lets_an_order_leave(kind):
    passing = []
    for truth in product((True, False), repeat=len(CODES)):
        broken = {code for code, holds in zip(CODES, truth, strict=True) if not holds}
        changes = {name: value for code in broken for name, value in BREAK_ONE[code].items()}
        checks = run_checks(replace(GOOD, kind=kind, **changes), POLICY)
        assert [check.code for check in checks] == CODES
        expected = broken - ({"C9"} if kind == "locate" else set())
        failed = {check.code for check in blocking(checks)}
        assert failed == expected
        if not failed:
            passing.append(broken)
    assert passing == ([set()] if kind == "recover" else [set(), {"C9"}])


@pytest.mark.parametrize("missing", CODES)
def test_a_condition_that_was_not_judged_blocks(missing):
    checks = [check for check in run_checks(GOOD, POLICY) if check.code != missing]
    assert [(check.code, check.detail) for check in blocking(checks)] == [(missing, "not_judged")]


def approval(**changes: object) -> dict[str, object]:
    return {"approval": replace(GOOD.approval, **changes)}


def votes(*changes: dict[str, object]) -> dict[str, object]:
    return approval(
        votes=tuple(replace(vote, **change) for vote, change in zip(GOOD.approval.votes, changes, strict=True))
    )


def agency(**changes: object) -> dict[str, object]:
    return {"agency": replace(GOOD.agency, **changes)}


EVERY_WAY_TO_FAIL = [
    ("C1", "no_decision_of_today", {"decided_on": DAY - timedelta(days=1)}),
    ("C1", "no_decision_of_today", {"decided_on": None}),
    ("C1", "policy_changed", {"decided_under": "0" * 64}),
    ("C1", "not_in_ledger", {"in_ledger": False}),
    ("C1", "fewer_than_three_overdue", {"overdue_instalments": 2}),
    ("C1", "fewer_than_three_overdue", {"stage": 2}),
    ("C1", "paid_since_proposal", {"last_paid_on": date(2026, 11, 11)}),
    ("C2", "finance_has_not_confirmed", {"finance_confirmed": False}),
    ("C4", "evidence_incomplete", {"rung": 3}),
    ("C5", "cure_days_running", {"demand_arrived_on": date(2026, 11, 2)}),
    ("C6", "packet_not_ready", {"packet_state": "withheld"}),
    ("C6", "packet_not_ready", {"packet_state": None}),
    ("C6", "remedy_is_not_recovery", {"packet_remedy": "sue_and_preserve"}),
    ("C6", "no_legal_basis", {"basis": None}),
    ("C6", "legal_test_not_met", {"contract_type": "instalment_sale"}),
    ("C6", "legal_test_not_met", {"total_minor": 0}),
    ("C6", "mostly_paid", {"contract_type": "instalment_sale", "overdue_minor": 8_000_000, "paid_minor": 27_000_000}),
    ("C6", "recent_payment", {"whole_paid_on": DAY - timedelta(days=30)}),
    ("C7", "guarantee_over", {"guarantees_until": (DAY - timedelta(days=1),)}),
    ("C7", "guarantee_over", {"guarantees_until": (None,)}),
    ("C8", "serial_unsound", {"asset_serial": ""}),
    ("C8", "serial_unsound", {"asset_serial": "1M8GDM9A0KP042788"}),
    ("C8", "serial_unsound", {"asset_serial": "1M8GDM9AXKPO42788"}),
    ("C9", "location_too_old", {"located_at": NOW - timedelta(hours=72, seconds=1)}),
    ("C9", "location_too_old", {"located_at": NOW + timedelta(seconds=1)}),
    ("C10", "agency_not_active", agency(active_until=DAY - timedelta(days=1))),
    ("C10", "agency_without_licence", agency(licence_no="")),
    ("C10", "licence_expired", agency(licence_until=DAY - timedelta(days=1))),
    ("C10", "insurance_expired", agency(insurance_until=None)),
    ("C10", "outside_region", agency(regions=("west",))),
    ("C10", "agency_is_party", agency(is_party=True)),
    ("C10", "agency_is_full", agency(has_room=False)),
    ("C10", "no_data_agreement", agency(under_agreement=False)),
    ("C11", "not_approved", approval(state="open")),
    ("C11", "not_approved", approval(state="void")),
    ("C11", "facts_changed", approval(facts_sha256="e" * 64)),
    ("C11", "facts_changed", {"packet_facts_sha256": "e" * 64}),
    ("C11", "facts_changed", {"target_sha256": "e" * 64}),
    ("C11", "facts_changed", {"target_sha256": None}),
    ("C11", "facts_changed", {"order_target_sha256": None}),
    ("C11", "facts_changed", {"order_facts_sha256": "e" * 64}),
    ("C11", "approval_expired", approval(expires_on=DAY - timedelta(days=1))),
    ("C11", "a_role_is_missing", votes({}, {"role": "legal"})),
    ("C11", "one_person_twice", votes({}, {"staff_id": "LAW"})),
    ("C11", "approved_by_the_collector", votes({}, {"staff_id": "COL"})),
    ("C11", "approver_lost_the_role", votes({"holds_role": False}, {})),
    ("C11", "a_role_is_missing", votes({}, {"decision": "refuse"})),
    ("C11", "identity_too_weak", {"live": True}),
    ("C12", "suit_is_open", {"open_suits": 1}),
    ("C13", "other_currency", {"currency": "JPY"}),
    ("C13", "costs_exceed_value", {"asset_value_minor": 1_500_000}),
    ("C13", "costs_exceed_value", {"debt_minor": 1_500_000}),
    ("C13", "costs_exceed_value", {"debt_minor": 2_500_000}),  # sixty of a hundred orders bring the machine
]


@pytest.mark.parametrize(("code", "reason", "changes"), EVERY_WAY_TO_FAIL)
def test_each_single_defect_blocks_under_its_own_condition_and_name(code, reason, changes):
    failed = blocking(run_checks(replace(GOOD, **changes), POLICY))
    assert [check.code for check in failed] == [code]
    assert reason in failed[0].detail.split(", ")


STILL_GOOD = [
    {"demand_arrived_on": date(2026, 10, 30)},  # ten days end on Monday 9 November
    {"located_at": NOW - timedelta(hours=72)},
    {"whole_paid_on": DAY - timedelta(days=31)},
    {"guarantees_until": ()},
    {"contract_type": "instalment_sale", "overdue_minor": 7_200_000, "paid_minor": 26_999_999},
    {"overdue_instalments": 3, "contract_type": "chattel_mortgage", "basis": "court"},
    {"asset_serial": "PIN-4711"},
    {"asset_serial": "CAT00320TABC12345"},
    {"limitation_until": DAY},
    approval(state="used"),
    agency(regions=()),
    {"debt_minor": 2_500_001},
    {"live": True} | votes({"identity": "airflow"}, {"identity": "airflow"}),
]


@pytest.mark.parametrize("changes", STILL_GOOD)
def test_what_stands_on_the_right_side_of_a_limit_passes(changes):
    assert blocking(run_checks(replace(GOOD, **changes), POLICY)) == []


def test_cure_days_that_end_on_a_holiday_run_on_to_the_next_working_day():
    arrived = date(2026, 9, 22)  # ten days later is 2 October, in the National Day holiday that ends on the 7th
    for today, passes in ((date(2026, 10, 8), False), (date(2026, 10, 9), True)):
        moved = replace(GOOD, today=today, demand_arrived_on=arrived)
        codes = {check.code: check.passed for check in run_checks(moved, POLICY)}
        assert codes["C5"] is passes
