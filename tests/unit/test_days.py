"""One way to write a day, for the shell and the desk."""

from datetime import date

import pytest

from arrears.cli.arguments import read_date
from arrears.core.days import day_of
from arrears.core.errors import BadArguments, BadInput
from arrears.desk.accounts import _day


def test_a_day_is_read_as_it_is_written() -> None:
    assert day_of("2026-01-05") == read_date("2026-01-05") == _day("2026-01-05") == date(2026, 1, 5)


@pytest.mark.parametrize(
    "text", ["2026-1-5", "20260105", "2026-W01-1", "2026-02-30", "2026-01-05 ", "２０２６-01-05", ""]
)
def test_any_other_writing_is_refused_by_shell_and_desk_alike(text: str) -> None:
    with pytest.raises(ValueError, match=r"YYYY|day"):
        day_of(text)
    with pytest.raises(BadArguments):
        read_date(text)
    with pytest.raises(BadInput):
        _day(text)
