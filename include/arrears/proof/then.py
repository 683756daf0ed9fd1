"""What stood about one account at the end of a day, each row with the moment we knew it, and what only came later."""

from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, or_, select

from arrears.approvals.filings import is_unapproved
from arrears.audit.log import parse
from arrears.core.clock import at_local, utc_text
from arrears.store.tables.audit import audit_event, audit_event_index
from arrears.store.tables.decisions import evidence
from arrears.store.tables.feeds import court_case, delivery, document, hold, opening, outcome, promise
from arrears.store.tables.legal import account_clock, court_filing, packet
from arrears.store.tables.repossession import approval, approval_vote, repossession_order
from arrears.store.tables.runs import policy_text, run

EVIDENCE = ("kind", "counts", "local_date", "channel", "source", "document_sha256")
HOLD = ("kind", "from_on", "until_on", "approved_by")
PROMISE = ("made_on", "due_on", "amount_minor", "state")
CASE = ("kind", "state", "at", "remedy", "staff_id")
PACKET = ("version", "state", "facts_sha256", "chosen_remedy", "built_on", "superseded_on", "pdf_sha256", "missing",
          "reasons", "clocks")  # fmt: skip
ORDER = ("order_id", "order_no", "kind", "state", "proposed_on", "offered_at", "acknowledged_at", "recall_reason",
         "closed_reason", "recalled_at", "recall_acknowledged_at", "blocked_by")  # fmt: skip
ASKED = ("approval_id", "state", "requested_at", "approved_on", "expires_on", "closed_at", "closed_reason")
VOTE = ("role", "staff_id", "decision", "at", "identity")
CHANGED = ("promise.kept", "promise.partly_kept", "promise.broken", "promise.withdrawn")


class Then:
    """The rows of an account as they concern a day; ``came_later`` marks what was not known when the day ended.

    A row says what it says today: one that a later delivery corrected is known since that delivery.
    """

    def __init__(self, connection: Connection, known: Row[Any], day: date) -> None:
        self._connection, self._account_id, self._ref, self._day = connection, known.account_id, known.subject_ref, day
        self._zone = _zone(connection, day)
        self._end = self.end_of(day)

    def end_of(self, day: date) -> str:
        """Return the moment at which a day ends where the department is, UTC."""
        return utc_text(at_local(day + timedelta(days=1), time(0), self._zone))

    def evidence(self) -> list[dict[str, Any]]:
        """Return what was seen up to the day; it is known since what it stands on was delivered."""
        told = [
            select(table.c.delivery_id).where(key == evidence.c.source_key).scalar_subquery()
            for table, key in (
                (outcome, outcome.c.outcome_key), (document, document.c.document_key), (opening, opening.c.opening_key),
            )
        ]  # fmt: skip
        columns = [evidence.c[name] for name in EVIDENCE]
        query = select(*columns, _known_at(evidence.c.source_key)).select_from(
            evidence.outerjoin(delivery, delivery.c.delivery_id == func.coalesce(*told))
        )
        mine = query.where(evidence.c.account_id == self._account_id, evidence.c.local_date <= self._day)
        return self._marked(mine.order_by(*columns))

    def holds(self) -> list[dict[str, Any]]:
        """Return the holds that began up to the day."""
        return self._delivered(hold, HOLD, hold.c.from_on <= self._day)

    def cases(self) -> list[dict[str, Any]]:
        """Return the court cases of the account, whenever."""
        return self._delivered(court_case, CASE, True)

    def promises(self) -> list[dict[str, Any]]:
        """Return the promises made up to the day, each in its state of then; ``became`` is what it is by now."""
        states = self._states_of_then()
        found = self._delivered(promise, (*PROMISE, "withdrawn_on", "promise_key"), promise.c.made_on <= self._day)
        for row in found:
            now, withdrawn_on = row["state"], row.pop("withdrawn_on")
            then = states.get(row.pop("promise_key"), now)
            if then == "withdrawn" and withdrawn_on and withdrawn_on > self._day.isoformat():
                then = "open"
            row |= {"state": then, "became": now if now != then else None}
        return found

    def _states_of_then(self) -> dict[str, str]:
        """Return the state that the first change after the day found, by promise."""
        index = audit_event_index.c
        later = self._events(index.business_date > self._day).order_by(index.business_date.desc(), index.at.desc())
        events = [parse(row.body) for row in self._connection.execute(later) if row.type in CHANGED]
        return {str(event["causes"][0]): str(event["data"]["was"]) for event in events}

    def packet(self) -> dict[str, Any] | None:
        """Return the packet that was current at the end of the day."""
        query = select(*(packet.c[name] for name in PACKET)).where(
            packet.c.account_id == self._account_id, packet.c.built_on <= self._day,
            or_(packet.c.superseded_on.is_(None), packet.c.superseded_on > self._day),
        )  # fmt: skip
        row = self._connection.execute(query.order_by(packet.c.version.desc()).limit(1)).one_or_none()
        return None if row is None else plain(row) | {"approvals": self._approvals(row.facts_sha256)}

    def clocks(self) -> list[dict[str, str]]:
        """Return the clocks that ran at the end of the day of an account without a packet, which would carry them."""
        table = account_clock.c
        query = select(table.clocks).where(
            table.account_id == self._account_id, table.built_on <= self._day,
            or_(table.superseded_on.is_(None), table.superseded_on > self._day),
        )  # fmt: skip
        return list(self._connection.execute(query).scalar_one_or_none() or ())

    def _approvals(self, facts_sha256: str) -> list[dict[str, Any]]:
        """Return the questions put about the facts of a packet, with their votes."""
        query = select(*(approval.c[name] for name in ASKED)).where(
            approval.c.account_id == self._account_id, approval.c.kind == "packet",
            approval.c.facts_sha256 == facts_sha256,
        )  # fmt: skip
        found = [plain(row) for row in self._connection.execute(query.order_by(approval.c.ordinal))]
        for row in found:
            row |= {"came_later": row["requested_at"] >= self._end,
                    "votes": self._votes(approval.c.approval_id == row["approval_id"])}  # fmt: skip
        return found

    def filings(self) -> list[dict[str, Any]]:
        """Return what went to court since this store works, each with the approval that was in force."""
        columns = (court_filing.c[name] for name in ("kind", "case_id", "filed_at", "approval_id"))
        query = select(*columns, is_unapproved().label("is_unapproved")).where(
            court_filing.c.account_id == self._account_id
        )
        rows = self._connection.execute(query.order_by(court_filing.c.filed_at, court_filing.c.filing_key))
        return [plain(row) | {"is_unapproved": bool(row.is_unapproved)} for row in rows]

    def orders(self) -> list[dict[str, Any]]:
        """Return the orders proposed up to the day; ``came_later`` names the fields that changed afterwards."""
        order = repossession_order.c
        query = select(*(order[name] for name in ORDER)).where(
            order.account_id == self._account_id, order.proposed_on <= self._day
        )
        found = [plain(row) for row in self._connection.execute(query.order_by(order.order_no))]
        told_later = self._told_later() if found else set()
        for row in found:
            order_id = row.pop("order_id")
            later = [name for name in row if name.endswith("_at") and (row[name] or "") >= self._end]
            if later or row["order_no"] in told_later:
                later.append("state")
            row |= {"came_later": later, "votes": self._votes(approval.c.subject_key == order_id)}
        return found

    def _told_later(self) -> set[str]:
        """Return the numbers of the orders that the log tells something of after the day."""
        later = self._connection.execute(self._events(audit_event_index.c.at >= self._end))
        about = [parse(row.body) for row in later if row.type.startswith(("order.", "handoff."))]
        return {str(event["data"].get("order_no")) for event in about}

    def _events(self, when: ColumnElement[bool]) -> Select[Any]:
        """Ask for the account's events of every kind: with one SQLite would walk through all events of that kind."""
        index = audit_event_index.c
        query = select(index.type, audit_event.c.body).join(audit_event_index, index.seq == audit_event.c.seq)
        return query.where(index.subject_ref == self._ref, when)

    def _votes(self, which: ColumnElement[bool]) -> list[dict[str, Any]]:
        columns = [approval_vote.c[name] for name in VOTE]
        query = select(*columns).join(approval, approval.c.approval_id == approval_vote.c.approval_id)
        votes = query.where(which).order_by(approval_vote.c.at, approval_vote.c.role)
        return [plain(row) | {"came_later": row.at >= self._end} for row in self._connection.execute(votes)]

    def _delivered(self, table: Table, names: tuple[str, ...], which: Any) -> list[dict[str, Any]]:
        columns = [table.c[name] for name in names]
        (key,) = table.primary_key.columns
        query = select(*columns, _known_at(key)).select_from(
            table.outerjoin(delivery, delivery.c.delivery_id == table.c.delivery_id)
        )
        return self._marked(query.where(table.c.account_id == self._account_id, which).order_by(*columns))

    def _marked(self, query: Select[Any]) -> list[dict[str, Any]]:
        return [
            plain(row) | {"came_later": row.known_at is not None and row.known_at >= self._end}
            for row in self._connection.execute(query)
        ]


def _known_at(key: ColumnElement[Any]) -> ColumnElement[Any]:
    """A row is known since its delivery; one that came another way, as a receipt does, since the log tells of it."""
    told = select(func.min(audit_event_index.c.at)).where(audit_event_index.c.key == key).scalar_subquery()
    return func.coalesce(delivery.c.received_at, told).label("known_at")


def _zone(connection: Connection, day: date) -> str:
    """Return the department's time zone by the policy of the newest run up to a day, or of the first one after it."""
    made = select(policy_text.c.body).join(run, run.c.policy_sha256 == policy_text.c.policy_sha256)
    before = made.where(run.c.business_date <= day).order_by(run.c.business_date.desc(), run.c.started_at.desc())
    for query in (before, made.order_by(run.c.business_date, run.c.started_at)):
        body = connection.execute(query.limit(1)).scalar()
        if body is not None:
            return str(parse(body)["time_zone"])
    return "UTC"


def plain(row: Any) -> dict[str, Any]:
    """Return a row as JSON data."""
    return {name: text_of(value) if isinstance(value, date) else value for name, value in row._mapping.items()}


def text_of(value: date | None) -> str | None:
    """Write a day."""
    return None if value is None else value.isoformat()
