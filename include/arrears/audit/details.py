"""The erasable details beside the log: each is there and unchanged, or an erasure in the log names it."""

from sqlalchemy import Connection, func, select

from arrears.audit.parts import Told
from arrears.audit.record import commitment
from arrears.audit.span import Part
from arrears.audit.verdict import Tampered
from arrears.store.tables.audit import audit_pending, event_detail

LOOK_UP = 500


class Details:
    """Compares the details of a store with the events that bind them, part by part."""

    def __init__(self, connection: Connection) -> None:
        """Read the details through this connection."""
        self._connection = connection
        self._missing: dict[str, int] = {}
        self._erased: dict[str, int] = {}
        self._found = 0
        self.readable = _may_read(connection)
        """Whether the texts may be read; an auditor's role sees that they are there, not what they say."""

    def check(self, part: Part, told: Told) -> None:
        """Compare the details that a part of the log binds.

        Raises:
            Tampered: a detail is not the one that was sealed.
        """
        bound, changed = dict(part.details), []
        self._erased |= told.erased
        names = list(bound)
        for start in range(0, len(names), LOOK_UP):
            columns = event_detail.c if self.readable else (event_detail.c.detail_commit,)
            query = select(*columns).where(event_detail.c.detail_commit.in_(names[start : start + LOOK_UP]))
            for row in self._connection.execute(query):
                seq = bound.pop(row.detail_commit)
                self._found += 1
                if self.readable and commitment(row.salt, row.detail) != row.detail_commit:
                    changed.append(seq)
        if changed:
            raise Tampered(min(changed), f"the detail of event {min(changed)} is not the one that was sealed")
        self._missing |= bound

    def finish(self, size: int) -> None:
        """Judge what is missing, what came back, and what belongs to nothing, once the whole log was seen.

        Raises:
            Tampered: a detail is gone without an erasure, is there despite one, or no event binds it.
        """
        lost = [seq for commit, seq in self._missing.items() if commit not in self._erased]
        if lost:
            raise Tampered(min(lost), f"the detail of event {min(lost)} is gone, and no erasure in the log names it")
        back = [self._erased[commit] for commit in self._erased.keys() - self._missing.keys() if self._is_there(commit)]
        if back:
            raise Tampered(min(back), f"a detail that event {min(back)} erased is there again")
        total = self._connection.execute(select(func.count(event_detail.c.detail_commit))).scalar_one()
        if total != self._found + self._waiting():
            raise Tampered(size, "there are details that belong to no event")

    def _is_there(self, commit: str) -> bool:
        query = select(event_detail.c.detail_commit).where(event_detail.c.detail_commit == commit)
        return self._connection.execute(query).first() is not None

    def _waiting(self) -> int:
        """Count the details of events that are not sealed yet."""
        bodies = select(audit_pending.c.body).execution_options(yield_per=5_000)
        return sum(b'"detail_commit":null' not in body for body in self._connection.execute(bodies).scalars())


def _may_read(connection: Connection) -> bool:
    if connection.dialect.name != "postgresql":
        return True
    right = "SELECT has_column_privilege('event_detail', 'detail', 'SELECT')"
    return bool(connection.exec_driver_sql(right).scalar_one())
