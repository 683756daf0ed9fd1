"""The command of the time-lapse: many days of a made-up portfolio in minutes, proved at the end."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arrears.cli.arguments import AsJson, read_date
from arrears.cli.output import notes, print_json, print_table
from arrears.core.errors import Finding
from arrears.core.settings import Settings

if TYPE_CHECKING:
    from arrears.rehearsal.rehearse import Rehearsed

app = typer.Typer()


@app.command()
def rehearse(
    days: Annotated[int, typer.Option(min=1, help="how many days to live through")] = 30,
    accounts: Annotated[int, typer.Option(min=20, help="how many made-up accounts")] = 300,
    seed: Annotated[int, typer.Option(help="the same seed gives the same days")] = 7,
    start: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="first day; fixed by default")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Live through many days of a made-up portfolio with every step of the real day, then prove the store."""
    from arrears.rehearsal import rehearse as time_lapse

    plan = time_lapse.Plan(days, accounts, seed, read_date(start) if start else time_lapse.FROM)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=notes(), transient=True) as bar:
        task = bar.add_task(plan.start.isoformat(), total=days)

        def tell(on: date, step: str) -> None:
            bar.update(task, completed=(on - plan.start).days, description=f"{on} {step}")

        found = time_lapse.rehearse(Settings.from_environment(), plan, tell)
    if as_json:
        print_json(found.document(plan))
    else:
        _print(found)
    broken = [name for name, count in found.violations.items() if count]
    if broken:
        raise Finding(f"rehearsal: {', '.join(broken)} broken; `arrears prove` tells how often")


def _print(found: "Rehearsed") -> None:
    """Print the way of the portfolio week by week, what was done in all, and the proof."""
    weekly = [*found.over_time[::7], *found.over_time[-1:]]
    rows = [(day["date"], day["status"], *day["stages"].values(), *day["rungs"].values(), day["packets"]["ready"],
             day["orders"]["handed_off"]) for day in weekly]  # fmt: skip
    heads = (
        "date",
        "run",
        *(f"stage {n}" for n in range(4)),
        *(f"rung {n}" for n in range(1, 5)),
        "ready",
        "handed off",
    )
    print_table("Ledger stages, accounts treated by rung, packets and orders", heads, rows)
    print_table("Contacts in all", ("end", "contacts"), [*found.actions.items(), ("withheld", found.withheld.total())])
    proof = [(name, count, found.rules[name]) for name, count in found.violations.items()]
    print_table("Proof over the whole store", ("check", "violations", "rule"), proof)
    typer.echo(f"audit     {found.audit['size']} events sealed, root {found.audit['root']}")
