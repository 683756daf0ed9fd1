"""The breaker compares like with like, the canary goes first, rates hold over all workers."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from outreach_world import DAY, EMAIL, SMS, Witness, World
from sqlalchemy import select, update

from arrears.core.keys import natural_key
from arrears.ladder.layers import load_policy
from arrears.ladder.policy import Policy
from arrears.outreach import canary, rates
from arrears.outreach.backoff import wait_after
from arrears.outreach.canary import FIRST, Valve, valve_of
from arrears.outreach.channels import Channels
from arrears.outreach.surge import Seen, assess, judge, release
from arrears.outreach.verdict import Outcome, Verdict, not_sent
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import outcome
from arrears.store.tables.outreach import channel_day, contact
from arrears.store.tables.runs import run

RUN = "daily-2026-11-12-1"
POLICY = load_policy()
CALENDAR = POLICY.business_calendar()
LIMITS = POLICY.surge


def year_of(day_of: dict[int, tuple[int, int, int]], last: date, days: int = 100) -> list[Seen]:
    """Return earlier days whose figures depend on the day of the month: (courtesy, fresh, rest)."""
    dates = [last - timedelta(days=n) for n in range(days, 0, -1)]
    return [Seen(day, *day_of.get(day.day, (0, 20, 60))) for day in dates]


EVERY_MONTH = {12: (9_000, 20, 60), 13: (9_000, 20, 60), 15: (8_000, 20, 60), 16: (0, 900, 60), 17: (0, 700, 60)}


@pytest.mark.parametrize("day", [12, 13, 15, 16, 17, 18])
def test_the_days_that_are_large_every_month_are_no_anomaly(day):
    today = Seen(date(2026, 11, day), *EVERY_MONTH.get(day, (0, 600, 70)))
    assert judge(today, year_of(EVERY_MONTH, today.business_date), CALENDAR, LIMITS) == []


@pytest.mark.parametrize("kind", ["courtesy", "fresh", "rest"])
def test_four_times_a_like_day_is_one(kind):
    today = replace(Seen(date(2026, 11, 12), 9_000, 20, 60), **{kind: 40_000})
    (found,) = judge(today, year_of(EVERY_MONTH, today.business_date), CALENDAR, LIMITS)
    assert found.startswith(f"{kind} 40000, at most ")


def test_the_first_month_of_a_store_has_nothing_to_compare_with():
    earlier = [Seen(date(2026, 11, day), 0, 5, 10) for day in (10, 11)]
    assert judge(Seen(date(2026, 11, 16), 0, 5_000, 500), earlier, CALENDAR, LIMITS) == []


def test_a_weekend_is_no_measure_for_a_working_day():
    earlier = [Seen(date(2026, 11, 1) + timedelta(days=n), 0, 0, 0 if n % 7 in (0, 6) else 400) for n in range(14)]
    assert judge(Seen(date(2026, 11, 16), 0, 0, 450), earlier, CALENDAR, LIMITS) == []


def crowd(world: World, people: int, *actions: dict[str, object]) -> World:
    for number in range(people):
        world.person(f"P{number}", mobile=f"1380000{number:04}", email=f"p{number}@example.com")
        world.account(f"A{number}", {f"P{number}": "borrower"})
        world.decide(f"A{number}", list(actions))
    world.plan()
    return world


def remember(world: World, rest: int) -> None:
    with writing(world.engine) as connection:
        for back in range(1, 12):
            day = DAY - timedelta(days=back)
            connection.execute(
                channel_day.insert().values(
                    business_date=day, channel="sms", courtesy=0, fresh=0, rest=rest, state="open", detail="",
                    release_key=natural_key("surge", day.isoformat(), "sms"), changed_at="2026-11-01T00:00:00Z",
                )
            )  # fmt: skip


def tight(world: World, **limits: int) -> Policy:
    return world.policy.model_copy(update={"surge": world.policy.surge.model_copy(update=limits)})


def test_a_tripped_channel_sends_nothing_until_a_named_person_lets_it_go(world, witnesses):
    crowd(world, 8, SMS, EMAIL)
    with writing(world.engine) as connection:
        connection.execute(update(decision).values(days_past_due=40))
    remember(world, rest=1)
    policy = tight(world, floor=2)
    (key,) = assess(world.rt, world.engine, RUN, DAY, policy).values()
    valve = valve_of(world.rt, world.engine, RUN, DAY, policy)
    assert valve == Valve(held=frozenset({"sms"}))
    assert world.send(witnesses, valve=valve)["sent"] == 8, "the other channel goes"
    assert witnesses.messages["sms"].got == []
    with writing(world.engine) as connection:
        assert release(connection, world.rt, RUN, key, "M-01")
        assert not release(connection, world.rt, RUN, key, "M-01")
    assert world.send(witnesses, valve=valve_of(world.rt, world.engine, RUN, DAY, policy))["sent"] == 8
    assert assess(world.rt, world.engine, RUN, DAY, policy) == {}, "a second plan does not take the word back"
    kinds = [event["type"] for event in world.events() if event["type"].startswith("surge.")]
    assert kinds == ["surge.held", "surge.released"]


def canary_day(world: World, monkeypatch: pytest.MonkeyPatch) -> Policy:
    monkeypatch.setattr(canary, "FIRST", "40000000")  # a quarter, so that a crowd of thirty has some
    crowd(world, 30, SMS)
    policy = tight(world, canary_from=20)
    assert assess(world.rt, world.engine, RUN, DAY, policy) == {}
    return policy


def test_of_a_large_day_a_small_part_goes_ahead_and_the_rest_follows_after_the_wait(world, witnesses, monkeypatch):
    policy = canary_day(world, monkeypatch)
    first = world.send(witnesses, valve=valve_of(world.rt, world.engine, RUN, DAY, policy))["sent"]
    assert 0 < first < 20
    assert world.send(witnesses, valve=valve_of(world.rt, world.engine, RUN, DAY, policy))["sent"] == 0
    early, late = world.at(time(10, 29)), world.at(time(10, 30))
    assert early.send(witnesses, valve=valve_of(early.rt, world.engine, RUN, DAY, policy))["sent"] == 0
    assert late.send(witnesses, valve=valve_of(late.rt, world.engine, RUN, DAY, policy))["sent"] == 30 - first


def test_bounces_of_the_small_part_hold_the_rest_for_a_person(world, witnesses, monkeypatch):
    policy = canary_day(world, monkeypatch)
    world.send(witnesses, valve=valve_of(world.rt, world.engine, RUN, DAY, policy))
    with writing(world.engine) as connection:
        for row in connection.execute(select(contact).where(contact.c.state == "sent")).all()[:2]:
            connection.execute(
                outcome.insert().values(
                    outcome_key=natural_key(row.contact_id), account_id="A1", party_id=row.party_id, channel="sms",
                    at="2026-11-12T02:10:00Z", outcome="not_delivered", evidence_ref=row.contact_id,
                )
            )  # fmt: skip
    late = world.at(time(10, 45))
    assert valve_of(late.rt, world.engine, RUN, DAY, policy) == Valve(held=frozenset({"sms"}))
    with reading(world.engine) as connection:
        assert connection.execute(select(channel_day.c.detail)).scalar().startswith("canary: 2 of the first ")
    assert list(assess(late.rt, world.engine, RUN, DAY, policy)) == ["sms"], "planning again does not open it"


def test_the_first_hundredth_is_a_hundredth_of_all_keys():
    share = int(FIRST, 16) / 16**8
    assert share == pytest.approx(0.01, rel=1e-6)


def test_a_rate_holds_over_all_workers_and_starts_afresh_each_minute(world):
    minute = datetime(2026, 11, 12, 2, 0, 10, tzinfo=UTC)
    with writing(world.engine) as connection:
        assert rates.grant(connection, "sms", 100, 60, minute) == 60
        assert rates.grant(connection, "sms", 100, 60, minute) == 40
        assert rates.grant(connection, "sms", 100, 60, minute) == 0
        assert rates.grant(connection, "email", 100, 60, minute) == 60
        assert rates.grant(connection, "sms", 100, 60, minute + timedelta(minutes=1)) == 60
    assert rates.seconds_left(minute) == 50


def test_a_dispatch_keeps_its_channels_rate_and_waits_for_the_next_minute(world, monkeypatch):
    crowd(world, 7, SMS)
    policy = world.policy.model_copy(
        update={"contact": world.policy.contact.model_copy(update={"rates_per_minute": {"sms": 3}})}
    )
    with writing(world.engine) as connection:
        connection.execute(update(run).values(policy_sha256=policy.sha256))

    class Minutes:
        def __init__(self) -> None:
            self.at = datetime(2026, 11, 12, 2, 0, 30, tzinfo=UTC)
            self.slept: list[float] = []

        def now(self) -> datetime:
            return self.at

        def sleep(self, seconds: float) -> None:
            self.slept.append(seconds)
            self.at += timedelta(seconds=seconds)

    clock = Minutes()
    monkeypatch.setattr("arrears.outreach.dispatch.time.sleep", clock.sleep)
    channel = Witness("sms")
    assert world.send(Channels(policy, {"sms": channel}), lease_clock=clock)["sent"] == 7
    assert clock.slept == [30.0, 60.0]


@pytest.mark.parametrize(
    ("verdict", "minutes"),
    [
        (not_sent("connect_failed", channel_down=True), [5, 5, 5]),
        (not_sent("rcpt_450"), [20, 40, 60]),
        (not_sent("http_429"), [20, 40, 60]),
        (not_sent("body_lost"), [10, 20, 30]),
    ],
)
def test_each_kind_of_error_has_its_own_patience(verdict, minutes):
    assert [wait_after(verdict, n) for n in (1, 2, 3)] == [timedelta(minutes=n) for n in minutes]


def test_an_outage_of_the_channel_uses_up_nobodys_attempts(world):
    crowd(world, 1, SMS)
    channel = Witness("sms", not_sent("connect_failed", channel_down=True))
    for minute in range(0, 50, 10):
        world.at(time(10, minute)).send(Channels(world.policy, {"sms": channel}))
    assert (len(channel.got), world.states()) == (5, {"planned": 1})
    channel.answer = Verdict(Outcome.SENT, "250")
    assert world.at(time(11)).send(Channels(world.policy, {"sms": channel}))["sent"] == 1
