"""The commands of the day: init, stage, run, dispatch, import, pause and resume."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from arrears.cli.arguments import AsJson, DateText, Rehearsal, existing, existing_file, feed_names, read_date
from arrears.cli.output import notes, print_json, working
from arrears.core.clock import SystemClock
from arrears.core.errors import BadArguments
from arrears.core.runtime import Request
from arrears.core.settings import UNRELEASED, Settings
from arrears.steps.world import build_runtime, shell_attempt

app = typer.Typer()


@app.command()
def init() -> None:
    """Create or migrate the store, and make a signing key if there is none."""
    from arrears.steps import setup

    settings = Settings.from_environment()
    found = setup.prepare(build_runtime(settings, shell_attempt("init")))
    if settings.mode == "live" and settings.code_id == UNRELEASED:
        notes().print("ARREARS_CODE_ID names no commit: what decides here cannot be shown later", markup=False)
    notes().print(f"store ready: {found.store}; checkpoints are signed by {found.key_name}", markup=False)


@app.command()
def stage(
    accounts: Annotated[Path, typer.Option(help="accounts feed")],
    instalments: Annotated[Path, typer.Option(help="instalments feed")],
    on: DateText,
    payments: Annotated[Path | None, typer.Option(help="payments feed; leave out for the open-item form")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV to write; stdout when left out")] = None,
) -> None:
    """Stage a ledger alone, without a store: what is overdue, for how long, in which stage."""
    from arrears.ledger.stage_file import stage_files

    day = read_date(on)
    for path, option in ((accounts, "--accounts"), (instalments, "--instalments"), (payments, "--payments")):
        if path is not None:
            existing_file(path, option)
    if day > SystemClock().now().date() + timedelta(days=1):  # somewhere on earth tomorrow has begun
        raise BadArguments(f"--date {day}: that day has not come yet")
    with working("staging"):
        result = stage_files(accounts, instalments, payments, day, out)
    for note in result.notes:
        notes().print(note, markup=False)


@app.command()
def run(
    on: DateText,
    feeds: Annotated[Path, typer.Option(help="folder of feeds")],
    rehearsal: Rehearsal = False,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="plan and build, send nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Import every feed in a folder, then do the whole day: the same steps as the DAG."""
    from arrears.cli.summary_text import print_summary
    from arrears.steps import whole_day
    from arrears.steps.approvals import orders_waiting
    from arrears.steps.summary import an_overdue_account

    day = read_date(on)
    if not existing(feeds, "--feeds").is_dir():
        raise BadArguments(f"--feeds {feeds}: name a folder, not a file")
    settings = Settings.from_environment()
    rt = build_runtime(settings, shell_attempt("run"), rehearsal_of=day if rehearsal else None)
    request = Request(rt.clock.now(), day, str(feeds.absolute()), plan_only)
    with working("opening the day") as shown:
        summary = whole_day.run_day(rt, request, shown.step)
    if as_json:
        print_json(summary.document)
    else:
        account = an_overdue_account(rt, day) if rehearsal else None  # a real number is printed nowhere unasked
        print_summary(summary.document, settings, orders_waiting(rt), account)
    if summary.error:
        raise summary.error


@app.command()
def dispatch(
    rehearsal: Rehearsal = False,
    at: Annotated[str | None, typer.Option(help="with --rehearsal: the moment, ISO with offset")] = None,
    as_json: AsJson = False,
) -> None:
    """Send what is due now; hand over approved orders, recalls and acknowledgements."""
    from arrears.steps import dispatch as steps

    rt = steps.dispatch_runtime(Settings.from_environment(), shell_attempt("dispatch"), rehearsal=rehearsal, at=at)
    with working("sending"):
        counts = steps.dispatch_now(rt)
    if as_json:
        print_json(counts)
    else:
        _print_counts(counts)


@app.command(name="import")
def import_(
    kind: Annotated[str, typer.Argument(help="which feed", autocompletion=feed_names)],
    file: Path,
    as_json: AsJson = False,
) -> None:
    """Import one feed that arrived during the day."""
    from arrears.steps import intake

    rt = build_runtime(Settings.from_environment(), shell_attempt("import"))
    with working(f"importing {kind}"):
        counts = intake.import_file(rt, kind, existing_file(file, "FILE"))
    if as_json:
        print_json(counts)
    else:
        _print_counts(counts)


@app.command()
def pause(by: Annotated[str, typer.Option("--as", help="who pauses")]) -> None:
    """Stop all effects at once; recalls go on."""
    _set_pause(by)


@app.command()
def resume(by: Annotated[str, typer.Option("--as", help="who resumes")]) -> None:
    """Allow effects again."""
    _set_pause(by, resume=True)


def _set_pause(by: str, *, resume: bool = False) -> None:
    from arrears.steps import setup

    rt = build_runtime(Settings.from_environment(), shell_attempt("resume" if resume else "pause"))
    store = setup.set_pause(rt, by, paused=not resume)
    notes().print(f"{'resumed' if resume else 'paused'} by {by}: {store}", markup=False, soft_wrap=True)


def _print_counts(counts: dict[str, Any]) -> None:
    for name, count in counts.items():
        typer.echo(f"{name}\t{count}")
