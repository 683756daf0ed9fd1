"""Legal work: packets with what they lack, what waits for approval, and the orders."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, func, select

from arrears.approvals.chosen import KIND
from arrears.approvals.questions import count_open, list_open
from arrears.approvals.remedy import STATES
from arrears.audit.access import record_access
from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.desk.deciders import Visitor, kept_from, may_choose
from arrears.desk.orders import orders
from arrears.desk.paging import SHOWN, Leaf, start_of
from arrears.desk.phrases import phrase
from arrears.desk.reach import may_read_papers, refuse_hands
from arrears.desk.today import morning_of
from arrears.ladder.staff import branch_of
from arrears.ladder.visit_requests import count_waiting
from arrears.legal.wording import words_or_code
from arrears.reports.lacking import lacking_of
from arrears.reports.mornings import deadlines_today
from arrears.reports.scope import of_branch
from arrears.reports.wording import Words
from arrears.steps.approvals import day_of_decisions, vote_on_the_desk
from arrears.steps.visits import open_visits
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.legal import packet
from arrears.store.tables.people import subject

NEAREST = ("ready", "draft", "incomplete", "withheld")
"""The states of a packet, the nearest to hand-over first."""

Line = tuple[Any, list[str], str, bool]
"""A packet, what it lacks, the chosen remedy in words, and whether a person has one to choose."""


@dataclass(frozen=True)
class Asked:
    """Which leaf of each list is asked for."""

    approvals: int = 1
    visits: int = 1
    deadlines: int = 1
    packets: int = 1
    orders: int = 1


def legal(rt: Runtime, words: Words, asked: Asked, visitor: Visitor) -> dict[str, Any]:
    """Return a leaf of the packets nearest to hand-over first, the questions put to people, and the newest orders.

    Who belongs to a branch sees what concerns its accounts, and what concerns the whole house; forms are for those who
    may answer.

    Raises:
        OutOfReach: the user works from an own list.
    """
    engine, policy = existing_store(rt), policy_of(rt.settings)
    with reading(engine) as connection:
        refuse_hands(connection, visitor.user, words)
        branch = branch_of(connection, visitor.user)
    waiting = list_open(engine, start_of(asked.approvals), SHOWN, branch)
    visits = open_visits(engine, start_of(asked.visits), SHOWN, branch) if asked.approvals == 1 else []
    today = day_of_decisions(rt)
    with reading(engine) as connection:
        counted = _counted(connection, branch)
        refs = _refs(connection, [one.account_id for one in (*visits, *waiting) if one.account_id], branch)
        questions, asked_for = ([(one, refs.get(one.account_id or "")) for one in some] for some in (waiting, visits))
        lines = _packets(connection, counted, asked.packets, words, branch)
        return {
            "packets": counted,
            "deadlines": _last_days(connection, rt, words, asked.deadlines, branch),
            "lines": Leaf(lines, sum(counted.values()), asked.packets),
            "orders": orders(connection, asked.orders, words, branch),
            "visits": Leaf(asked_for, count_waiting(connection, branch), asked.visits),
            "approvals": Leaf(questions, count_open(connection, branch=branch), asked.approvals),
            "kept_from": kept_from(connection, visitor, [*visits, *waiting], today, words),
            "may_choose": may_choose(connection, visitor, policy.repossession.approval_roles[KIND]),
        }


def answer(rt: Runtime, approval_id: str, user: str, decision: str, note: str, words: Words) -> dict[str, Any]:
    """Record the answer of a logged-in person to a question, and say what comes next."""
    said = vote_on_the_desk(rt, approval_id, user, decision, note)
    return {"next": phrase("reply", said, words) or said}


def _counted(connection: Connection, branch: str | None) -> dict[str, int]:
    query = select(packet.c.state, func.count()).where(
        packet.c.superseded_on.is_(None), of_branch(packet.c.account_id, branch)
    )
    found = {state: int(count) for state, count in connection.execute(query.group_by(packet.c.state))}
    return {state: found[state] for state in NEAREST if state in found}


def _packets(
    connection: Connection, counted: dict[str, int], number: int, words: Words, branch: str | None
) -> list[Line]:
    """Return a leaf of the packets with what they lack and their remedy.

    Every state is read by itself, so that an index finds it.
    """
    names = ("account_id", "pdf_path", "state", "missing", "reasons", "built_on", "open_remedies", "chosen_remedy")
    query = (
        select(*(packet.c[name] for name in names), subject.c.subject_ref)
        .join(subject, subject.c.account_id == packet.c.account_id)
        .where(of_branch(packet.c.account_id, branch))
    )
    before = start_of(number)
    lines: list[Line] = []
    for state, count in counted.items():
        here = query.where(packet.c.superseded_on.is_(None), packet.c.state == state).order_by(packet.c.account_id)
        if before < count and len(lines) < SHOWN:
            found = connection.execute(here.offset(before).limit(SHOWN - len(lines)))
            lines += [
                (row, lacking_of(row.reasons or [], row.missing or [], row.chosen_remedy, words), *_remedy(row, words))
                for row in found
            ]
        before = max(0, before - count)
    return sorted(lines, key=lambda line: (NEAREST.index(line[0].state), len(line[1]), line[0].account_id))


def _remedy(row: Any, words: Words) -> tuple[str, bool]:
    """Return the remedy that is chosen, in words, and whether there is one to choose now."""
    chosen = words_or_code(row.chosen_remedy, words.language) if row.chosen_remedy else ""
    return chosen, row.state in STATES and bool(row.open_remedies)


def packet_pdf(rt: Runtime, subject_ref: str, user: str, table: Table = packet) -> bytes:
    """Return the current packet of an account for the people who decide on it; the download is recorded.

    ``table``: that of packets, or that of applications in an emergency.

    Raises:
        CannotTell: the user is not on the staff as lawyer, risk officer or manager, or there is no such packet.
    """
    import fsspec

    engine = existing_store(rt)
    query = (
        select(table.c.account_id, table.c.pdf_path, table.c.pdf_sha256)
        .join(subject, subject.c.account_id == table.c.account_id)
        .where(subject.c.subject_ref == subject_ref, table.c.superseded_on.is_(None), table.c.pdf_path.is_not(None))
    )
    with reading(engine) as connection:
        found = connection.execute(query).first()
        seen = found is not None and may_read_papers(connection, user, found.account_id)
    if found is None or not seen:
        raise CannotTell("no packet for you")
    files, root = fsspec.core.url_to_fs(rt.settings.artifacts_url)
    content = bytes(files.cat_file(f"{root}/{found.pdf_path}"))
    record_access(rt, engine, "packet", actor=user, subject_ref=subject_ref, data={"sha256": found.pdf_sha256})
    return content


def _last_days(connection: Connection, rt: Runtime, words: Words, number: int, branch: str | None) -> Leaf:
    """Return what ends next: kind, whom it concerns, the last day, the days left in words, and whether it is over."""
    morning = morning_of(rt)
    if morning is None:
        return Leaf([], 0, 1)
    day, policy = morning.business_date, policy_of(rt.settings)
    total, found = deadlines_today(connection, morning, policy, start_of(number), SHOWN, branch)
    lines = []
    for line in found:
        left = line.days_left(day)
        said = words("days", n=left) if left >= 0 else words("days_over", n=-left)
        lines.append((words.label("clock", line.kind), line.subject, line.on, said, left < 0))
    return Leaf(lines, total, number)


def _refs(connection: Any, account_ids: list[str], branch: str | None) -> dict[str, str]:
    """Return the random names of those accounts that belong to the branch."""
    query = select(subject.c.account_id, subject.c.subject_ref).where(
        subject.c.account_id.in_(account_ids), of_branch(subject.c.account_id, branch)
    )
    return {row.account_id: row.subject_ref for row in connection.execute(query)}
