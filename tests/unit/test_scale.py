"""What docs/scale.md says about large portfolios follows from what was measured."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCALE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
TWO_HOURS = 7200
"""From the done-marker at 06:00 to the digest at 08:00."""


@pytest.fixture
def arithmetic(monkeypatch: Any) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "bench"))
    return importlib.import_module("arithmetic")


@pytest.mark.parametrize("millions", [1, 5, 10, 50])
def test_mornings_workers_and_disks_are_what_the_steps_of_a_day_come_to(arithmetic: Any, millions: int) -> None:
    assert arithmetic.row(millions) in SCALE.splitlines()


def test_the_text_says_of_the_morning_what_the_table_says(arithmetic: Any) -> None:
    ordinary, peak = arithmetic.steps_of_a_day()
    text = " ".join(SCALE.split())
    hours = re.search(r"would need ([\d.]+) hours on an ordinary day and ([\d.]+) on the 12th", text)
    minutes = re.search(r"Stores of 5 M need (\d+) minutes each, (\d+) on the 12th", text)
    assert hours is not None
    assert minutes is not None
    assert [float(one) for one in hours.groups()] == pytest.approx([50 * ordinary / 3600, 50 * peak / 3600], abs=0.06)
    assert [float(one) for one in minutes.groups()] == pytest.approx([5 * ordinary / 60, 5 * peak / 60], abs=0.6)
    fits = re.search(r"is (\d+) million accounts on the 12th and (\d+) million on an ordinary day", text)
    assert fits is not None
    assert [float(one) for one in fits.groups()] == pytest.approx([TWO_HOURS / peak, TWO_HOURS / ordinary], abs=0.51)


def test_a_store_on_postgresql_grows_by_what_its_rows_took() -> None:
    counted = {564: (18_038_784, 32_000), 1488: (148_332_544, 99_677), 2567: (41_074_688, 16_000)}
    for quotient, (whole, parts) in counted.items():
        assert whole / parts == pytest.approx(quotient, abs=0.5)
        assert f"{whole:,} bytes, {parts:,} " in SCALE
    decisions, courtesy = 0.2, 0.8 / 30
    rows = decisions, 5.15 * decisions + 3 * courtesy, 0.42 * decisions + courtesy
    gigabytes = sum(count * size for count, size in zip(rows, counted, strict=True)) / 1000
    said = re.search(r"([\d.]+) GB a\s+day and ([\d.]+) TB a year for a million accounts", SCALE)
    assert said is not None
    assert [float(one) for one in said.groups()] == pytest.approx([gigabytes, gigabytes * 0.365], abs=0.005)
