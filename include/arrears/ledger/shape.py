"""The shape of a frozen ledger: the few totals by which the gates compare one date with another."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

EPOCH = date(1970, 1, 1)
RECENT_DAYS = 31
"""An instalment due at most this long ago may well be paid by the next delivery."""


@dataclass
class Shape:
    """Rows by feed, accounts by stage, and per currency and due date: rows, amount due, unpaid part (minor units)."""

    form: str = "payments"
    rows: dict[str, int] = field(default_factory=dict)
    stages: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    unpaid_due: dict[str, int] = field(default_factory=dict)
    due: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    excluded: dict[str, int] = field(default_factory=dict)
    """Rows by feed of accounts that were closed on or before the date: sound, and left out."""
    before_accounts: int = 0
    absent: int = 0
    files: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of each feed that was frozen: from here a decision leads back to its files."""
    book_balance: dict[str, int] = field(default_factory=dict)
    """Principal outstanding of the open accounts per currency, minor units; empty where the ledger does not say."""

    @classmethod
    def read(cls, text: str) -> "Shape":
        """Read what ``text`` wrote."""
        return cls(**json.loads(text))

    def text(self) -> str:
        """Return the shape as JSON text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    def add_stages(self, stages: NDArray[np.int8]) -> None:
        """Count accounts by stage."""
        for stage, count in enumerate(np.bincount(stages, minlength=4).tolist()):
            self.stages[stage] += count

    def add_due(self, currency: str, due: NDArray[Any], amount: NDArray[Any], unpaid: NDArray[Any]) -> None:
        """Add instalments by due date (days since 1970-01-01)."""
        days, place, rows = np.unique(due, return_inverse=True, return_counts=True)
        sums = [np.zeros(len(days), dtype=np.int64) for _ in range(2)]
        for total, values in zip(sums, (amount, unpaid), strict=True):
            np.add.at(total, place, values)
        known = self.due.setdefault(currency, {})
        for day, *own in zip(days.tolist(), rows.tolist(), sums[0].tolist(), sums[1].tolist(), strict=True):
            key = (EPOCH + timedelta(days=day)).isoformat()
            known[key] = [old + new for old, new in zip(known.get(key, [0, 0, 0]), own, strict=True)]

    def fallen_due(self, after: date, until: date, currency: str) -> int:
        """Return the amount that fell due in ``(after, until]``."""
        return sum(amount for day, (_, amount, _) in self.due.get(currency, {}).items()
                   if after.isoformat() < day <= until.isoformat())  # fmt: skip

    def unpaid_before(self, day: date, currency: str) -> int:
        """Return the unpaid part of instalments due before a day."""
        return sum(unpaid for due, (_, _, unpaid) in self.due.get(currency, {}).items() if due < day.isoformat())

    def lasting_rows(self, on: date, since: date) -> int:
        """Return the instalments that a day's payments cannot have removed: due before ``since`` or after ``on``."""
        return sum(rows for days in self.due.values() for due, (rows, _, _) in days.items()
                   if due < since.isoformat() or due > on.isoformat())  # fmt: skip
