"""How a customer was found, in words: the treatment by rating, and what the reason for the arrears asks for."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row

from arrears.reports.wording import Words

TREATMENT = "treatment_"
"""How the reasons of a decision name the treatment by rating."""


def rated(reasons: Iterable[str], say: Words) -> list[str]:
    """Return what the collector's rating of willingness and ability asks for, from the reasons of a decision."""
    codes = (code.removeprefix(TREATMENT) for code in reasons if code.startswith(TREATMENT))
    return [say("brief.treatment", what=say.label("treatment_by_rating", code)) for code in codes]


def advised(told: Sequence[Row[Any]], account_id: str, say: Words) -> list[str]:
    """Return what the newest known reason for the arrears asks for; ``told`` is newest first."""
    known = [one.reason for one in told if one.account_id == account_id and one.reason]
    return [say("brief.advice", what=say.label("advice", code)) for code in known[:1] if say.knows("advice", code)]
