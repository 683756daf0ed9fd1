"""A department under any order of events, and what must hold after each of its days.

What may happen is drawn: payments whole and in part, payments taken back, misses, holds and their ends, promises, every
answer to a contact, files corrected at noon, files delivered twice, days without a run, runs at odd hours, changes of
the policy. What must hold is read from the feeds as they were delivered and from what left, never from a decision.
"""

import shutil
import tempfile
from calendar import monthrange
from collections import Counter
from contextlib import ExitStack
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from sqlalchemy import select
from time_lapse import ZONE, lapse_of

from arrears.core.clock import local_date
from arrears.ladder import policy as policies
from arrears.ladder.evidence import ANSWERED, UNANSWERED
from arrears.ladder.layers import load_policy
from arrears.proof.prove import prove
from arrears.rehearsal.contracts import Party
from arrears.rehearsal.lives import Life, Money
from arrears.rehearsal.rehearse import FROM
from arrears.rehearsal.scenarios import INSTALMENT, cast_world
from arrears.rehearsal.situations import SILENT, Scenario
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import outcome
from arrears.store.tables.outreach import contact, item

BEHIND = (0, 1, 1, 2, 3)
HARD = ("dispute", "hardship", "deceased", "bankrupt", "moratorium", "cease", "complaint", "vulnerability")
GUARANTORS = "guarantor"
DAY = timedelta(days=1)
WHO = st.integers(0, len(BEHIND) - 1)
CALLS = sorted((ANSWERED | UNANSWERED | {"invalid_number"}) - {"promised"})
EVENTS = st.one_of(
    st.tuples(st.just("pay"), WHO, st.sampled_from((1, 30, 50, 99, 100, 150, 200, 400))),
    st.tuples(st.just("take_back"), WHO),
    st.tuples(st.just("hold"), WHO, st.sampled_from(HARD)),
    st.tuples(st.just("lift"), WHO),
    st.tuples(st.just("promise"), WHO, st.integers(1, 25)),
    st.tuples(
        st.just("answer"),
        WHO,
        st.sampled_from(CALLS),
        st.sampled_from(("delivered", "delivered", "not_delivered")),
        st.sampled_from(("visit_met", "visit_not_met")),
        st.sampled_from(("arrived", "returned")),
    ),
    st.tuples(st.just("correct_at_noon"), st.frozensets(WHO, min_size=1, max_size=2)),
    st.tuples(st.just("run_at"), st.sampled_from((time(6), time(12), time(19, 30), time(21, 30)))),
    st.tuples(st.just("change_policy"), st.booleans()),
)


class Department(RuleBasedStateMachine):
    """Five customers, two of whose contracts are one person's, behind by none to three instalments."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.home = Path(tempfile.mkdtemp(prefix="arrears-department-"))
        self.stack.callback(shutil.rmtree, self.home, ignore_errors=True)
        cast = [Scenario(f"behind_{number}", "", behind=behind) for number, behind in enumerate(BEHIND)]
        self.world = cast_world(cast, FROM, 7)
        self.lives: list[Life] = [life for life in self.world.lives.values() if life.account_id != "S00002"]
        first, second = self.lives[1].contract, self.lives[2].contract
        second.parties[0] = Party(first.borrower, "borrower")
        self.lapse = self.stack.enter_context(lapse_of(self.world, self.home))
        self.today, self.lived = FROM, 0
        self.hour, self.late = time(10), frozenset[str]()
        self.held: dict[str, tuple[date, str]] = {}
        self.promised: dict[str, tuple[date, date]] = {}
        self.policy = load_policy()
        self.sent = 0

    def teardown(self) -> None:
        broken = {check.name: check.violations for check in prove(self.lapse.engine, self.policy) if check.violations}
        self.stack.close()
        assert not broken.keys() - {"packets"}, broken  # the slice builds none

    # --- what may happen ---

    @rule(events=st.lists(EVENTS, max_size=3))
    def live_a_day(self, events: list[tuple]) -> None:
        for name, *given in events:
            getattr(self, name)(*given)
        on, hidden = self.today, self.late
        owing = {life.account_id: life.overdue_on(on) for life in self.lives}
        self.lapse.live(on, hour=self.hour, late=hidden)
        self._check(on, owing, hidden)
        self.today, self.hour, self.late = on + DAY, time(10), frozenset()
        self.lived += 1

    @rule(days=st.integers(2, 4))
    def live_quietly(self, days: int) -> None:
        for _ in range(days):
            self.live_a_day([])

    @rule(days=st.integers(1, 6))
    def miss(self, days: int) -> None:
        if not self.lived:
            return  # the first day brings the people: a department without them is another story
        for _ in range(days):
            self.world.evening(self.today)
            self.today += DAY

    @rule()
    def deliver_twice(self) -> None:
        yesterday = self.today - DAY
        if self.lapse.folder(yesterday).exists():
            before = self._left(yesterday)
            self.lapse.morning(yesterday, self.lapse.folder(yesterday), f"again-{self.lived}", time(22))
            assert self._left(yesterday) == before, "a file delivered twice sent something"

    def pay(self, who: int, percent: int) -> None:
        self.lives[who].coming.append(Money(self.today, self.today, INSTALMENT * percent // 100))

    def take_back(self, who: int) -> None:
        life = self.lives[who]
        if life.contract.payments and life.contract.payments[-1].amount > 0:
            life.coming.append(Money(self.today, self.today, -life.contract.payments[-1].amount, "reversal"))

    def hold(self, who: int, kind: str) -> None:
        account = self.lives[who].account_id
        if account not in self.held:
            self.held[account] = (self.today, kind)
            self._tell("holds", account, kind=kind, from_on=self.today.isoformat(), approved_by="S-HD")

    def lift(self, who: int) -> None:
        account = self.lives[who].account_id
        since, kind = self.held.get(account, (self.today, ""))
        if since < self.today:
            del self.held[account]
            self._tell("holds", account, kind=kind, from_on=since.isoformat(), approved_by="S-HD",
                       until_on=(self.today - DAY).isoformat())  # fmt: skip

    def promise(self, who: int, days: int) -> None:
        account, made = self.lives[who].account_id, self.today - DAY
        if self.lived and account not in self.promised:
            self.promised[account] = (made, made + timedelta(days=days))
            self._tell("promises", account, made_on=made.isoformat(), amount="10000.00", channel="call",
                       due_on=(made + timedelta(days=days)).isoformat())  # fmt: skip

    def answer(self, who: int, call: str, message: str, visit: str, letter: str) -> None:
        mail = "delivered" if message == "delivered" else "bounced"
        given = {"call": call, "guarantor_call": call, "sms": message, "email": mail, "visit": visit, "letter": letter}
        self.lives[who].answers = SILENT | given

    def correct_at_noon(self, which: frozenset[int]) -> None:
        self.late = frozenset(self.lives[who].account_id for who in which)

    def run_at(self, hour: time) -> None:
        self.hour = hour

    def change_policy(self, tight: bool) -> None:
        """Change the lender's policy by a file, as an operator does; the days before keep theirs."""
        text = Path(policies.__file__).with_name("profiles").joinpath("cn.yaml").read_text("utf-8")
        body = yaml.safe_load(text)
        if tight:
            body["version"] = "1.0-tight"
            body["contact"]["caps"] |= {"sms": [1, 2, 4], "call": [1, 2, 8]}
            body["contact"]["weekly_calls_by_week"] = [1, 1, 2, 2]
            body["staging"] |= {"grace_days": 2, "holiday_shift": True}
        file = self.home / f"policy-{tight}.yaml"
        file.write_text(yaml.safe_dump(body, allow_unicode=True, sort_keys=False), "utf-8")
        self.lapse.settings = self.lapse.settings.model_copy(update={"policy_file": file})
        self.policy = load_policy(file)

    # --- what must hold ---

    def _check(self, on: date, owing: dict[str, int], hidden: frozenset[str]) -> None:
        left = self._left(on)
        self.sent += len(left)
        with reading(self.lapse.engine) as connection:
            decided = {row.account_id for row in connection.execute(
                select(decision.c.account_id).where(decision.c.business_date == on))}  # fmt: skip
        assert {account for account, count in owing.items() if count} <= decided, (
            "an overdue account without a decision"
        )
        steps = Counter((row.account_id, row.step, row.party_id) for row in left)
        assert not [step for step, times in steps.items() if times > 1], "one step twice on a day"
        for row in left:
            self._check_contact(row, on, owing, hidden)
        self._check_budgets(on)

    def _check_contact(self, row, on: date, owing: dict[str, int], hidden: frozenset[str]) -> None:
        at = datetime.fromisoformat(row.intent_at).astimezone(ZoneInfo(ZONE))
        window = self.policy.contact.window
        if row.channel in ("sms", "email"):
            assert window.opens <= at.time() < window.closes, "a message outside the contact window"
        if row.account_id not in owing:
            return
        since, kind = self.held.get(row.account_id, (on, ""))
        assert since >= on or (kind, row.step) == ("bankrupt", "guarantor_demand"), "a contact under a hold"
        if row.occasion.startswith(("episode", "promise")) and row.account_id not in hidden:
            assert owing[row.account_id], "somebody cured was asked for arrears"
        if row.occasion.startswith("cured") and row.account_id not in hidden:
            assert not owing[row.account_id], "somebody was thanked who still owes"
        if row.occasion.startswith("promise") and row.account_id in self.promised:
            assert on < self.promised[row.account_id][1], "a reminder of a promise on its day or after"
        made, due = self.promised.get(row.account_id, (on, on))
        month_end = made.replace(day=monthrange(made.year, made.month)[1])
        held_until = min(due, made + timedelta(days=self.policy.promises.max_days), month_end)
        if row.channel not in ("sms", "email") and made < on - DAY:
            assert on > held_until, "an open promise was not respected"
        if row.occasion.startswith("episode"):
            since = date.fromisoformat(row.occasion[8:])
            assert row.rung <= self._opened(row.account_id, since, on), "a rung skipped"
            if row.audience == "guarantors" or row.channel == "visit":
                assert self._was_called(row.account_id, since, on), "a guarantor or a visit before a call was told of"

    def _was_called(self, account: str, since: date, on: date) -> bool:
        """Say whether somebody wrote down a call to the borrower in the episode, whoever answered or did not."""
        return any(row.channel == "call" for row in self._told(account, since, on) if self._is_own(account, row))

    def _told(self, account: str, since: date, on: date) -> list:
        query = select(outcome).where(outcome.c.account_id == account)
        with reading(self.lapse.engine) as connection:
            rows = connection.execute(query).all()
        return [row for row in rows if since <= local_date(datetime.fromisoformat(row.at), ZONE) <= on]

    def _is_own(self, account: str, row) -> bool:
        parties = self.world.lives[account].contract.parties
        return row.party_id in {party.person.party_id for party in parties if party.role != GUARANTORS}

    def _opened(self, account: str, since: date, on: date) -> int:
        """Say which rung the delivered outcomes open; the fourth has no contact of its own."""
        life = self.world.lives[account]
        rows = [(row, local_date(datetime.fromisoformat(row.at), ZONE)) for row in self._told(account, since, on)]
        reached = {"delivered", "letter_served", "letter_refused", "letter_returned", *ANSWERED}
        calls = [day for row, day in rows if self._is_own(account, row) and row.channel == "call"
                 and row.outcome in ANSWERED | UNANSWERED]  # fmt: skip
        tried = len(calls) >= 3 and len(set(calls)) >= 2
        if not tried and not any(self._is_own(account, row) and row.outcome in reached for row, _ in rows):
            return 1
        sureties = {party.person.party_id for party in life.contract.guarantors}
        heard = {row.party_id for row, _ in rows if row.outcome in reached | UNANSWERED}
        return 3 if tried and sureties <= heard else 2

    def _check_budgets(self, on: date) -> None:
        query = select(contact.c.party_id, contact.c.channel, contact.c.business_date).where(
            contact.c.state.in_(("sent", "in_doubt")), contact.c.business_date > on - timedelta(days=30))  # fmt: skip
        with reading(self.lapse.engine) as connection:
            rows = connection.execute(query).all()
        fresh = {(row.party_id, row.channel) for row in rows if row.business_date == on}
        for party, channel in fresh:
            for days, cap in zip((1, 7, 30), self.policy.contact.caps[channel], strict=True):
                used = sum(row.party_id == party and row.channel == channel and row.business_date > on - days * DAY
                           for row in rows)  # fmt: skip
                assert used <= cap, f"{used} of {cap} {channel} in {days} days"
        every = Counter(row.party_id for row in rows if row.business_date == on)
        assert max(every.values(), default=0) <= self.policy.contact.daily_cap_per_person, "more than a day may have"

    def _left(self, on: date) -> list:
        query = (
            select(item, contact.c.intent_at)
            .join(contact, contact.c.contact_id == item.c.contact_id)
            .where(item.c.business_date == on, item.c.dropped_reason.is_(None))
            .where(contact.c.state.in_(("sent", "in_doubt")))
            .order_by(item.c.item_key)
        )
        with reading(self.lapse.engine) as connection:
            return list(connection.execute(query).all())

    # --- how it is told ---

    def _tell(self, feed: str, account: str, **row: str) -> None:
        self.world.news.add(self.today, feed, {"account_id": account, **row})
