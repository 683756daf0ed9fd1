"""Write down what a caller or visitor says: the script of each item, rendered from the same notice as a message.

It is kept beside the contact in an erasable table, for the lists of the day; the amounts are those of the moment of
writing, and are asked again when the item is issued.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Engine, bindparam, select

from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.balance import Balances
from arrears.ladder.policy import Policy
from arrears.outreach.claims import CLAIMED, Claim
from arrears.outreach.gates import check
from arrears.outreach.lint import lint
from arrears.outreach.moment import load
from arrears.outreach.notice import notice_of
from arrears.outreach.render import render
from arrears.outreach.slots import INTERNAL
from arrears.store.engine import reading, writing
from arrears.store.tables.outreach import contact, work_item

LOG = logging.getLogger(__name__)
BATCH = 500
SPOKEN = ("call", "visit", "senior_contact", "credit_notice", "asset_search")
LISTED = ("planned", "claimed", "sent")
KEEP = (
    work_item.update()
    .where(work_item.c.contact_id == bindparam("key"), work_item.c.erased_at.is_(None))
    .values(script=bindparam("said"), rendered_at=bindparam("now"))
)


def write_scripts(rt: Runtime, engine: Engine, business_date: date, policy: Policy) -> int:
    """Render the script of every call and visit on a day's lists and return how many there are.

    A text that the lint refuses is not written: its item will be withheld when it should be issued.
    """
    balances, written = Balances(rt, business_date, policy), 0
    for claims in _batches(engine, business_date):
        with reading(engine) as connection:
            facts = load(connection, rt, claims, policy, balances)
        now = utc_text(rt.clock.now())
        rows = [
            {"key": claim.contact_id, "said": said, "now": now}
            for claim in claims
            if (said := _script(claim, facts[claim.contact_id], policy, rt.clock.now())) is not None
        ]
        if rows:
            with writing(engine) as connection:
                connection.execute(KEEP, rows)
        written += len(rows)
    return written


def _script(claim: Claim, facts: Any, policy: Policy, now: datetime) -> str | None:
    dropped = check(facts, policy, now).dropped
    if len(dropped) == len(facts.items):
        return None
    notice = notice_of(facts, dropped, claim.row.language, policy)
    text = render(notice).text
    findings = [] if claim.row.channel in INTERNAL else lint(text, notice, policy)
    if findings:
        LOG.error("script of contact %s refused by the lint: %s", claim.contact_id[:12], findings)
        return None
    return text


def _batches(engine: Engine, business_date: date) -> Iterator[Sequence[Claim]]:
    """Yield the day's spoken items as if they were claimed, for the gates' facts are loaded by claim."""
    query = select(*CLAIMED).where(
        contact.c.business_date == business_date, contact.c.channel.in_(SPOKEN), contact.c.state.in_(LISTED)
    )
    with reading(engine) as connection:
        rows: Iterator[Any] = iter(connection.execute(query.order_by(contact.c.contact_id)).all())
    while batch := list(islice(rows, BATCH)):
        yield [Claim(row.contact_id, row.fence, datetime.max.replace(tzinfo=UTC), row) for row in batch]
