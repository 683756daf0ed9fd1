"""Money recovered yesterday and this month, from the payments of a frozen snapshot or from two snapshots.

Recovery counts arrears only: what was overdue when the month began, plus what became overdue since. Payments go to
the oldest due date first (the staging rule), so what was unpaid on a day follows from two sums: due and received.
"""

from collections.abc import Iterable, Iterator, Mapping
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

    ``branches`` has the same of each branch, where the accounts name theirs: whoever leads one needs no other reading.
    """

    basis: Literal["payments", "snapshots"]
    since: date
    base_minor: int
    collected_minor: int
    received_yesterday_minor: int | None
    recovered_yesterday_minor: int | None
    branches: Mapping[str, "Recovery"] = field(default_factory=dict)


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
    return _by_currency(
        accounts, _Sums("payments", business_date.replace(day=1), base, base - now, received, recovered)
    )


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
    return _by_currency(then, _Sums("snapshots", since, arrears, arrears - left, None, None))


def together(parts: Iterable[dict[str, Recovery]]) -> dict[str, Recovery]:
    """Return recovery by currency of all accounts from that of some and of others."""
    found: dict[str, Recovery] = {}
    for part in parts:
        for currency, own in part.items():
            found[currency] = _added(found[currency], own) if currency in found else own
    return dict(sorted(found.items()))


def recovery_of_branch(found: dict[str, Recovery], branch: str | None) -> dict[str, Recovery]:
    """Return the recovery of one branch, or of all, out of that of the whole house, by currency."""
    if branch is None:
        return found
    return {currency: line.branches[branch] for currency, line in found.items() if branch in line.branches}


def _added(one: Recovery, other: Recovery) -> Recovery:
    branches = dict(one.branches)
    for name, own in other.branches.items():
        branches[name] = _added(branches[name], own) if name in branches else own
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


@dataclass(frozen=True)
class _Sums:
    """What is recovered of each account, before it is added up: arrays in the order of the accounts."""

    basis: Literal["payments", "snapshots"]
    since: date
    base: Any
    collected: Any
    received: Any
    recovered: Any

    def of(self, rows: Any, branches: Mapping[str, Recovery]) -> Recovery:
        """Add up the accounts that are meant."""

        def total(amounts: Any) -> int:
            return int(amounts[rows].sum())

        received, recovered = (None if one is None else total(one) for one in (self.received, self.recovered))
        return Recovery(self.basis, self.since, total(self.base), total(self.collected), received, recovered, branches)


def _by_currency(accounts: Any, sums: _Sums) -> dict[str, Recovery]:
    """Add up by currency, and in each by branch where the accounts name theirs."""
    import numpy as np

    currencies = accounts.column("currency").to_numpy(zero_copy_only=False).astype(str)
    found = {}
    for currency in np.unique(currencies):
        rows = currencies == currency
        branches = {name: sums.of(rows & own, {}) for name, own in _branches(accounts) if (rows & own).any()}
        found[str(currency)] = sums.of(rows, branches)
    return found


def _branches(accounts: Any) -> Iterator[tuple[str, Any]]:
    """Yield each branch with which accounts are its own; none where the accounts name none."""
    import numpy as np

    if "branch" not in accounts.column_names:
        return
    coded = accounts.column("branch").combine_chunks().dictionary_encode()
    place = coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False)
    for number, name in enumerate(coded.dictionary.to_pylist()):
        if name:
            yield name, np.equal(place, number)


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
