"""People and their roles: the rows of one account in a delivery are all parties it has."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, select, tuple_

from arrears.audit.columns import text_digests
from arrears.ledger.opt_outs import CONSENTS, OPT_OUTS, not_lifted, opted_out, restrain
from arrears.ledger.portions import place_of, portions
from arrears.ledger.rows import LOOK_UP
from arrears.store.columns import insert_columns, replace_columns
from arrears.store.spool import Spool
from arrears.store.tables.people import account_party, party
from arrears.store.walk import Walk

TIE = ("account_id", "party_id", "role")
TERMS = {"guarantee_kind": pa.string(), "guarantee_until": pa.date32()}
PERSONAL = tuple(column.name for column in party.columns
                 if column.name not in ("party_id", "erased_at", "delivery_id", "row_no"))  # fmt: skip
STORED = pa.schema([(name, pa.string()) for name in (*TIE, "row_sha256")])


def store_parties(connection: Connection, delivered: Iterable[pa.RecordBatch], delivery_id: str) -> None:
    """Write people and their ties to accounts; a tie no longer delivered ends, an erased person stays erased.

    The portions hold all rows of an account together, and are put aside once more to bring those of a person together.
    """
    erased = pa.array(
        connection.execute(select(party.c.party_id).where(party.c.erased_at.is_not(None))).scalars().all(), pa.string()
    )
    silenced = opted_out(connection)
    ties = select(*(account_party.c[name] for name in STORED.names))
    with Spool() as people, Walk(connection, ties, account_party.c.account_id, STORED) as stored:
        for rows in delivered:
            last = pc.max(rows.column("account_id")).as_py()
            _store_ties(connection, rows, stored.up_to(last), delivery_id)
            wanted = ("account_id", "party_id", *PERSONAL, "row_no")
            told = rows.select([name for name in wanted if name in rows.schema.names])
            told = told.filter(pc.invert(pc.is_in(told.column("party_id"), erased)))
            people.add(told.append_column("code", place_of(told.column("party_id"))), names=True)
        for told in portions(people):
            standing = not_lifted(connection, told, silenced)
            replace_columns(connection, party, _people(told, standing, delivery_id), unless_same=PERSONAL)


def _people(told: pa.RecordBatch, standing: dict[str, str], delivery_id: str) -> pa.Table:
    """Merge a person's rows: what one account's row leaves empty another's may say; the later word counts.

    Of opt-outs and consents no word is lost that restrains; ``standing`` are earlier opt-outs that are not lifted.
    """
    said = [name for name in PERSONAL if name in told.schema.names]
    last = (
        pa.table(told).group_by("party_id", use_threads=False).aggregate([(name, "last") for name in (*said, "row_no")])
    )
    columns = {name: last.column(f"{name}_last") for name in (*said, "row_no")}
    columns |= {name: pa.chunked_array([pa.nulls(len(last), pa.string())]) for name in PERSONAL if name not in said}
    for name, beside in ((OPT_OUTS, standing), (CONSENTS, {})):
        columns[name] = restrain(name, last.column("party_id"), columns[name], told, beside)
    return pa.table({"party_id": last.column("party_id"), **columns,
                     "delivery_id": pa.repeat(delivery_id, len(last))})  # fmt: skip


def _store_ties(connection: Connection, rows: pa.RecordBatch, stored: pa.Table, delivery_id: str) -> None:
    """Write the ties of some accounts; ``stored`` are the ties that the store has of them, and perhaps of others."""
    ties, stored = (
        _ties(rows, delivery_id),
        stored.filter(pc.is_in(stored.column("account_id"), rows.column("account_id"))),
    )
    place = pc.index_in(_key(ties), _key(stored))
    new, told = pc.is_null(place), stored.column("row_sha256").take(place)
    other = pc.not_equal(ties.column("row_sha256"), told).fill_null(True)
    insert_columns(connection, account_party, ties.filter(new))
    replace_columns(connection, account_party, ties.filter(pc.and_not(other, new)))
    ended = stored.filter(pc.invert(pc.is_in(_key(stored), _key(ties)))).select(TIE).to_pylist()
    for start in range(0, len(ended), LOOK_UP):
        some = [tuple(tie.values()) for tie in ended[start : start + LOOK_UP]]
        connection.execute(delete(account_party).where(tuple_(*(account_party.c[name] for name in TIE)).in_(some)))


def _ties(rows: pa.RecordBatch, delivery_id: str) -> pa.Table:
    count, names = rows.num_rows, rows.schema.names
    terms = {name: rows.column(name) if name in names else pa.nulls(count, kind) for name, kind in TERMS.items()}
    return pa.table({
        **{name: rows.column(name) for name in TIE}, **terms, "synthesised": pa.repeat(False, count),
        "delivery_id": pa.repeat(delivery_id, count), "row_no": rows.column("row_no"),
        "row_sha256": pa.array(text_digests(rows.column("row_text")), pa.string()),
    })  # fmt: skip


def _key(ties: pa.Table) -> pa.Array:
    joined = pc.binary_join_element_wise(*(ties.column(name) for name in TIE), "\x1f")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined
