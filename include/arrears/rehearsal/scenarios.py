"""Training by cases: one customer lives through one situation of the rulebook, beside one who simply pays."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine, select

from arrears.core.calendar import add_months
from arrears.core.errors import BadArguments
from arrears.rehearsal.contracts import Contract, Party, Payment
from arrears.rehearsal.feeds import Row
from arrears.rehearsal.lives import Life, Money
from arrears.rehearsal.people import person
from arrears.rehearsal.stories import Story
from arrears.rehearsal.world import World
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.outreach import contact, item, suppression

ACTOR, CONTROL = "S00001", "S00002"
INSTALMENT = 1_000_000
"""Ten thousand yuan, in fen."""

BEFORE, SCHEDULE = 8, 36
DUE_DAY = 15
Told = tuple[int, str, Row]
"""Day, feed and row; dates in the row are days from the start."""


@dataclass(frozen=True)
class Scenario:
    """One situation. Days count from the start; ``pays`` are (day, percent of an instalment, kind).

    ``behind`` instalments are unpaid at the start; ``answers`` fix what comes of each channel.
    """

    name: str
    tells: str
    days: int = 40
    behind: int = 0
    pays: tuple[tuple[int, int, str], ...] = ()
    rows: tuple[Told, ...] = ()
    answers: Mapping[str, str] | None = None
    missed: tuple[int, ...] = ()
    cent_short: bool = False
    punctual: bool = False


def _hold(kind: str, since: int, until: int | None = None) -> Told:
    """Return word of a hold: told when it begins, told again when it ends."""
    row = {"kind": kind, "from_on": str(since), "reason": "演练", "approved_by": "S-HD"}
    return (since, "holds", row) if until is None else (until, "holds", row | {"until_on": str(until)})


SILENT = {"call": "no_answer", "guarantor_call": "no_answer", "sms": "delivered", "email": "delivered",
          "visit": "visit_met", "letter": "arrived"}  # fmt: skip
WEEKS = 130
SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("pays_on_time", "a customer who pays hears the courtesy messages of the 12th and 13th and no more",
                 punctual=True),
        Scenario("never_pays", "nobody answers and nothing is paid: every rung in its order, up to the packet", WEEKS),
        Scenario("five_overdue", "first seen with five instalments overdue: starts on rung 1, climbs by evidence", 60,
                 behind=5),
        Scenario("one_cent", "一分钱 unpaid never causes a call", 30, cent_short=True),
        Scenario("part_payment", "a part payment moves the oldest due date and skips no stage", 60, behind=2,
                 pays=((6, 150, "transfer"),)),
        Scenario("cured", "the arrears are paid: silence, and after three clean days the episode closes", 30, behind=1,
                 pays=((9, 200, "transfer"),)),
        Scenario("reversed", "a payment is taken back within the cure days: the same episode goes on", 40, behind=1,
                 pays=((9, 200, "transfer"), (11, -200, "reversal"))),
        Scenario("kept_promise", "a promise on the phone holds calls until its day, and is kept", 30, behind=1,
                 answers=SILENT | {"call": "promised"}, pays=((6, 100, "transfer"),)),
        Scenario("broken_promise", "a promise is broken: calls go on, and a visit is due", 40, behind=1,
                 answers=SILENT | {"call": "promised"}),
        Scenario("dispute", "a dispute stops everything until it is settled", 40, behind=1,
                 rows=(_hold("dispute", 6), _hold("dispute", 6, 20))),
        Scenario("hardship", "hardship stops everything and asks a person", 40, behind=1, rows=(_hold("hardship", 6),)),
        Scenario("deceased", "after a death nobody is contacted", 40, behind=1, rows=(_hold("deceased", 6),)),
        Scenario("lost_contact", "nobody can be reached: visits take the place of calls, nobody is immune", WEEKS,
                 behind=1, answers=SILENT | {"call": "switched_off", "guarantor_call": "switched_off",
                                             "visit": "visit_not_met", "letter": "returned"}),
        Scenario("invalid_number", "the number is dead: no more calls to it, the ladder goes on by other ways", 90,
                 behind=1, answers=SILENT | {"call": "invalid_number", "sms": "not_delivered"}),
        Scenario("payment_holiday", "a granted payment holiday delays treatment, never the stage", 40, behind=1,
                 rows=((3, "schedule_changes", {"kind": "payment_holiday", "from_on": "3", "until_on": "25",
                                                "approved_by": "S-HD"}),)),
        Scenario("missed_days", "after a week without any run nobody gets a burst", 40, behind=1,
                 missed=tuple(range(8, 15))),
    )
}  # fmt: skip


def scenario_named(name: str) -> Scenario:
    """Return a scenario by its name.

    Raises:
        BadArguments: there is none of that name.
    """
    if name not in SCENARIOS:
        raise BadArguments(f"--scenario {name!r}: use one of {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def scenario_world(scenario: Scenario, start: date, seed: int) -> World:
    """Return the world of one scenario: its customer, and one beside it who pays every due date."""
    actor = Life(_contract(ACTOR, 1, scenario.behind, start, seed, short=int(scenario.cent_short)), SCHEDULE)
    control = Life(_contract(CONTROL, 3, 0, start, seed), SCHEDULE)
    control.coming = _punctual(control, start)
    actor.coming = _punctual(actor, start) if scenario.punctual else []
    for number, percent, kind in scenario.pays:
        on = start + timedelta(days=number)
        actor.coming.append(Money(on, on, INSTALMENT * percent // 100, kind))
    world = World(start, seed, [actor, control], SILENT if scenario.answers is None else scenario.answers)
    for number, feed, row in scenario.rows:
        world.news.add(start + timedelta(days=number), feed, {"account_id": ACTOR, **_dated(row, start)})
    return world


def _dated(row: Row, start: date) -> Row:
    return {name: (start + timedelta(days=int(value))).isoformat() if name.endswith("_on") else value
            for name, value in row.items()}  # fmt: skip


def _contract(account_id: str, number: int, behind: int, start: date, seed: int, *, short: int = 0) -> Contract:
    """Return a finance lease due on the 15th, paid up to ``behind`` instalments and perhaps a cent."""
    first = add_months(start.replace(day=DUE_DAY), -BEFORE)
    dues = [add_months(first, months) for months in range(SCHEDULE)]
    fallen = sum(due < start for due in dues)
    borrower, surety = (
        replace(
            person(n, seed),
            language="zh",
            time_zone="Asia/Shanghai",
            preferred_time="",
            preferred_channel="",
            email=f"s{n}@customer.example",
        )
        for n in (number, number + 1)
    )
    payments = [Payment(due, INSTALMENT) for due in dues[: fallen - behind]]
    if short:
        payments[-1] = Payment(payments[-1].paid_on, INSTALMENT - short)
    return Contract(
        account_id=account_id, story=Story("scenario", behind, 1), branch="华东分公司", contract_type="finance_lease",
        asset=("excavator", "示例重工", "SE215"), serial=f"L9ZSCENAR0T00000{number}", engine_no=f"ENG{number:08d}",
        plate="", price=INSTALMENT * 40, dues=dues, principal=INSTALMENT * 9 // 10, interest=INSTALMENT // 10,
        fallen_due=fallen, payments=payments,
        parties=[Party(borrower, "borrower"), Party(surety, "guarantor", "joint", add_months(dues[-1], 6))],
    )  # fmt: skip


def _punctual(life: Life, start: date) -> list[Money]:
    return [Money(due, due, INSTALMENT) for due in life.contract.dues if due >= start]


def timeline(engine: Engine, account_id: str) -> list[dict[str, Any]]:
    """Return what happened to an account day by day: where it stood, what was done, what was not and why."""
    days: dict[date, dict[str, Any]] = {}
    decided = select(decision).where(decision.c.account_id == account_id)
    done = select(item.c.business_date, item.c.step, contact.c.state, contact.c.reason)
    done = done.join(contact, contact.c.contact_id == item.c.contact_id).where(item.c.account_id == account_id)
    left = select(suppression).where(suppression.c.account_id == account_id)
    with reading(engine) as connection:
        for row in connection.execute(decided.order_by(decision.c.business_date, decision.c.revision)):
            days[row.business_date] = {"date": row.business_date.isoformat(), "stage": row.stage, "rung": row.rung,
                                       "done": [], "not_done": []}  # fmt: skip
        for row in connection.execute(done.order_by(item.c.business_date, item.c.step, item.c.party_id)):
            what = row.step if row.state == "sent" else f"{row.step} ({row.state} {row.reason or ''})"
            days[row.business_date]["done"].append(what)
        for row in connection.execute(left.order_by(suppression.c.step, suppression.c.reason)):
            days[row.business_date]["not_done"].append(f"{row.step}: {row.reason}")
    return list(days.values())
