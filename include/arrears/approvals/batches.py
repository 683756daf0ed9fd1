"""Which questions stand in a batch before somebody: one that waits there is not asked again by the next batch."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, update

from arrears.store.tables.repossession import batch_question


def asked_elsewhere(connection: Connection, run_id: str, role: str, since: str) -> set[str]:
    """Return the approvals that another batch put before a role after ``since`` and that nobody has answered there."""
    query = select(batch_question.c.approval_id).where(
        batch_question.c.role == role,
        batch_question.c.run_id != run_id,
        batch_question.c.asked_at > since,
        batch_question.c.ended_at.is_(None),
    )
    return set(connection.execute(query).scalars())


def keep_asked(connection: Connection, run_id: str, role: str, approval_ids: Iterable[str], at: str) -> None:
    """Write down what a batch puts before a role; a task that is tried again asks the same once more."""
    known = select(batch_question.c.approval_id).where(batch_question.c.run_id == run_id, batch_question.c.role == role)
    new = sorted(set(approval_ids) - set(connection.execute(known).scalars()))
    if new:
        rows = [{"run_id": run_id, "role": role, "approval_id": approval_id, "asked_at": at} for approval_id in new]
        connection.execute(insert(batch_question), rows)


def end_questions(connection: Connection, run_id: str, at: str, role: str | None = None) -> None:
    """Note that a role has answered a batch, or that the whole batch is over: what is left open may be asked again."""
    mine = [batch_question.c.run_id == run_id, batch_question.c.ended_at.is_(None)]
    if role is not None:
        mine.append(batch_question.c.role == role)
    connection.execute(update(batch_question).where(*mine).values(ended_at=at))
