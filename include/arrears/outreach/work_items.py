"""Write down what a caller or visitor says: the script of each item, rendered from the same notice as a message.

It is kept beside the contact in an erasable table, for the lists of the day; the amounts are those of the moment of
writing, and are asked again when the item is issued.
"""

import logging
from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, bindparam

from arrears.core.clock import utc_text
from arrears.core.runtime import Runtime
from arrears.ladder.balance import Balances
from arrears.ladder.contact_days import INTERNAL
from arrears.ladder.policy import Policy
from arrears.outreach.claims import Claim
from arrears.outreach.gates import check
from arrears.outreach.lint import lint
from arrears.outreach.listed import listed
from arrears.outreach.moment import load
from arrears.outreach.notice import notice_of
from arrears.outreach.render import render
from arrears.store.engine import reading, writing
from arrears.store.tables.outreach import work_item

LOG = logging.getLogger(__name__)
SPOKEN = ("call", "visit", "senior_contact", "credit_notice", "asset_search")
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
    for claims in listed(engine, business_date, SPOKEN):
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
