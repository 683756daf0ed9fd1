"""Erase the people of an account: on request, or because the time for which its records are kept is over."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from arrears.audit.erasure import (
    Erased,
    erase,
    expired_accounts,
    files_of,
    find_account,
    kept_until,
    refuse_if_needed,
)
from arrears.core.clock import local_date
from arrears.core.runtime import Runtime
from arrears.ladder.policy_office import Retention
from arrears.steps.world import policy_of, store_of
from arrears.store.engine import forget_log, reading, writing
from arrears.store.whole_files import unfinished

AT_MOST_A_NIGHT = 500
"""Accounts erased in one night: what is left waits for the next, and nobody waits for the seal."""


def erase_subject(rt: Runtime, name: str, *, basis: str, by: str, check_only: bool = False) -> dict[str, Any]:
    """Erase the people of one account, named by its id or ``subject_ref``, and seal that it was done.

    Raises:
        BadArguments: an unknown basis, or something that still needs the data.
        CannotTell: there is no such account.
    """
    from arrears.audit.seal import seal

    on = _today(rt)
    kept = _retention(rt)
    with reading(store_of(rt)) as connection:
        found = find_account(connection, name)
        refuse_if_needed(connection, found, on, basis, kept.years_after_close, kept.proceedings)
    if check_only:
        return {"erased": False, "legal_basis": basis}
    result = _erase(rt, found.account_id, run_id=rt.attempt.run_id, on=on, basis=basis, by=by)
    sealed = seal(rt, store_of(rt))
    return {"erased": True, "legal_basis": basis, **asdict(result), "sealed_at": sealed.size}


def erase_expired(rt: Runtime, run_id: str, on: date) -> int:
    """Erase accounts whose retention has ended and that no proceedings hold, and return how many."""
    kept = _retention(rt)
    before = _years_before(on, kept.years_after_close)
    with reading(store_of(rt)) as connection:
        candidates = expired_accounts(connection, on, before, AT_MOST_A_NIGHT, kept.proceedings)
    for account_id in candidates:
        _erase(rt, account_id, run_id=run_id, on=on, basis="retention_ended", by="system")
    return len(candidates)


def _years_before(on: date, years: int) -> date:
    """Return the first closing day that is still kept on a date."""
    day = on.replace(year=on.year - years, day=min(on.day, 28))
    while kept_until(day, years) < on:
        day += timedelta(days=1)
    return day


def _erase(rt: Runtime, account_id: str, *, run_id: str, on: date, basis: str, by: str) -> Erased:
    """Delete the files, then the rows: a crash in between leaves rows that name files which are gone, never reverse."""
    kept = _retention(rt)
    with writing(store_of(rt)) as connection:
        found = find_account(connection, account_id)
        refuse_if_needed(connection, found, on, basis, kept.years_after_close, kept.proceedings)
        files = _delete(rt.settings.artifacts_url, files_of(connection, account_id))
        result = erase(connection, rt, found, run_id=run_id, on=on, basis=basis, by=by, files=files)
    forget_log(store_of(rt))
    return result


def _delete(artifacts_url: str, paths: Iterable[str]) -> int:
    from fsspec.core import url_to_fs

    system, root = url_to_fs(artifacts_url)
    deleted = 0
    for path in paths:
        name = f"{root.rstrip('/')}/{path.rstrip('/')}"
        for one in [name, *unfinished(system, name)]:
            if system.exists(one):
                deleted += len(system.find(one))
                system.rm(one, recursive=path.endswith("/"))
    return deleted


def _retention(rt: Runtime) -> Retention:
    return policy_of(rt.settings).retention


def _today(rt: Runtime) -> date:
    return local_date(rt.clock.now(), policy_of(rt.settings).time_zone)
