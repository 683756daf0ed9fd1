"""Whatever bytes arrive as a file: staged, or refused in one line; never an error of our own."""

import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from arrears.core.errors import BadInput
from arrears.ledger.stage_file import stage_files

HEADER = "account_id,instalment_no,due_date,amount_due"
CELLS = st.one_of(
    st.sampled_from(["A1", "A2", "1", "2", "2026-10-15", "100.00", "-0", "", '"', "1E5", "９", "\u200b", "2026-02-30"]),
    st.text(max_size=6),
)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=5)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def staged(content: bytes) -> str | None:
    """Return the CSV, or None when the file was refused."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        (folder / "accounts.csv").write_text("account_id,closed_on\nA1,\nA2,\n", encoding="utf-8")
        (folder / "instalments.csv").write_bytes(content)
        out = folder / "out.csv"
        try:
            stage_files(folder / "accounts.csv", folder / "instalments.csv", None, date(2026, 11, 12), out)
        except BadInput as refused:
            said = str(refused)
        else:
            return out.read_text(encoding="utf-8")
        assert len(said.splitlines()) == 1
        assert not out.exists()
    return None


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, end=ENDS)
@example(rows=[["A1", "1", "2026-10-15", "-0"]], end="\n")
@example(rows=[["A1", "1", "2026-10-15", '"1']], end="\n")
def test_any_cells_are_staged_or_refused_in_one_line(rows: list[list[str]], end: str) -> None:
    text = end.join([HEADER, *(",".join(row) for row in rows)]) + end
    result = staged(text.encode("utf-8", "surrogatepass"))
    assert result is None or result.count("\n") == 3


@pytest.mark.filterwarnings("error")
@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=60))
@example(content=b"\x80")
def test_any_bytes_behind_a_good_header_are_staged_or_refused_in_one_line(content: bytes) -> None:
    result = staged(f"{HEADER}\nA1,1,2026-10-15,1.00\n".encode() + content)
    assert result is None or result.count("\n") == 3
