"""Who signed what: borrowers with several machines, co-borrowers, guarantors, dealers."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count

from arrears.core.calendar import add_months
from arrears.rehearsal.contracts import Contract, Party
from arrears.rehearsal.people import Person, person

FLEET = ("performing", "performing", "performing_other_day", "reminded", "calls_done")  # the holder of five machines
PAIRS = 9
PLAIN = ("performing", "performing_other_day", "reminded", "called", "paid_ahead")


def give_people(contracts: list[Contract], on: date, seed: int) -> None:
    """Give every contract its parties; some borrowers hold several contracts or stand surety for a neighbour."""
    rng = random.Random(f"{seed}:people")  # noqa: S311 - repeatable on purpose
    numbers = count(1)
    shared = _shared_borrowers(rng, contracts, seed, numbers)
    dealer = person(next(numbers), seed, kind="firm")
    earlier: list[Person] = []
    for contract in contracts:
        borrower = shared.get(contract.account_id) or _borrower(rng, contract, seed, numbers)
        contract.parties.append(Party(borrower, "borrower"))
        _add_family(rng, contract, seed, numbers)
        for _ in range(_guarantors_wanted(rng, contract)):
            known = earlier and contract.story.overdue < 2 and rng.random() < 0.05
            surety = rng.choice(earlier) if known else person(next(numbers), seed)
            if surety.party_id not in {party.person.party_id for party in contract.parties}:
                contract.parties.append(_guarantor(rng, contract, surety, on))
        if contract.story.name == "performing" and rng.random() < 0.15:
            contract.parties.append(Party(dealer, "dealer_buyback"))
        earlier.append(borrower)


def _shared_borrowers(
    rng: random.Random, contracts: list[Contract], seed: int, numbers: Iterator[int]
) -> dict[str, Person]:
    """Return the accounts whose borrower holds several: one person with five, others with two or three."""
    free: dict[str, list[str]] = {name: [] for name in (*FLEET, *PLAIN)}
    for contract in contracts:
        free.get(contract.story.name, []).append(contract.account_id)
    groups = [[free[name].pop() for name in FLEET if free[name]]]
    plain = sorted(account for name in PLAIN for account in free[name])
    rng.shuffle(plain)
    groups += [[plain.pop() for _ in range(rng.choice((2, 2, 3)))] for _ in range(min(PAIRS, len(plain) // 12))]
    found: dict[str, Person] = {}
    for group in groups:
        holder = person(next(numbers), seed)
        found |= dict.fromkeys(group, holder)
    return found


def _borrower(rng: random.Random, contract: Contract, seed: int, numbers: Iterator[int]) -> Person:
    firm = contract.asset[0] != "car" and rng.random() < 0.1 and not contract.story.flags & {"opt_out"}
    return person(
        next(numbers),
        seed,
        kind="firm" if firm else "natural",
        opt_out="opt_out" in contract.story.flags,
        unprintable=contract.story.name == "unprintable_name",
    )


def _add_family(rng: random.Random, contract: Contract, seed: int, numbers: Iterator[int]) -> None:
    if contract.borrower.name.endswith("公司"):
        contract.parties.append(Party(person(next(numbers), seed), "legal_representative"))
    elif rng.random() < 0.12:
        contract.parties.append(Party(person(next(numbers), seed), rng.choice(("co_borrower", "spouse"))))


def _guarantors_wanted(rng: random.Random, contract: Contract) -> int:
    if "guarantor" in contract.story.flags or contract.story.remedy:
        return rng.choice((1, 1, 2))
    return rng.choices((0, 1, 2), (40, 45, 15))[0]


def _guarantor(rng: random.Random, contract: Contract, surety: Person, on: date) -> Party:
    """Return a guarantor; the period is six months after the last instalment, or, for one story, about to lapse."""
    until: date | None = add_months(contract.dues[-1], 6)
    if contract.story.name == "guarantee_lapses":
        until = on + timedelta(days=14)
    elif contract.story.overdue < 3 and rng.random() < 0.3:
        until = None
    return Party(surety, "guarantor", rng.choice(("joint", "joint", "joint", "general")), until)
