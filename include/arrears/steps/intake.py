"""The steps of ``arrears_intake``: what arrives during the day, payments and outcomes first of all."""

from pathlib import Path
from typing import Any

from arrears.core.errors import BadArguments
from arrears.core.runtime import Request, Runtime

ARRIVALS = "intake"
FEED_FILES = (".csv", ".xlsx", ".parquet")


def open_intake(rt: Runtime, request: Request) -> str:
    """Open an intake run."""
    from arrears.steps import runs

    return runs.open_run(rt, "intake", request)


def list_arrivals(rt: Runtime, intake: str) -> list[str]:
    """Return the names of feed files waiting in the intake folder, oldest feed name first."""
    folder = _intake_folder(rt)
    return sorted(file.name for file in folder.glob("*") if file.suffix in FEED_FILES) if folder else []


def import_arrival(rt: Runtime, intake: str, name: str) -> dict[str, Any]:
    """Import one waiting file; the same file a second time changes nothing."""
    from arrears.steps import runs

    folder = _intake_folder(rt)
    if folder is None:
        raise BadArguments("no intake folder: set ARREARS_LEDGER_URL to the folder that holds it")
    file = folder / Path(name).name
    return _import(rt, intake, file.stem.split("__")[0], file, runs.read_run(rt, intake))


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
    """Import one feed from the shell and return its counts."""
    from arrears.steps import runs

    run_id = runs.open_run(rt, "import", Request(rt.clock.now()))
    counts = _import(rt, run_id, kind, file, runs.read_run(rt, run_id))
    close_intake(rt, run_id)
    return counts


def _import(rt: Runtime, run_id: str, feed: str, file: Path, this: Any) -> dict[str, Any]:
    from arrears.ledger.intake import import_feed
    from arrears.steps import golive, world

    delivery = import_feed(rt, world.store_of(rt), run_id, feed, file, this.business_date)
    if feed == "opening":
        golive.ask(rt, run_id, this.business_date, world.policy_of(rt.settings))
    return {"run_id": run_id, "feed": feed, "rows": delivery.rows, "accepted": delivery.accepted,
            "quarantined": delivery.quarantined}  # fmt: skip


def _intake_folder(rt: Runtime) -> Path | None:
    url = rt.settings.ledger_url
    if not url or ("://" in url and not url.startswith("file://")):
        return None
    return Path(url.removeprefix("file://")) / ARRIVALS
