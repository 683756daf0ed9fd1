"""Every broken file is refused in one line that names file, row, column and reason, and nothing is written."""

from datetime import date
from pathlib import Path

import pytest

from arrears.core.errors import BadInput
from arrears.ledger.stage_file import stage_files

BROKEN = Path(__file__).resolve().parents[1] / "fixtures" / "broken"
EXPECTED = {
    "exponent": "row 5, column amount_due: .* (bad_amount)",
    "not_a_number": "row 5, column amount_due: .* (bad_amount)",
    "infinity": "row 5, column amount_due: .* (bad_amount)",
    "underscore": "row 5, column amount_due: .* (bad_amount)",
    "thousands_mark": "row 5, column amount_due: .* (bad_amount)",
    "too_many_decimals": "row 5, column amount_due: .* (too_many_decimals)",
    "too_large": "row 5, column amount_due: .* (bad_amount)",
    "negative_instalment": "row 5, column amount_due: .* (below_minimum)",
    "impossible_date": "row 5, column due_date: .* (bad_date)",
    "zero_date": "row 5, column due_date: .* (bad_date)",
    "two_digit_year": "row 5, column due_date: .* (bad_date)",
    "sheet_serial_date": "row 5, column due_date: .* (bad_date)",
    "short_row": "row 5: .* (wrong_cell_count)",
    "long_row": "row 5: .* (wrong_cell_count)",
    "empty_cell": "row 5, column due_date: .* (missing_value)",
    "duplicate_instalment": "row 5, column instalment_no: .* (duplicate)",
    "unknown_account": "row 5, column account_id: .* (unknown_account)",
    "zero_width_id": "row 5, column account_id: .* (bad_id)",
    "id_with_space": "row 5, column account_id: .* (bad_id)",
    "fraction_number": "row 5, column instalment_no: .* (bad_count)",
    "open_quote": "row 5: a quote is never closed",
    "missing_column": "row 1: missing column amount_due",
    "header_twice": "row 1: the column 'amount_due' stands there twice",
    "header_only": "no rows under the header",
    "no_bytes": "the file is empty",
    "nul_byte": "row 5: a NUL byte",
    "other_encoding": "row 5: not utf-8",
    "utf16": "row 1: a NUL byte",
}


def test_every_broken_file_has_an_expected_answer() -> None:
    assert {path.stem for path in BROKEN.glob("*.csv")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_broken_file_is_refused_by_row_column_and_reason(tmp_path: Path, name: str) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("account_id,closed_on\nA1,\nA2,\n", encoding="utf-8")
    out = tmp_path / "out.csv"
    pattern = EXPECTED[name].replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(BadInput, match=rf"{name}\.csv:? {pattern}") as refused:
        stage_files(accounts, BROKEN / f"{name}.csv", None, date(2026, 11, 12), out)
    assert refused.value.exit_code == 1
    assert len(str(refused.value).splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["accounts.csv"]
