"""Canonical JSON and its hashes for whole columns: one template, and the texts between its holes written once."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from arrears.audit.merkle import leaf_hash
from arrears.audit.record import Event, common_fields, own_fields
from arrears.core.clock import utc_text
from arrears.core.keys import canonical
from arrears.core.runtime import Runtime
from arrears.store.columns import insert_columns, values_of
from arrears.store.tables.audit import audit_pending

SLICE = 16_384
"""Rows whose JSON stands in memory at a time."""

_HOLE = re.compile(rb'"\\u0001([^\\]+)\\u0001"')
_PLAIN = bytes(sorted(set(range(0x20, 0x7F)) - set(b'"\\')))
"""Letters that JSON writes as they are."""


def hole(name: str) -> str:
    """Return what stands in a template where the column ``name`` belongs."""
    return f"\x01{name}\x01"


def json_texts(values: pa.Array) -> pa.Array:
    """Return each value as JSON writes it; a float has no canonical form.

    Raises:
        TypeError: a column of floats.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        words = json_texts(values.dictionary).take(values.indices)
        return words.fill_null("null")
    if pa.types.is_integer(kind):
        return values.cast(pa.string()).fill_null("null")
    if pa.types.is_date(kind):
        return pc.binary_join_element_wise('"', values.cast(pa.string()), '"', "").fill_null("null")
    if not pa.types.is_string(kind):
        raise TypeError(f"a column of {kind} has no canonical form here: use integers, text or dates")
    if _is_plain(values):
        return pc.binary_join_element_wise('"', values, '"', "").fill_null("null")
    words = values.dictionary_encode()  # a branch in Chinese stands in thousands of rows
    written = pa.array([orjson.dumps(text).decode() for text in words.dictionary.to_pylist()], pa.string())
    return written.take(words.indices).fill_null("null")


def _is_plain(texts: pa.Array) -> bool:
    _, places, letters = texts.buffers()
    if letters is None:
        return True
    ends = np.frombuffer(places, dtype="<i4")[texts.offset : texts.offset + len(texts) + 1]
    own = letters.slice(int(ends[0]), int(ends[-1] - ends[0]))
    return not own.to_pybytes().translate(None, _PLAIN)


def words_of(values: pa.Array) -> pa.Array:
    """Return each value as Python's ``str`` writes it, nothing as ``None``."""
    return (values if pa.types.is_dictionary(values.type) else values.cast(pa.string())).fill_null("None")


def canonical_rows(template: Mapping[str, Any] | list[Any], columns: Mapping[str, pa.Array]) -> pa.Array:
    """Return the canonical JSON of every row: the template with its holes filled from the columns."""
    parts = _HOLE.split(canonical(template))
    if len(parts) == 1:
        raise ValueError("a template without a hole makes no rows")
    pieces: list[Any] = [parts[0].decode()]
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        values, after = columns[name.decode()], text.decode()
        if pa.types.is_string(values.type) and not values.null_count and _is_plain(values):
            pieces[-1] += '"'  # the quotes stand in the text around the column: one copy less of every cell
            pieces += [values, '"' + after]
        else:
            pieces += [json_texts(values), after]
    return pc.binary_join_element_wise(*pieces, "")


def row_digests(template: Mapping[str, Any] | list[Any], columns: Mapping[str, pa.Array]) -> pa.Array:
    """Return the SHA-256 of every row's canonical JSON, as ``core.keys.digest`` gives it for one."""
    count = len(next(iter(columns.values())))
    found: list[str] = []
    for start in range(0, count, SLICE):
        part = {name: values.slice(start, SLICE) for name, values in columns.items()}
        found += text_digests(canonical_rows(template, part))
    return pa.array(found, pa.string())


def text_digests(texts: pa.Array) -> list[str]:
    """Return the SHA-256 of every text's UTF-8 bytes as 64 hex digits."""
    sha256 = hashlib.sha256
    return [sha256(text).hexdigest() for text in values_of(texts.cast(pa.binary()))]


@dataclass(frozen=True)
class Events:
    """Many events of one kind and day: what differs is a column, by the name of its hole in the template."""

    template: Event
    columns: Mapping[str, pa.Array]


def record_columns(connection: Connection, rt: Runtime, *, run_id: str, events: Events) -> int:
    """Write many events of one kind into the caller's transaction: the bytes ``record_many`` would write.

    The template's ``key`` and ``subject_ref`` are holes of those names, and its ``action_id`` where it has one; it has
    no detail.
    """
    count = len(events.columns["key"])
    body = common_fields(rt, run_id) | own_fields(events.template, None)
    for start in range(0, count, SLICE):
        part = {name: values.slice(start, SLICE) for name, values in events.columns.items()}
        bodies = values_of(canonical_rows(body, part).cast(pa.binary()))
        insert_columns(connection, audit_pending, _pending(rt, run_id, events.template, part, bodies))
    return count


def _pending(
    rt: Runtime, run_id: str, template: Event, part: Mapping[str, pa.Array], bodies: list[bytes]
) -> pa.RecordBatch:
    count = len(bodies)
    on: date | None = template.business_date
    action = {"action_id": part["action_id"]} if template.action_id else {}
    return pa.RecordBatch.from_pydict({
        "run_id": pa.repeat(run_id, count), "type": pa.repeat(template.type, count),
        "natural_key": part["key"], "at": pa.repeat(utc_text(rt.clock.now()), count),
        "leaf": pa.array([leaf_hash(body) for body in bodies], pa.binary()), "body": pa.array(bodies, pa.binary()),
        "subject_ref": part["subject_ref"], "business_date": pa.array([on] * count, pa.date32()),
        **action,
    })  # fmt: skip
