"""The accounts feed as a whole: sorted by id, each id once."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from arrears.core.money import digits_of
from arrears.ledger.register import Register, encode
from arrears.ledger.source import Source
from arrears.ledger.validate import Problem, Rules, check_all


@dataclass
class Accounts:
    """Accepted accounts in the byte order of their ids, with the register made of them."""

    table: pa.Table
    register: Register
    rows: int
    bad: list[Problem]


def read_accounts(source: Source, rules: Rules) -> Accounts:
    """Read and check the accounts feed; of two rows with one id the first stands."""
    table, rows, bad = check_all(source, rules)
    if table is None:
        table = pa.table(
            {
                "account_id": pa.array([], pa.string()),
                "closed_on": pa.array([], pa.date32()),
                "row_no": pa.array([], pa.int64()),
                "row_text": pa.array([], pa.string()),
            }
        )
    ids = encode(table.column("account_id").combine_chunks())
    numbers = np.asarray(table.column("row_no"))
    order = np.lexsort((numbers, ids))
    ids = ids[order]
    again = np.append(False, ids[1:] == ids[:-1]) if len(ids) else np.zeros(0, dtype=bool)
    bad += [
        Problem(int(numbers[order[row]]), "account_id", _reason(table, int(order[row])), ids[row].decode())
        for row in np.flatnonzero(again)
    ]
    table = table.take(pa.array(order[~again]))
    return Accounts(table, Register(ids[~again], _digits(table, rules.currency)), rows, bad)


def _reason(table: pa.Table, row: int) -> str:
    """Tell a plain duplicate from two spellings that became one id."""
    if "account_id_raw" not in table.schema.names:
        return "duplicate"
    account_id = table.column("account_id")[row].as_py()
    spellings = pc.unique(table.filter(pc.equal(table.column("account_id"), account_id)).column("account_id_raw"))
    return "id_collision" if len(spellings) > 1 else "duplicate"


def _digits(table: pa.Table, currency: str) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    usual = digits_of(currency)
    if "currency" not in table.schema.names:
        return np.full(table.num_rows, usual, dtype=np.int8)
    codes = table.column("currency").to_pylist()
    return np.array([usual if code is None else digits_of(code) for code in codes], dtype=np.int8)
