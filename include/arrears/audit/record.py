"""Write audit events in the transaction of the change they tell of; the sealer orders and signs them later."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.metadata import version
from typing import Any

import orjson
from sqlalchemy import Connection

from arrears.audit.merkle import leaf_hash
from arrears.core.clock import utc_text
from arrears.core.entropy import refuse_foretold
from arrears.core.keys import canonical
from arrears.core.runtime import Runtime
from arrears.store.bulk import insert_all
from arrears.store.tables.audit import audit_pending, event_detail

SCHEMA = 1
SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: integers, text and lists in ``data``, nothing about people.

    ``key`` is the natural key of the thing, ``causes`` are the keys of what led to it. ``detail`` is the erasable
    part: it is kept beside the log and only its salted hash is sealed.
    """

    type: str
    key: str
    business_date: date | None
    subject_ref: str | None = None
    action_id: str | None = None
    actor: str = "system"
    data: Mapping[str, Any] = field(default_factory=dict)
    causes: Sequence[str] = ()
    policy_sha256: str | None = None
    ledger: Mapping[str, Any] | None = None
    detail: Mapping[str, Any] | None = None


def record(
    connection: Connection,
    rt: Runtime,
    *,
    run_id: str,
    type: str,
    key: str,
    business_date: date | None,
    subject_ref: str | None = None,
    action_id: str | None = None,
    actor: str = "system",
    data: Mapping[str, Any] | None = None,
    causes: Sequence[str] = (),
    policy_sha256: str | None = None,
    ledger: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one event into the caller's transaction: it stands or falls with the change.

    Raises:
        TypeError: a float in ``data``; amounts are integers of minor units.
        ValueError: an empty type or key.
    """
    event = Event(
        type, key, business_date, subject_ref, action_id, actor, data or {}, causes, policy_sha256, ledger, detail
    )
    record_many(connection, rt, run_id=run_id, events=[event])


def record_many(connection: Connection, rt: Runtime, *, run_id: str, events: Iterable[Event]) -> int:
    """Write many events into the caller's transaction, streaming, and return how many.

    Raises:
        BadArguments: seeded entropy in a live store.
        TypeError: a float in ``data``.
        ValueError: an empty type or key.
    """
    return insert_all(connection, audit_pending, _pending(connection, rt, run_id, events))


def _pending(connection: Connection, rt: Runtime, run_id: str, events: Iterable[Event]) -> Iterator[dict[str, Any]]:
    common = common_fields(rt, run_id)
    at = common["at"]
    for event in events:
        if not event.type or not event.key:
            raise ValueError("an audit event has a type and a key")
        commit = _keep_detail(connection, rt, event)
        body = canonical(common | own_fields(event, commit))
        yield {
            "run_id": run_id,
            "type": event.type,
            "natural_key": event.key,
            "at": at,
            "leaf": leaf_hash(body),
            "body": body,
            "subject_ref": event.subject_ref,
            "action_id": event.action_id,
            "business_date": event.business_date,
        }


def common_fields(rt: Runtime, run_id: str) -> dict[str, Any]:
    """Return what every event of an attempt says about when and by what it was written."""
    refuse_foretold(rt.settings.mode, rt.entropy)
    return {
        "v": SCHEMA,
        "at": utc_text(rt.clock.now()),
        "run_id": run_id,
        "run_key": orjson.Fragment(canonical(rt.attempt.as_dict())),  # the same bytes in a million events
        "code": orjson.Fragment(canonical({"version": package_version(), "id": rt.settings.code_id})),
    }


def own_fields(event: Event, detail_commit: str | None) -> dict[str, Any]:
    """Return the fields of an event's body that are its own."""
    return {
        "type": event.type,
        "key": event.key,
        "actor": event.actor,
        "business_date": event.business_date.isoformat() if event.business_date else None,
        "subject_ref": event.subject_ref,
        "action_id": event.action_id,
        "causes": list(event.causes),
        "policy_sha256": event.policy_sha256,
        "ledger": dict(event.ledger) if event.ledger is not None else None,
        "data": dict(event.data),
        "detail_commit": detail_commit,
    }


def _keep_detail(connection: Connection, rt: Runtime, event: Event) -> str | None:
    if event.detail is None:
        return None
    salt, detail = rt.entropy.take(SALT_BYTES), canonical(event.detail)
    commit = commitment(salt, detail)
    row = {"detail_commit": commit, "subject_ref": event.subject_ref, "salt": salt, "detail": detail}
    connection.execute(event_detail.insert(), row)
    return commit


def commitment(salt: bytes, detail: bytes) -> str:
    """Return the salted SHA-256 that binds an erasable detail to its event, 64 hex digits."""
    return hashlib.sha256(salt + detail).hexdigest()


@cache
def package_version() -> str:
    """Return the installed version of Arrears."""
    return version("arrears")
