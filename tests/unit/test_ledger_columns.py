"""What the ledger does with whole columns is what it would do row by row."""

import hashlib
import random
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arrears.core.entropy import SeededEntropy, random_uuid
from arrears.ledger.accounts import Accounts, read_accounts
from arrears.ledger.catalogue import FEEDS
from arrears.ledger.columns import Context, to_text
from arrears.ledger.mapping import Dialect
from arrears.ledger.money_cells import amounts, exact_amounts
from arrears.ledger.names import random_names
from arrears.ledger.read_parquet import open_parquet
from arrears.ledger.register import Register
from arrears.ledger.validate import Problem, Rules
from arrears.store.shelf import Shelf
from arrears.store.spool import ACCOUNTS_A_RANGE

CONTEXT = Context(Dialect(), "Asia/Shanghai", date(2026, 11, 12))


def test_many_random_names_are_those_drawn_one_by_one() -> None:
    one_by_one = SeededEntropy(7)
    assert random_names(SeededEntropy(7), 50).to_pylist() == [random_uuid(one_by_one) for _ in range(50)]


@pytest.mark.parametrize(("precision", "scale"), [(15, 2), (15, 3), (12, 0), (9, 1)])
def test_decimals_are_read_as_their_text_would_be(precision: int, scale: int) -> None:
    source = random.Random(precision)
    numbers = [0, 1, -5, 10, 100, 1000, *(source.randrange(-(10**9), 10**9) for _ in range(200))]
    cells = pa.array([None, *(Decimal(n).scaleb(-scale) for n in numbers), None], pa.decimal128(precision, scale))
    read, written = (
        exact_amounts(cells.slice(1)),
        amounts(FEEDS["payments"].field("amount"), to_text(cells)[1:], CONTEXT),
    )
    assert read is not None
    assert read.values.equals(written.values)
    assert written.decimals is not None
    assert read.decimals is not None
    assert read.decimals[:-1].tolist() == written.decimals[:-1].tolist()


def test_a_decimal_that_may_be_too_large_is_left_to_its_text() -> None:
    assert exact_amounts(pa.array([Decimal(10**12)], pa.decimal128(15, 2))) is None
    assert exact_amounts(pa.array([Decimal(1)], pa.decimal128(20, 2))) is None


def test_codes_are_places_in_the_register_in_whatever_order_the_ids_come() -> None:
    register = Register.of(["B", "甲", "A10", "A1"], [2, 2, 2, 0])
    wanted = pa.array(["甲", "A1", None, "A", "A10", "B", "乙", "A1"], pa.string())
    assert register.codes(wanted).tolist() == [3, 0, -1, -1, 1, 2, -1, 0]
    assert register.codes(wanted.slice(4, 2)).tolist() == [1, 2]
    assert register.codes(pa.array([None], pa.string())).tolist() == [-1]
    assert Register.of([], []).codes(wanted).tolist() == [-1] * 8


def test_a_shelf_gives_back_each_batch_as_it_was() -> None:
    shelf = Shelf()
    batches = [pa.record_batch([pa.array([number] * number)], names=["n"]) for number in range(1, 4)]
    for batch in batches:
        shelf.put(batch)
    assert shelf.take(1).equals(batches[1])
    assert [batch.equals(own) for batch, own in zip(shelf, batches, strict=True)] == [True, True, True]


def _read(path: Path, ids: list[str]) -> Accounts:
    feed = pa.table(
        {"account_id": ids, "closed_on": pa.nulls(len(ids), pa.date32()), "branch": [f"{i}号" for i in ids]}
    )
    pq.write_table(feed, path)
    return read_accounts(open_parquet(path, FEEDS["accounts"], Dialect()), Rules(CONTEXT, "CNY"))


def test_accounts_out_of_order_wait_in_the_ranges_in_which_sorted_ones_do(tmp_path: Path) -> None:
    ids = [f"A{number}" for number in range(10, 10 + 2 * ACCOUNTS_A_RANGE + 5)]
    shuffled = list(ids)
    random.Random(1).shuffle(shuffled)
    ordered = _read(tmp_path / "ordered.parquet", sorted(ids))
    found = _read(tmp_path / "shuffled.parquet", [*shuffled, shuffled[0]])
    assert np.array_equal(found.register.ids, ordered.register.ids)
    assert found.bad == [Problem(len(ids) + 2, "account_id", "duplicate", shuffled[0])]
    assert len(found.shelf) == len(ordered.shelf) == 3
    for own, other in zip(found.parts(), ordered.parts(), strict=True):
        assert own.drop_columns(["row_no"]).equals(
            other.drop_columns(["row_no"]).select(own.drop_columns(["row_no"]).schema.names)
        )
    first = next(ordered.parts())
    cells = {name: first[name][0].as_py() for name in ("account_id", "branch")}
    text = "\x1f".join(cells.get(name, "") for name in FEEDS["accounts"].columns)
    assert first["row_sha256"][0].as_py() == hashlib.sha256(text.encode()).hexdigest()


def test_two_spellings_of_one_id_are_told_from_a_repeated_row(tmp_path: Path) -> None:
    spelled = _read(tmp_path / "spelled.parquet", ["A1", "Ａ1", "A2", "A2"])
    assert [problem.reason for problem in sorted(spelled.bad)] == ["id_collision", "duplicate"]
