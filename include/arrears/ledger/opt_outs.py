"""What a person named in several rows wants and allows: the restrained word counts, and half a list lifts nothing.

Opt-outs of a delivery add up; a consent counts where every row that names consents names it. A later delivery lifts an
opt-out by leaving it out in the rows of all the person's open accounts: one that names some of them, or has no such
column, is silent about the rest.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from arrears.ledger.rows import LOOK_UP
from arrears.store.tables.feeds import account
from arrears.store.tables.people import account_party, party

OPT_OUTS, CONSENTS = "opt_outs", "consents"
Words = frozenset[str]
_RESTRAIN: dict[str, Callable[[Iterable[Words]], Words]] = {
    OPT_OUTS: lambda said: frozenset[str]().union(*said),
    CONSENTS: lambda said: frozenset.intersection(*said),
}


def opted_out(connection: Connection) -> dict[str, str]:
    """Return what each person wants no more of, as the store has it."""
    query = select(party.c.party_id, party.c.opt_outs).where(party.c.opt_outs.is_not(None), party.c.opt_outs != "")
    return {row.party_id: row.opt_outs for row in connection.execute(query)}


def not_lifted(connection: Connection, told: pa.RecordBatch, stored: dict[str, str]) -> dict[str, str]:
    """Return the stored opt-outs of which the rows of these people do not say that they are over."""
    known = told.filter(pc.is_in(told.column("party_id"), pa.array(list(stored), pa.string())))
    named: dict[str, set[str]] = defaultdict(set)
    for party_id, account_id in zip(
        *(known.column(name).to_pylist() for name in ("party_id", "account_id")), strict=True
    ):
        named[party_id].add(account_id)
    if OPT_OUTS not in told.schema.names:
        return {party_id: stored[party_id] for party_id in named}
    people = sorted(named)
    query = (
        select(account_party.c.party_id, account_party.c.account_id)
        .join(account, account.c.account_id == account_party.c.account_id)
        .where(account.c.closed_on.is_(None), ~account.c.is_missing)
    )
    return {
        tie.party_id: stored[tie.party_id]
        for start in range(0, len(people), LOOK_UP)
        for tie in connection.execute(query.where(account_party.c.party_id.in_(people[start : start + LOOK_UP])))
        if tie.account_id not in named[tie.party_id]
    }


def restrain(
    name: str, people: pa.ChunkedArray, last: pa.ChunkedArray, told: pa.RecordBatch, standing: dict[str, str]
) -> pa.ChunkedArray:
    """Return a list column of people of whom ``last`` is the last word: with all rows said, and what stands beside."""
    found = {
        row["party_id"]: _RESTRAIN[name](frozenset(filter(None, cell.split(";"))) for cell in row["words_distinct"])
        for row in _in_several_words(name, told, standing).to_pylist()
    }
    if not found:
        return last
    texts = pa.array([";".join(sorted(words)) or None for words in found.values()], pa.string())
    place = pc.index_in(people, pa.array(found, pa.string())).combine_chunks()
    return pc.if_else(pc.is_valid(place), texts.take(place), last)


def _in_several_words(name: str, told: pa.RecordBatch, standing: dict[str, str]) -> pa.Table:
    """Return the people of whom rows say different things, or of whom something stands, with all that is said."""
    beside = pa.table(
        [pa.array(standing, pa.string()), pa.array(standing.values(), pa.string())], ["party_id", "words"]
    )
    if name in told.schema.names:
        own = pa.table([told.column("party_id"), told.column(name)], beside.schema.names)
        beside = pa.concat_tables([beside, own])
    said = beside.drop_null().group_by("party_id").aggregate([("words", "distinct")])
    stands = pc.is_in(said.column("party_id"), pa.array(standing, pa.string()))
    return said.filter(pc.or_(pc.greater(pc.list_value_length(said.column("words_distinct")), 1), stands))
