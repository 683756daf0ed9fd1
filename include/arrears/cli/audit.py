"""The auditor's questions, and what keeps the store and its log: roles, signing key, erasure."""

from importlib.resources import files
from typing import Annotated

import typer

from arrears.cli.arguments import AsJson, read_date
from arrears.cli.output import notes, print_json, print_table
from arrears.cli.proof import NOT_RECORDED
from arrears.core.settings import Settings
from arrears.steps.world import build_runtime, shell_attempt
from arrears.store.migrate import apply_roles, existing_store

app = typer.Typer()
SHOWN = 60


@app.command()
def ask(
    number: Annotated[int | None, typer.Argument(help="number of the question; lists them when left out")] = None,
    account: Annotated[str | None, typer.Option(help="account id")] = None,
    on: Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="business date")] = None,
    run: Annotated[str | None, typer.Option("--run", help="run id")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer one of an auditor's questions from its view in the store."""
    from arrears.audit.access import record_access
    from arrears.proof.ask import ask as answer
    from arrears.proof.ask import numbered, refuse_unknown
    from arrears.proof.explain import subject_of

    if number is None:
        listed = [(place, text, name) for place, (name, text) in numbered().items()]
        if as_json:
            print_json([{"number": place, "question": text, "view": name} for place, text, name in listed])
        else:
            print_table("Questions", ("number", "question", "view"), listed)
        return
    rt = build_runtime(Settings.from_environment(), shell_attempt("ask"))
    engine = existing_store(rt)
    day = read_date(on) if on else None
    found = answer(engine, number, account_id=account, on=day, run_id=run)
    if not found.rows:
        refuse_unknown(engine, account, run)
    ref = subject_of(engine, account) if account else None
    if not record_access(rt, engine, "asked", subject_ref=ref, business_date=day, data={"question": number}):
        notes().print(NOT_RECORDED)
    if as_json:
        print_json(found.as_dict())
    else:
        print_table(found.question, found.columns, [[_short(cell) for cell in row] for row in found.rows])
        notes().print("nothing: no row answers this question") if not found.rows else None


def _short(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


@app.command()
def roles(
    airflow: Annotated[bool, typer.Option("--airflow", help="the roles for `airflow roles import`")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="run the SQL in the store, as the owner's login")] = False,
) -> None:
    """Print the SQL for the owner, application and auditor roles of a PostgreSQL store, or Airflow's roles."""
    if apply:
        apply_roles(build_runtime(Settings.from_environment(), shell_attempt("roles")))
        return
    package, name = ("arrears.audit", "airflow_role.json") if airflow else ("arrears.store", "roles.sql")
    typer.echo(files(package).joinpath(name).read_text("utf-8"), nl=False)


@app.command()
def erase(
    subject: Annotated[str, typer.Argument(help="account id, or the subject_ref under which the log knows it")],
    basis: Annotated[
        str, typer.Option(help="retention_ended, consent_withdrawn, unlawful_processing, authority_order")
    ],
    by: Annotated[str, typer.Option("--as", help="who decided it; stands in the log")],
    check_only: Annotated[bool, typer.Option("--check", help="only say whether it may be done")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase the people of an account for good: names, numbers, notes, packets; the log stays whole and says so."""
    from arrears.steps.erasure import erase_subject

    rt = build_runtime(Settings.from_environment(), shell_attempt("erase"))
    existing_store(rt)
    result = erase_subject(rt, subject, basis=basis, by=by, check_only=check_only)
    if as_json:
        print_json(result)
    elif check_only:
        typer.echo("nothing stands in the way")
    else:
        typer.echo(f"{result['persons']} persons erased, {result['persons_kept']} kept because of another account; "
                   f"{result['details']} details, {result['rows']} rows, {result['files']} files")  # fmt: skip
