"""Human decisions from the shell; in a live store they come from an authenticated Airflow user instead."""

from typing import Annotated

import typer

from arrears.cli.arguments import AsJson
from arrears.cli.output import notes, print_json, print_table
from arrears.core.settings import Settings
from arrears.steps.world import build_runtime, shell_attempt
from arrears.store.migrate import existing_store

app = typer.Typer(help="Human decisions: list what waits, approve or refuse it.", no_args_is_help=True)
Id = Annotated[
    str, typer.Argument(help="approval id, or number of the order or packet; of an id the first letters are enough")
]
As = Annotated[str, typer.Option("--as", help="your staff id")]
Note = Annotated[str, typer.Option(help="what you looked at, and why")]


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List the decisions that wait for people."""
    from arrears.approvals.questions import list_open
    from arrears.steps.visits import open_visits

    rt = build_runtime(Settings.from_environment(), shell_attempt("approvals"))
    engine = existing_store(rt)
    waiting = [*list_open(engine), *open_visits(engine)]
    if as_json:
        print_json([one.as_dict() for one in waiting])
        return
    rows = [
        (a.approval_id[:12], a.kind, a.number or "", a.account_id or "", ", ".join(a.missing), str(a.requested_on))
        for a in waiting
    ]
    print_table("Waiting for people", ("id", "kind", "number", "account", "missing", "since"), rows)


@app.command()
def approve(approval: Id, by: As, note: Note) -> None:
    """Approve, in your own name and with a reason."""
    _vote(approval, by, note, "approve")


@app.command()
def refuse(approval: Id, by: As, note: Note) -> None:
    """Refuse, in your own name and with a reason."""
    _vote(approval, by, note, "refuse")


@app.command(name="send-back")
def send_back(approval: Id, by: As, note: Note) -> None:
    """Send an order or a packet back: its remedy has to be chosen anew, then it may be asked for again."""
    _vote(approval, by, note, "send_back")


@app.command()
def remedy(
    account: Annotated[str, typer.Argument(help="account number")],
    choice: Annotated[str, typer.Argument(metavar="REMEDY", help="one of the open remedies, or none to take it back")],
    by: As,
    note: Note,
) -> None:
    """Choose the remedy of a stage-three account, in your own name and with a reason."""
    from arrears.steps.approvals import choose_from_shell

    choose_from_shell(Settings.from_environment(), account, choice, by, note)
    notes().print("recorded: the next run builds the packet with it", markup=False)


def _vote(approval: str, by: str, note: str, decision: str) -> None:
    from arrears.steps.approvals import vote_from_shell

    voted, next_step = vote_from_shell(Settings.from_environment(), approval, by, note, decision)
    notes().print(f"{decision} by {voted.role}: now {voted.state}", markup=False)
    if next_step:
        notes().print(next_step, markup=False, soft_wrap=True)
