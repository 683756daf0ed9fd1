"""Money recovered yesterday and this month, from the payments of a frozen snapshot or from two snapshots.

Recovery counts arrears only: what was overdue when the month began, plus what became overdue since. Payments go to
the oldest due date first (the staging rule), so what was unpaid on a day follows from two sums: due and received.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

ONE_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)
_DAYS = 1 << 20
"""More days than any ledger holds: account number times this plus a day orders payments by account, then day."""


@dataclass(frozen=True)
class Recovery:
    """One currency; minor units. ``base`` is what could be recovered since ``since``, ``collected`` what was.

    ``branches`` has both by branch, where the accounts name theirs.
    """

    basis: Literal["payments", "snapshots"]
    since: date
    base_minor: int
    collected_minor: int
    received_yesterday_minor: int | None
    recovered_yesterday_minor: int | None
    branches: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class _Pool:
    """What an account had paid by the end of a day, never less than nothing; asked from the day before ``first`` on.

    What was paid before ``first``, nearly everything, is only added up.
    """

    def __init__(self, accounts: Any, payments: Any, first: int) -> None:
        import numpy as np

        number, kept = _numbers(payments.column("subject_ref"), accounts)
        day = _days(payments.column("paid_on"))[kept]
        amount = payments.column("amount_minor").to_numpy()[kept]
        fresh = day >= first
        self._before = _sum_by(number[~fresh], amount[~fresh], len(accounts))
        number, day, amount = number[fresh], day[fresh], amount[fresh]
        order = np.argsort(number * _DAYS + day, kind="stable")
        self._keys = (number * _DAYS + day)[order]
        self._sums = np.concatenate([[0], np.cumsum(amount[order])])
        self.number, self.day, self.amount = number, day, amount

    def at(self, number: Any, day: Any) -> Any:
        import numpy as np

        first = np.searchsorted(self._keys, number * _DAYS, "left")
        last = np.searchsorted(self._keys, number * _DAYS + day, "right")
        return np.maximum(self._before[number] + self._sums[last] - self._sums[first], 0)


def recovery_from_payments(accounts: Any, instalments: Any, payments: Any, business_date: date) -> dict[str, Recovery]:
    """Return recovery by currency from Arrow tables of one snapshot.

    ``accounts`` needs subject_ref, currency and due_minor, and branch to tell the branches apart; ``instalments`` and
    ``payments`` are all of theirs. Accounts that have left the ledger are in neither sum.
    """
    import numpy as np

    pool = _Pool(
        accounts.column("subject_ref"), payments, min(_day(business_date.replace(day=1)), _day(business_date) - 1)
    )
    owner, kept = _numbers(instalments.column("subject_ref"), accounts.column("subject_ref"))
    due_on = _days(instalments.column("due_date"))[kept]
    amount = instalments.column("amount_due_minor").to_numpy()[kept]
    today, first = _day(business_date), _day(business_date.replace(day=1))
    count = accounts.num_rows
    everyone = np.arange(count)

    def due_before(day: int) -> Any:
        later = (due_on >= day) & (due_on <= today)
        return accounts.column("due_minor").to_numpy() - _sum_by(owner[later], amount[later], count)

    standing = np.maximum(due_before(first) - pool.at(everyone, first - 1), 0)
    new = (due_on >= first) & (due_on < today)
    became = _became_overdue(owner[new], due_on[new], amount[new], due_before(first), pool)
    base = standing + _sum_by(owner[new], became, count)
    now = np.maximum(due_before(today) - pool.at(everyone, today), 0)
    late = due_before(today - 1)
    recovered = np.maximum(late - pool.at(everyone, today - 2), 0) - np.maximum(late - pool.at(everyone, today - 1), 0)
    fresh = pool.day == today - 1
    received = _sum_by(pool.number[fresh], pool.amount[fresh], count)
    since = business_date.replace(day=1)
    return {
        currency: Recovery("payments", since, total(base), total(base - now), total(received), total(recovered),
                           _by_branch(accounts, currency, base, base - now))
        for currency, total in _totals(accounts)
    }  # fmt: skip


def _became_overdue(owner: Any, due_on: Any, amount: Any, before: Any, pool: _Pool) -> Any:
    """Return, in the order given, the part of each instalment that was unpaid when its due date ended."""
    import numpy as np

    order = np.lexsort((due_on, owner))
    running = np.cumsum(amount[order])
    starts = np.searchsorted(owner[order], owner[order], "left")
    within = running - np.concatenate([[0], running])[starts]
    unpaid = np.clip(before[owner[order]] + within - pool.at(owner[order], due_on[order]), 0, amount[order])
    result = np.empty_like(unpaid)
    result[order] = unpaid
    return result


def recovery_between(then: Any, now: Any, since: date) -> dict[str, Recovery]:
    """Return recovery by currency when the ledger has no payments: arrears of an earlier snapshot, and what is left.

    ``then`` needs subject_ref, currency and overdue_minor on ``since``; ``now`` the instalments with subject_ref,
    due_date, amount_due_minor and paid_minor. Accounts that have left the ledger are in neither sum.
    """
    import numpy as np
    import pyarrow.compute as pc

    now = now.filter(pc.less(now.column("due_date"), since))
    owner, kept = _numbers(now.column("subject_ref"), then.column("subject_ref"))
    unpaid = (now.column("amount_due_minor").to_numpy() - now.column("paid_minor").to_numpy())[kept]
    present = np.zeros(then.num_rows, dtype=bool)
    present[owner] = True
    arrears = np.where(present, then.column("overdue_minor").to_numpy(), 0)
    left = np.minimum(_sum_by(owner, np.maximum(unpaid, 0), then.num_rows), arrears)
    return {
        currency: Recovery("snapshots", since, total(arrears), total(arrears - left), None, None,
                           _by_branch(then, currency, arrears, arrears - left))
        for currency, total in _totals(then)
    }  # fmt: skip


def together(parts: Iterable[dict[str, Recovery]]) -> dict[str, Recovery]:
    """Return recovery by currency of all accounts from that of some and of others."""
    found: dict[str, Recovery] = {}
    for part in parts:
        for currency, own in part.items():
            found[currency] = _added(found[currency], own) if currency in found else own
    return dict(sorted(found.items()))


def _added(one: Recovery, other: Recovery) -> Recovery:
    branches = dict(one.branches)
    for name, (base, collected) in other.branches.items():
        before = branches.get(name, (0, 0))
        branches[name] = before[0] + base, before[1] + collected
    return Recovery(
        one.basis,
        one.since,
        one.base_minor + other.base_minor,
        one.collected_minor + other.collected_minor,
        _sum_of(one.received_yesterday_minor, other.received_yesterday_minor),
        _sum_of(one.recovered_yesterday_minor, other.recovered_yesterday_minor),
        branches,
    )


def _sum_of(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _totals(accounts: Any) -> list[tuple[str, Callable[[Any], int]]]:
    """Return, for each currency, how to add up a value an account."""
    import numpy as np

    currencies = accounts.column("currency").to_numpy(zero_copy_only=False).astype(str)

    def adder(currency: str) -> Callable[[Any], int]:
        return lambda values: int(values[currencies == currency].sum())

    return [(str(currency), adder(str(currency))) for currency in np.unique(currencies)]


def _by_branch(accounts: Any, currency: str, base: Any, collected: Any) -> dict[str, tuple[int, int]]:
    """Return base and collected of one currency by branch; empty where the accounts name none."""
    import numpy as np
    import pyarrow.compute as pc

    if "branch" not in accounts.column_names:
        return {}
    held = pc.equal(accounts.column("currency"), currency).to_numpy(zero_copy_only=False)
    coded = accounts.column("branch").combine_chunks().dictionary_encode()
    place, names = coded.indices.fill_null(len(coded.dictionary)).to_numpy()[held], [*coded.dictionary.to_pylist(), ""]
    sums = (_sum_by(place, values[held], len(names)) for values in (base.astype(np.int64), collected.astype(np.int64)))
    return {name: (int(one), int(other)) for name, one, other in zip(names, *sums, strict=True) if name}


def _numbers(refs: Any, accounts: Any) -> tuple[Any, Any]:
    """Return the position of each reference among the accounts, and which rows have one."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    known = accounts.cast(pa.string()).combine_chunks()
    found = pc.index_in(refs.cast(pa.string()), value_set=known)
    return found.drop_null().to_numpy().astype(np.int64), found.is_valid().to_numpy()


def _sum_by(owner: Any, amount: Any, count: int) -> Any:
    """Add integers up by owner; ``numpy.bincount`` would go through floats."""
    import numpy as np

    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, owner, amount)
    return total


def _days(column: Any) -> Any:
    import numpy as np

    return column.to_numpy().astype("datetime64[D]").astype(np.int64)


def _day(day: date) -> int:
    return (day - _EPOCH).days
