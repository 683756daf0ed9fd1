"""A message leaves only when it is a lawful hour wherever the person may be."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from arrears.ladder.layers import load_policy
from arrears.ladder.policy import Policy
from arrears.outreach.seating import work_items
from arrears.outreach.slots import has_an_hour, in_window, slot_of
from arrears.outreach.zones import zones_of
from arrears.reports.conduct import conduct
from arrears.reports.wording import words

DAY = date(2026, 11, 12)
CN, US, UK = (load_policy(Path(name)) for name in ("cn", "us", "uk"))
NEW_YORK, TOLL_FREE, CHINESE = "+12125551234", "+18005551234", "13800000001"


@pytest.mark.parametrize(
    ("policy", "on_file", "number", "zones"),
    [
        (CN, None, CHINESE, ("Asia/Shanghai",)),
        (CN, None, "+86 138 0013 8000", ("Asia/Shanghai",)),
        (CN, None, NEW_YORK, ("America/New_York",)),
        (CN, None, "no number", ("Asia/Shanghai",)),
        (CN, None, None, ("Asia/Shanghai",)),
        (CN, "Europe/Berlin", NEW_YORK, ("Europe/Berlin",)),
        (CN, "Asia/Nowhere", NEW_YORK, ()),
        (US, None, "(212) 555-1234", ("America/New_York",)),
        (US, "America/Los_Angeles", NEW_YORK, ("America/Los_Angeles", "America/New_York")),
        (US, "America/Los_Angeles", TOLL_FREE, ("America/Los_Angeles",)),
        (UK, "Asia/Tokyo", NEW_YORK, ("Europe/London",)),
    ],
)
def test_the_zone_on_file_is_asked_before_the_number_and_both_where_the_policy_wants_all(
    policy, on_file, number, zones
):
    assert zones_of(on_file, number, policy) == zones


def test_between_two_coasts_only_the_hours_that_are_lawful_on_both_are_used():
    both = ("America/Los_Angeles", "America/New_York")
    slot = slot_of(DAY, "sms", both, None, US)
    opens, closes = US.contact.window.opens.hour, US.contact.window.closes.hour
    assert slot.opens_at == f"2026-11-12T{opens + 8:02}:00:00Z", "west of the Rockies the day begins later"
    assert slot.closes_at == f"2026-11-13T{closes + 5 - 24:02}:00:00Z", "and in the east it ends earlier"
    assert in_window(datetime(2026, 11, 12, opens + 8, tzinfo=UTC), both, US)
    assert not in_window(datetime(2026, 11, 12, opens + 7, tzinfo=UTC), both, US), "still night in the west"


def test_a_toll_free_number_alone_fits_no_hour_everywhere():
    anywhere = zones_of(None, TOLL_FREE, US)
    assert len(anywhere) > 20
    assert not has_an_hour(DAY, anywhere, US)


def _visit_due(policy: Policy) -> str:
    row = {"contact_id": "c", "business_date": DAY, "party_id": "P", "channel": "visit", "staff_id": "S",
           "slot_closes_at": "2026-11-12T12:00:00Z"}  # fmt: skip
    person = type("Wish", (), {"person": type("Person", (), {"zones": (policy.time_zone,)})})
    (item,) = work_items([(row, [person])], {}, policy)
    return str(item["due_at"])


def test_a_visit_is_announced_as_many_days_ahead_as_the_policy_says():
    assert _visit_due(CN) == "2026-11-12T12:00:00Z", "no notice: the same day"
    assert UK.contact.visit_notice_days == 3
    assert _visit_due(UK) == "2026-11-16T19:00:00Z", "three days on is a Sunday: the Monday after it"
    assert conduct("visit", DAY, CN, words("en"))[:-1] == []
    assert "not before 2026-11-15" in conduct("visit", DAY, UK, words("en"))[0]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("policy", [CN, US, UK], ids=["cn", "us", "uk"])
def test_whoever_calls_is_told_what_others_may_be_asked(language, policy):
    told = conduct("call", DAY, policy, words(language))
    assert told == [words(language)(f"brief.third_parties.{policy.contact.third_parties}")]
    assert conduct("letter", DAY, policy, words(language)) == []


@pytest.mark.parametrize(
    ("policy", "day", "opens", "closes"),
    [
        (UK, date(2026, 3, 28), "2026-03-28T09:00:00Z", "2026-03-28T19:00:00Z"),
        (UK, date(2026, 3, 29), "2026-03-29T08:00:00Z", "2026-03-29T18:00:00Z"),
        (US, date(2026, 10, 31), "2026-10-31T13:00:00Z", "2026-11-01T00:00:00Z"),
        (US, date(2026, 11, 1), "2026-11-01T14:00:00Z", "2026-11-02T01:00:00Z"),
    ],
)
def test_when_the_clocks_change_the_window_stays_at_its_hours_on_the_wall(policy, day, opens, closes):
    zones = (policy.time_zone,)
    slot = slot_of(day, "sms", zones, None, policy)
    assert (slot.opens_at, slot.closes_at) == (opens, closes)
    first, end = (datetime.fromisoformat(moment) for moment in (opens, closes))
    minute = timedelta(minutes=1)
    assert [in_window(now, zones, policy) for now in (first - minute, first, end - minute, end)] == [
        False, True, True, False]  # fmt: skip
