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
