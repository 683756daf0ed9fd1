"""Ask whether anybody changed the record: the log in the store, or an exported bundle without any store."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DatabaseError

from arrears.audit.bundle import read_bundle
from arrears.audit.checkpoint import BadNote, PublicKey
from arrears.audit.log import stored_vkeys
from arrears.audit.merkle import Frontier
from arrears.audit.parts import Part, parts
from arrears.audit.record import commitment
from arrears.audit.verdict import Outside, Tampered, Unsure, Verdict, Walk, conclude, open_heads, read_outside
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_checkpoint, audit_event_index, audit_node, event_detail


def verify_store(engine: Engine, against: str | None = None, vkeys: Sequence[str] | None = None) -> Verdict:
    """Recompute the whole log of a store: events, index columns, tree, signatures and erasable details.

    ``against`` is the text of a checkpoint kept outside; only such a one finds a log that its own key holder rewrote
    or set back. ``vkeys`` are public key lines kept outside the database; without them the store's own are believed.
    """
    try:
        with reading(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return _judge(lambda: _open_store(connection), against, vkeys)
    except DatabaseError as reason:
        return Verdict("cannot_tell", f"the store cannot be read: {reason.orig}")


def verify_bundle(path: Path, against: str | None = None, vkeys: Sequence[str] | None = None) -> Verdict:
    """Recompute an exported bundle; needs neither the store nor Airflow. Arguments as for ``verify_store``."""

    def open_bundle() -> "_Source":
        bundle = read_bundle(path)
        return _Source(bundle.notes, bundle.keys, bundle.walk)

    return _judge(open_bundle, against, vkeys)


class _Source:
    """A log to verify: its signed heads, the keys it names, and how to walk it."""

    def __init__(self, notes: list[tuple[int, str]], keys: list[PublicKey], feed_all: Callable[[Walk], None]) -> None:
        self.notes, self.keys, self.feed_all = notes, keys, feed_all


def _judge(opened: Callable[[], _Source], against: str | None, vkeys: Sequence[str] | None) -> Verdict:
    try:
        source = opened()
        keys = _trusted(source.keys, vkeys)
        outside, unusable = _outside(against, keys)
        heads = open_heads(source.notes, keys)
        walk = Walk(heads, outside)
        source.feed_all(walk)
        verdict = conclude(walk, heads, outside)
    except Tampered as found:
        return Verdict("tampered", f"first bad event {found.seq}: {found}", found.seq)
    except Unsure as reason:
        return Verdict("cannot_tell", str(reason))
    return Verdict("cannot_tell", unusable, None, verdict.size, verdict.root) if unusable else verdict


def _trusted(named: list[PublicKey], vkeys: Sequence[str] | None) -> list[PublicKey]:
    if vkeys is None:
        return named
    try:
        trusted = [PublicKey.parse(line) for line in vkeys]
    except BadNote as reason:
        raise Unsure(f"the given public key: {reason}") from None
    if any(key not in trusted for key in named):
        raise Tampered(0, "the log names a signing key that is not among the public keys kept outside it")
    return trusted


def _outside(against: str | None, keys: list[PublicKey]) -> tuple[Outside | None, str]:
    """An unusable outside checkpoint must not hide what the log alone already shows."""
    if against is None:
        return None, ""
    try:
        return read_outside(against, keys), ""
    except Unsure as reason:
        return None, str(reason)


def _open_store(connection: Connection) -> _Source:
    table = connection.execute(audit_checkpoint.select().order_by(audit_checkpoint.c.size)).all()
    try:
        keys = [PublicKey.parse(line) for line in stored_vkeys(connection)]
    except BadNote as reason:
        raise Tampered(0, f"a public key in the store: {reason}") from None
    if table and not keys:
        raise Tampered(0, "the store no longer says which keys signed its checkpoints")
    heads = {row.size: row for row in table}

    def feed_all(walk: Walk) -> None:
        details = _Details(connection)
        walk.at_head = lambda: _check_head(walk.frontier, heads)
        for part in parts(connection):
            walk.feed(part.leaves)  # a head among them speaks of earlier events than the bad one
            if part.problem:
                raise Tampered(walk.frontier.size, part.problem)
            details.check(part)
            _check_nodes(connection, walk.frontier)
        details.finish()
        _check_counts(connection, walk.frontier.size)

    return _Source([(row.size, row.note) for row in table], keys, feed_all)


def _check_head(frontier: Frontier, heads: Mapping[int, Any]) -> None:
    """What a checkpoint row repeats in columns is what its note signs; an outside checkpoint has no row."""
    head = heads.get(frontier.size)
    if head is not None and (head.root, head.frontier) != (frontier.root().hex(), frontier.to_bytes()):
        raise Tampered(frontier.size - 1, f"the row of checkpoint {head.size} does not say what was signed")


def _check_nodes(connection: Connection, frontier: Frontier) -> None:
    for height, position, expected in frontier.tiles:
        where = (audit_node.c.height == height, audit_node.c.position == position)
        if connection.execute(select(audit_node.c.hash).where(*where)).scalar() != expected:
            raise Tampered(
                position << height, f"the stored hash of height {height} at {position} is not that of its events"
            )
    frontier.tiles.clear()


def _check_counts(connection: Connection, size: int) -> None:
    """Rows that belong to no event: an index or a node that somebody added."""
    extra = connection.execute(
        select(func.min(audit_event_index.c.seq)).where(audit_event_index.c.seq >= size)
    ).scalar()
    below = connection.execute(select(func.min(audit_event_index.c.seq))).scalar()
    if extra is not None or (below is not None and below < 0):
        raise Tampered(size, "the index names events that are not in the log")
    nodes = connection.execute(select(func.count()).select_from(audit_node)).scalar_one()
    if nodes != sum(size >> height for height in range(8, 64, 8)):
        raise Tampered(size, "there are stored hashes that belong to no event")


class _Details:
    """Every erasable detail is there and unchanged, or an erasure in the log names it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._missing: dict[str, int] = {}
        self._erased: set[str] = set()

    def check(self, part: Part) -> None:
        bound = dict(part.details)
        self._erased |= part.erased
        if not bound:
            return
        query = event_detail.select().where(event_detail.c.detail_commit.in_(list(bound)))
        for row in self._connection.execute(query):
            seq = bound.pop(row.detail_commit)
            if commitment(row.salt, row.detail) != row.detail_commit:
                raise Tampered(seq, f"the detail of event {seq} is not the one that was sealed")
        self._missing |= bound

    def finish(self) -> None:
        lost = [seq for commit, seq in self._missing.items() if commit not in self._erased]
        if lost:
            raise Tampered(min(lost), f"the detail of event {min(lost)} is gone, and no erasure in the log names it")
