"""Made-up contracts: what was bought, when each instalment falls due and what was paid."""

import random
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, timedelta

from arrears.rehearsal.people import Person
from arrears.rehearsal.stories import Story

BRANCHES = ("华东分公司", "华南分公司", "华北分公司", "西南分公司")
BRANCH_CODES = dict(zip(BRANCHES, ("HD", "HN", "HB", "XN"), strict=True))
ASSETS = (  # kind, make, model, lowest and highest price in yuan; makes are invented
    ("excavator", "示例重工", "SE215", 620_000, 1_480_000),
    ("wheel_loader", "示例重工", "SL956", 240_000, 460_000),
    ("truck", "示例汽车", "ST400", 230_000, 430_000),
    ("truck", "远山汽车", "YS6X4", 260_000, 390_000),
    ("car", "远山汽车", "YS-E3", 90_000, 180_000),
)
OTHER_DUE_DAYS = (1, 5, 8, 20, 25, 28, 29, 30, 31)
VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
VIN_VALUES = dict(zip(VIN_LETTERS + "0123456789", map(int, "123456781234579234567890123456789"), strict=True))
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


@dataclass(frozen=True)
class Party:
    """A person's role in one contract."""

    person: Person
    role: str
    guarantee_kind: str = ""
    guarantee_until: date | None = None


@dataclass(frozen=True)
class Payment:
    """Money received; negative is a reversal. Amounts in fen."""

    paid_on: date
    amount: int
    kind: str = "transfer"


@dataclass
class Contract:
    """One contract with its schedule; amounts in fen."""

    account_id: str
    story: Story
    branch: str
    contract_type: str
    asset: tuple[str, str, str]
    serial: str
    engine_no: str
    plate: str
    price: int
    dues: list[date]
    principal: int
    interest: int
    fallen_due: int
    payments: list[Payment] = field(default_factory=list)
    parties: list[Party] = field(default_factory=list)
    closed_on: date | None = None

    @property
    def amount(self) -> int:
        """Return one instalment."""
        return self.principal + self.interest

    @property
    def borrower(self) -> Person:
        """Return the person who signed."""
        return self.parties[0].person

    @property
    def guarantors(self) -> list[Party]:
        """Return the guarantors, each of whom must hear separately."""
        return [party for party in self.parties if party.role == "guarantor"]

    @property
    def paid(self) -> int:
        """Return what was paid in all."""
        return sum(payment.amount for payment in self.payments)

    @property
    def oldest_unpaid(self) -> date | None:
        """Return the due date of the first instalment fallen due and not covered before any rescue payment."""
        overdue = 4 if "recalled" in self.story.flags else self.story.overdue
        return self.dues[self.fallen_due - overdue] if overdue else None


def draw(account_id: str, story: Story, on: date, seed: int, *, all_on_the_15th: bool = False) -> Contract:
    """Draw a contract that fits its story on the business date ``on``; its due day is the 15th, or often so."""
    rng = random.Random(f"{seed}:contract:{account_id}")  # noqa: S311 - repeatable on purpose
    kind, make, model, low, high = rng.choice(ASSETS[:4] if story.papers else ASSETS)
    price = rng.randrange(low, high, 1000) * 100
    count, fallen_due = _length(rng, story)
    due_day = 15 if "due_15" in story.flags or rng.random() < 0.45 else rng.choice(OTHER_DUE_DAYS)
    due_day = 15 if all_on_the_15th else due_day
    financed = price * 8 // 10
    principal = financed // count // 100 * 100
    return Contract(
        account_id=account_id,
        story=story,
        branch=rng.choice(BRANCHES),
        contract_type=story.contract_type
        or rng.choices(("finance_lease", "instalment_sale", "chattel_mortgage", "loan"), (62, 16, 12, 10))[0],
        asset=(kind, make, model),
        serial=_serial(rng),
        engine_no=f"ENG{rng.randrange(10**8):08d}",
        plate=f"示A{rng.randrange(10**5):05d}" if kind in ("truck", "car") else "",
        price=price,
        dues=_dues(on, due_day, count, fallen_due),
        principal=principal,
        interest=principal * rng.randint(500, 900) * (count + 1) // (24 * 10_000) // 100 * 100,
        fallen_due=fallen_due,
    )


def _length(rng: random.Random, story: Story) -> tuple[int, int]:
    """Return how many instalments the contract has and how many fell due before the business date."""
    if "young" in story.flags:
        return 24, 0
    if story.name == "three_quarters_paid":
        return 24, 22
    if story.name == "guarantee_lapses":
        return 12, 12
    if story.papers or story.overdue >= 3:
        return 36, rng.randint(story.overdue + 8, 22)
    count = rng.choice((12, 18, 24, 24, 36, 36))
    return count, rng.randint(story.overdue + 4, count - 2)


def _dues(on: date, due_day: int, count: int, fallen_due: int) -> list[date]:
    """Return due dates of which exactly ``fallen_due`` lie before ``on``; a short month takes its last day."""
    month = on.year * 12 + on.month - 1
    last = month if _day_of(month, due_day) < on else month - 1
    return [_day_of(last - fallen_due + number, due_day) for number in range(1, count + 1)]


def _day_of(month: int, day: int) -> date:
    year, zero_based = divmod(month, 12)
    return date(year, zero_based + 1, min(day, monthrange(year, zero_based + 1)[1]))


def _serial(rng: random.Random) -> str:
    """Return a 17-character serial number with a right check digit under an invented maker's code."""
    body = "L9Z" + "".join(rng.choice(VIN_LETTERS) for _ in range(5)) + f"0T{rng.randrange(10**7):07d}"
    rest = sum(VIN_VALUES[sign] * weight for sign, weight in zip(body, VIN_WEIGHTS, strict=True)) % 11
    return body[:8] + ("X" if rest == 10 else str(rest)) + body[9:]


def latest_day(contract: Contract, cycle: int, on: date) -> date:
    """Return the last day of a cycle on which its payments may lie: before the next due date and before ``on``."""
    following = contract.dues[cycle + 1] if cycle + 1 < len(contract.dues) else on
    return min(following, on) - timedelta(days=1)
