"""Finance's figures of a day beside those of the ledger that was used: a total that ties is worth seeing too."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from arrears.core.money import digits_of, format_minor
from arrears.ledger.gates import Control, ledger_figure
from arrears.ledger.shape import Shape
from arrears.reports.wording import Words
from arrears.store.tables.feeds import control, snapshot
from arrears.store.tables.runs import run

Line = tuple[str, str, str, bool | None, str]
"""What is counted, finance's figure, the ledger's, whether they agree (None: it is not compared), who confirmed it."""


def control_lines(connection: Connection, day: date, run_id: str, words: Words) -> list[Line]:
    """Return each figure finance gave for a day beside that of the run's ledger, compared as its check compares."""
    frozen = select(snapshot.c.facts).join(run, run.c.snapshot_id == snapshot.c.snapshot_id)
    facts = connection.execute(frozen.where(run.c.run_id == run_id)).scalar_one_or_none()
    now = None if facts is None else Shape.read(facts)
    rows = connection.execute(select(control).where(control.c.business_date == day).order_by(control.c.control_key))
    return [_line(row, now, words) for row in rows]


def _line(row: Any, now: Shape | None, words: Words) -> Line:
    """A confirmation without a figure, that no payment is on its way, has nothing to compare."""
    kind = words.label("control", row.kind) + (f" {row.currency}" if row.currency else "")
    if row.kind == "no_payment_in_flight" or now is None:
        return kind, "—", "—", None, row.confirmed_by or ""
    ours = ledger_figure(now, Control(row.kind, row.currency, row.value))
    return kind, _figure(row, row.value), _figure(row, ours), ours == row.value, row.confirmed_by or ""


def _figure(row: Any, value: int) -> str:
    return format_minor(value, digits_of(row.currency), grouped=True) if row.currency else f"{value:,}"
