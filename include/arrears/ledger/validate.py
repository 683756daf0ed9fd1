"""Rows of a feed to typed columns: what is wrong is named by row, column and reason, and nothing else is touched."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from arrears.core.errors import BadInput
from arrears.core.money import digits_of
from arrears.core.progress import tell
from arrears.ledger.catalogue import Feed
from arrears.ledger.cells import parse
from arrears.ledger.columns import CODES, NAMES, REASONS, Column, Context, to_text
from arrears.ledger.money_cells import scale
from arrears.ledger.register import Register
from arrears.ledger.source import Rows, Source

TWO_PEOPLE = {"opening": ("attested_by", "second_attested_by"), "committee": ("decided_by", "second_decided_by")}
"""Feeds whose rows two different people stand for."""


PERIODS = {
    "promises": ("made_on", "due_on"),
    "holds": ("from_on", "until_on"),
    "schedule_changes": ("from_on", "until_on"),
    "staff": ("absent_from", "absent_until"),
}
"""Feeds whose rows last from one day to another: two dates the wrong way round would protect nobody."""


class Problem(NamedTuple):
    """A refused cell or row: where and why, never the value; ``column`` is empty for a whole row.

    ``row_kept``: only the cell was dropped, for its row is needed to know that the account is there at all.
    """

    row: int
    column: str
    reason: str
    account_id: str | None
    row_kept: bool = False


@dataclass
class Valid:
    """The good rows of a batch under their stored names, and in ``bad`` the others.

    ``row_no`` is the row in the file, ``code`` the account's place in the register where one was given.
    """

    rows: pa.RecordBatch
    count: int
    bad: list[Problem]


@dataclass(frozen=True)
class Rules:
    """What a feed is checked against; ``register`` is None while the accounts themselves are read."""

    context: Context
    currency: str
    register: Register | None = None
    hashed: bool = True


def check(source: Source, rules: Rules) -> Iterator[Valid]:
    """Check a feed batch by batch; rows of the wrong width are reported with the batch that follows them.

    Raises:
        BadInput: the file as a whole cannot be read.
    """
    told = done = 0
    for rows in source.batches():
        malformed = source.malformed[told:]
        told += len(malformed)
        valid = _check_batch(source, rows, rules)
        done += valid.count + len(malformed)
        tell(done, None, f"rows of {source.name}")
        yield Valid(valid.rows, valid.count + len(malformed), [*_of_width(malformed, rules), *valid.bad])
    if rest := source.malformed[told:]:
        yield Valid(_nothing(source.feed), len(rest), _of_width(rest, rules))


def refused_rows(bad: Iterable[Problem]) -> int:
    """Return how many rows were left out; of a row that was kept only a cell is missing."""
    return len({problem.row for problem in bad if not problem.row_kept})


def refuse(name: str, bad: list[Problem]) -> None:
    """Refuse a file at its first problem.

    Raises:
        BadInput: there is one; names file, row, column and reason.
    """
    if bad:
        first = min(bad)
        column = f", column {first.column}" if first.column else ""
        raise BadInput(f"{name} row {first.row}{column}: {REASONS[first.reason]} ({first.reason})")


def _of_width(rows: list[tuple[int, str | None]], rules: Rules) -> list[Problem]:
    """Name rows of the wrong width; the account is told only if there is one of that name."""
    found = rules.register.codes(pa.array([account for _, account in rows], pa.string())) if rules.register else None
    return [Problem(row, "", "wrong_cell_count", account if found is not None and found[place] >= 0 else None)
            for place, (row, account) in enumerate(rows)]  # fmt: skip


def _nothing(feed: Feed) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({feed.fields[0].stored: pa.array([], pa.string())})


def _check_batch(source: Source, rows: Rows, rules: Rules) -> Valid:
    feed = source.feed
    columns: dict[str, Column] = {}
    for name in source.present:
        try:
            columns[name] = parse(feed.field(name), rows.cells.column(name), rules.context)
        except BadInput as error:
            raise BadInput(f"{source.name} row {rows.number[0]}, {error}") from None
    codes = _look_up(columns, rules)
    digits = _digits(columns, codes, rules, len(rows.number))
    for name in source.present:
        field = feed.field(name)
        if field.kind == "amount":
            own = (
                np.where(_is_amount(columns["kind"]), digits, 0).astype(np.int8) if feed.name == "controls" else digits
            )
            columns[name] = scale(columns[name], own, field.lowest)
    _pairs(feed, columns)
    if feed.name == "outcomes" and rules.context.dialect.skip_when_empty:
        _next_step(columns)
    return _split(source, rows, columns, codes, rules)


def _is_amount(kinds: Column) -> NDArray[np.bool_]:
    return _text_equals(kinds, "unpaid_due") | _text_equals(kinds, "book_balance")


def _look_up(columns: dict[str, Column], rules: Rules) -> NDArray[np.int64] | None:
    if rules.register is None or "account_id" not in columns:
        return None
    ids = columns["account_id"]
    codes = rules.register.codes(ids.values)
    ids.refused[(codes < 0) & (ids.refused == 0)] = CODES["unknown_account"]
    return codes


def _digits(columns: dict[str, Column], codes: NDArray[np.int64] | None, rules: Rules, count: int) -> NDArray[np.int8]:
    usual = digits_of(rules.currency)
    if codes is not None and rules.register is not None and len(rules.register.digits):
        return np.where(codes >= 0, rules.register.digits[codes], usual).astype(np.int8)
    if "currency" not in columns:
        return np.full(count, usual, dtype=np.int8)
    coded = columns["currency"].values.dictionary_encode()
    by_word = [digits_of(word) for word in coded.dictionary.to_pylist()]
    table = np.array([*by_word, usual], dtype=np.int8)
    return table[np.asarray(coded.indices.fill_null(len(by_word))).astype(np.int64)]


def _text_equals(column: Column, value: str) -> NDArray[np.bool_]:
    return np.asarray(pc.equal(column.values, value).fill_null(False))


def _null(column: Column) -> NDArray[np.bool_]:
    return np.asarray(column.values.is_null())


def _pairs(feed: Feed, columns: dict[str, Column]) -> None:
    """Check what one cell alone cannot tell."""
    if feed.name == "outcomes" and {"promised_amount", "promised_on"} & set(columns):
        amount, on = columns.get("promised_amount"), columns.get("promised_on")
        for one, other in ((amount, on), (on, amount)):
            if one is not None:
                lone = ~_null(one) if other is None else ~_null(one) & _null(other)
                one.refused[lone & (one.refused == 0)] = CODES["incomplete_pair"]
    if feed.name in PERIODS and set(PERIODS[feed.name]) <= set(columns):
        begin, end = (columns[name] for name in PERIODS[feed.name])
        before = np.asarray(pc.less(end.values, begin.values).fill_null(False))
        end.refused[before] = CODES["ends_before_begin"]
    if feed.name in TWO_PEOPLE:
        first, second = (columns[name] for name in TWO_PEOPLE[feed.name])
        same = np.asarray(pc.equal(first.values, second.values).fill_null(False))
        second.refused[same] = CODES["same_person"]


def _next_step(columns: dict[str, Column]) -> None:
    """Refuse a row of a filled work list that does not say what comes next: a contact is not done when it is over."""
    if "next_action_on" in columns and "outcome" in columns:
        told, after = columns["outcome"], columns["next_action_on"]
        after.refused[~_null(told) & _null(after) & (after.refused == 0)] = CODES["missing_value"]


def _split(
    source: Source, rows: Rows, columns: dict[str, Column], codes: NDArray[np.int64] | None, rules: Rules
) -> Valid:
    fine, whole = np.ones(len(rows.number), dtype=bool), np.ones(len(rows.number), dtype=bool)
    for name, column in columns.items():
        whole &= column.refused == 0
        if not source.feed.field(name).describes:
            fine &= column.refused == 0
    arrays: dict[str, pa.Array] = {source.feed.field(name).stored: column.values for name, column in columns.items()}
    arrays["row_no"] = pa.array(rows.number, pa.int64())
    if source.feed.name == "accounts":
        arrays["account_id_raw"] = to_text(rows.cells.column("account_id"))
    if codes is not None:
        arrays["code"] = pa.array(codes, pa.int64())
    if rules.hashed:
        arrays["row_text"] = _row_text(source.feed, rows)
    batch = pa.RecordBatch.from_pydict(arrays)
    bad: list[Problem] = []
    if not whole.all():
        bad = _problems(rows, columns, fine)
    if not fine.all():
        batch = batch.filter(pa.array(fine))
    return Valid(batch, len(fine), bad)


def _problems(rows: Rows, columns: dict[str, Column], fine: NDArray[np.bool_]) -> list[Problem]:
    accounts = columns["account_id"].values.to_pylist() if "account_id" in columns else [None] * len(rows.number)
    return [
        Problem(int(rows.number[row]), name, NAMES[int(column.refused[row])], accounts[row], bool(fine[row]))
        for name, column in columns.items()
        for row in np.flatnonzero(column.refused)
    ]


def _row_text(feed: Feed, rows: Rows) -> pa.Array:
    """Return the cells of each row as delivered, in the catalogue's order, joined by U+001F; absent ones are empty."""
    names = rows.cells.schema.names
    parts = [to_text(rows.cells.column(name)).fill_null("") if name in names else "" for name in feed.columns]
    return pc.binary_join_element_wise(*parts, "\x1f")
