"""The cast: which account plays which part, and how much of its past is on record."""

import random
from dataclasses import dataclass, field

from arrears.core.errors import BadArguments

FEWEST_ACCOUNTS = 20


@dataclass(frozen=True)
class Story:
    """One part: instalments overdue on the day, and how far the record of contacts has come.

    ``evidence`` says which rung the past opens: 1 no reminder, 2 a delivered reminder, 3 calls to everybody,
    4 visit and served letter as well.
    """

    name: str
    overdue: int
    evidence: int
    count: int = 1
    papers: bool = False
    without: tuple[str, ...] = ()
    remedy: bool = False
    hold: str = ""
    contract_type: str = ""
    visits: str = "met"
    letter_age_days: int = 45
    flags: frozenset[str] = field(default_factory=frozenset)


def _story(name: str, overdue: int, evidence: int, count: int = 1, *flags: str, **more: object) -> Story:
    return Story(name, overdue, evidence, count, flags=frozenset(flags), **more)  # type: ignore[arg-type] # one line a part


THREE_OR_MORE = (
    _story("ready_to_recover", 4, 4, 5, "due_15", papers=True, remedy=True, contract_type="finance_lease"),
    _story("disputed", 3, 4, 1, "due_15", papers=True, hold="dispute", contract_type="finance_lease"),
    _story("unprintable_name", 3, 4, 1, "due_15", "alone", papers=True, contract_type="finance_lease"),
    _story("bad_payment_row", 4, 4, 1, "due_15", "alone", papers=True, contract_type="finance_lease"),
    _story("no_remedy_chosen", 5, 4, 1, "due_15", papers=True, contract_type="finance_lease"),
    _story("just_migrated", 5, 1, 2),
    _story("letter_not_served", 3, 4, 1, papers=True, without=("proof_of_service",), visits="failed_twice"),
    _story("valuation_missing", 4, 4, 1, papers=True, without=("valuation", "power_of_attorney")),
    _story(
        "position_stale",
        3,
        4,
        1,
        "due_15",
        papers=True,
        remedy=True,
        without=("location",),
        contract_type="finance_lease",
    ),
    _story("not_visited", 3, 3, 2, "guarantor"),
    _story("letter_only", 3, 4, 2, visits="none"),
    _story("letter_fresh", 3, 4, 1, letter_age_days=4, papers=True),
    _story("guarantor_uncalled_three", 3, 2, 2, "guarantor"),
    _story("still_paying", 3, 4, 2, "due_15", papers=True, contract_type="finance_lease"),
    _story("promise_open_three", 3, 4, 1, "promise_open", papers=True),
    _story("three_quarters_paid", 3, 4, 1, "due_15", papers=True, contract_type="instalment_sale"),
    _story("aged_in_court", 8, 4, 1, "due_15", "suit", papers=True, contract_type="chattel_mortgage"),
    _story("guarantee_lapses", 4, 3, 1, "due_15", "guarantor", contract_type="loan"),
)
TWO = (
    _story("calls_done", 2, 3, 9),
    _story("visited_with_letter", 2, 4, 2, "due_15"),
    _story("guarantor_uncalled", 2, 2, 3, "guarantor"),
    _story("lost_contact", 2, 3, 2, "lost", "due_15"),
    _story("promise_broken", 2, 3, 1, "promise_broken", "due_15"),
    _story("deceased", 2, 3, 1, hold="deceased"),
    _story("on_a_plan", 2, 3, 1, "plan", "due_15", hold="plan"),
    _story("malicious", 2, 3, 1, "malice"),
    _story("not_reminded_two", 2, 1, 1),
)
ONE = (
    _story("reminded", 1, 2, 12),
    _story("called", 1, 3, 11, "due_15"),
    _story("one_cent", 1, 1, 1, "one_cent", "due_15"),
    _story("debit_reversed", 1, 1, 1, "reversal", "due_15"),
    _story("promise_open", 1, 3, 2, "promise_open", "due_15"),
    _story("complaint", 1, 3, 1, hold="complaint"),
    _story("hardship", 1, 3, 1, "due_15", hold="hardship"),
    _story("opted_out", 1, 2, 1, "opt_out"),
    _story("mail_bounced", 1, 1, 2, "bounced"),
    _story("habitual_late", 1, 3, 2, "habitual", "due_15"),
)
NONE_OVERDUE = (
    _story(
        "order_recalled",
        0,
        4,
        1,
        "due_15",
        "recalled",
        "alone",
        papers=True,
        remedy=True,
        contract_type="finance_lease",
    ),
    _story("bad_schedule_row", 0, 1, 3, "alone"),
    _story("habitual_on_time_now", 0, 1, 4, "habitual", "due_15"),
    _story("holiday_granted", 0, 1, 3, "holiday"),
    _story("first_due_ahead", 0, 1, 4, "young"),
    _story("paid_ahead", 0, 1, 25, "ahead", "due_15"),
    _story("opted_out_performing", 0, 1, 3, "opt_out", "due_15"),
    _story("performing", 0, 1, 125, "due_15"),
    _story("performing_other_day", 0, 1, 35),
)
CLOSED = (_story("closed", 0, 1, 1, "closed"),)

SHARES = ((CLOSED, 2), (THREE_OR_MORE, 9), (TWO, 7), (ONE, 12))  # percent of the accounts; the rest performs


def cast(accounts: int, seed: int) -> dict[str, Story]:
    """Give every account id its story; the same arguments give the same cast.

    Raises:
        BadArguments: fewer accounts than a portfolio needs to mean anything.
    """
    if accounts < FEWEST_ACCOUNTS:
        raise BadArguments(f"a sample portfolio has at least {FEWEST_ACCOUNTS} accounts, not {accounts}")
    parts = [story for stories, share in SHARES for story in _deal(stories, round(accounts * share / 100))]
    parts += _deal(NONE_OVERDUE, accounts - len(parts))
    random.Random(f"{seed}:cast").shuffle(parts)  # noqa: S311 - repeatable on purpose
    return {f"A{number:05d}": story for number, story in enumerate(parts, start=1)}


def _deal(stories: tuple[Story, ...], wanted: int) -> list[Story]:
    """Deal ``wanted`` parts in order of importance, starting over when the list is used up."""
    once = [story for story in stories for _ in range(story.count)]
    again = [story for story in once if "alone" not in story.flags]
    dealt = once[:wanted]
    while len(dealt) < wanted:
        dealt += again[: wanted - len(dealt)]
    return dealt
