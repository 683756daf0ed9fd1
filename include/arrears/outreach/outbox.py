"""The outbox: claim, write the intent, send, settle. No contact is ever sent twice, none is lost silently.

planned -> claimed -> sending -> sent | rejected | in_doubt | planned again (surely not sent, bounded)
planned | claimed -> withheld | expired
claimed, lease over -> planned (nothing had begun); sending, lease over -> in_doubt (it may have gone out)

A claim carries a fence: whoever lost it can change nothing. Every change is written with its audit event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Update, and_, or_, select

from arrears.audit.record import Event, record_many
from arrears.core.clock import Clock, SystemClock, utc_text
from arrears.core.runtime import Runtime
from arrears.outreach.verdict import Outcome, Verdict
from arrears.store.tables.feeds import account
from arrears.store.tables.outreach import contact, contact_attempt, item
from arrears.store.tables.runs import run

BATCH = 50
LEASE = timedelta(seconds=300)
MARGIN = timedelta(seconds=90)
"""What must be left of a lease when an effect begins: longer than the timeouts of any channel in sum."""
MOST_ATTEMPTS = 3
RETRY_AFTER = timedelta(minutes=10)
NEVER_SENT = "gateway_unavailable"


@dataclass(frozen=True, slots=True)
class Claim:
    """A contact that this worker holds until its lease is over."""

    contact_id: str
    fence: int
    lease_until: datetime
    row: Row[Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which contacts of a day a dispatcher looks at."""

    business_date: date
    channels: tuple[str, ...]
    stage: int | None = None
    batch_no: int | None = None

    def clause(self) -> ColumnElement[bool]:
        """Return the scope as a condition on ``contact``."""
        parts = [contact.c.business_date == self.business_date, contact.c.channel.in_(self.channels)]
        if self.stage is not None:
            parts.append(contact.c.stage == self.stage)
        if self.batch_no is not None:
            parts.append(contact.c.batch_no == self.batch_no)
        return and_(*parts)


class Outbox:
    """State changes of contacts, each in the caller's transaction together with its event.

    Leases run on ``lease_clock``, the machine's own, even where a rehearsal pins the business clock: a worker that
    died must be found in any mode.
    """

    def __init__(self, rt: Runtime, run_id: str, policy_sha256: str, lease_clock: Clock | None = None) -> None:
        self._rt, self._run_id, self._policy_sha256 = rt, run_id, policy_sha256
        self._lease_clock: Clock = lease_clock or SystemClock()
        key = rt.attempt
        self._worker = f"{run_id}/{key.dag_id}/{key.run_id}/{key.task_id}/{key.map_index}/{key.try_number}"[:300]

    def recover(self, connection: Connection) -> dict[str, int]:
        """Free claims whose lease is over, and put those that had begun to send in doubt."""
        over = contact.c.lease_until <= utc_text(self._lease_clock.now())
        freed = connection.execute(_to("planned", and_(contact.c.state == "claimed", over), self._run_id))
        lost = connection.execute(
            _to("in_doubt", and_(contact.c.state == "sending", over), self._run_id, reason="lease_over").returning(
                contact.c.contact_id, contact.c.business_date
            )
        ).all()
        for row in lost:
            self._end_attempt(connection, row.contact_id, Verdict(Outcome.IN_DOUBT, "lease_over"))
        self._record(
            connection,
            [self._event("action.in_doubt", row.contact_id, row.business_date, code="lease_over") for row in lost],
        )
        return {"freed": freed.rowcount, "in_doubt": len(lost)}

    def expire(self, connection: Connection, channels: tuple[str, ...]) -> int:
        """Close what nobody sent before its slot ended, on any day."""
        due = and_(
            contact.c.state == "planned", contact.c.slot_closes_at <= self._now(), contact.c.channel.in_(channels)
        )
        statement = _to("expired", due, self._run_id, reason="slot_over")
        gone = connection.execute(statement.returning(contact.c.contact_id, contact.c.business_date)).all()
        self._record(
            connection,
            [self._event("action.expired", row.contact_id, row.business_date, reason="slot_over") for row in gone],
        )
        return len(gone)

    def claim(self, connection: Connection, scope: Scope, limit: int = BATCH) -> list[Claim]:
        """Take up to ``limit`` due contacts of released runs under a fresh fence and lease."""
        now = self._now()
        until = self._lease_clock.now() + LEASE
        due = (
            select(contact.c.contact_id)
            .join(run, run.c.run_id == contact.c.run_id)
            .where(scope.clause(), contact.c.state == "planned", run.c.released)
            .where(contact.c.slot_opens_at <= now, contact.c.slot_closes_at > now)
            .where(or_(contact.c.not_before.is_(None), contact.c.not_before <= now))
            .order_by(contact.c.slot_opens_at, contact.c.contact_id)
            .limit(min(limit, BATCH))
            .with_for_update(skip_locked=True, of=contact)
            .cte("due")
        )
        statement = (
            contact.update()
            .where(contact.c.contact_id.in_(select(due.c.contact_id)), contact.c.state == "planned")
            .values(
                state="claimed",
                fence=contact.c.fence + 1,
                claimed_by=self._worker,
                lease_until=utc_text(until),
                state_run_id=self._run_id,
            )
            .returning(contact)
        )
        rows = connection.execute(statement).all()
        claims = [Claim(row.contact_id, row.fence, until, row) for row in rows]
        return sorted(claims, key=lambda claim: (claim.row.slot_opens_at, claim.contact_id))

    def release(self, connection: Connection, claims: Sequence[Claim]) -> int:
        """Put claims back: nothing of them had begun."""
        return sum(connection.execute(_held(claim, "claimed", "planned", self._run_id)).rowcount for claim in claims)

    def withhold(self, connection: Connection, claim: Claim, reason: str, gates: dict[str, Any] | None = None) -> bool:
        """Close a claim that a gate refused at the moment of sending."""
        done = connection.execute(_held(claim, "claimed", "withheld", self._run_id, reason=reason)).rowcount == 1
        if done:
            self._record(
                connection,
                [
                    self._event(
                        "action.withheld", claim.contact_id, claim.row.business_date, reason=reason, **(gates or {})
                    )
                ],
            )
        return done

    def has_time(self, claim: Claim) -> bool:
        """Say whether enough of the lease is left to begin an effect."""
        return self._lease_clock.now() + MARGIN < claim.lease_until

    def is_ours(self, claim: Claim) -> bool:
        """Say whether the lease still runs: asked last before the point of no return."""
        return self._lease_clock.now() < claim.lease_until

    def intend(
        self,
        connection: Connection,
        claim: Claim,
        payload_sha256: str,
        message_id: str | None = None,
        facts: dict[str, Any] | None = None,
    ) -> bool:
        """Write down that the effect is about to happen; False when the claim was lost, then nothing may be sent."""
        if not self.has_time(claim):
            return False
        now, n = self._now(), claim.row.attempts + 1
        values = {"attempts": n, "payload_sha256": payload_sha256, "intent_at": now, "message_id": message_id}
        if connection.execute(_held(claim, "claimed", "sending", self._run_id, **values)).rowcount != 1:
            return False
        connection.execute(
            contact_attempt.insert().values(
                contact_id=claim.contact_id,
                n=n,
                fence=claim.fence,
                claimed_by=self._worker,
                payload_sha256=payload_sha256,
                intent_at=now,
                message_id=message_id,
            )
        )
        subjects = (
            select(account.c.subject_ref)
            .join(item, item.c.account_id == account.c.account_id)
            .where(item.c.contact_id == claim.contact_id, item.c.dropped_reason.is_(None))
            .distinct()
        )
        self._record(
            connection,
            [
                self._event(
                    "action.attempted",
                    claim.contact_id,
                    claim.row.business_date,
                    n=n,
                    channel=claim.row.channel,
                    template=claim.row.template,
                    payload_sha256=payload_sha256,
                    subjects=sorted(connection.execute(subjects).scalars()),
                    **(facts or {}),
                )
            ],
        )
        return True

    def settle(self, connection: Connection, claim: Claim, verdict: Verdict) -> str:
        """Write down how the effect ended and return the state of the contact.

        A worker that was paused past its lease finds its contact in doubt: its knowledge still resolves that, since
        nobody else can have sent under this fence. ``not_sent`` alone is planned again, at most three times in all.
        """
        state, values = self._end(claim, verdict)
        values |= {"provider_code": verdict.code, "provider_id": verdict.provider_id}
        if verdict.message_id:
            values["message_id"] = verdict.message_id
        changed = connection.execute(_held(claim, "sending", state, self._run_id, **values)).rowcount == 1
        kind = f"action.{verdict.outcome.value}"
        if not changed and verdict.outcome in (Outcome.SENT, Outcome.REJECTED):
            changed = connection.execute(_held(claim, "in_doubt", state, self._run_id, **values)).rowcount == 1
            kind = "action.resolved"
        if not changed:
            return "lost"
        self._end_attempt(connection, claim.contact_id, verdict)
        self._record(
            connection,
            [
                self._event(
                    kind,
                    claim.contact_id,
                    claim.row.business_date,
                    code=verdict.code,
                    n=claim.row.attempts + 1,
                    state=state,
                    **({"provider_id": verdict.provider_id} if verdict.provider_id else {}),
                )
            ],
        )
        return state

    def _end(self, claim: Claim, verdict: Verdict) -> tuple[str, dict[str, Any]]:
        if verdict.outcome is Outcome.SENT:
            return "sent", {"sent_at": self._now(), "reason": None}
        if verdict.outcome is Outcome.REJECTED:
            return "rejected", {"reason": "provider_refused"}
        if verdict.outcome is Outcome.IN_DOUBT:
            return "in_doubt", {"reason": "no_reply"}
        if claim.row.attempts + 1 >= MOST_ATTEMPTS:
            return "withheld", {"reason": NEVER_SENT}
        again = self._rt.clock.now() + RETRY_AFTER * (claim.row.attempts + 1)
        return "planned", {"not_before": utc_text(again)}

    def _end_attempt(self, connection: Connection, contact_id: str, verdict: Verdict) -> None:
        open_or_doubtful = or_(contact_attempt.c.outcome.is_(None), contact_attempt.c.outcome == "in_doubt")
        connection.execute(
            contact_attempt.update()
            .where(contact_attempt.c.contact_id == contact_id, open_or_doubtful)
            .values(
                outcome=verdict.outcome.value,
                finished_at=self._now(),
                provider_code=verdict.code,
                provider_id=verdict.provider_id,
            )
        )

    def _event(self, kind: str, contact_id: str, business_date: date, **data: Any) -> Event:
        return Event(
            type=kind,
            key=contact_id,
            business_date=business_date,
            action_id=contact_id,
            data=data,
            policy_sha256=self._policy_sha256,
        )

    def _record(self, connection: Connection, events: list[Event]) -> None:
        if events:
            record_many(connection, self._rt, run_id=self._run_id, events=events)

    def _now(self) -> str:
        return utc_text(self._rt.clock.now())


def _to(state: str, which: ColumnElement[bool], run_id: str, **values: Any) -> Update:
    return contact.update().where(which).values(state=state, state_run_id=run_id, **values)


def _held(claim: Claim, before: str, after: str, run_id: str, **values: Any) -> Update:
    """Return the change of a contact from one state to the next, valid only under the fence of the claim."""
    ours = and_(contact.c.contact_id == claim.contact_id, contact.c.fence == claim.fence, contact.c.state == before)
    return _to(after, ours, run_id, **values)
