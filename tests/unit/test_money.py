"""Every currency has the minor units that ISO 4217 gives it; what is no money is refused."""

import csv
from pathlib import Path

import pytest

from arrears.core.errors import BadInput
from arrears.core.money import digits_of

LIST_ONE = Path(__file__).resolve().parents[1] / "fixtures" / "iso_4217.csv"
"""The active codes of the standard's list one with their minor units; empty where it gives none."""

FOUR = "4"


def listed() -> dict[str, str]:
    with LIST_ONE.open(encoding="utf-8") as file:
        return {row["code"]: row["minor_unit"] for row in csv.DictReader(file)}


def test_every_currency_of_the_standard_has_the_standards_digits() -> None:
    money = {code: int(unit) for code, unit in listed().items() if unit not in ("", FOUR)}
    assert len(money) == 162
    assert {code: digits_of(code) for code in money} == money


@pytest.mark.parametrize("code", [code for code, unit in listed().items() if unit in ("", FOUR)])
def test_a_code_in_which_nobody_is_paid_is_refused(code: str) -> None:
    with pytest.raises(BadInput, match=f"currency '{code}'"):
        digits_of(code)
