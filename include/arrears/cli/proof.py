"""The commands of the auditor: explain, verify, receipt, export, replay and prove."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy import Engine

from arrears.cli.arguments import AsJson, existing, existing_file, read_date
from arrears.cli.output import notes, print_json, print_table, working
from arrears.core.errors import BadArguments, CannotTell, Finding
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.steps.world import build_runtime, policy_of, shell_attempt
from arrears.store.migrate import existing_store

if TYPE_CHECKING:
    from arrears.reports.wording import Words

app = typer.Typer()
OptionalDate = Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="business date")]


Language = Annotated[str, typer.Option(help="zh or en")]
NOT_RECORDED = "this look was not recorded: the store is read-only for you"


def _runtime(command: str) -> Runtime:
    return build_runtime(Settings.from_environment(), shell_attempt(command))


def _words(language: str) -> "Words":
    """Return the vocabulary that a command was asked to speak."""
    from arrears.reports.wording import LANGUAGES, words

    if language not in LANGUAGES:
        raise BadArguments(f"--language {language}: write zh or en")
    return words(language)


def _looked(rt: Runtime, engine: Engine, what: str, story: Mapping[str, Any]) -> None:
    from arrears.audit.access import record_access

    day = date.fromisoformat(story["business_date"])
    if not record_access(rt, engine, what, subject_ref=story["subject_ref"], business_date=day):
        notes().print(NOT_RECORDED)


@app.command()
def explain(
    account: Annotated[str, typer.Argument(help="account id")],
    on: OptionalDate = None,
    language: Language = "zh",
    pdf: Annotated[Path | None, typer.Option(help="write the page that answers a complaint to this file")] = None,
    as_json: AsJson = False,
) -> None:
    """Say why an account got, or did not get, an action on a day."""
    from arrears.cli.story_text import print_story
    from arrears.proof.explain import explain as tell
    from arrears.proof.why import why_page

    _words(language)
    rt = _runtime("explain")
    engine = existing_store(rt)
    story = tell(engine, account, read_date(on) if on else None)
    _looked(rt, engine, "explained", story)
    if pdf is not None:
        pdf.write_bytes(why_page(rt.settings.home, story, policy_of(rt.settings), language))
        notes().print(f"written: {pdf}", markup=False)
    elif as_json:
        print_json(story)
    else:
        print_story(story, language, policy_of(rt.settings).time_zone)


@app.command()
def compare(
    file: Annotated[Path, typer.Argument(help="the department's own list: CSV with account_id and channel")],
    on: Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="business date")],
    as_json: AsJson = False,
) -> None:
    """Lay the plan of a day beside the department's own list: what one has and the other lacks, and why."""
    from arrears.proof.beside import beside, read_list

    theirs = read_list(existing_file(file, "FILE"))
    found = beside(existing_store(_runtime("compare")), read_date(on), theirs)
    if as_json:
        print_json(found.as_dict())
        return
    for title, lines in (("only our plan", found.only_ours), ("only the list", found.only_theirs)):
        print_table(title, ("account", "channel", "why"), ((d.account_id, d.channel, "; ".join(d.why)) for d in lines))
    notes().print(f"{found.agree} agree, {len(found.only_ours)} only ours, {len(found.only_theirs)} only theirs")


@app.command()
def verify(
    path: Annotated[
        Path | None, typer.Argument(help="an exported bundle or a receipt; the store when left out")
    ] = None,
    against: Annotated[Path | None, typer.Option(help="a checkpoint kept outside, for example from a digest")] = None,
    vkey: Annotated[
        Path | None, typer.Option(help="public keys kept outside, one a line; a receipt needs them")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that the audit log was not changed: 0 intact, 1 tampered, 2 cannot tell."""
    from arrears.audit.checkpoint import known_keys
    from arrears.audit.receipt import verify_receipt
    from arrears.audit.verify import kept_beside, verify_bundle, verify_store

    note = _text(against, "--against") if against else None
    vkeys = _text(vkey, "--vkey").split() if vkey else None
    if vkeys == []:
        raise CannotTell(f"--vkey {vkey}: there is no public key in it")
    if path is None:
        rt = _runtime("verify")
        vkeys = vkeys or known_keys(rt.settings) or None
        with working("verifying"):
            verdict = verify_store(existing_store(rt), note, vkeys, kept_beside(rt.settings))
    elif existing(path, "PATH").is_dir():
        with working("verifying"):
            verdict = verify_bundle(path, note, vkeys)
    elif vkeys is None:
        raise CannotTell("a receipt needs --vkey: the public key, from a source you trust")
    else:
        verdict = verify_receipt(_text(path, "PATH"), vkeys)
    if as_json:
        print_json({"status": str(verdict.status), "first_bad_seq": verdict.first_bad_seq, "size": verdict.size,
                    "root": verdict.root, "message": verdict.message})  # fmt: skip
    else:
        typer.echo(verdict.message)
    raise typer.Exit(verdict.exit_code)


def _text(path: Path, option: str) -> str:
    """Read a file that somebody kept, however its lines end; what is no text is left for verification to refuse."""
    return existing_file(path, option).read_text(encoding="utf-8", errors="replace")


@app.command()
def receipt(
    account: Annotated[str, typer.Argument(help="account id")],
    on: Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="business date")],
    out: Annotated[Path, typer.Option(help="file to write")],
) -> None:
    """Write the proof that an account's decision of a day is in the log: checkable offline by docs/verify.py."""
    from arrears.audit.receipt import write_receipt
    from arrears.proof.explain import explain as tell

    rt = _runtime("receipt")
    engine = existing_store(rt)
    story = tell(engine, account, read_date(on))
    if story["decision"] is None:
        raise CannotTell(f"account {account}: no decision on {on}, so there is nothing to prove")
    out.write_text(write_receipt(engine, story["subject_ref"], read_date(on)), encoding="utf-8")
    _looked(rt, engine, "receipt", story)


@app.command()
def export(
    run: Annotated[str, typer.Option("--run", help="run id")],
    out: Annotated[Path, typer.Option(help="folder to write")],
) -> None:
    """Write the bundle of a run: events, checkpoints, policy, hashes; checkable without store or Airflow."""
    from arrears.audit.access import record_access
    from arrears.audit.export import export_bundle
    from arrears.legal.archive import read_manifest

    rt = _runtime("export")
    engine = existing_store(rt)
    with working("exporting"):
        folder = export_bundle(engine, run, out, partial(read_manifest, rt.settings.artifacts_url))
    if not record_access(rt, engine, "exported", data={"run_id": run}):
        notes().print(NOT_RECORDED)
    typer.echo(str(folder))


@app.command()
def replay(
    run: Annotated[str, typer.Option("--run", help="run id")],
    sample: Annotated[int | None, typer.Option(min=1, help="how many decisions; all when left out")] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute decisions from their frozen inputs and compare."""
    from arrears.proof.replay import replay as recompute

    rt = _runtime("replay")
    with working("recomputing"):
        result = recompute(rt, existing_store(rt), run, sample=sample)
    if as_json:
        different = [{"account_id": account, "differs": what} for account, what in result.different]
        print_json({"run_id": run, "replayed": result.replayed, "different": different, "erased": result.erased})
    else:
        print_table("Came out differently", ("account", "what"), result.different)
        typer.echo(f"{result.replayed} decisions recomputed, {len(result.different)} different")
    if result.different:
        raise Finding(f"replay of {run}: {len(result.different)} decisions came out differently")


@app.command()
def prove(language: Language = "zh", as_json: AsJson = False) -> None:
    """Prove ladder, sums, at-most-once, budgets, holds, hours, packets, orders and log over the whole store."""
    from arrears.proof.prove import prove as check

    say = _words(language)
    rt = _runtime("prove")
    with working("proving"):
        checks = check(existing_store(rt), policy_of(rt.settings))
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        told = [(say(f"proof.{c.name}.name"), c.violations, say(f"proof.{c.name}.rule")) for c in checks]
        print_table(say("proof.title"), tuple(say.family("proof.columns").values()), told)
    broken = [f"{say(f'proof.{c.name}.name')} ({', '.join(c.first)})" for c in checks if c.violations]
    if broken:
        raise Finding(f"prove: broken: {'; '.join(broken)}: the first of each; `arrears explain ACCOUNT` tells more")


@app.command()
def runs(as_json: AsJson = False) -> None:
    """List the runs of the store, newest first."""
    from arrears.steps.runs import list_runs

    rt = _runtime("runs")
    existing_store(rt)
    found = list_runs(rt)
    if as_json:
        print_json(found)
    else:
        print_table("Runs", ("run", "date", "status", "started"), [tuple(row.values()) for row in found])
