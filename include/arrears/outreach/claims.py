"""What a worker holds: a claimed contact under its fence, and what it is about to do with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_

from arrears.outreach.canary import OPEN, Valve
from arrears.store.tables.outreach import contact

CLAIMED = (
    contact.c.contact_id,
    contact.c.fence,
    contact.c.business_date,
    contact.c.party_id,
    contact.c.channel,
    contact.c.language,
    contact.c.template,
    contact.c.attempts,
    contact.c.slot_opens_at,
)
"""What a worker needs to know of a contact it has claimed; its items are read with the gates' facts."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A contact that this worker holds until its lease is over."""

    contact_id: str
    fence: int
    lease_until: datetime
    row: Row[Any]


@dataclass(frozen=True, slots=True)
class Intent:
    """A claimed contact that passed its gates and is about to leave; ``said`` goes into its event."""

    claim: Claim
    payload_sha256: str
    message_id: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return what the event of the intent says."""
        row = self.claim.row
        own = {"n": row.attempts + 1, "channel": row.channel, "template": row.template}
        return own | {"payload_sha256": self.payload_sha256} | dict(self.said)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which contacts of a day a dispatcher looks at."""

    business_date: date
    channels: tuple[str, ...]
    stage: int | None = None
    batch_no: int | None = None
    valve: Valve = OPEN

    def clause(self) -> ColumnElement[bool]:
        """Return the scope as a condition on ``contact``."""
        parts = [contact.c.business_date == self.business_date, contact.c.channel.in_(self.channels)]
        if self.stage is not None:
            parts.append(contact.c.stage == self.stage)
        if self.batch_no is not None:
            parts.append(contact.c.batch_no == self.batch_no)
        if self.valve != OPEN:
            parts.append(self.valve.clause())
        return and_(*parts)
