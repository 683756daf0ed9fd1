"""Training by cases: one customer lives through one situation of the rulebook, beside one who simply pays."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import Engine, select

from arrears.core.calendar import add_months
from arrears.core.clock import at_local, utc_text
from arrears.rehearsal.contracts import Contract, Party, Payment
from arrears.rehearsal.feeds import COLUMNS, Row
from arrears.rehearsal.history import ZONE
from arrears.rehearsal.lives import Life, Money
from arrears.rehearsal.people import person
from arrears.rehearsal.situations import SILENT, Scenario
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
PEOPLE_EACH = 2


def scenario_world(scenario: Scenario, start: date, seed: int) -> World:
    """Return the world of one scenario: its customer, and one beside it who pays every due date."""
    return cast_world([scenario], start, seed)


def cast_world(scenarios: Iterable[Scenario], start: date, seed: int) -> World:
    """Return a world in which many scenarios are lived at once, beside one customer who pays every due date.

    The first customer is ``ACTOR``, the others follow after ``CONTROL`` in the order given; nobody knows another.
    """
    control = Life(_contract(CONTROL, 2, Scenario("", ""), start, seed), SCHEDULE, answers=SILENT)
    control.coming = _punctual(control, start)
    lives, told = [control], []
    for place, scenario in enumerate(scenarios):
        number = place + 2 if place else 1
        life = _actor(scenario, f"S{number:05d}", number, start, seed)
        lives.append(life)
        told += [(number, feed, row, life.contract) for number, feed, row in scenario.rows]
    world = World(start, seed, sorted(lives, key=lambda life: life.account_id))
    for number, feed, row, contract in told:
        world.news.add(start + timedelta(days=number), feed, _row_of(feed, row, contract, start))
    return world


def _actor(scenario: Scenario, account_id: str, number: int, start: date, seed: int) -> Life:
    answers = SILENT if scenario.answers is None else scenario.answers
    gone = None if scenario.gone is None else start + timedelta(days=scenario.gone)
    contract = _contract(account_id, number, scenario, start, seed)
    life = Life(contract, SCHEDULE, answers=answers, absent_from=gone)
    life.coming = _punctual(life, start) if scenario.punctual else []
    for day, percent, kind in scenario.pays:
        on = start + timedelta(days=day)
        life.coming.append(Money(on, on, INSTALMENT * percent // 100, kind))
    return life


def _row_of(feed: str, row: Row, contract: Contract, start: date) -> Row:
    """Return a row of a scenario with its account, if its feed has one, its people and its days."""
    people = {"borrower": contract.borrower.party_id, "guarantor": contract.guarantors[0].person.party_id}
    found = {"account_id": contract.account_id} if "account_id" in COLUMNS[feed].split() else {}
    for name, value in row.items():
        if name == "at":
            found[name] = utc_text(at_local(start + timedelta(days=int(value)), time(15), ZONE))
        elif name.endswith("_on"):
            found[name] = (start + timedelta(days=int(value))).isoformat()
        else:
            found[name] = people.get(value, value) if name == "party_id" else value
    return found


def _contract(account_id: str, number: int, scenario: Scenario, start: date, seed: int) -> Contract:
    """Return a finance lease due on the 15th, paid up to the instalments that the scenario is behind."""
    first = add_months(start.replace(day=DUE_DAY), -BEFORE)
    dues = [add_months(first, months) for months in range(SCHEDULE)]
    fallen = sum(due < start for due in dues)
    numbers = range(PEOPLE_EACH * number - 1, PEOPLE_EACH * number + 1)
    unknown = dict.fromkeys(scenario.without, "")
    borrower, surety = (
        replace(
            person(n, seed),
            **{"language": "zh", "time_zone": ZONE, "preferred_time": "", "preferred_channel": "",
               "opt_outs": scenario.opt_outs, "email": f"s{n}@customer.example", **unknown},
        )
        for n in numbers
    )  # fmt: skip
    payments = [Payment(due, INSTALMENT) for due in dues[: fallen - scenario.behind]]
    if scenario.cent_short:
        payments[-1] = Payment(payments[-1].paid_on, INSTALMENT - 1)
    return Contract(
        account_id=account_id, story=Story("scenario", scenario.behind, 1), branch="华东分公司",
        contract_type="finance_lease", asset=("excavator", "示例重工", "SE215"), serial=f"L9ZSCENAR0T{number:06d}",
        engine_no=f"ENG{number:08d}", plate="", price=INSTALMENT * 40, dues=dues, principal=INSTALMENT * 9 // 10,
        interest=INSTALMENT // 10, fallen_due=fallen, payments=payments,
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
