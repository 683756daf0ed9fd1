"""Whom an exception is about: the accounts behind a line of *Needs a person*, each with a link to its page."""

from typing import Any

from sqlalchemy import select

from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.desk.paging import SHOWN, Leaf, start_of
from arrears.desk.reach import refuse_hands
from arrears.desk.today import business_date_of
from arrears.ladder.staff import branch_of
from arrears.reports.behind import LISTED, accounts_behind
from arrears.reports.control import OWNERS
from arrears.reports.wording import Words
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.people import subject


def exceptions(rt: Runtime, kind: str, number: int, user: str, words: Words) -> dict[str, Any]:
    """Return a leaf of the accounts behind one kind of exception, of the user's branch where they have one.

    Raises:
        CannotTell: no such kind, or it is about no account, or there is no run yet.
        BadArguments: the user works from an own list.
    """
    day = business_date_of(rt)
    if kind not in LISTED or day is None:
        raise CannotTell("no such page")
    with reading(existing_store(rt)) as connection:
        refuse_hands(connection, user, words)
        branch, policy = branch_of(connection, user), policy_of(rt.settings)
        total, found = accounts_behind(connection, kind, day, branch, policy, start_of(number), SHOWN)
        asked = select(subject.c.account_id, subject.c.subject_ref)
        named = connection.execute(asked.where(subject.c.account_id.in_([account_id for account_id, _ in found])))
        refs = {row.account_id: row.subject_ref for row in named}
    rows = [(account_id, refs.get(account_id), since, (day - since).days if since else None)
            for account_id, since in found]  # fmt: skip
    return {"kind": kind, "title": words.label("exception", kind), "who": words.label("role", OWNERS[kind]),
            "leaf": Leaf(rows, total, number)}  # fmt: skip
