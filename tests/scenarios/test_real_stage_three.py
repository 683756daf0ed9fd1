"""The real stage-three loans of 30 June 2021: none is ready as it is; with synthetic papers, who gets an order."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from order_world import Witness, sheet
from sqlalchemy import Engine, func, insert, select, update

from arrears.approvals.questions import list_open
from arrears.approvals.votes import vote
from arrears.core.clock import PinnedClock, at_local, utc_text
from arrears.core.entropy import SeededEntropy
from arrears.core.keys import digest, natural_key
from arrears.core.runtime import Request, Runtime
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.legal.build import build_packets, stage_three_accounts
from arrears.repossession.handoff import hand_off
from arrears.repossession.orders import propose_orders
from arrears.steps import daily
from arrears.store.engine import reading, writing
from arrears.store.tables import feeds, people
from arrears.store.tables.decisions import decision
from arrears.store.tables.legal import packet
from arrears.store.tables.repossession import repossession_order

pytestmark = pytest.mark.long
DAY = date(2021, 6, 30)
POLICY = load_policy()
GUARD = POLICY.legal.recent_payment_guard_days
VEHICLE = "1M8GDM9AXKP042788"
PAPERS = sorted({kind for kinds in POLICY.legal.required_documents.values() for kind in kinds} - {"guarantee_contract"})


@pytest.fixture
def rt(settings: Settings) -> Runtime:
    clock = PinnedClock(at_local(DAY, time(10), POLICY.time_zone))
    return Runtime(settings, clock, SeededEntropy(7), rehearsal=True)


@pytest.fixture
def morning(rt: Runtime, store: Engine, shared_data: Path, tmp_path: Path) -> Iterator[str]:
    """The day up to its packets, on the real ledger as it is."""
    folder = tmp_path / "feeds"
    folder.mkdir()
    for name in ("accounts", "instalments", "payments"):
        (folder / f"{name}.csv").symlink_to(shared_data / f"{name}.csv")
    day = daily.open_day(rt, Request(rt.clock.now(), DAY, str(folder)))
    for step in (daily.pull_ledger, daily.gate_ledger, daily.decide_accounts, daily.build_packets):
        step(rt, day)
    return day


def ledger_by_hand(shared_data: Path, accounts: set[str]) -> dict[str, tuple[date | None, date | None, Decimal]]:
    """Return, from the CSV files alone: the last day with money, the last with a whole instalment, what is unpaid."""
    schedule: dict[str, list[tuple[date, int, Decimal]]] = defaultdict(list)
    received: dict[str, Counter[date]] = defaultdict(Counter)
    with (shared_data / "instalments.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["account_id"] in accounts:
                due = date.fromisoformat(row["due_date"])
                schedule[row["account_id"]].append((due, int(row["instalment_no"]), Decimal(row["amount_due"])))
    with (shared_data / "payments.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["account_id"] in accounts and row["paid_on"] <= DAY.isoformat():
                received[row["account_id"]][date.fromisoformat(row["paid_on"])] += Decimal(row["amount"])
    found = {}
    for account, rows in schedule.items():
        pool = max(Decimal(0), sum(received[account].values(), Decimal(0)))
        unpaid, whole = Decimal(0), None
        for due, _number, amount in sorted(rows):
            left = amount - min(amount, pool)
            pool -= min(amount, pool)
            unpaid += left
            whole = amount if whole is None and left > 0 and due <= DAY else whole
        money = [day for day, amount in received[account].items() if amount > 0]
        wholes = [day for day in money if whole is not None and received[account][day] >= whole]
        found[account] = (max(money, default=None), max(wholes, default=None), unpaid)
    return found


def grant_everything(rt: Runtime, store: Engine, day: str, accounts: list[str]) -> None:
    """Give every account the papers, service, position, remedy and rung that the rules ask for, all made up."""
    now = utc_text(rt.clock.now() - timedelta(hours=1))
    with writing(store) as connection:
        borrower = dict(
            connection.execute(
                select(people.account_party.c.account_id, people.account_party.c.party_id).where(
                    people.account_party.c.role == "borrower"
                )
            ).all()
        )
        connection.execute(
            update(feeds.account)
            .where(feeds.account.c.account_id.in_(accounts))
            .values(asset_serial=VEHICLE, asset_value_minor=10_000_000)
        )
        staff = {"LAW": "legal", "RISK": "risk", "FIN": "finance"}
        connection.execute(
            insert(feeds.staff),
            [{"staff_id": key, "name": key, "roles": role, "skills": "", "dialects": "", "branch": ""}
             for key, role in staff.items()],
        )  # fmt: skip
        connection.execute(
            insert(feeds.agency),
            {"agency_id": "AG", "name": "示例", "licence_no": "L", "licence_until": date(2022, 1, 1),
             "insurance_until": date(2022, 1, 1), "data_agreement_ref": "DPA", "region": "", "channel": "http"},
        )  # fmt: skip
        connection.execute(
            insert(feeds.control),
            {"control_key": "0" * 64, "business_date": DAY, "kind": "no_payment_in_flight", "value": 0,
             "confirmed_by": "FIN"},
        )  # fmt: skip
        connection.execute(
            insert(feeds.document),
            [{"document_key": natural_key(account, kind), "account_id": account, "party_id": borrower[account],
              "kind": kind, "sha256": digest([account, kind]), "dated_on": date(2021, 5, 1),
              "served_on": date(2021, 5, 10), "service_result": "arrived", "confirmed_by": "LAW",
              "second_confirmed_by": "RISK"} for account in accounts for kind in PAPERS],
        )  # fmt: skip
        connection.execute(
            insert(feeds.location),
            [{"location_key": natural_key(account), "account_id": account, "at": now, "lat": "38.1", "lon": "82.1",
              "source": "gps"} for account in accounts],
        )  # fmt: skip
        connection.execute(
            insert(feeds.court_case),
            [{"court_case_key": natural_key(account, "remedy"), "account_id": account, "case_id": account,
              "kind": "remedy", "state": "chosen", "at": now, "remedy": "terminate_and_recover", "staff_id": "LAW"}
             for account in accounts],
        )  # fmt: skip
        decided = connection.execute(select(decision).where(decision.c.business_date == DAY)).mappings().all()
        connection.execute(
            insert(decision),
            [dict(row) | {"revision": row["revision"] + 1, "rung": 4, "unlocked_rung": 4, "entitled_rung": 4}
             for row in decided if row["account_id"] in set(accounts)],
        )  # fmt: skip


def test_real_stage_three_loans_get_an_order_only_with_every_paper_and_never_while_they_pay(
    rt: Runtime, store: Engine, morning: str, shared_data: Path
) -> None:
    accounts = stage_three_accounts(store, DAY)
    lines = (shared_data / f"expected_{DAY}.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert accounts == sorted(line.split(",")[0] for line in lines if line.endswith(",3"))
    current = select(packet.c.account_id, packet.c.state).where(packet.c.superseded_on.is_(None))
    with reading(store) as connection:
        states = dict(connection.execute(current).all())
        assert connection.execute(select(func.count()).select_from(repossession_order)).scalar_one() == 0
    assert sorted(states) == accounts, "each has exactly one packet"
    assert "ready" not in states.values()

    grant_everything(rt, store, morning, accounts)
    build_packets(rt, store, morning, DAY, POLICY, accounts)
    proposed = propose_orders(rt, store, morning, DAY, POLICY).proposed
    by_hand = ledger_by_hand(shared_data, set(accounts))
    paying = {key for key, (_, whole, _) in by_hand.items() if whole is not None and (DAY - whole).days <= GUARD}
    paid_today = {key for key, (last, _, _) in by_hand.items() if last == DAY}
    limits = POLICY.repossession
    costs, chance = limits.recovery_cost_minor, limits.recovery_chance_percent
    cheap = {key for key, (_, _, unpaid) in by_hand.items() if min(unpaid * 100, 10_000_000) * chance <= costs * 100}
    assert paying, "the guard is not tried by this ledger"
    with reading(store) as connection:
        remedies = dict(connection.execute(select(packet.c.account_id, packet.c.open_remedies).where(
            packet.c.superseded_on.is_(None))).all())  # fmt: skip
        asked = set(connection.execute(select(repossession_order.c.account_id)).scalars())
    assert {key for key, found in remedies.items() if "terminate_and_recover" not in found} == paying
    assert asked == set(accounts) - paying - paid_today
    assert proposed == len(asked)

    for waiting in list_open(store):
        for person in ("LAW", "RISK"):
            vote(rt, store, approval_id=waiting.approval_id, staff_id=person, decision="approve", note="read",
                 identity="shell", policy=POLICY)  # fmt: skip
    agency = Witness()
    done = hand_off(rt, store, morning, DAY, POLICY, agency, sheet)
    assert done.blocked == ({"C13": len(asked & cheap)} if asked & cheap else {})
    with reading(store) as connection:
        out = set(connection.execute(select(repossession_order.c.account_id).where(
            repossession_order.c.state == "acknowledged")).scalars())  # fmt: skip
    assert out == asked - cheap
    assert not out & paying
