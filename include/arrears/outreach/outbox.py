"""The outbox: claim, write the intent, send, settle. No contact is ever sent twice, none is lost silently.

planned -> claimed -> sending -> sent | rejected | in_doubt | planned again (surely not sent, bounded)
planned | claimed -> withheld | expired
claimed, lease over -> planned (nothing had begun); sending, lease over -> in_doubt (it may have gone out)

A claim carries a fence: whoever lost it can change nothing. Every change is written with its audit event.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Update, and_, or_, select

from arrears.audit.record import Event, record_many
from arrears.core.clock import Clock, SystemClock, utc_text
from arrears.core.runtime import Runtime
from arrears.outreach.backoff import wait_after
from arrears.outreach.claims import CLAIMED, Claim, Intent, Scope
from arrears.outreach.transitions import (
    AS_IT_STANDS,
    END_ATTEMPT,
    ENDING,
    INTEND,
    OPEN_ATTEMPT,
    RELEASE,
    RESOLVE,
    SETTLE,
    WITHHOLD,
    moved,
)
from arrears.outreach.verdict import Outcome, Verdict
from arrears.store.tables.outreach import contact
from arrears.store.tables.runs import run

BATCH = 64
LEASE = timedelta(seconds=300)
MARGIN = timedelta(seconds=90)
"""What must be left of a lease when an effect begins: longer than the timeouts of any channel in sum."""
MOST_ATTEMPTS = 3
NEVER_SENT = "gateway_unavailable"
RESOLVED = "action.resolved"


class Outbox:
    """State changes of contacts, each in the caller's transaction together with its event.

    Leases run on ``lease_clock``, the machine's own, even where a rehearsal pins the business clock: a worker that
    died must be found in any mode.
    """

    def __init__(self, rt: Runtime, run_id: str, policy_sha256: str, lease_clock: Clock | None = None) -> None:
        self._rt, self._run_id, self.policy_sha256 = rt, run_id, policy_sha256
        self._lease_clock: Clock = lease_clock or SystemClock()
        key = rt.attempt
        self._worker = f"{run_id}/{key.dag_id}/{key.run_id}/{key.task_id}/{key.map_index}/{key.try_number}"[:300]

    def recover(self, connection: Connection) -> dict[str, int]:
        """Free claims whose lease is over, and put those that had begun to send in doubt."""
        over = contact.c.lease_until <= utc_text(self._lease_clock.now())
        freed = connection.execute(moved("planned", and_(contact.c.state == "claimed", over), self._run_id))
        lost = connection.execute(
            moved("in_doubt", and_(contact.c.state == "sending", over), self._run_id, reason="lease_over").returning(
                contact.c.contact_id, contact.c.business_date
            )
        ).all()
        if lost:
            over_time = Verdict(Outcome.IN_DOUBT, "lease_over")
            connection.execute(END_ATTEMPT, [self._ending(row.contact_id, over_time) for row in lost])
        self._record(
            connection,
            [self._event("action.in_doubt", row, code="lease_over") for row in lost],
        )
        return {"freed": freed.rowcount, "in_doubt": len(lost)}

    def expire(self, connection: Connection, channels: tuple[str, ...]) -> int:
        """Close what nobody sent before its slot ended, on any day."""
        due = and_(
            contact.c.state == "planned", contact.c.slot_closes_at <= self._now(), contact.c.channel.in_(channels)
        )
        statement = moved("expired", due, self._run_id, reason="slot_over")
        gone = connection.execute(statement.returning(contact.c.contact_id, contact.c.business_date)).all()
        self._record(
            connection,
            [self._event("action.expired", row, reason="slot_over") for row in gone],
        )
        return len(gone)

    def claim(self, connection: Connection, scope: Scope, limit: int = BATCH) -> list[Claim]:
        """Take up to ``limit`` due contacts of released runs under a fresh fence and lease; few, where effects wait."""
        now = self._now()
        until = self._lease_clock.now() + LEASE
        due = (
            select(contact.c.contact_id)
            .join(run, run.c.run_id == contact.c.run_id)
            .where(scope.clause(), contact.c.state == "planned", run.c.released)
            .where(contact.c.slot_opens_at <= now, contact.c.slot_closes_at > now)
            .where(or_(contact.c.not_before.is_(None), contact.c.not_before <= now))
            .order_by(contact.c.slot_opens_at, contact.c.contact_id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=contact)
            .cte("due")
        )
        statement = (
            contact.update()
            .where(contact.c.contact_id.in_(select(due.c.contact_id)))  # the lock holds what the query has seen
            .values(
                state="claimed",
                fence=contact.c.fence + 1,
                claimed_by=self._worker,
                lease_until=utc_text(until),
                state_run_id=self._run_id,
            )
            .returning(*CLAIMED)
        )
        rows = connection.execute(statement).all()
        claims = [Claim(row.contact_id, row.fence, until, row) for row in rows]
        return sorted(claims, key=lambda claim: (claim.row.slot_opens_at, claim.contact_id))

    def release(self, connection: Connection, claims: Sequence[Claim]) -> int:
        """Put claims back: nothing of them had begun."""
        return sum(self._change(connection, RELEASE, claim) for claim in claims)

    def withhold(self, connection: Connection, claim: Claim, reason: str, dropped: Mapping[str, str]) -> bool:
        """Close a claim that a gate refused at the moment of sending; ``dropped`` says why each item stays behind."""
        if not self._change(connection, WITHHOLD, claim, reason=reason):
            return False
        held = {"dropped": dict(sorted(dropped.items()))} if dropped else {}
        self._record(connection, [self._event("action.withheld", claim.row, reason=reason, **held)])
        return True

    def lease_now(self) -> datetime:
        """Return the machine's own time, which runs on even where a rehearsal pins the business clock."""
        return self._lease_clock.now()

    def has_time(self, claim: Claim) -> bool:
        """Say whether enough of the lease is left to begin an effect."""
        return self._lease_clock.now() + MARGIN < claim.lease_until

    def is_ours(self, claim: Claim) -> bool:
        """Say whether the lease still runs: asked last before the point of no return."""
        return self._lease_clock.now() < claim.lease_until

    def still_held(self, connection: Connection, claims: Sequence[Claim]) -> set[str]:
        """Return which claims are still ours to begin, and lock them until the transaction ends."""
        return {key for key, state in self._under_fence(connection, claims).items() if state == "claimed"}

    def _under_fence(self, connection: Connection, claims: Sequence[Claim]) -> dict[str, str]:
        """Lock the contacts that nobody claimed after us, always in the same order, and return their states."""
        fences = {claim.contact_id: claim.fence for claim in claims}
        rows = connection.execute(AS_IT_STANDS, {"keys": list(fences)})
        return {row.contact_id: row.state for row in rows if fences[row.contact_id] == row.fence}

    def intend(self, connection: Connection, intents: Sequence[Intent]) -> None:
        """Write down that these effects are about to happen; nothing may leave before the transaction is through.

        The caller has asked ``still_held`` in the same transaction, and ``has_time``.
        """
        if not intents:
            return
        now = self._now()
        connection.execute(INTEND, [self._row(one, now) for one in intents])
        connection.execute(OPEN_ATTEMPT, [self._attempt(one, now) for one in intents])
        self._record(connection, [self._event("action.attempted", one.claim.row, **one.told()) for one in intents])

    def _row(self, one: Intent, now: str, **more: Any) -> dict[str, Any]:
        new = {"attempts": one.claim.row.attempts + 1, "payload_sha256": one.payload_sha256, "intent_at": now} | more
        ours = {"key": one.claim.contact_id, "holder": one.claim.fence, "by": self._run_id}
        return ours | {f"new_{name}": value for name, value in ({"message_id": one.message_id} | new).items()}

    def _attempt(self, one: Intent, now: str, **more: Any) -> dict[str, Any]:
        begun = {"contact_id": one.claim.contact_id, "n": one.claim.row.attempts + 1, "fence": one.claim.fence}
        shared = {"claimed_by": self._worker, "payload_sha256": one.payload_sha256, "intent_at": now}
        return begun | shared | {"message_id": one.message_id} | more

    def settle(self, connection: Connection, ended: Sequence[tuple[Claim, Verdict]]) -> list[str]:
        """Write down how effects ended and return the states of their contacts.

        A worker that was paused past its lease finds its contact in doubt: its knowledge still resolves that, since
        nobody else can have sent under this fence. ``not_sent`` alone is planned again, at most three times in all.
        """
        before = self._under_fence(connection, [claim for claim, _ in ended])
        states: list[str] = []
        written: dict[Update, list[dict[str, Any]]] = {SETTLE: [], RESOLVE: [], END_ATTEMPT: []}
        events = []
        for claim, verdict in ended:
            kind = _kind_of(before.get(claim.contact_id), verdict)
            if kind is None:
                states.append("lost")
                continue
            state, ending = self._end(claim, verdict)
            states.append(state)
            written[RESOLVE if kind == RESOLVED else SETTLE].append(self._held(claim, after=state, **ending))
            written[END_ATTEMPT].append(self._ending(claim.contact_id, verdict))
            said = {"code": verdict.code, "n": claim.row.attempts + 1, "state": state}
            named = {"provider_id": verdict.provider_id} if verdict.provider_id else {}
            events.append(self._event(kind, claim.row, **said, **named))
        for statement, rows in written.items():
            if rows:
                connection.execute(statement, rows)
        self._record(connection, events)
        return states

    def _end(self, claim: Claim, verdict: Verdict) -> tuple[str, dict[str, Any]]:
        ending = dict.fromkeys(ENDING) | {"provider_code": verdict.code, "provider_id": verdict.provider_id}
        if verdict.outcome is Outcome.SENT:
            return "sent", ending | {"sent_at": self._now()}
        if verdict.outcome is Outcome.REJECTED:
            return "rejected", ending | {"reason": "provider_refused"}
        if verdict.outcome is Outcome.IN_DOUBT:
            return "in_doubt", ending | {"reason": "no_reply"}
        attempts = claim.row.attempts + 1
        if attempts >= MOST_ATTEMPTS and not verdict.channel_down:
            return "withheld", ending | {"reason": NEVER_SENT}
        again = self._rt.clock.now() + wait_after(verdict, attempts)
        return "planned", ending | {"not_before": utc_text(again)}

    def _ending(self, contact_id: str, verdict: Verdict) -> dict[str, Any]:
        new: dict[str, Any] = {"outcome": verdict.outcome.value, "finished_at": self._now()}
        new |= {"provider_code": verdict.code, "provider_id": verdict.provider_id}
        return {"key": contact_id} | {f"new_{name}": value for name, value in new.items()}

    def _held(self, claim: Claim, **new: Any) -> dict[str, Any]:
        named = {name if name == "after" else f"new_{name}": value for name, value in new.items()}
        return {"key": claim.contact_id, "holder": claim.fence, "by": self._run_id} | named

    def _change(self, connection: Connection, statement: Update, claim: Claim, **new: Any) -> bool:
        return connection.execute(statement, self._held(claim, **new)).rowcount == 1

    def _event(self, kind: str, row: Row[Any], **data: Any) -> Event:
        return Event(
            type=kind,
            key=row.contact_id,
            business_date=row.business_date,
            action_id=row.contact_id,
            data=data,
            policy_sha256=self.policy_sha256,
        )

    def _record(self, connection: Connection, events: list[Event]) -> None:
        if events:
            record_many(connection, self._rt, run_id=self._run_id, events=events)

    def _now(self) -> str:
        return utc_text(self._rt.clock.now())


def _kind_of(state: str | None, verdict: Verdict) -> str | None:
    """Return the event of an ending, by the state it finds under our fence; None when it came too late."""
    if state == "sending":
        return f"action.{verdict.outcome.value}"
    told = verdict.outcome in (Outcome.SENT, Outcome.REJECTED)
    return RESOLVED if state == "in_doubt" and told else None
