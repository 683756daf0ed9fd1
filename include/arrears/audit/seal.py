"""The one sealer: moves waiting events into the log in a fixed order, proves it only grew, and signs its head."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, text

from arrears.audit.checkpoint import (
    BadNote,
    Checkpoint,
    PublicKey,
    Signer,
    ensure_key,
    load_key,
    open_note,
    parse_checkpoint,
    write_once,
)
from arrears.audit.log import StoredTree, last_checkpoint, stored_vkeys
from arrears.audit.merkle import EMPTY_ROOT, Frontier, consistency_proof, verify_consistency
from arrears.audit.move import move
from arrears.audit.succession import finish_change
from arrears.core.clock import utc_text
from arrears.core.entropy import refuse_foretold
from arrears.core.errors import Finding, PermanentFailure
from arrears.core.runtime import Runtime
from arrears.store.engine import writing
from arrears.store.tables.audit import audit_checkpoint, audit_event, audit_key, audit_pending

SEALER_LOCK = 0x41525245
"""Any number, the same for every sealer of a PostgreSQL store."""


@dataclass(frozen=True)
class Sealed:
    """The head of the log after sealing; ``added`` is how many events this call moved."""

    size: int
    root: str
    checkpoint: str
    added: int


def seal(rt: Runtime, engine: Engine) -> Sealed:
    """Seal every waiting event, in one transaction: run, type, natural key decide the order, never the arrival.

    Nothing waiting returns the last head and signs nothing; a second sealer waits for the first. The checkpoint is
    also written to ``<home>/checkpoints/<size>.txt``.

    Raises:
        Finding: the log no longer agrees with its last checkpoint; nothing is signed over a broken log.
        PermanentFailure: no signing key, or one this log does not know.
    """
    return _seal_with(rt, engine, None)


def seal_handover(rt: Runtime, engine: Engine, successor: Signer, tell: Callable[[Connection], None]) -> Sealed:
    """Seal with the key that takes over: ``tell`` writes the event that says so, in the same transaction.

    Raises:
        Finding: the log no longer agrees with its last checkpoint.
    """

    def change(connection: Connection) -> Signer:
        tell(connection)
        return successor

    return _seal_with(rt, engine, change)


def _seal_with(rt: Runtime, engine: Engine, change: Callable[[Connection], Signer] | None) -> Sealed:
    folder = rt.settings.home / "checkpoints"
    with writing(engine) as connection:
        _one_at_a_time(connection)
        last = last_checkpoint(connection)
        _refuse_rollback(folder, last)
        successor = change(connection) if change else None
        sealed = _seal_waiting(connection, rt, last, successor)
    if sealed.checkpoint:  # also after an earlier seal that was interrupted before it could
        write_once(folder / f"{sealed.size}.txt", sealed.checkpoint)
    return sealed


def _seal_waiting(connection: Connection, rt: Runtime, last: Row[Any] | None, successor: Signer | None) -> Sealed:
    waiting = connection.execute(select(audit_pending.c.id).limit(1)).first()
    if waiting is None:
        return Sealed(last.size, last.root, last.note, 0) if last else Sealed(0, EMPTY_ROOT.hex(), "", 0)
    signer = successor or _signer(connection, rt, is_new=last is None)
    frontier = _trusted_frontier(connection, last)
    old_size = frontier.size
    run_id = move(connection, frontier)
    _prove_growth(connection, last, frontier)
    head = Checkpoint(signer.name, frontier.size, frontier.root())
    note = signer.sign(head.text())
    created_at = utc_text(rt.clock.now())
    if signer.public.vkey not in stored_vkeys(connection):
        row = {"vkey": signer.public.vkey, "since_size": old_size, "created_at": created_at}
        connection.execute(audit_key.insert(), row)
    row = {"size": head.size, "root": head.root.hex(), "note": note, "frontier": frontier.to_bytes()}
    connection.execute(audit_checkpoint.insert(), row | {"run_id": run_id, "created_at": created_at})
    return Sealed(head.size, head.root.hex(), note, head.size - old_size)


def _one_at_a_time(connection: Connection) -> None:
    """SQLite's write transaction already excludes every other writer."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": SEALER_LOCK})


def _signer(connection: Connection, rt: Runtime, *, is_new: bool) -> Signer:
    """Return the key that is to sign: the newest one that the log knows, and no other."""
    refuse_foretold(rt.settings.mode, rt.entropy)
    known = stored_vkeys(connection)
    if known:
        finish_change(rt.settings, known[-1])
    signer = load_key(rt.settings)
    if signer is None and is_new and rt.settings.mode == "sandbox":
        signer = ensure_key(rt.settings, rt.entropy)
    if signer is None:
        raise PermanentFailure(
            "no signing key under ARREARS_HOME/keys: restore it from your backup, or, if it is lost for good, "
            "`arrears keys replace`; a new store gets one by `arrears init`"
        )
    if known and signer.public.vkey not in known:
        raise PermanentFailure("the signing key is not one this log knows: restore the key that signed it")
    if known and signer.public.vkey != known[-1]:
        raise PermanentFailure("the signing key was followed by another one: restore the newest from your backup")
    return signer


def _trusted_frontier(connection: Connection, last: Row[Any] | None) -> Frontier:
    """Return where the signed log ends, after checking that the store still ends there."""
    newest = connection.execute(select(func.max(audit_event.c.seq))).scalar()
    size = 0 if newest is None else newest + 1
    if size != (last.size if last else 0):
        raise Finding(f"the log holds {size} events, its last checkpoint says {last.size if last else 0}: run verify")
    if last is None:
        return Frontier()
    try:
        keys = [PublicKey.parse(line) for line in stored_vkeys(connection)]
        head = parse_checkpoint(open_note(last.note, keys))
        frontier = Frontier.from_bytes(last.size, last.frontier)
    except (BadNote, ValueError) as reason:
        raise Finding(f"checkpoint {last.size} cannot be trusted ({reason}): run verify") from None
    if (last.size, last.root) != (head.size, head.root.hex()) or frontier.root() != head.root:
        raise Finding(f"checkpoint {last.size} is not what was signed: run verify")
    return frontier


def _prove_growth(connection: Connection, last: Row[Any] | None, frontier: Frontier) -> None:
    """A log never signs a head that does not contain its previous one (C2SP tlog-checkpoint)."""
    if last is None:
        return
    try:
        proof = consistency_proof(last.size, frontier.size, StoredTree(connection).subtree)
    except LookupError as missing:
        raise Finding(f"the log cannot prove that it only grew: {missing}") from None
    if not verify_consistency(last.size, frontier.size, bytes.fromhex(last.root), frontier.root(), proof):
        raise Finding(f"the log no longer begins with its checkpoint {last.size}: nothing signed, run verify")


def _refuse_rollback(folder: Path, last: Row[Any] | None) -> None:
    """The checkpoint files are a first witness: a store older than them has been set back."""
    sizes = [int(path.stem) for path in folder.glob("*.txt") if path.stem.isdecimal()] if folder.is_dir() else []
    newest, size = max(sizes, default=0), last.size if last else 0
    if newest > size:
        raise Finding(
            f"{folder}/{newest}.txt is newer than the store, whose log ends at {size}: the store was set back; "
            "restore a newer copy, or keep that file and move it away if the loss is accepted"
        )
    if last and newest == size and (folder / f"{size}.txt").read_text(encoding="utf-8") != last.note:
        raise Finding(f"{folder}/{size}.txt is not the checkpoint in the store: run verify against that file")
