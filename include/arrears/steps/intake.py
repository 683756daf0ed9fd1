"""The steps of ``arrears_intake``: what arrives during the day, payments and outcomes first of all."""

from datetime import date
from pathlib import Path
from typing import Any

from arrears.core.errors import BadArguments, BadInput
from arrears.core.runtime import Request, Runtime


def open_intake(rt: Runtime, request: Request) -> str:
    """Open an intake run."""
    from arrears.steps import runs

    return runs.open_run(rt, "intake", request)


def list_arrivals(rt: Runtime, intake: str) -> list[str]:
    """Return the names of the feed files that wait whole in the intake folder, so many as one run takes."""
    from arrears.steps import arrivals

    return arrivals.list_waiting(rt)


def import_arrival(rt: Runtime, intake: str, name: str) -> dict[str, Any]:
    """Import one waiting file and put it away; the same file a second time changes nothing.

    A file that is gone was taken by a try before this one, or by whoever laid it there.

    Raises:
        BadInput: the file is no feed, or cannot be read; it is laid aside, so that it is told of once.
    """
    from arrears.steps import arrivals, runs

    folder = arrivals.folder_of(rt)
    if folder is None:
        raise BadArguments("no intake folder: set ARREARS_LEDGER_URL to the folder that holds it")
    file, feed = arrivals.file_of(folder, name), arrivals.feed_of(name)
    if not file.exists():
        return {"feed": feed, "gone": 1}
    try:
        arrivals.refuse_misnamed(name)
        if arrivals.waits(name) and _is_done(rt, feed, arrivals.hash_of(file)):
            arrivals.put_away(folder, file, arrivals.TAKEN)
            return {"feed": feed, "gone": 1}
        this = runs.read_run(rt, intake)
        taken = _import(rt, intake, feed, file, this, again=arrivals.waits(name))
        waiting = _waiting(rt, feed, taken["sha256"], this.business_date)
    except BadInput:
        arrivals.put_away(folder, file, arrivals.REFUSED)
        raise
    if waiting:
        arrivals.keep_waiting(folder, file, taken["sha256"], rt.clock.now())
    else:
        arrivals.put_away(folder, file, arrivals.TAKEN, taken["sha256"])
    return taken | {"waiting": waiting}


def _is_done(rt: Runtime, feed: str, sha256: str) -> bool:
    """Say whether a try that died before it put the file away left no row waiting: nothing of it is imported anew."""
    from arrears.ledger.waiting import has_come, waiting_rows
    from arrears.steps import world
    from arrears.store.engine import reading

    with reading(world.store_of(rt)) as connection:
        return has_come(connection, feed, sha256) and waiting_rows(connection, feed, sha256) is None


def _waiting(rt: Runtime, feed: str, sha256: str, business_date: date) -> int:
    """Return how many rows of a file still wait for their account.

    Raises:
        BadInput: they have waited as long as the policy has them wait (``ledger.unknown_account_days``).
    """
    from arrears.ledger.waiting import waiting_rows
    from arrears.steps import world
    from arrears.store.engine import reading

    with reading(world.store_of(rt)) as connection:
        waiting = waiting_rows(connection, feed, sha256)
    if waiting is None:
        return 0
    days = world.policy_of(rt.settings).ledger.unknown_account_days
    if (business_date - waiting.since).days >= days:
        raise BadInput(f"{feed}: {len(waiting.rows)} rows are about accounts that no ledger has brought in {days} days")
    return len(waiting.rows)


def import_receipts(rt: Runtime, intake: str) -> dict[str, int]:
    """Import delivery receipts and bounces: a delivered one is evidence, and both end doubts."""
    from arrears.steps import receipts, runs

    return receipts.take(rt, runs.read_run(rt, intake))


def close_intake(rt: Runtime, intake: str) -> dict[str, Any]:
    """Seal what arrived."""
    from arrears.core.clock import utc_text
    from arrears.steps import runs, summary

    runs.set_run(rt, intake, settled_at=utc_text(rt.clock.now()))
    return summary.close(rt, intake)


def import_file(rt: Runtime, kind: str, file: Path) -> dict[str, Any]:
    """Import one feed from the shell and return its counts; into a rehearsed day it comes after all done on it."""
    from arrears.steps import runs

    rt = runs.after_its_day(rt)
    run_id = runs.open_run(rt, "import", Request(rt.clock.now()))
    counts = _import(rt, run_id, kind, file, runs.read_run(rt, run_id))
    close_intake(rt, run_id)
    return counts


def _import(rt: Runtime, run_id: str, feed: str, file: Path, this: Any, *, again: bool = False) -> dict[str, Any]:
    from arrears.ledger.intake import import_feed
    from arrears.steps import filings, golive, world

    dialect = _dialect_of_list(rt, feed, file)
    delivery = import_feed(rt, world.store_of(rt), run_id, feed, file, this.business_date, again=again, dialect=dialect)
    returned = None if again else _give_back(rt, feed, file, delivery, dialect)
    if feed == "cases":
        filings.judge(rt, run_id, this.business_date)
    if feed in ("cases", "documents"):
        filings.meet_emergencies(rt, run_id, this.business_date)
    if feed == "opening":
        golive.ask(rt, run_id, this.business_date, world.policy_of(rt.settings))
    return {"run_id": run_id, "feed": feed, "rows": delivery.rows, "accepted": delivery.accepted,
            "quarantined": delivery.quarantined, "sha256": delivery.sha256, "returned": returned}  # fmt: skip


def _dialect_of_list(rt: Runtime, feed: str, file: Path) -> Any:
    """Return how a filled work list is written, known by its header wherever it was laid; None for any other file.

    A mapping beside the file that speaks of the feed counts before.
    """
    from arrears.ledger.mapping import FILE_NAME, Dialect, read_mapping
    from arrears.ledger.read_xlsx import headers_of
    from arrears.reports.worklists import language_of_header, outcome_dialect
    from arrears.steps import world

    is_form = feed == "outcomes" and file.suffix.lower() == ".xlsx" and file.is_file()
    if not is_form or feed in read_mapping(file.parent / FILE_NAME).feeds:
        return None
    spoken = filter(None, map(language_of_header, headers_of(file)))
    language = next(spoken, None)
    zone = world.policy_of(rt.settings).time_zone
    return None if language is None else Dialect.model_validate(outcome_dialect(language, zone))


def _give_back(rt: Runtime, feed: str, file: Path, delivery: Any, dialect: Any) -> str | None:
    """Write a filled list with refused rows back, marked up, into ``returned`` beside it; return its name, if any."""
    if feed != "outcomes" or file.suffix.lower() != ".xlsx" or not delivery.quarantined:
        return None
    from arrears.ledger.deliveries import refusals_of
    from arrears.ledger.mapping import FILE_NAME, read_mapping
    from arrears.ledger.returned import mark_up
    from arrears.reports.wording import words
    from arrears.reports.worklists import language_of_list
    from arrears.steps import world
    from arrears.steps.arrivals import RETURNED
    from arrears.store.engine import reading

    with reading(world.store_of(rt)) as connection:
        refused = refusals_of(connection, delivery.delivery_id)
    dialect = dialect or read_mapping(file.parent / FILE_NAME).of(feed)
    language = language_of_list(list(dialect.columns)) or world.policy_of(rt.settings).language
    say = words(language)
    target = file.parent / RETURNED / f"{file.stem}.xlsx"
    mark_up(file, target, dialect, refused, say.of_returned)
    if (mapping := file.parent / FILE_NAME).exists():
        (target.parent / FILE_NAME).write_bytes(mapping.read_bytes())
    return f"{RETURNED}/{target.name}"
