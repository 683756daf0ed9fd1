"""What looks like personal data leaves no log line and no error message of a task."""

import logging

import pytest

from arrears.orchestration.masking import STARS, guard_logs, masked, told_safely


@pytest.mark.parametrize(
    "said",
    ["13800001111", "+8619900000012", "+86 13800001111", "86-13800001111", "11010519491231002X", "6222020200112233445",
     "lin.yi@lender.example", "+442071838750"],
)  # fmt: skip
@pytest.mark.parametrize("line", ["could not convert '{}'", "{}", "key=({}) already exists", "号码{}错"])
def test_a_number_or_address_of_a_person_is_starred(said: str, line: str) -> None:
    assert masked(line.format(said)) == line.format(STARS)


@pytest.mark.parametrize(
    "line",
    [
        "daily-2026-11-12-1 sealed 1284 events",
        "root 9f2c61d9a87b3e459f2c61d9a87b3e459f2c61d9a87b3e459f2c61d9a87b3e45",
        "ti 0199f3a2-1b7c-7d3e-9a55-0123456789ab at 2026-11-12T02:00:00Z",
        "control total 4938930000",
        "accounts.csv row 37, column paid_on",
    ],
)
def test_keys_counts_hashes_and_times_stay(line: str) -> None:
    assert masked(line) == line


@pytest.fixture
def guarded():
    before = logging.getLogRecordFactory()
    guard_logs()
    guard_logs()
    yield logging.getLogger("some.library")
    logging.setLogRecordFactory(before)


def test_a_line_of_any_library_is_starred_and_its_other_words_stay(guarded, caplog):
    guarded.warning("row %s: bad mobile %s", 12, "13800001111")
    assert [record.getMessage() for record in caplog.records] == [f"row 12: bad mobile {STARS}"]


def test_an_unforeseen_error_is_told_by_its_kind_and_place_and_without_the_cell():
    try:
        int("13800001111x 13800001111")
    except ValueError as error:
        told = told_safely(error)
    assert "ValueError: invalid literal" in str(told)
    assert "13800001111 " not in str(told)
    assert str(told).count(STARS) == 1
    assert told.__traceback__ is not None
