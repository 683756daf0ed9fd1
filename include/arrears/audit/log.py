"""Read the sealed log: events in order, checkpoints, and any subtree from a few hundred stored hashes."""

from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from arrears.audit.merkle import TILE, TILE_HEIGHT, Frontier
from arrears.store.bulk import raw_of
from arrears.store.tables.audit import audit_checkpoint, audit_event, audit_key, audit_node

CHUNK = 5_000
ALL = 1 << 62


def rows(connection: Connection, start: int, stop: int) -> Iterator[list[tuple[Any, ...]]]:
    """Yield (seq, leaf, body) of the events ``[start, stop)`` in chunks; gaps are left as they are.

    Straight from the driver: a million rows have no time for a row object each.
    """
    query = select(*audit_event.c)
    cursor = raw_of(connection).cursor()
    try:
        while start < stop:
            page = query.where(audit_event.c.seq >= start, audit_event.c.seq < stop).order_by(audit_event.c.seq)
            cursor.execute(str(page.limit(CHUNK).compile(connection, compile_kwargs={"literal_binds": True})))
            chunk: list[tuple[Any, ...]] = list(cursor.fetchall())
            if not chunk:
                return
            yield chunk
            start = chunk[-1][0] + 1
    finally:
        cursor.close()


def parse(body: bytes) -> dict[str, Any]:
    """Return the event of its bytes.

    Raises:
        ValueError: not a JSON object.
    """
    event = orjson.loads(body)
    if not isinstance(event, dict):
        raise ValueError("not an event")
    return event


def last_checkpoint(connection: Connection) -> Row[Any] | None:
    """Return the newest checkpoint row, or None when nothing was ever sealed."""
    return connection.execute(audit_checkpoint.select().order_by(audit_checkpoint.c.size.desc()).limit(1)).first()


def covering_checkpoint(connection: Connection, seq: int) -> Row[Any] | None:
    """Return the first checkpoint that covers an event: the one that was published with it."""
    later = audit_checkpoint.select().where(audit_checkpoint.c.size > seq)
    return connection.execute(later.order_by(audit_checkpoint.c.size).limit(1)).first()


def stored_vkeys(connection: Connection, size: int = ALL) -> list[str]:
    """Return the public key lines that have signed a log of ``size`` events, as the store says, oldest first."""
    query = select(audit_key.c.vkey).where(audit_key.c.since_size < size)
    return list(connection.execute(query.order_by(audit_key.c.since_size, audit_key.c.vkey)).scalars())


class StoredTree:
    """Subtree roots out of the stored nodes and, at the ragged edge, at most 255 leaves."""

    def __init__(self, connection: Connection) -> None:
        """Read through this connection."""
        self._connection = connection
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def subtree(self, start: int, stop: int) -> bytes:
        """Return the root over the sealed leaves ``[start, stop)``, where ``start`` begins a subtree of RFC 6962.

        Raises:
            LookupError: a stored node or leaf is missing.
        """
        frontier = Frontier()
        highest = ((stop - start).bit_length() - 1) // TILE_HEIGHT * TILE_HEIGHT
        for height in range(highest, -1, -TILE_HEIGHT):
            first, last = (start + frontier.size) >> height, stop >> height
            if first < last:
                for node in self._nodes(height, first, last):
                    frontier.append(node, height)
        return frontier.root()

    def _nodes(self, height: int, first: int, last: int) -> list[bytes]:
        nodes: list[bytes] = []
        for tile in range(first // TILE, (last - 1) // TILE + 1):
            base = tile * TILE
            nodes += self._tile(height, tile)[max(first - base, 0) : last - base]
        if len(nodes) != last - first:
            raise LookupError(f"hashes of height {height} are missing between {first} and {last}")
        return nodes

    def _tile(self, height: int, tile: int) -> list[bytes]:
        """Return up to 256 neighbouring hashes, read once: the subtrees of one proof lie in the same few tiles."""
        known = self._tiles.get((height, tile))
        if known is None:
            table = (
                (audit_event.c.seq, audit_event.c.leaf) if height == 0 else (audit_node.c.position, audit_node.c.hash)
            )
            place, base = table[0], tile * TILE
            query = select(*table).where(place >= base, place < base + TILE).order_by(place)
            query = query if height == 0 else query.where(audit_node.c.height == height)
            rows = self._connection.execute(query).all()
            known = [node for at, (position, node) in enumerate(rows) if position == base + at]
            self._tiles[height, tile] = known
        return known
