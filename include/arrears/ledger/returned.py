"""Give a filled form back: the rows that were taken in are hidden, the refused ones are red and say why."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from arrears.ledger.mapping import Dialect
from arrears.ledger.read_xlsx import cell_text

RED = PatternFill("solid", start_color="F8C9C9", end_color="F8C9C9")
YELLOW = PatternFill("solid", start_color="FFF9DB", end_color="FFF9DB")
TO_READ = Alignment(vertical="top", wrap_text=True)
Refusal = tuple[int, str, str]
"""Row of the sheet, column of the feed ('' for the whole row), reason."""


def mark_up(file: Path, target: Path, dialect: Dialect, refused: Sequence[Refusal], why: Callable[[str], str]) -> int:
    """Write a copy of a filled workbook with its refused rows marked and return how many there are.

    Rows that were taken in are hidden, so that nobody writes them again; handed in once more they change nothing. Rows
    in which nobody wrote stay as they are. ``why`` turns a reason into words, in a column of its own at the end; marks
    and reasons of a copy that was given back before are taken away.
    """
    book = load_workbook(file)
    sheet = book[dialect.sheet] if dialect.sheet in book.sheetnames else book.worksheets[0]
    for other in [name for name in book.sheetnames if name != sheet.title]:
        del book[other]
    header = [cell_text(cell.value) for cell in sheet[1]]
    while header and not header[-1]:
        header.pop()
    places = {dialect.columns.get(cell, cell): number for number, cell in enumerate(header, start=1)}
    by_row: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for row, column, reason in refused:
        by_row[row].append((column, reason))
    note = header.index(why("returned")) + 1 if why("returned") in header else len(header) + 1
    _clean(sheet, note)
    sheet.cell(1, note, why("returned")).font = Font(bold=True)
    sheet.column_dimensions[get_column_letter(note)].width = 40
    written = [places[name] for name in dialect.skip_when_empty if name in places]
    for row in range(2, sheet.max_row + 1):
        if row in by_row:
            _mark(sheet, row, note, header, places, by_row[row], why)
        elif not written or any(cell_text(sheet.cell(row, place).value) for place in written):
            sheet.row_dimensions[row].hidden = True
    target.parent.mkdir(parents=True, exist_ok=True)
    book.save(target)
    return len(by_row)


def _clean(sheet: Worksheet, note: int) -> None:
    """Take away what marked an earlier copy: its reasons, and the red of its cells."""
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            if cell.column == note:
                cell.value, cell.fill = None, PatternFill()
            elif cell.fill == RED:
                cell.fill = PatternFill() if cell.protection.locked else YELLOW


def _mark(
    sheet: Worksheet,
    row: int,
    note: int,
    header: Sequence[str],
    places: dict[str, int],
    problems: Iterable[tuple[str, str]],
    why: Callable[[str], str],
) -> None:
    said = []
    for column, reason in problems:
        place = places.get(column)
        if place is not None:
            sheet.cell(row, place).fill = RED
        said.append(f"{header[place - 1]}: {why(reason)}" if place is not None else why(reason))
    cell = sheet.cell(row, note, "; ".join(said))
    cell.fill, cell.alignment = RED, TO_READ
