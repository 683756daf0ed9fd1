"""How accounts moved between ageing buckets since the last month ended: roll rates and cures, from two snapshots."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from arrears.reports.kpi import BUCKET_FLOORS, rate

COLUMNS = ["subject_ref", "currency", "days_past_due", "overdue_minor", "principal_outstanding_minor"]
BUCKETS = tuple(BUCKET_FLOORS)


@dataclass(frozen=True)
class Move:
    """What became of the accounts that stood in one bucket when the month ended.

    ``rolled_minor`` is what now stands one bucket further, ``balance_minor`` what stood here then.
    """

    accounts: int
    current: int
    better: int
    same: int
    worse: int
    gone: int
    balance_minor: int
    rolled_minor: int

    @property
    def roll_rate(self) -> int | None:
        """Return the roll rate into the next bucket, basis points."""
        return rate(self.rolled_minor, self.balance_minor)


@dataclass(frozen=True)
class Migration:
    """One currency since the end of the last month."""

    since: date
    moves: dict[str, Move]
    untreated: int
    untreated_cured: int

    @property
    def cure_rate(self) -> int | None:
        """Return accounts overdue then and current now over accounts overdue then."""
        late = [move for name, move in self.moves.items() if name != BUCKETS[0]]
        return rate(sum(move.current for move in late), sum(move.accounts for move in late))

    @property
    def natural_cure_rate(self) -> int | None:
        """Return the cure rate of overdue accounts that nobody has contacted since."""
        return rate(self.untreated_cured, self.untreated)


def migration(then: Any, now: Any, since: date, treated: Collection[str]) -> dict[str, Migration]:
    """Follow the accounts of an earlier snapshot into a later one, by currency.

    Both Arrow tables hold :data:`COLUMNS`; ``treated`` are the references of accounts that were contacted since.
    The balance is the principal outstanding, or the overdue amount where the ledger states no principal.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(then.column("subject_ref"), value_set=now.column("subject_ref").combine_chunks())
    gone = found.is_null().to_numpy()
    at = found.fill_null(0).to_numpy().astype(np.int64)
    before, after = _bucket(then), np.full(then.num_rows, -1)
    rolled = np.zeros(then.num_rows, dtype=np.int64)
    if now.num_rows:
        after = np.where(gone, -1, _bucket(now)[at])
        rolled = np.where(after == before + 1, _balance(now)[at], 0)
    names = then.column("currency").to_numpy(zero_copy_only=False).astype(str)
    alone = ~pc.is_in(then.column("subject_ref"), value_set=pa.array(sorted(treated), pa.string())).to_numpy()
    alone &= (before > 0) & ~gone
    balance = _balance(then)
    result = {}
    for currency in np.unique(names):
        mine = names == currency
        moves = {
            name: _move(mine & (before == number), before, after, balance, rolled)
            for number, name in enumerate(BUCKETS)
        }
        untreated = alone & mine
        result[str(currency)] = Migration(since, moves, int(untreated.sum()), int((untreated & (after == 0)).sum()))
    return result


def _move(rows: Any, before: Any, after: Any, balance: Any, rolled: Any) -> Move:
    here = rows & (after >= 0)
    return Move(
        accounts=int(rows.sum()),
        current=int((here & (after == 0)).sum()),
        better=int((here & (after > 0) & (after < before)).sum()),
        same=int((here & (after == before) & (after > 0)).sum()),
        worse=int((here & (after > before)).sum()),
        gone=int((rows & (after < 0)).sum()),
        balance_minor=int(balance[rows].sum()),
        rolled_minor=int(rolled[rows].sum()),
    )


def _bucket(table: Any) -> Any:
    import numpy as np

    floors = np.array(list(BUCKET_FLOORS.values()))
    return np.searchsorted(floors, table.column("days_past_due").to_numpy(), "right") - 1


def _balance(table: Any) -> Any:
    import numpy as np
    import pyarrow.compute as pc

    owed = pc.coalesce(table.column("principal_outstanding_minor"), table.column("overdue_minor"))
    return owed.to_numpy().astype(np.int64)
