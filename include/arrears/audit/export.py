"""Hand the log of a run to somebody who trusts neither the store nor us."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, Engine, func, select

from arrears.audit.bundle import CHECKPOINTS, EVENTS, LEAVES, MANIFEST, PACKETS, POLICY, VKEY, RunContents
from arrears.audit.log import covering_checkpoint, rows, stored_vkeys
from arrears.core.errors import BadArguments, CannotTell
from arrears.core.keys import sha256
from arrears.core.progress import tell
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_checkpoint, audit_event_index
from arrears.store.tables.runs import policy_text

ReadManifest = Callable[[str], bytes | None]
"""Returns the manifest of a packet, or None when it was erased."""


def export_bundle(engine: Engine, run_id: str, out: Path, read_manifest: ReadManifest) -> Path:
    """Write the bundle of a run into the empty or new folder ``out`` and return it; see ``arrears.audit.bundle``.

    Raises:
        BadArguments: the folder holds something already.
        CannotTell: the run has no sealed events, or a policy text they name is not in the store.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadArguments(f"{out} holds something already: name a new folder")
    with reading(engine) as connection:
        last = connection.execute(
            select(func.max(audit_event_index.c.seq)).where(audit_event_index.c.run_id == run_id)
        ).scalar()
        head = None if last is None else covering_checkpoint(connection, last)
        if head is None:
            raise CannotTell(f"run {run_id} has no sealed events: see arrears verify, or seal it first")
        out.mkdir(parents=True, exist_ok=True)
        contents = RunContents(run_id)
        with (out / EVENTS).open("wb") as events, (out / LEAVES).open("wb") as leaves:
            _write_log(connection, head.size, contents, events, leaves)
        _write_heads(connection, head.size, out)
        _write_policies(connection, contents, out)
        _write_packets(contents, out, read_manifest)
        (out / MANIFEST).write_bytes(contents.manifest(head.size, head.root))
    return out


def _write_log(connection: Connection, size: int, contents: RunContents, events: BinaryIO, leaves: BinaryIO) -> None:
    for chunk in rows(connection, 0, size):
        events.writelines(body + b"\n" for _seq, _leaf, body in chunk)
        leaves.writelines(leaf.hex().encode() + b"\n" for _seq, leaf, _body in chunk)
        for seq, _leaf, body in chunk:
            contents.add(seq, body)
        tell(chunk[-1][0] + 1, size, "events")


def _write_heads(connection: Connection, size: int, out: Path) -> None:
    folder = out / CHECKPOINTS
    folder.mkdir()
    for row in connection.execute(audit_checkpoint.select().where(audit_checkpoint.c.size <= size)):
        (folder / f"{row.size}.txt").write_bytes(row.note.encode())
    (out / VKEY).write_bytes("".join(f"{line}\n" for line in stored_vkeys(connection, size)).encode())


def _write_policies(connection: Connection, contents: RunContents, out: Path) -> None:
    folder = out / POLICY
    folder.mkdir()
    for name in sorted(contents.policies):
        body = connection.execute(select(policy_text.c.body).where(policy_text.c.policy_sha256 == name)).scalar()
        if body is None or sha256(body.encode()) != name:
            raise CannotTell(f"the policy text {name[:12]}… that run {contents.run_id} names is not in the store")
        (folder / f"{name}.json").write_bytes(body.encode())


def _write_packets(contents: RunContents, out: Path, read_manifest: ReadManifest) -> None:
    for name, packet_id in sorted(contents.packets.items()):
        body = read_manifest(packet_id)
        if body is None:
            continue
        if sha256(body) != name:
            raise CannotTell(
                f"the manifest of packet {packet_id[:12]}… is not the one that run {contents.run_id} names"
            )
        (out / PACKETS).mkdir(exist_ok=True)
        (out / PACKETS / f"{name}.json").write_bytes(body)
