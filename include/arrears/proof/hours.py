"""No message left outside the hours of the person it went to: the hours are worked out anew, not read from its slot.

A person whose row came after the message, or was erased, may have been elsewhere then: for those the slot must tell.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select

from arrears.ladder.policy import Policy
from arrears.outreach.slots import in_window
from arrears.outreach.zones import Zones, zones_of
from arrears.proof.held import EFFECTS
from arrears.store.tables.feeds import delivery
from arrears.store.tables.outreach import contact
from arrears.store.tables.people import party
from arrears.store.tables.runs import policy_text, run

MESSAGES = ("sms", "email")
MINUTE = 16
"""Characters of a moment up to its minute: whoever is alike in zone and minute is asked once."""


def outside_hours(connection: Connection, _policy: Policy) -> Iterator[str]:
    """Yield the messages that left when it was no lawful hour for their reader, under the policy that planned them."""
    query = (
        select(
            contact.c.contact_id, contact.c.intent_at, contact.c.slot_opens_at, contact.c.slot_closes_at,
            run.c.policy_sha256,
            party.c.time_zone, party.c.mobile, party.c.erased_at, delivery.c.received_at,
        )
        .join(run, run.c.run_id == contact.c.run_id)
        .outerjoin(party, party.c.party_id == contact.c.party_id)
        .outerjoin(delivery, delivery.c.delivery_id == party.c.delivery_id)
        .where(contact.c.state.in_(EFFECTS), contact.c.channel.in_(MESSAGES))
    )  # fmt: skip
    policies = {
        row.policy_sha256: Policy.model_validate_json(row.body)
        for row in connection.execute(select(policy_text.c.policy_sha256, policy_text.c.body)
                                      .where(policy_text.c.policy_sha256.in_(select(run.c.policy_sha256))))
    }  # fmt: skip
    known: dict[tuple[str, Zones, str], bool] = {}
    for row in connection.execute(query, execution_options={"stream_results": True}):
        inside = row.slot_opens_at <= row.intent_at < row.slot_closes_at
        if row.erased_at is None and (row.received_at or "") <= row.intent_at:
            policy = policies[row.policy_sha256]
            key = (row.intent_at[:MINUTE], zones_of(row.time_zone, row.mobile, policy), row.policy_sha256)
            if key not in known:
                known[key] = in_window(datetime.fromisoformat(row.intent_at), key[1], policy)
            inside = inside and known[key]
        if not inside:
            yield str(row.contact_id)
