"""The questions of an auditor, each one view in the store; this only narrows the view down."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Select, Table, select

from arrears.core.errors import BadArguments
from arrears.proof.patience import Patience
from arrears.store.engine import reading
from arrears.store.tables.feeds import account
from arrears.store.tables.people import subject
from arrears.store.tables.runs import run
from arrears.store.views import questions

FIRST_ACCOUNTS = (500, 5_000, 50_000)
ORDER = ("account_id", "business_date", "at", "seq", "contact_id", "run_id", "kind")


@dataclass(frozen=True)
class Answer:
    """What a view holds for the account, day and run that were asked about."""

    number: int
    view: str
    question: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as JSON data."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"number": self.number, "view": self.view, "question": self.question, "rows": rows}


def numbered() -> dict[int, tuple[str, str]]:
    """Return the view and the text of each question by its number."""
    return {int(name[1:3]): (name, text) for name, text in questions().items()}


def ask(
    engine: Engine,
    number: int,
    *,
    account_id: str | None = None,
    on: date | None = None,
    run_id: str | None = None,
    limit: int | None = None,
    seconds: float | None = None,
) -> Answer:
    """Answer one question, narrowed to an account, a business date or a run where the view knows them.

    At most ``limit`` rows are read: a question about everybody would else carry a whole portfolio. A page waits no
    longer than ``seconds``.

    Raises:
        BadArguments: there is no such question, or its view cannot be narrowed like that.
        TookTooLong: the answer takes longer than ``seconds``.
    """
    if number not in numbered():
        raise BadArguments(f"there is no question {number}: `arrears ask` lists them, 1 to {max(numbered())}")
    name, text = numbered()[number]
    with reading(engine) as connection:
        view = Table(name, MetaData(), autoload_with=connection)
        query = select(view)
        for column, value in (("account_id", account_id), ("business_date", on), ("run_id", run_id)):
            if value is None:
                continue
            if column not in view.c:
                raise BadArguments(f"question {number} is not about one {column.replace('_', ' ')}: leave it out")
            query = query.where(view.c[column] == value)
        rows = _first(connection, view, query, limit, Patience(seconds))
    plain = tuple(tuple(cell.isoformat() if isinstance(cell, date) else cell for cell in row) for row in rows)
    return Answer(number, name, text, tuple(column.name for column in view.c), plain)


def refuse_unknown(engine: Engine, account_id: str | None, run_id: str | None) -> None:
    """Tell an answer without rows from a question about something that was never there.

    Raises:
        BadArguments: no account or no run has that id.
    """
    with reading(engine) as connection:
        for column, value in ((subject.c.account_id, account_id), (run.c.run_id, run_id)):
            if value is not None and connection.execute(select(column).where(column == value)).first() is None:
                what = column.name.removesuffix("_id")
                raise BadArguments(f"{what} {value}: there is none in the store; check the id")


def _first(connection: Connection, view: Table, query: Select[Any], limit: int | None, patience: Patience) -> list[Any]:
    """Return the rows in their order, the first ``limit`` of them.

    The first rows of an answer about all are those of the first accounts: these are looked at alone, then ten times as
    many, and all only when that was not enough.
    """
    places = [view.c[name].nulls_last() if name == "account_id" else view.c[name] for name in ORDER if name in view.c]
    ordered = query.order_by(*places).limit(limit)
    if limit is not None and "account_id" in view.c:
        every = select(account.c.account_id).order_by(account.c.account_id).limit(1)
        for number in FIRST_ACCOUNTS:
            last = connection.execute(every.offset(number)).scalar_one_or_none()
            if last is None:
                break
            found = patience.read(connection, ordered.where(view.c.account_id < last))
            if len(found) == limit:
                return found
    return patience.read(connection, ordered)
