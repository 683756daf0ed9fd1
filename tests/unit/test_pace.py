"""Over a slow line contacts are begun one by one, so that a death leaves one in doubt; where they fly, in groups."""

from datetime import UTC, datetime, timedelta

import pytest

from arrears.outreach.pace import MOMENT, MOST, Pace
from arrears.outreach.verdict import Outcome, Verdict, in_doubt, not_sent

SENT = Verdict(Outcome.SENT, "250")


class Watch:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 12, 2, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def sizes(each: timedelta, verdicts: list[Verdict]) -> list[int]:
    watch, found = Watch(), []
    pace = Pace(watch)
    for verdict in verdicts:
        found.append(pace.size)
        began = pace.now()
        watch.at += each * pace.size
        pace.learn(began, [verdict] * pace.size)
    return found


def test_a_slow_line_is_given_one_contact_at_a_time():
    assert set(sizes(MOMENT, [SENT] * 9)) == {1}


def test_a_fast_line_is_given_twice_as_many_each_time_up_to_a_bound():
    assert sizes(timedelta(0), [SENT] * 7) == [1, 2, 4, 8, MOST, MOST, MOST]


def test_a_group_is_never_longer_than_a_moment():
    assert max(sizes(MOMENT / 5, [SENT] * 9)) == 5


@pytest.mark.parametrize("miss", [in_doubt("no_reply"), not_sent("rcpt_451")])
def test_whoever_misses_starts_anew_with_one(miss):
    assert sizes(timedelta(0), [SENT, SENT, SENT, miss, SENT]) == [1, 2, 4, 8, 1]
