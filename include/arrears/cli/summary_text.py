"""The end of a run as a person reads it: what happened, what waits for people, and where to look."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from arrears.core.money import digits_of, format_minor
from arrears.core.settings import Settings

STAGES = {
    "0": "nothing overdue 未逾期",
    "1": "one instalment 逾期1期",
    "2": "two instalments 逾期2期",
    "3": "three or more 逾期3期及以上",
}
HEADS = ("ledger stage", "accounts", "treated as", "accounts")
RUNGS = {
    "1": "reminders 提醒",
    "2": "calls 电话催收",
    "3": "visits and letters 上门与律师函",
    "4": "legal and recovery 诉讼与收车",
}


def print_summary(
    document: dict[str, Any], settings: Settings, waiting: Sequence[str], account: str | None = None
) -> None:
    """Print the summary of a run on stdout.

    ``waiting`` are the numbers of the orders that wait for approval, ``account`` one of a rehearsal to look at.
    """
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]{document['business_date']}  {document['status']}[/bold]  run {document['run_id']}")
    _print_ledger(console, document["ledger"])
    _print_levels(console, document)
    _print_effects(console, document)
    _print_waiting(console, _relative(settings.home), waiting)
    _print_places(console, settings, account)


def _print_ledger(console: Console, ledger: dict[str, Any]) -> None:
    totals = ", ".join(f"{format_minor(minor, digits_of(currency), grouped=True)} {currency}"
                       for currency, minor in ledger["control_total_minor"].items())  # fmt: skip
    counts = f"{ledger['accounts']} accounts, {ledger['rows']} rows, {ledger['quarantined']} quarantined"
    console.print(f"ledger    {counts}, unpaid {totals or '-'}")
    for gate in ledger["gates"]:
        if not gate["passed"]:
            console.print(f"[bold]held by   {gate['name']}: {gate['detail']}[/bold]", markup=True)


def _print_levels(console: Console, document: dict[str, Any]) -> None:
    """Print accounts by stage and by rung: a table on a terminal, lines with tabs in a pipe."""
    rows = [HEADS] + [
        (STAGES[stage], str(document["stages"][stage]), RUNGS[rung], str(document["rungs"][rung]))
        for stage, rung in zip(STAGES, RUNGS, strict=True)
    ]
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))
        return
    table = Table(*rows[0], box=None, pad_edge=False)
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


def _print_effects(console: Console, document: dict[str, Any]) -> None:
    actions, packets, orders = document["actions"], document["packets"], document["orders"]
    ends = {"sent": "sent or issued", "rejected": "rejected", "in_doubt": "in doubt", "open": "open"}
    told = ", ".join(f"{actions[end]} {word}" for end, word in ends.items())
    console.print(f"contacts  {actions['planned']} planned, {sum(actions['withheld'].values())} withheld, {told}")
    console.print(
        f"not done  {sum(document['suppressed'].values())} due steps suppressed: {_top(document['suppressed'])}"
    )
    console.print(f"packets   {packets['ready']} ready, {packets['draft']} draft, {packets['withheld']} withheld, "
                  f"{packets['incomplete']} incomplete ({packets['rebuilt']} built now)")  # fmt: skip
    console.print(f"orders    {orders['awaiting_approval']} awaiting approval, {orders['handed_off']} handed off, "
                  f"{orders['acknowledged']} acknowledged, {orders['recalled']} recalled")  # fmt: skip
    audit = document["audit"]
    console.print(f"audit     {audit['size']} events sealed, root {audit['root'][:16]}…")


def _top(reasons: dict[str, int]) -> str:
    ordered = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))[:4]
    return ", ".join(f"{reason} {count}" for reason, count in ordered) or "none"


def _print_waiting(console: Console, home: Path, waiting: Sequence[str]) -> None:
    """Print how two people let an order leave: commands to copy."""
    if not waiting:
        return
    console.print("\nwaiting for two people, for example")
    arrears = f"ARREARS_HOME={home} .venv/bin/arrears"
    for staff_id, note in (("REH-LEGAL", "packet read"), ("REH-RISK", "worth its cost")):
        line = f"  {arrears} approvals approve {waiting[0]} --as {staff_id} --note '{note}'"
        console.print(line, soft_wrap=True, markup=False)
    console.print(f"  {arrears} approvals list        all {len(waiting)}", soft_wrap=True, markup=False)


def _print_places(console: Console, settings: Settings, account: str | None) -> None:
    home = _relative(settings.home)
    console.print("\nwhere to look")
    for what, where in (
        ("digest and mails", f"{home}/sandbox/mail/"),
        ("messages", f"{home}/sandbox/sms/"),
        ("packets", f"{home}/artifacts/packets/"),
        ("work lists", f"{home}/artifacts/worklists/"),
        ("why, one account", f"ARREARS_HOME={home} .venv/bin/arrears explain {account or 'ACCOUNT'}"),
        ("was it changed", f"ARREARS_HOME={home} .venv/bin/arrears verify"),
    ):
        console.print(f"  {what:<17} {where}", soft_wrap=True, markup=False)


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
