"""The runs so far, and two of them side by side."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select

from arrears.core.errors import CannotTell
from arrears.core.money import digits_of, format_minor
from arrears.core.runtime import Runtime
from arrears.desk.gates import name_of, why_failed
from arrears.desk.phrases import phrase
from arrears.reports.wording import Words
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.runs import gate, run

RECENT_RUNS = 60
ORDER = ("run_id", "business_date", "status", "ledger", "stages", "rungs", "date_totals", "actions", "suppressed",
         "packets", "orders", "audit")  # fmt: skip
"""The parts of a summary as people read them."""
GATES, MONEY = "ledger.gates.", "ledger.control_total_minor."
PASSED = "passed"


def runs(rt: Runtime, words: Words) -> dict[str, Any]:
    """Return the newest runs with what each came to, the checks that failed and who let them through."""
    names = ("run_id", "kind", "business_date", "status", "started_at", "code_id", "summary")
    newest = select(*(run.c[name] for name in names)).order_by(run.c.started_at.desc()).limit(RECENT_RUNS)
    with reading(existing_store(rt)) as connection:
        found = connection.execute(newest).all()
        failed = select(gate.c.run_id, gate.c.name, gate.c.detail, gate.c.overridden_by).where(~gate.c.passed)
        gates: dict[str, list[tuple[str, str, str | None]]] = defaultdict(list)
        for row in connection.execute(failed.where(gate.c.run_id.in_([r.run_id for r in found]))):
            said = name_of(row.name, words), why_failed(row.name, row.detail, words)
            gates[row.run_id].append((*said, row.overridden_by))
    return {
        "runs": [(row, _totals(row.summary), gates[row.run_id]) for row in found],
        "comparable": [row.run_id for row in found if row.summary],
        "offered": _offered(found),
    }


def _offered(found: Sequence[Any]) -> tuple[str, str]:
    """Return the two runs that are compared unless others are chosen: the newest day and the one before."""
    days = [row.run_id for row in found if row.summary and row.kind == "daily"]
    return (days[1], days[0]) if len(days) > 1 else ("", "")


def _totals(summary: str | None) -> list[int]:
    """Return accounts, contacts planned, sent and in doubt, and papers complete of a closed run; else nothing."""
    if not summary:
        return []
    said = json.loads(summary)
    contacts = (said["actions"][name] for name in ("planned", "sent", "in_doubt"))
    return [said["ledger"]["accounts"], *contacts, said["packets"]["ready"]]


def compare(rt: Runtime, first: str, second: str, words: Words) -> dict[str, Any]:
    """Return every figure of two runs side by side in words, with the difference of the numbers.

    Raises:
        CannotTell: one of the runs does not exist or was never closed.
    """
    one, other = _summary(rt, first), _summary(rt, second)
    keys = sorted({**one, **other}, key=lambda key: (ORDER.index(key.partition(".")[0]), key))
    rows = [
        (key, _measure(key, words), _value(key, one.get(key, ""), words), _value(key, other.get(key, ""), words),
         _difference(key, one.get(key, 0), other.get(key, 0)))
        for key in keys
    ]  # fmt: skip
    return {"first": first, "second": second, "rows": rows}


def _summary(rt: Runtime, run_id: str) -> dict[str, Any]:
    with reading(existing_store(rt)) as connection:
        text = connection.execute(select(run.c.summary).where(run.c.run_id == run_id)).scalar_one_or_none()
    if not text:
        raise CannotTell("no such closed run")
    return dict(_flat("", json.loads(text)))


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Walk a summary; gates become one line each, signed notes and timings are left out."""
    if path in ("audit.checkpoint", "timings_s"):
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list):
        for entry in value:
            yield f"{path}.{entry['name']}", PASSED if entry["passed"] else entry["detail"]
    else:
        yield path, value


def _measure(key: str, words: Words) -> str:
    """Return what a figure of a summary is called."""
    if key.startswith(GATES):
        return words("desk.check_of", name=name_of(key.removeprefix(GATES), words))
    return phrase("compared", key, words) or key


def _value(key: str, value: Any, words: Words) -> str:
    if key.startswith(GATES) and value:
        return words("passed") if value == PASSED else why_failed(key.removeprefix(GATES), value, words)
    if key == "status" and value:
        return words.label("run_status", value)
    if key.startswith(MONEY) and isinstance(value, int):
        return format_minor(value, digits_of(key.removeprefix(MONEY)), grouped=True)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _difference(key: str, one: Any, other: Any) -> str:
    if not (isinstance(one, int) and isinstance(other, int)) or one == other:
        return ""
    if key.startswith(MONEY):
        sign = "+" if other > one else ""
        return sign + format_minor(other - one, digits_of(key.removeprefix(MONEY)), grouped=True)
    return f"{other - one:+,}"
