"""The letters that today's work list calls for, as files: one for each contract and person, under its number."""

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select

from arrears.audit.record import Event, record_many
from arrears.core.errors import BadArguments, PermanentFailure
from arrears.core.keys import sha256
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.legal import case_file, frozen
from arrears.legal.letters import Letter, Said, letter_for, render_letter
from arrears.legal.readiness import assess
from arrears.store.engine import reading, writing
from arrears.store.tables.outreach import contact, item, work_item
from arrears.store.whole_files import write_whole

LOG = logging.getLogger(__name__)
BATCH = 100
LISTED = ("planned", "claimed", "sent")
KEEP = (
    work_item.update()
    .where(work_item.c.contact_id == bindparam("key"), work_item.c.erased_at.is_(None))
    .values(documents=bindparam("listed"))
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A letter that a contact calls for: to whom, about which contract, by which step."""

    contact_id: str
    party_id: str
    account_id: str
    step: str


Words = Mapping[tuple[str, str], Said]
"""What each letter says, by contact and contract."""


def write_letters(
    rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy, said: Words
) -> dict[str, int]:
    """Render the letters of a day's list and return how many were written and how many could not be.

    The same letter is the same bytes under the same name; what kind it is says its step (policy ``steps.document``).
    What cannot be set, may not be said, or has nothing to demand any more is left without a file and its row on the
    list says so.

    Raises:
        CannotTell: the run has no frozen ledger.
    """
    with reading(engine) as connection:
        wanted = _wanted(connection, business_date)
        accounts = sorted({one.account_id for one in wanted})
        ledger = frozen.open_ledger(connection, rt.settings.artifacts_url, run_id, accounts) if wanted else None
    made: dict[str, list[dict[str, str]]] = defaultdict(list)
    failed = 0
    for start in range(0, len(accounts), BATCH):
        batch = accounts[start : start + BATCH]
        if ledger is None:
            break
        ledger.read_schedules(batch, business_date)
        with reading(engine) as connection:
            cases = {
                case.facts.account_id: case for case in case_file.load(connection, ledger, policy, business_date, batch)
            }
        for one in (one for one in wanted if one.account_id in batch):
            row = _write(rt, one, cases.get(one.account_id), policy, said.get((one.contact_id, one.account_id)))
            failed += row is None
            if row is not None:
                made[one.contact_id].append(row)
    with writing(engine) as connection:
        _keep(connection, rt, run_id, business_date, made)
    return {"letters": sum(map(len, made.values())), "failed": failed}


def _wanted(connection: Connection, business_date: date) -> list[_Wanted]:
    query = (
        select(contact.c.contact_id, contact.c.party_id, item.c.account_id, item.c.step)
        .join(item, item.c.contact_id == contact.c.contact_id)
        .where(contact.c.business_date == business_date, contact.c.channel == "letter", contact.c.state.in_(LISTED))
        .where(item.c.dropped_reason.is_(None))
        .order_by(item.c.account_id, contact.c.party_id)
    )
    return [_Wanted(*row) for row in connection.execute(query)]


def _write(rt: Runtime, one: _Wanted, case: Any, policy: Policy, said: Said | None) -> dict[str, str] | None:
    kind = next((step.document for step in policy.steps if step.name == one.step), None)
    if case is None or said is None or kind is None:
        return None
    try:
        letter = letter_for(one.party_id, case.facts, assess(case.facts, policy), policy, kind, said)
        content = render_letter(rt.settings.home, letter)
    except (BadArguments, PermanentFailure) as error:  # CannotRender is one of these
        LOG.error("letter of contact %s is not printed: %s", one.contact_id[:12], type(error).__name__)
        return None
    path = f"letters/{letter.dated_on.isoformat()}/{letter.letter_id}.pdf"
    write_whole(rt.settings.artifacts_url, path, content)
    return _row(one, letter, path, content)


def _row(one: _Wanted, letter: Letter, path: str, content: bytes) -> dict[str, str]:
    return {
        "account_id": one.account_id,
        "kind": letter.kind,
        "number": str(letter.data["number"]),
        "path": path,
        "sha256": sha256(content),
    }


def _keep(
    connection: Connection, rt: Runtime, run_id: str, on: date, made: Mapping[str, Sequence[dict[str, str]]]
) -> None:
    if not made:
        return
    known = {
        row.contact_id: row.documents
        for row in connection.execute(
            select(work_item.c.contact_id, work_item.c.documents).where(work_item.c.contact_id.in_(list(made)))
        )
    }
    listed = {key: json.dumps(rows, sort_keys=True) for key, rows in made.items()}
    new = {key: text for key, text in listed.items() if known.get(key) != text}
    if new:
        connection.execute(KEEP, [{"key": key, "listed": text} for key, text in new.items()])
    record_many(connection, rt, run_id=run_id, events=(
        Event("letter.written", key, on, action_id=key,
              data={"letters": [[row["kind"], row["number"], row["sha256"]] for row in made[key]]}, causes=[key])
        for key in sorted(new)))  # fmt: skip
