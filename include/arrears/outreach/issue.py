"""Issue work-list items many at once: nothing leaves the machine, so intent and ending share one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from arrears.audit.record import Event
from arrears.outreach.outbox import Claim, Outbox
from arrears.outreach.transitions import ISSUE, OPEN_ATTEMPT
from arrears.outreach.worklist_item import ISSUED
from arrears.store.tables.outreach import contact

BATCH = 500
"""More than for messages: no worker can die between an intent and its effect here."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A claimed item that passed its gates; ``said`` goes into its event."""

    claim: Claim
    payload_sha256: str
    said: dict[str, Any]


class ListOutbox(Outbox):
    """The outbox of calls, visits and letters: claimed -> sent under the fence, never in doubt."""

    def still_held(self, connection: Connection, claims: Sequence[Claim]) -> set[str]:
        """Return which claims are still ours, and lock them until the transaction ends."""
        fences = {claim.contact_id: claim.fence for claim in claims}
        query = select(contact.c.contact_id, contact.c.fence).where(
            contact.c.contact_id.in_(fences), contact.c.state == "claimed"
        )
        rows = connection.execute(query.with_for_update())
        return {row.contact_id for row in rows if fences[row.contact_id] == row.fence}

    def issue(self, connection: Connection, issues: Sequence[Issue]) -> None:
        """Put items onto their lists; the caller has asked ``still_held`` in the same transaction."""
        if not issues:
            return
        now = self._now()
        connection.execute(ISSUE, [self._row(one, now) for one in issues])
        connection.execute(OPEN_ATTEMPT, [self._attempt(one, now) for one in issues])
        self._record(connection, [self._told(one) for one in issues])

    def _row(self, one: Issue, now: str) -> dict[str, Any]:
        new = {"attempts": one.claim.row.attempts + 1, "payload_sha256": one.payload_sha256, "intent_at": now}
        new |= {"sent_at": now, "provider_code": ISSUED.code}
        ours = {"key": one.claim.contact_id, "holder": one.claim.fence, "by": self._run_id}
        return ours | {f"new_{name}": value for name, value in new.items()}

    def _attempt(self, one: Issue, now: str) -> dict[str, Any]:
        return {
            "contact_id": one.claim.contact_id,
            "n": one.claim.row.attempts + 1,
            "fence": one.claim.fence,
            "claimed_by": self._worker,
            "payload_sha256": one.payload_sha256,
            "intent_at": now,
            "finished_at": now,
            "outcome": ISSUED.outcome.value,
            "provider_code": ISSUED.code,
        }

    def _told(self, one: Issue) -> Event:
        """Return the one event of an issue: nothing lies between its intent and its ending that could fail."""
        row, n = one.claim.row, one.claim.row.attempts + 1
        said = {"n": n, "channel": row.channel, "template": row.template, "payload_sha256": one.payload_sha256}
        return self._event("action.sent", row, code=ISSUED.code, state="sent", **said, **one.said)
