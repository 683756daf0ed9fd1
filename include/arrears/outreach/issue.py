"""Issue work-list items many at once: nothing leaves the machine, so intent and ending share one transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection

from arrears.outreach.claims import Intent
from arrears.outreach.outbox import Outbox
from arrears.outreach.transitions import ISSUE, OPEN_ATTEMPT
from arrears.outreach.worklist_item import ISSUED

BATCH = 500
"""More than for messages: no worker can die between an intent and its effect here."""


class ListOutbox(Outbox):
    """The outbox of calls, visits and letters: claimed -> sent under the fence, never in doubt."""

    def issue(self, connection: Connection, intents: Sequence[Intent]) -> None:
        """Put items onto their lists, one event each; the caller has asked ``still_held`` in the same transaction."""
        if not intents:
            return
        now = self._now()
        ended = {"finished_at": now, "outcome": ISSUED.outcome.value, "provider_code": ISSUED.code}
        connection.execute(ISSUE, [self._row(one, now, sent_at=now, provider_code=ISSUED.code) for one in intents])
        connection.execute(OPEN_ATTEMPT, [self._attempt(one, now, **ended) for one in intents])
        self._record(
            connection,
            [
                self._event("action.sent", one.claim.row, code=ISSUED.code, state="sent", **one.told())
                for one in intents
            ],
        )
