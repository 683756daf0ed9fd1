"""The questions of an auditor, each one view in the store; this only narrows the view down."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine, MetaData, Table, select

from arrears.core.errors import BadArguments
from arrears.proof.patience import within
from arrears.store.engine import reading
from arrears.store.views import questions

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
        ordered = query.order_by(*(view.c[name] for name in ORDER if name in view.c))
        with within(connection, seconds):
            rows = connection.execute(ordered.limit(limit)).all()
    plain = tuple(tuple(cell.isoformat() if isinstance(cell, date) else cell for cell in row) for row in rows)
    return Answer(number, name, text, tuple(column.name for column in view.c), plain)
