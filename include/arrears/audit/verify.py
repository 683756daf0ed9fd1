"""Ask whether anybody changed the record: the log in the store, or an exported bundle without any store."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DatabaseError

from arrears.audit.bundle import read_bundle
from arrears.audit.chain import Handover, check_signers, check_trust, follow, refuse_strangers
from arrears.audit.checkpoint import BadNote, PublicKey
from arrears.audit.details import Details
from arrears.audit.log import stored_vkeys
from arrears.audit.merkle import Frontier
from arrears.audit.parts import parts
from arrears.audit.verdict import Outside, Tampered, Unsure, Verdict, Walk, conclude, open_heads, read_outside
from arrears.core.settings import Settings
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_checkpoint, audit_event_index, audit_key, audit_node

Notes = Sequence[tuple[int, str]]
"""Checkpoints as (size, signed note)."""


def verify_store(
    engine: Engine, against: str | None = None, vkeys: Sequence[str] | None = None, kept: Notes = ()
) -> Verdict:
    """Recompute the whole log of a store: events, index columns, tree, signatures and erasable details.

    ``against`` is the text of a checkpoint kept outside; only such a one finds a log that its own key holder rewrote
    or set back. ``vkeys`` are public key lines kept outside the database; without them the store's own are believed.
    ``kept`` are the checkpoint files beside the store: one that the store no longer has was taken out of it.
    """
    try:
        with reading(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return _judge(lambda: _open_store(connection), against, vkeys, kept)
    except DatabaseError as reason:
        return Verdict("cannot_tell", f"the store cannot be read: {reason.orig}")


def kept_beside(settings: Settings) -> list[tuple[int, str]]:
    """Return the checkpoint files beside the store; what is no text is left for verification to refuse."""
    paths = sorted((settings.home / "checkpoints").glob("*.txt"))
    return [(int(path.stem), path.read_bytes().decode(errors="replace")) for path in paths if path.stem.isdecimal()]


def verify_bundle(path: Path, against: str | None = None, vkeys: Sequence[str] | None = None) -> Verdict:
    """Recompute an exported bundle; needs neither the store nor Airflow. Arguments as for ``verify_store``."""

    def open_bundle() -> "_Source":
        bundle = read_bundle(path)
        return _Source(bundle.notes, bundle.keys, bundle.walk)

    return _judge(open_bundle, against, vkeys, ())


class _Source:
    """A log to verify: its signed heads, the keys it names, and how to walk it."""

    def __init__(self, notes: Notes, keys: list[PublicKey], feed_all: Callable[[Walk], list[Handover]]) -> None:
        self.notes, self.keys, self.feed_all = notes, keys, feed_all


def _judge(opened: Callable[[], _Source], against: str | None, vkeys: Sequence[str] | None, kept: Notes) -> Verdict:
    try:
        source = opened()
        trusted = None if vkeys is None else _parse(vkeys)
        if trusted is not None:
            refuse_strangers(source.keys, trusted)
        outside, unusable = _outside(against, [*source.keys, *(trusted or [])])
        heads = open_heads(source.notes, source.keys)
        walk = Walk(heads, outside)
        handovers = source.feed_all(walk)
        _check_kept(kept, source.notes)
        verdict = conclude(walk, heads, outside)
        reigns = follow(source.keys, handovers)
        check_signers(reigns, source.notes)
        if trusted is not None:
            check_trust(reigns, trusted)
    except Tampered as found:
        return Verdict("tampered", f"first bad event {found.seq}: {found}", found.seq)
    except Unsure as reason:
        return Verdict("cannot_tell", str(reason))
    return Verdict("cannot_tell", unusable, None, verdict.size, verdict.root) if unusable else verdict


def _parse(vkeys: Sequence[str]) -> list[PublicKey]:
    try:
        return [PublicKey.parse(line) for line in vkeys]
    except BadNote as reason:
        raise Unsure(f"the given public key: {reason}") from None


def _outside(against: str | None, keys: list[PublicKey]) -> tuple[Outside | None, str]:
    """An unusable outside checkpoint must not hide what the log alone already shows."""
    if against is None:
        return None, ""
    try:
        return read_outside(against, keys), ""
    except Unsure as reason:
        return None, str(reason)


def _check_kept(kept: Notes, notes: Notes) -> None:
    stored = dict(notes)
    for size, note in sorted(kept):
        if stored.get(size) != note:
            before = max((head for head in stored if head < size), default=0)
            raise Tampered(
                before, f"the file checkpoints/{size}.txt is not a checkpoint of this store: it was taken out of it, "
                "changed, or the store was set back")  # fmt: skip


def _open_store(connection: Connection) -> _Source:
    table = connection.execute(audit_checkpoint.select().order_by(audit_checkpoint.c.size)).all()
    try:
        keys = [PublicKey.parse(line) for line in stored_vkeys(connection)]
    except BadNote as reason:
        raise Tampered(0, f"a public key in the store: {reason}") from None
    if table and not keys:
        raise Tampered(0, "the store no longer says which keys signed its checkpoints")
    heads = {row.size: row for row in table}
    since = list(connection.execute(select(audit_key.c.since_size).order_by(audit_key.c.since_size)).scalars())

    def feed_all(walk: Walk) -> list[Handover]:
        details, handovers = Details(connection), []
        walk.at_head = lambda: _check_head(walk.frontier, heads)
        for part, told in parts(connection):
            walk.feed(part.leaves)  # a head among them speaks of earlier events than the bad one
            if part.problem:
                raise Tampered(walk.frontier.size, part.problem)
            details.check(part, told)
            handovers += told.handovers
            _check_nodes(connection, walk.frontier)
        details.finish(walk.frontier.size)
        walk.left_out = "" if details.readable else "; the texts of details were not compared: no right to read them"
        _check_counts(connection, walk.frontier.size)
        _check_runs(connection)
        _check_since(since, handovers, list(heads))
        return handovers

    return _Source([(row.size, row.note) for row in table], keys, feed_all)


def _check_head(frontier: Frontier, heads: Mapping[int, Any]) -> None:
    """What a checkpoint row repeats in columns is what its note signs; an outside checkpoint has no row."""
    head = heads.get(frontier.size)
    if head is not None and (head.root, head.frontier) != (frontier.root().hex(), frontier.to_bytes()):
        raise Tampered(frontier.size - 1, f"the row of checkpoint {head.size} does not say what was signed")


def _check_nodes(connection: Connection, frontier: Frontier) -> None:
    """Compare the subtree roots that closed since the last look with the stored ones."""
    stored: dict[tuple[int, int], bytes] = {}
    for height in {height for height, _position, _node in frontier.tiles}:
        places = [position for tall, position, _node in frontier.tiles if tall == height]
        span = audit_node.c.position.between(places[0], places[-1])
        query = select(audit_node.c.position, audit_node.c.hash).where(audit_node.c.height == height, span)
        stored |= {(height, position): node for position, node in connection.execute(query)}
    for height, position, expected in frontier.tiles:
        if stored.get((height, position)) != expected:
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


def _check_runs(connection: Connection) -> None:
    """A checkpoint stands under the run of the last event that it covers."""
    index = audit_event_index.c
    query = (
        select(func.min(audit_checkpoint.c.size))
        .join(audit_event_index, index.seq == audit_checkpoint.c.size - 1)
        .where(index.run_id != audit_checkpoint.c.run_id)
    )
    size = connection.execute(query).scalar()
    if size is not None:
        raise Tampered(size - 1, f"the row of checkpoint {size} names another run than its last event")


def _check_since(since: Sequence[int], handovers: Sequence[Handover], sizes: Sequence[int]) -> None:
    """A key signs from the checkpoint on that covers the event which introduces it."""
    expected = [max((size for size in sizes if size <= handover.seq), default=0) for handover in handovers]
    if since and len(since) == 1 + len(handovers) and list(since) != [0, *expected]:
        raise Tampered(0, "the store does not say of a key from where on it signs")
