"""The test of the law is one for packets and orders, and a figure of zero is no test."""

from dataclasses import replace
from pathlib import Path

import pytest

from arrears.ladder.grave_default import Default, default_of, is_grave
from arrears.ladder.layers import load_policy

LEASE = Default("finance_lease", 0, 1, 36_000_00, 18_000_00)
PROFILES = [load_policy(Path(name)) for name in ("cn", "us", "uk")]


@pytest.mark.parametrize("policy", PROFILES, ids=lambda policy: policy.policy_id)
@pytest.mark.parametrize("contract", ["finance_lease", "instalment_sale", "loan", "chattel_mortgage"])
def test_one_cent_overdue_is_never_a_grave_default(policy, contract):
    assert not is_grave(replace(LEASE, contract_type=contract), policy.legal)


@pytest.mark.parametrize("policy", PROFILES, ids=lambda policy: policy.policy_id)
def test_a_lease_is_grave_from_the_instalments_its_profile_names_and_a_share_of_zero_adds_nothing(policy):
    wanted = policy.legal.lease_test.instalments
    assert not is_grave(replace(LEASE, overdue_instalments=wanted - 1), policy.legal)
    assert is_grave(replace(LEASE, overdue_instalments=wanted), policy.legal)


def test_a_policy_without_any_figure_for_a_lease_has_no_test_that_could_be_met():
    legal = PROFILES[0].legal
    empty = legal.model_copy(update={"lease_test": legal.lease_test.model_copy(
        update={"instalments": 0, "percent_of_total": 0})})  # fmt: skip
    assert not is_grave(replace(LEASE, overdue_instalments=9, overdue_minor=9_000_00), empty)


def test_nothing_overdue_and_nothing_owed_in_all_are_no_default():
    assert not is_grave(replace(LEASE, overdue_instalments=3, overdue_minor=0), PROFILES[0].legal)
    assert not is_grave(replace(LEASE, overdue_instalments=3, total_minor=0), PROFILES[0].legal)


def test_a_down_payment_outside_the_schedule_counts_as_paid_and_a_lease_has_only_its_rent():
    sale = default_of("instalment_sale", 1, 1, schedule_minor=300, paid_minor=100, total_price_minor=400)
    lease = default_of("finance_lease", 1, 1, schedule_minor=300, paid_minor=100, total_price_minor=400)
    assert (sale.total_minor, sale.paid_minor) == (400, 200)
    assert (lease.total_minor, lease.paid_minor) == (300, 100)
