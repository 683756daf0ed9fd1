"""The same small portfolio under the rules of another country: other days, other steps, the same ladder."""

from datetime import date

import pytest
from sqlalchemy import select

from arrears.store.engine import reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.outreach import item, suppression
from arrears.store.tables.runs import policy_text

DAY = date(2026, 11, 12)
SUNDAY = date(2026, 11, 15)


def planned(place, on: date) -> set[tuple[str, str]]:
    with reading(place.store) as connection:
        query = select(item.c.account_id, item.c.step).where(item.c.business_date == on)
        return {(row.account_id, row.step) for row in connection.execute(query)}


@pytest.mark.parametrize("profile", ["us", "uk"])
def test_a_reminder_goes_three_days_before_the_due_date_and_none_on_the_twelfth(place, profile):
    assert place.run(DAY, ARREARS_POLICY=profile).code == 0
    assert ("K8", "courtesy_email") in planned(place, DAY)
    assert not [step for _, step in planned(place, DAY) if step.startswith("courtesy_sms")]
    with reading(place.store) as connection:
        stamped = select(policy_text.c.policy_id).join(
            decision, decision.c.policy_sha256 == policy_text.c.policy_sha256
        )
        assert set(connection.execute(stamped).scalars()) == {profile}


def test_on_a_sunday_nobody_in_the_united_states_is_contacted_at_all(place):
    assert place.run(SUNDAY, ARREARS_POLICY="us").code == 0
    assert planned(place, SUNDAY) == set()
    with reading(place.store) as connection:
        reasons = set(connection.execute(select(suppression.c.reason)).scalars())
    assert "not_a_contact_day" in reasons
