"""A receipt for one account's decision: a C2SP tlog-proof that verifies offline, with the event itself in it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine, select

from arrears.audit.checkpoint import DECIMAL, BadNote, PublicKey, decode, open_note, parse_checkpoint
from arrears.audit.log import StoredTree, covering_checkpoint, parse
from arrears.audit.merkle import inclusion_proof, leaf_hash, verify_inclusion
from arrears.audit.verdict import Verdict
from arrears.core.errors import CannotTell
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_event, audit_event_index

HEADER = "c2sp.org/tlog-proof@v1"
DECISION = "account.staged"


def write_receipt(engine: Engine, subject_ref: str, business_date: date, type: str = DECISION) -> str:
    """Return the proof of the newest decision of a subject on a date, under the checkpoint published with it.

    Raises:
        CannotTell: no sealed decision of that day, or the log cannot prove it: run verify.
    """
    index = audit_event_index.c
    of_the_day = select(index.seq, index.type).where(
        index.subject_ref == subject_ref, index.business_date == business_date
    )  # its few events, the type compared here: with it SQLite would walk through all decisions of the day
    with reading(engine) as connection:
        seq = max((seq for seq, kind in connection.execute(of_the_day) if kind == type), default=None)
        head = None if seq is None else covering_checkpoint(connection, seq)
        if seq is None or head is None:
            raise CannotTell(f"no sealed {type} on {business_date}: was the day run and sealed?")
        row = connection.execute(audit_event.select().where(audit_event.c.seq == seq)).one()
        try:
            proof = inclusion_proof(seq, head.size, StoredTree(connection).subtree)
        except LookupError as missing:
            raise CannotTell(f"the log cannot prove event {seq} ({missing}): run arrears verify") from None
    if not verify_inclusion(leaf_hash(row.body), seq, head.size, bytes.fromhex(head.root), proof):
        raise CannotTell(f"the log cannot prove event {seq}: run arrears verify")
    hashes = "".join(f"{base64.b64encode(node).decode()}\n" for node in proof)
    return f"{HEADER}\nextra {base64.b64encode(row.body).decode()}\nindex {seq}\n{hashes}\n{head.note}"


def verify_receipt(receipt: str, vkeys: Sequence[str]) -> Verdict:
    """Say whether the event in a receipt stood in the log under a checkpoint signed with one of the public keys."""
    try:
        keys = [PublicKey.parse(line) for line in vkeys]
    except BadNote as reason:
        return Verdict("cannot_tell", f"the public key: {reason}")
    if "\ufffd" in receipt and not receipt.startswith(HEADER):
        return Verdict("cannot_tell", "it is neither a receipt nor an unpacked bundle")
    try:
        parts = _read(receipt)
        head = parse_checkpoint(open_note(parts.note, keys))
    except BadNote as reason:
        return Verdict("tampered", f"the receipt is not one of this log: {reason}")
    if not verify_inclusion(leaf_hash(parts.body), parts.seq, head.size, head.root, parts.proof):
        return Verdict("tampered", f"event {parts.seq} is not in the log that was signed", parts.seq)
    said = f"event {parts.seq} stands in the log of {head.size} events, {head.origin}"
    return Verdict("intact", said, None, head.size, head.root.hex())


def receipt_event(receipt: str) -> dict[str, Any]:
    """Return the event that a receipt carries; verify the receipt before believing it.

    Raises:
        CannotTell: not a receipt.
    """
    try:
        return parse(_read(receipt).body)
    except ValueError as reason:
        raise CannotTell(f"not a receipt: {reason}") from None


@dataclass(frozen=True)
class _Parts:
    body: bytes
    seq: int
    proof: list[bytes]
    note: str


def _read(receipt: str) -> _Parts:
    proof, _, note = receipt.partition("\n\n")
    lines = proof.split("\n")
    if len(lines) < 3 or lines[0] != HEADER or not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        raise BadNote(f"a receipt begins with {HEADER}, the event and its index")
    number = lines[2].removeprefix("index ")
    if not DECIMAL.fullmatch(number):
        raise BadNote("the index is a number")
    return _Parts(decode(lines[1].removeprefix("extra ")), int(number), [decode(line) for line in lines[3:]], note)
