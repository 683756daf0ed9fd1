"""Working days: make-up days, the file that corrects them, and days that nobody has announced yet."""

from datetime import date

import pytest

from arrears.core.calendar import BusinessCalendar, add_months
from arrears.core.errors import BadArguments
from arrears.ladder.layers import load_policy, read_policy

CN = BusinessCalendar("CN")
HEAD = 'extends: cn\npolicy_id: ours\nversion: "1"\neffective_from: 2026-01-01\n'


def test_a_weekend_may_be_worked_and_a_weekday_free():
    assert CN.is_working_day(date(2026, 2, 14))
    assert not CN.is_working_day(date(2026, 10, 1))


def test_the_override_file_of_a_policy_corrects_single_dates_and_is_part_of_its_hash(tmp_path):
    (tmp_path / "days.csv").write_text("date,working\n2027-02-06,yes\n2027-02-08,no\n", encoding="utf-8")
    (tmp_path / "p.yaml").write_text(HEAD + "calendar: {override_file: days.csv}\n", encoding="utf-8")
    found = read_policy(str(tmp_path / "p.yaml"))
    calendar = found.business_calendar()
    assert calendar.is_working_day(date(2027, 2, 6))
    assert not calendar.is_working_day(date(2027, 2, 8))
    assert "2027-02-06" in found.canonical()


def test_an_override_file_that_is_missing_or_unreadable_is_refused(tmp_path):
    (tmp_path / "p.yaml").write_text(HEAD + "calendar: {override_file: days.csv}\n", encoding="utf-8")
    with pytest.raises(BadArguments, match=r"calendar\.override_file: days\.csv: no such file"):
        read_policy(str(tmp_path / "p.yaml"))
    (tmp_path / "days.csv").write_text("date,working\n2027-02-06,perhaps\n", encoding="utf-8")
    (tmp_path / "q.yaml").write_text(HEAD + "calendar: {override_file: days.csv}\n", encoding="utf-8")
    with pytest.raises(BadArguments, match="row 2: give date as YYYY-MM-DD and working as yes or no"):
        read_policy(str(tmp_path / "q.yaml"))


def test_sixty_days_into_a_year_without_announced_make_up_days_are_a_warning():
    assert CN.unconfirmed_days(date(2026, 6, 1), 60) == 0
    assert CN.unconfirmed_days(date(2027, 6, 1), 60) == 60
    assert BusinessCalendar("CN", None, {date(2027, 2, 6): True}).unconfirmed_days(date(2027, 6, 1), 60) == 0
    assert BusinessCalendar("US").unconfirmed_days(date(2027, 6, 1), 60) == 0


def test_the_regions_of_the_united_kingdom_keep_their_own_holidays(tmp_path):
    found = load_policy(tmp_path.__class__("uk")).business_calendar()
    assert not found.is_working_day(date(2026, 4, 6))  # Easter Monday
    (tmp_path / "p.yaml").write_text(HEAD.replace("cn", "uk") + "calendar: {subdivision: null}\n", encoding="utf-8")
    with pytest.raises(BadArguments, match=r"calendar\.subdivision: give ENG, SCT, NIR or WLS"):
        read_policy(str(tmp_path / "p.yaml"))


def test_months_are_counted_from_the_original_day():
    assert [add_months(date(2026, 8, 31), n) for n in (1, 2, 6)] == [
        date(2026, 9, 30), date(2026, 10, 31), date(2027, 2, 28)]  # fmt: skip
