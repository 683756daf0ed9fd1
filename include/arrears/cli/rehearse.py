"""The command of the time-lapse: many days of a made-up portfolio in minutes, proved at the end."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arrears.cli.arguments import AsJson, read_date, scenario_names
from arrears.cli.output import print_json, print_table, working
from arrears.core.errors import Finding
from arrears.core.progress import watched_by
from arrears.core.settings import Settings
from arrears.store.engine import open_engine

if TYPE_CHECKING:
    from arrears.rehearsal.rehearse import Plan, Rehearsed
    from arrears.rehearsal.world import World

app = typer.Typer()


@app.command()
def rehearse(
    days: Annotated[int | None, typer.Option(min=1, help="how many days; 30, or what a scenario needs")] = None,
    accounts: Annotated[int, typer.Option(min=20, help="how many made-up accounts")] = 300,
    seed: Annotated[int, typer.Option(help="the same seed gives the same days")] = 7,
    start: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="first day; fixed by default")
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="play one situation instead; ? lists them", autocompletion=scenario_names),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Live through many days of a made-up portfolio with every step of the real day, then prove the store."""
    from arrears.rehearsal import rehearse as time_lapse

    if scenario == "?":
        _list_scenarios()
        return
    first = read_date(start, "--from") if start else time_lapse.FROM
    plan, world = time_lapse.Plan(days or 30, accounts, seed, first, time_lapse.outages(days or 30)), None
    if scenario is not None:
        plan, world = _cast(scenario, days, seed, first)
    with working("rehearsing") as shown, watched_by(None):  # days are counted, not the rows of each

        def told(on: date, step: str) -> None:
            shown.step(f"{on} {step}")
            shown.far((on - plan.start).days, plan.days, "days")

        settings = Settings.from_environment()
        found = time_lapse.rehearse(settings, plan, told, world)
    story = _timeline(settings) if scenario else []
    if as_json:
        print_json(found.document(plan) | ({"scenario": scenario, "timeline": story} if scenario else {}))
    else:
        _print(found, story)
    broken = [name for name, count in found.violations.items() if count]
    if broken:
        raise Finding(f"rehearsal: {', '.join(broken)} broken; `arrears prove` tells how often")


def _cast(name: str, days: int | None, seed: int, first: date) -> "tuple[Plan, World]":
    from arrears.rehearsal.rehearse import Plan
    from arrears.rehearsal.scenarios import scenario_world
    from arrears.rehearsal.situations import scenario_named

    chosen = scenario_named(name)
    plan = Plan(days or chosen.days, 2, seed, first, missed=frozenset(chosen.missed))
    return plan, scenario_world(chosen, first, seed)


def _list_scenarios() -> None:
    from arrears.rehearsal.situations import SCENARIOS

    print_table("Scenarios", ("name", "days", "what it shows"), [(s.name, s.days, s.tells) for s in SCENARIOS.values()])


def _timeline(settings: Settings) -> list[dict[str, Any]]:
    from arrears.rehearsal.scenarios import ACTOR, timeline

    return timeline(open_engine(settings.store_url), ACTOR)


def _print(found: "Rehearsed", story: list[dict[str, Any]]) -> None:
    """Print the way of the portfolio week by week (or of one customer day by day), what was done, and the proof."""
    if story:
        told = [(day["date"], f"{day['stage']} / {day['rung']}", "; ".join(day["done"]), "; ".join(day["not_done"]))
                for day in story]  # fmt: skip
        print_table("The customer, day by day", ("date", "stage / rung", "done", "not done"), told)
    lived = [day for day in found.over_time if "stages" in day]
    weekly = [] if story else [*lived[::7], *lived[-1:]]
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
