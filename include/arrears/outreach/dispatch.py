"""Send what is due: claim a small batch, ask the gates again, write the intent, send, write the ending."""

import logging
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, bindparam

from arrears.core.clock import Clock, local_date
from arrears.core.runtime import Runtime
from arrears.ladder.balance import Balances
from arrears.outreach import budgets, rates
from arrears.outreach.canary import OPEN, Valve
from arrears.outreach.channels import Channels
from arrears.outreach.gates import SendFacts, check
from arrears.outreach.issue import BATCH as LIST_BATCH
from arrears.outreach.issue import Issue, ListOutbox
from arrears.outreach.lint import lint
from arrears.outreach.message import Message
from arrears.outreach.moment import load, refuse_other_policy
from arrears.outreach.notice import notice_of, payload_sha256
from arrears.outreach.outbox import BATCH, Claim, Scope
from arrears.outreach.planned import refresh_totals
from arrears.outreach.render import render, template_sha256
from arrears.outreach.slots import WORK_LIST, zone_of
from arrears.outreach.verdict import Outcome, Verdict, in_doubt
from arrears.store.engine import reading, writing
from arrears.store.identity import paused, stamp_mode
from arrears.store.tables.outreach import item

LOG = logging.getLogger(__name__)
ENDS = ("sent", "rejected", "withheld", "in_doubt", "expired", "not_sent", "lost")
DROP = item.update().where(item.c.item_key == bindparam("key")).values(dropped_reason=bindparam("why"))
RESTATE = item.update().where(item.c.item_key == bindparam("key")).values(amount_minor=bindparam("now"))
BREAKER = 3
"""So many attempts in a row that surely did not leave stop a channel: the cause is not the people."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed contact that passed its gates; a work-list item is issued, so it carries no message."""

    claim: Claim
    facts: SendFacts
    dropped: Mapping[str, str]
    message: Message | None
    payload_sha256: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A claimed contact that a gate refused."""

    claim: Claim
    reason: str
    dropped: Mapping[str, str]


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
        GateHeld: the day was decided under another policy.
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
        self._policy = channels.policy
        self._outbox = ListOutbox(rt, run_id, self._policy.sha256, lease_clock)
        self._counts: Counter[str] = Counter()
        self._misses: Counter[str] = Counter()
        self._balances = Balances(rt, scope.business_date, channels.policy)

    def run(self, limit: int | None) -> dict[str, int]:
        with writing(self._engine) as connection:
            stamp_mode(connection, self._rt)
            refuse_other_policy(connection, self._scope.business_date, self._policy)
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
        """Take items of work lists first, many at once, then messages of channels that work."""
        lists = tuple(name for name in self._scope.channels if name in WORK_LIST)
        up = tuple(name for name in self._scope.channels if name not in lists and self._misses[name] < BREAKER)
        with writing(self._engine) as connection:
            if paused(connection):
                return []
            for names, most in ((lists, LIST_BATCH), (up, BATCH)):
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
        with reading(self._engine) as connection:
            facts = load(connection, self._rt, claims, self._policy, self._balances)
        judged = [self._judge(claim, facts[claim.contact_id]) for claim in claims]
        with writing(self._engine) as connection:
            for one in judged:
                if isinstance(one, Refused):
                    self._withhold(connection, one)
            self._issue(connection, [one for one in judged if isinstance(one, Ready) and one.message is None])
        self._send([(one, one.message) for one in judged if isinstance(one, Ready) and one.message])

    def _judge(self, claim: Claim, facts: SendFacts) -> Ready | Refused:
        checked = check(facts, self._policy, self._rt.clock.now())
        if checked.reason:
            return Refused(claim, checked.reason, checked.dropped)
        row = claim.row
        notice = notice_of(facts, checked.dropped, row.language, self._policy)
        template = template_sha256(row.language, row.channel)
        payload = payload_sha256(facts, checked.dropped, notice, template, self._outbox.policy_sha256)
        if row.channel in WORK_LIST:  # the script is read from the list, with the amounts of that moment
            return Ready(claim, facts, checked.dropped, None, payload)
        texts = render(notice)
        findings = [lint(text, notice, self._policy) for text in (texts.text, texts.html) if text]
        if any(findings):
            LOG.error("contact %s refused by the lint: %s", claim.contact_id[:12], findings)
            return Refused(claim, "text_refused", checked.dropped)
        to = re.sub(r"[ -]", "", facts.point) if row.channel == "sms" else facts.point
        message = Message(claim.contact_id, row.language, to, texts.subject, texts.text, texts.html, notice.may_opt_out)
        return Ready(claim, facts, checked.dropped, message, payload)

    def _withhold(self, connection: Connection, refused: Refused) -> None:
        if self._outbox.withhold(connection, refused.claim, refused.reason, refused.dropped):
            self._counts["withheld"] += 1

    def _issue(self, connection: Connection, ready: list[Ready]) -> None:
        """Put items of work lists onto their lists, as far as the budgets of their people go."""
        held = self._outbox.still_held(connection, [one.claim for one in ready])
        ours = [one for one in ready if one.claim.contact_id in held]
        self._counts["lost"] += len(ready) - len(ours)
        wanted = [(one.claim.row.party_id, one.claim.row.channel, self._local_day(one)) for one in ours]
        going = []
        for one, refused in zip(ours, budgets.take_many(connection, wanted, self._policy), strict=True):
            if refused:
                self._withhold(connection, Refused(one.claim, refused, {}))
            else:
                going.append(one)
        self._correct(connection, going)
        self._outbox.issue(connection, [Issue(one.claim, one.payload_sha256, _said(one)) for one in going])
        self._counts["sent"] += len(going)

    def _correct(self, connection: Connection, ready: list[Ready]) -> None:
        """Bring items to what is said about them: what stays behind is dropped, amounts are those of this moment."""
        dropped = [{"key": key, "why": reason} for one in ready for key, reason in one.dropped.items()]
        changed = [{"key": key, "now": minor} for one in ready for key, minor in _amounts(one).items()]
        for statement, rows in ((DROP, dropped), (RESTATE, changed)):
            if rows:
                connection.execute(statement, rows)
        if dropped or changed:
            refresh_totals(connection, {one.claim.contact_id for one in ready if one.dropped or _amounts(one)})

    def _send(self, ready: list[tuple[Ready, Message]]) -> None:
        """Send one by one: the ending of a contact and the intent of the next share a transaction."""
        ended: tuple[Ready, Verdict] | None = None
        for position, (one, message) in enumerate(ready):
            with writing(self._engine) as connection:
                if ended:
                    self._settle(connection, *ended)
                    ended = None
                if paused(connection):
                    self._outbox.release(connection, [other.claim for other, _ in ready[position:]])
                    return
                goes = self._may_go(connection, one)
            if goes:
                ended = (one, self._effect(one, message))
        if ended:
            with writing(self._engine) as connection:
                self._settle(connection, *ended)

    def _may_go(self, connection: Connection, ready: Ready) -> bool:
        name = ready.claim.row.channel
        if self._misses[name] >= BREAKER:
            self._outbox.release(connection, [ready.claim])
            return False
        return self._intend(connection, ready, self._channels.messages[name].message_id(ready.claim.contact_id))

    def _intend(self, connection: Connection, ready: Ready, message_id: str | None) -> bool:
        """Take the person's budget and write the intent; False when nothing may leave."""
        claim, channel = ready.claim, ready.claim.row.channel
        refused = budgets.take(connection, claim.row.party_id, channel, self._local_day(ready), self._policy)
        if refused:
            self._withhold(connection, Refused(claim, refused, {}))
            return False
        self._correct(connection, [ready])
        if self._outbox.intend(connection, claim, ready.payload_sha256, message_id, **_said(ready)):
            return True
        budgets.give_back(connection, claim.row.party_id, channel, self._local_day(ready))
        self._counts["lost"] += 1 - self._outbox.release(connection, [claim])
        return False

    def _effect(self, ready: Ready, message: Message) -> Verdict:
        channel = self._channels.messages[ready.claim.row.channel]
        try:
            return channel.send(message, lambda: self._outbox.is_ours(ready.claim))
        except Exception as error:  # whatever broke in there, it may have gone out
            LOG.error("channel %s broke: %s", channel.name, type(error).__name__)
            return in_doubt("channel_broke")

    def _settle(self, connection: Connection, ready: Ready, verdict: Verdict) -> None:
        state = self._outbox.settle(connection, ready.claim, verdict)
        if verdict.outcome is Outcome.NOT_SENT and state != "lost":
            budgets.give_back(connection, ready.claim.row.party_id, ready.claim.row.channel, self._local_day(ready))
        self._count(state, ready.claim, verdict)

    def _count(self, state: str, claim: Claim, verdict: Verdict) -> None:
        self._counts["not_sent" if state == "planned" else state] += 1
        channel = claim.row.channel
        if verdict.channel_down:
            self._misses[channel] = BREAKER
        elif verdict.outcome in (Outcome.NOT_SENT, Outcome.IN_DOUBT):
            self._misses[channel] += 1
        else:
            self._misses[channel] = 0

    def _local_day(self, ready: Ready) -> date:
        return local_date(self._rt.clock.now(), zone_of(ready.facts.time_zone, self._policy))


def _said(ready: Ready) -> dict[str, Any]:
    """Return what the event of an intent tells: subjects, items that stay behind, amounts restated."""
    subjects = {one.subject_ref for one in ready.facts.items if one.item_key not in ready.dropped}
    dropped = {"dropped": dict(sorted(ready.dropped.items()))} if ready.dropped else {}
    restated = {"amounts": dict(sorted(amounts.items()))} if (amounts := _amounts(ready)) else {}
    return {"subjects": sorted(subjects)} | dropped | restated


def _amounts(ready: Ready) -> dict[str, int]:
    """Return what items say now instead of what was planned: a part was paid, or a newer ledger says otherwise."""
    items = (one for one in ready.facts.items if one.item_key not in ready.dropped)
    return {one.item_key: one.amount_minor for one in items if one.amount_minor != one.planned_minor}
