"""Send what is due: claim a batch; then in groups ask the gates again, write the intents, send, write the endings."""

import logging
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice

from sqlalchemy import Connection, Engine

from arrears.core.clock import Clock, SystemClock
from arrears.core.runtime import Runtime
from arrears.ladder.balance import Balances
from arrears.ladder.contact_days import INTERNAL
from arrears.outreach import budgets, rates
from arrears.outreach.canary import OPEN, Valve
from arrears.outreach.channels import Channels
from arrears.outreach.claims import Claim, Scope
from arrears.outreach.debits import CHANNEL as DEBIT
from arrears.outreach.debits import request_debits
from arrears.outreach.gates import SendFacts
from arrears.outreach.issue import BATCH as LIST_BATCH
from arrears.outreach.issue import ListOutbox
from arrears.outreach.judging import Ready, Refused, judge
from arrears.outreach.moment import load, refuse_what_stands
from arrears.outreach.outbox import BATCH
from arrears.outreach.pace import Pace
from arrears.outreach.placements import CHANNEL as PLACEMENT
from arrears.outreach.placements import place
from arrears.outreach.restating import bring_to_what_is_said
from arrears.outreach.slots import WORK_LIST, local_day
from arrears.outreach.verdict import Outcome, Verdict, in_doubt, not_sent
from arrears.store.engine import reading, writing
from arrears.store.identity import paused, stamp_mode

LOG = logging.getLogger(__name__)
ENDS = ("sent", "rejected", "withheld", "in_doubt", "expired", "not_sent", "lost")
FIRST = frozenset({DEBIT, PLACEMENT})
BREAKER = 3
"""So many attempts in a row that surely did not leave stop a channel: the cause is not the people."""
FRESH = timedelta(seconds=1)
"""So old at most is what a gate knows when a contact is begun."""
NOT_BEGUN = not_sent("not_begun", channel_down=True)
"""Written down as about to leave, and then not even tried: it costs nobody an attempt."""


Ended = tuple[Ready, Verdict]


def dispatch(
    rt: Runtime,
    engine: Engine,
    run_id: str,
    channels: Channels,
    *,
    business_date: date,
    stage: int | None = None,
    batch_no: int | None = None,
    limit: int | None = None,
    lease_clock: Clock | None = None,
    valve: Valve = OPEN,
) -> dict[str, int]:
    """Send the due contacts of a day that ``valve`` lets through, at most once each; return how many ended how.

    Safe to run twice at once and after any crash. ``not_sent`` contacts stay planned for a later dispatch; ``lost``
    ones were taken over by the lease while this worker slept. Nothing leaves while the store is paused.

    Raises:
        BadArguments: the store belongs to the other mode.
        GateHeld: the day was decided under another policy, or its sums do not tie.
    """
    return _Dispatcher(
        rt, engine, run_id, channels, Scope(business_date, channels.names, stage, batch_no, valve), lease_clock
    ).run(limit)


class _Dispatcher:
    """One worker of one dispatch."""

    def __init__(
        self, rt: Runtime, engine: Engine, run_id: str, channels: Channels, scope: Scope, lease_clock: Clock | None
    ) -> None:
        self._rt, self._engine, self._channels, self._scope = rt, engine, channels, scope
        self._policy, self._run_id = channels.policy, run_id
        self._outbox = ListOutbox(rt, run_id, self._policy.sha256, lease_clock)
        self._counts: Counter[str] = Counter()
        self._misses: Counter[str] = Counter()
        self._facts: Mapping[str, SendFacts] = {}
        self._loaded_at = self._outbox.lease_now()
        self._pace = Pace(lease_clock or SystemClock())
        self._balances = Balances(rt, scope.business_date, channels.policy)

    def run(self, limit: int | None) -> dict[str, int]:
        with writing(self._engine) as connection:
            stamp_mode(connection, self._rt)
            refuse_what_stands(connection, self._scope.business_date, self._policy)
            self._counts["in_doubt"] += self._outbox.recover(connection)["in_doubt"]
            self._counts["expired"] += self._outbox.expire(connection, self._scope.channels)
        left = limit
        while left is None or left > 0:
            claims = self._claim(left)
            if not claims:
                break
            self._work(self._within_rate(claims))
            left = None if left is None else left - len(claims)
        return {end: self._counts[end] for end in ENDS}

    def _claim(self, left: int | None) -> list[Claim]:
        """Take debits and placements first, for they hold back the rest, then items of work lists, then messages."""
        lists = tuple(name for name in self._scope.channels if name in WORK_LIST and name not in FIRST)
        first = tuple(name for name in self._scope.channels if name in FIRST)
        up = tuple(name for name in self._scope.channels if name not in WORK_LIST and self._misses[name] < BREAKER)
        with writing(self._engine) as connection:
            if paused(connection):
                return []
            refuse_what_stands(connection, self._scope.business_date, self._policy)
            for names, most in ((first, LIST_BATCH), (lists, LIST_BATCH), (up, BATCH)):
                scope = replace(self._scope, channels=names)
                claims = self._outbox.claim(connection, scope, most if left is None else min(left, most))
                if claims:
                    return claims
        return []

    def _within_rate(self, claims: list[Claim]) -> list[Claim]:
        """Keep what the minute's rate of each channel allows (policy ``contact.rates_per_minute``), put the rest back.

        A worker that gets nothing waits for the next minute, so that the day goes on at that rate.
        """
        limited = self._policy.contact.rates_per_minute
        if not limited:
            return claims
        going = [claim for claim in claims if claim.row.channel not in limited]
        back: list[Claim] = []
        now = self._outbox.lease_now()
        with writing(self._engine) as connection:
            for name, most in limited.items():
                own = [claim for claim in claims if claim.row.channel == name]
                granted = rates.grant(connection, name, most, len(own), now) if own else 0
                going, back = going + own[:granted], back + own[granted:]
            self._outbox.release(connection, back)
        if back and not going:
            time.sleep(rates.seconds_left(now))
        return going

    def _work(self, claims: list[Claim]) -> None:
        if claims and claims[0].row.channel not in WORK_LIST:
            self._send(claims)
            return
        self._load(claims)
        judged = self._judged(claims)
        with writing(self._engine) as connection:
            going = self._going(connection, judged)
            self._outbox.issue(connection, [one.intent() for one in going])
            request_debits(connection, self._rt, self._run_id, going, self._scope.business_date)
            place(connection, self._rt, self._run_id, going, self._scope.business_date)
        self._counts["sent"] += len(going)

    def _load(self, claims: Sequence[Claim]) -> None:
        with reading(self._engine) as connection:
            self._facts = load(connection, self._rt, claims, self._policy, self._balances)
        self._loaded_at = self._outbox.lease_now()

    def _refresh(self, left: deque[Claim]) -> None:
        """Ask what stands about the next contacts: as many as leave while the answer is fresh."""
        known = all(claim.contact_id in self._facts for claim in islice(left, self._pace.size))
        if not left or (known and self._outbox.lease_now() <= self._loaded_at + FRESH):
            return
        self._load(list(islice(left, self._pace.within(FRESH))))

    def _judged(self, claims: Sequence[Claim]) -> list[Ready | Refused]:
        now = self._rt.clock.now()
        return [judge(claim, self._facts[claim.contact_id], self._policy, now) for claim in claims]

    def _withhold(self, connection: Connection, refused: Refused) -> None:
        if self._outbox.withhold(connection, refused.claim, refused.reason, refused.dropped):
            self._counts["withheld"] += 1

    def _going(self, connection: Connection, judged: list[Ready | Refused]) -> list[Ready]:
        """Return what may leave: still ours, in time, and within the budgets of its people; close or free the rest."""
        for refused in judged:
            if isinstance(refused, Refused):
                self._withhold(connection, refused)
        ready = [one for one in judged if isinstance(one, Ready)]
        held = self._outbox.still_held(connection, [one.claim for one in ready])
        held = {one.claim.contact_id for one in ready if self._outbox.has_time(one.claim)} & held
        timely = [one for one in ready if one.claim.contact_id in held]
        late = [one.claim for one in ready if one.claim.contact_id not in held]
        self._counts["lost"] += len(late) - self._outbox.release(connection, late)
        reaching = [one for one in timely if one.claim.row.channel not in INTERNAL]
        wanted = [(one.claim.row.party_id, one.claim.row.channel, self._local_day(one)) for one in reaching]
        going = [one for one in timely if one.claim.row.channel in INTERNAL]
        for one, cap in zip(reaching, budgets.take_many(connection, wanted, self._policy), strict=True):
            if cap:
                self._withhold(connection, Refused(one.claim, cap, {}))
            else:
                going.append(one)
        bring_to_what_is_said(connection, going)
        return going

    def _send(self, claims: list[Claim]) -> None:
        """Send in groups: the endings of one and the intents of the next share a transaction."""
        left, ended = deque(claims), list[Ended]()
        try:
            while left or ended:
                self._carry_out(self._turn(left, ended), ended)
        except BaseException:  # what is known of those that left must not fall with what stops the others
            self._end(ended)
            raise

    def _turn(self, left: deque[Claim], ended: list[Ended]) -> list[Ready]:
        if any(verdict.outcome is Outcome.NOT_SENT for _, verdict in ended):
            self._end(ended)  # it gives budgets back: apart from taking others, or two workers may wait for each other
        self._refresh(left)
        with writing(self._engine) as connection:
            states = self._settle(connection, ended)
            going = self._begin(connection, left)
        self._count(states)
        ended.clear()
        return going

    def _end(self, ended: list[Ended]) -> None:
        with writing(self._engine) as connection:
            states = self._settle(connection, ended)
        self._count(states)
        ended.clear()

    def _begin(self, connection: Connection, left: deque[Claim]) -> list[Ready]:
        """Ask the gates about the next group and write down that it is about to leave."""
        if paused(connection):
            self._outbox.release(connection, left)
            left.clear()
            return []
        group = [left.popleft() for _ in range(min(self._pace.size, len(left)))]
        up = [claim for claim in group if self._misses[claim.row.channel] < BREAKER]
        self._outbox.release(connection, [claim for claim in group if self._misses[claim.row.channel] >= BREAKER])
        going = self._going(connection, self._judged(up))
        self._outbox.intend(connection, [one.intent(self._message_id(one.claim)) for one in going])
        return going

    def _message_id(self, claim: Claim) -> str | None:
        return self._channels.messages[claim.row.channel].message_id(claim.contact_id)

    def _carry_out(self, going: list[Ready], ended: list[Ended]) -> None:
        """Send a group and note how each ended, also when the worker is told to stop in the middle of it."""
        began = self._pace.now()
        for position, one in enumerate(going):
            stopped = self._misses[one.claim.row.channel] >= BREAKER or not self._outbox.has_time(one.claim)
            try:
                verdict = NOT_BEGUN if stopped else self._effect(one)
            except BaseException:
                ended += [(one, in_doubt("stopped")), *((other, NOT_BEGUN) for other in going[position + 1 :])]
                raise
            ended.append((one, verdict))
            if not stopped:
                self._learn(one.claim.row.channel, verdict)
        self._pace.learn(began, [verdict for _, verdict in ended])

    def _effect(self, ready: Ready) -> Verdict:
        channel, message = self._channels.messages[ready.claim.row.channel], ready.message
        if message is None:
            return not_sent("no_message")
        try:
            return channel.send(message, lambda: self._outbox.is_ours(ready.claim))
        except Exception as error:  # whatever broke in there, it may have gone out
            LOG.error("channel %s broke: %s", channel.name, type(error).__name__)
            return in_doubt("channel_broke")

    def _learn(self, channel: str, verdict: Verdict) -> None:
        if verdict.channel_down:
            self._misses[channel] = BREAKER
        elif verdict.outcome in (Outcome.NOT_SENT, Outcome.IN_DOUBT):
            self._misses[channel] += 1
        else:
            self._misses[channel] = 0

    def _settle(self, connection: Connection, ended: list[Ended]) -> list[str]:
        states = self._outbox.settle(connection, [(one.claim, verdict) for one, verdict in ended]) if ended else []
        for (one, verdict), state in zip(ended, states, strict=True):
            if verdict.outcome is Outcome.NOT_SENT and state != "lost":
                budgets.give_back(connection, one.claim.row.party_id, one.claim.row.channel, self._local_day(one))
        return states

    def _count(self, states: list[str]) -> None:
        self._counts.update("not_sent" if state == "planned" else state for state in states)

    def _local_day(self, ready: Ready) -> date:
        return local_day(self._rt.clock.now(), ready.facts.zones, self._policy)
