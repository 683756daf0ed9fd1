"""The story of one account in the terminal, in Chinese or English."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from arrears.core.money import digits_of, format_minor

WORDS = {
    "zh": {
        "head": "{account} · {date} · 逾期{n}期 · 欠款 {amount} {currency} · 逾期{dpd}天",
        "rung": "按第{rung}级处理（按欠款可到第{entitled}级，凭证据可到第{unlocked}级）",
        "none": "当日无逾期，也无到期步骤，因此没有决定",
        "missing": "还差", "did": "已做", "not": "未做", "packet": "法律材料", "orders": "收车委托", "lineage": "来源",
    },
    "en": {
        "head": "{account} · {date} · {n} instalments overdue · {amount} {currency} owed · {dpd} days",
        "rung": "treated on rung {rung} (arrears allow {entitled}, evidence allows {unlocked})",
        "none": "nothing was overdue and no step was due that day, so there is no decision",
        "missing": "still missing", "did": "done", "not": "not done", "packet": "legal packet",
        "orders": "repossession orders", "lineage": "from",
    },
}  # fmt: skip


def print_story(story: dict[str, Any], language: str) -> None:
    """Print what was decided, what was done and what was not, each with its reasons."""
    words = WORDS.get(language, WORDS["en"])
    console = Console(highlight=False, soft_wrap=True)
    decision = story["decision"]
    if decision is None:
        console.print(f"{story['account_id']} · {story['business_date']} · {words['none']}", markup=False)
        return
    standing = story["standing"]
    amount = format_minor(standing["overdue_minor"], digits_of(standing["currency"]), grouped=True)
    console.print(words["head"].format(account=story["account_id"], date=story["business_date"], amount=amount,
                                       n=standing["overdue_instalments"], currency=standing["currency"],
                                       dpd=standing["days_past_due"]), markup=False)  # fmt: skip
    console.print(words["rung"].format(rung=decision["rung"], entitled=decision["entitled_rung"],
                                       unlocked=decision["unlocked_rung"]), markup=False)  # fmt: skip
    closed = (f"{gate['name']}: {gate['detail']}" for gate in decision["gates"] if not gate["passed"])
    _section(console, words["missing"], closed)
    _section(console, words["did"], (_contact(contact) for contact in story["contacts"]))
    _section(
        console, words["not"], (f"{row['step']} ({row['channel']}): {row['reason']}" for row in story["not_planned"])
    )
    if story["packet"]:
        packet = story["packet"]
        _section(
            console, words["packet"], [f"{packet['state']} v{packet['version']}, facts {packet['facts_sha256'][:16]}"]
        )
    _section(console, words["orders"], (f"{order['order_no']}: {order['state']}" for order in story["orders"]))
    lineage = story["lineage"]
    _section(console, words["lineage"], [
        f"run {lineage['run_id']}, ledger row {lineage['ledger_row_sha256'][:16]}",
        f"policy {lineage['policy']['id']} {lineage['policy']['version']} {lineage['policy']['sha256'][:16]}",
        f"code {lineage['code']['version']} {lineage['code']['id']}",
    ])  # fmt: skip


def _contact(contact: dict[str, Any]) -> str:
    reason = f" ({contact['reason']})" if contact["reason"] else ""
    when = f" {contact['sent_at']}" if contact["sent_at"] else ""
    return f"{contact['step']} · {contact['channel']} · {contact['audience']}: {contact['state']}{reason}{when}"


def _section(console: Console, title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if found:
        console.print(title, markup=False)
    for line in found:
        console.print(f"  {line}", markup=False)
