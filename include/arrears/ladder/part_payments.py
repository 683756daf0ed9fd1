"""A large part payment earns some quiet days; a small one stops nothing, and neither starts the ladder anew.

Source: policy ``part_payment``: what the arrears fell by since the day before, against what they were.
"""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection

from arrears.core.calendar import ONE_DAY, BusinessCalendar
from arrears.ladder.episodes import Episode
from arrears.ladder.policy_steps import PartPayment
from arrears.store.bulk import replace_all
from arrears.store.tables.decisions import episode

PERCENT = 100


def earns_quiet(before_minor: int, now_minor: int, rules: PartPayment) -> bool:
    """Say whether arrears fell by enough at once."""
    return before_minor > 0 and (before_minor - now_minor) * PERCENT >= before_minor * rules.pause_percent


def note_arrears(
    connection: Connection, arrears: Mapping[str, int], episodes: Mapping[str, Episode], on: date, rules: PartPayment,
    calendar: BusinessCalendar,
) -> int:  # fmt: skip
    """Remember what each open episode owes today, in minor units, and return how many earned quiet days."""
    until = calendar.add_working_days(on - ONE_DAY, rules.pause_working_days)
    changed, quiet = [], 0
    for account_id, one in episodes.items():
        now, before = arrears.get(account_id), one.arrears_minor
        if now is None or now == before:
            continue
        earned = earns_quiet(before or 0, now, rules)
        quiet += earned
        changed.append({"account_id": account_id, "first_unpaid_due": one.first_unpaid_due, "opened_on": one.opened_on,
                        "arrears_minor": now, "quiet_until": until if earned else one.quiet_until})  # fmt: skip
    replace_all(connection, episode, changed)
    return quiet
