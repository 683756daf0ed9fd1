"""Change the signing key: by the old one while it exists, by people who attest the new one when it is lost."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from arrears.approvals.questions import request
from arrears.audit.chain import REPLACED, ROTATED, replaced, rotated
from arrears.audit.checkpoint import PublicKey, Signer, key_file, load_key
from arrears.audit.log import stored_vkeys
from arrears.audit.record import record
from arrears.audit.seal import seal, seal_handover
from arrears.audit.succession import draft, finish_change, is_lost
from arrears.core.clock import local_date
from arrears.core.errors import BadArguments, PermanentFailure
from arrears.core.keys import digest, natural_key
from arrears.core.runtime import Runtime
from arrears.steps.world import policy_of, store_of
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import audit_key
from arrears.store.tables.feeds import delivery
from arrears.store.tables.repossession import approval, approval_vote

KIND = "attestation"
LIVE = ("open", "approved")


@dataclass(frozen=True)
class Changed:
    """The public line of the key that signs from now on, and how large the log was sealed with it."""

    vkey: str
    size: int


def rotate(rt: Runtime, by: str) -> Changed:
    """Let the signing key hand over to a new one; what waits is sealed with the old key first.

    Raises:
        BadArguments: nothing was ever sealed.
        PermanentFailure: there is no signing key to hand over.
    """
    engine = store_of(rt)
    sealed = seal(rt, engine)
    old = load_key(rt.settings)
    if sealed.size == 0:
        raise BadArguments("nothing was sealed with this key yet: there is nothing to hand over")
    if old is None:
        raise PermanentFailure("there is no signing key to hand over: `arrears keys replace` puts one in its place")
    new = draft(rt.settings, rt.entropy, old.name)
    data = rotated(old, new)
    return _take_over(rt, engine, new, ROTATED, by, data, old.public.vkey)


def replace_lost(rt: Runtime, by: str) -> tuple[str, Changed | None]:
    """Ask people to attest a key in the place of a lost one, or put it there once they have; return the approval's id.

    Raises:
        BadArguments: there is a key, or the log never had one.
    """
    engine = store_of(rt)
    if key_file(rt.settings).exists():
        raise BadArguments("there is a signing key: change it with `arrears keys rotate`")
    with reading(engine) as connection:
        known = stored_vkeys(connection)
    if not known:
        raise BadArguments("nothing was ever sealed here: `arrears init` makes the first key")
    new = draft(rt.settings, rt.entropy, PublicKey.parse(known[-1]).name)
    with writing(engine) as connection:
        row = _asked(connection, new)
        if row is None:
            request(connection, rt, run_id=rt.attempt.run_id, kind=KIND, subject_key=_subject(new),
                    facts_sha256=digest([known[-1], new.public.vkey]), business_date=_today(rt))  # fmt: skip
            row = _asked(connection, new)
    if row is None or row.state == "open":
        return ("" if row is None else row.approval_id), None
    return row.approval_id, carry_out(rt, row, by)


def attested(rt: Runtime, approval_id: str) -> Row[Any] | None:
    """Return the approval if it is one that attests the key which waits here for a lost one."""
    if not is_lost(rt.settings):
        return None
    query = select(approval).where(
        approval.c.approval_id == approval_id, approval.c.kind == KIND, approval.c.state == "approved",
        approval.c.subject_key.not_in(select(delivery.c.delivery_id)), approval.c.account_id.is_(None),
    )  # fmt: skip
    with reading(store_of(rt)) as connection:
        return connection.execute(query).one_or_none()


def carry_out(rt: Runtime, row: Row[Any], by: str) -> Changed:
    """Put the attested key in the place of the lost one and seal what has waited for it.

    Raises:
        BadArguments: another key was attested than the one that waits here.
    """
    engine = store_of(rt)
    with reading(engine) as connection:
        old = stored_vkeys(connection)[-1]
        query = select(approval_vote.c.staff_id).where(approval_vote.c.approval_id == row.approval_id)
        people = list(connection.execute(query.order_by(approval_vote.c.staff_id)).scalars())
    new = draft(rt.settings, rt.entropy, PublicKey.parse(old).name)
    if row.facts_sha256 != digest([old, new.public.vkey]):
        raise BadArguments(f"approval {row.approval_id[:12]} attests another key than the one that waits here")
    data = replaced(old, new, people, row.approval_id)
    return _take_over(rt, engine, new, REPLACED, by, data, old, row.approval_id)


def _take_over(
    rt: Runtime, engine: Engine, new: Signer, kind: str, by: str, data: dict[str, Any], old: str, asked: str = ""
) -> Changed:
    def tell(connection: Connection) -> None:
        record(connection, rt, run_id=rt.attempt.run_id, type=kind, key=natural_key(old, new.public.vkey),
               business_date=_today(rt), actor=by, data=data, causes=[asked] if asked else [])  # fmt: skip
        connection.execute(update(approval).where(approval.c.approval_id == asked).values(state="used"))

    sealed = seal_handover(rt, engine, new, tell)
    finish_change(rt.settings, new.public.vkey)
    return Changed(new.public.vkey, sealed.size)


def list_keys(rt: Runtime) -> list[dict[str, Any]]:
    """Return the public keys of the log, oldest first, and whether the key in force is here to sign."""
    with reading(store_of(rt)) as connection:
        rows = connection.execute(audit_key.select().order_by(audit_key.c.since_size, audit_key.c.vkey)).all()
    signer = load_key(rt.settings)
    here = signer.public.vkey if signer else None
    return [{"vkey": row.vkey, "since_size": row.since_size, "created_at": row.created_at, "is_here": row.vkey == here}
            for row in rows]  # fmt: skip


def _asked(connection: Connection, new: Signer) -> Row[Any] | None:
    same = (approval.c.kind == KIND, approval.c.subject_key == _subject(new), approval.c.state.in_(LIVE))
    return connection.execute(select(approval).where(*same)).one_or_none()


def _subject(new: Signer) -> str:
    return digest(new.public.vkey)


def _today(rt: Runtime) -> date:
    return local_date(rt.clock.now(), policy_of(rt.settings).time_zone)
