"""A store with one account that may be recovered, and the levers that change it."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine, delete, event, insert, select, update

from arrears.approvals.questions import list_open
from arrears.approvals.votes import vote
from arrears.core.clock import PinnedClock, at_local, utc_text
from arrears.core.entropy import SeededEntropy
from arrears.core.keys import digest, natural_key
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.ladder.policy import Policy
from arrears.ladder.rulebook import keep_policy
from arrears.ledger.intake import import_feed
from arrears.repossession.agency import Answer
from arrears.repossession.handoff import hand_off
from arrears.repossession.orders import propose_orders
from arrears.repossession.stand_down import stand_down
from arrears.store.engine import open_engine, reading, writing
from arrears.store.identity import ensure_identity
from arrears.store.tables import audit, decisions, feeds, legal, outreach, people, runs
from arrears.store.tables.repossession import repossession_order

DAY = date(2026, 11, 12)
ZONE = "Asia/Shanghai"
POLICY = load_policy()
ACCOUNT = "A1"
SUBJECT = "00000000-0000-4000-8000-000000000001"
RUN = "daily-2026-11-12-1"
VEHICLE = "1M8GDM9AXKP042788"
LEDGER = {
    "subject_ref": SUBJECT,
    "currency": "CNY",
    "contract_type": "finance_lease",
    "branch": "east",
    "stage": 3,
    "overdue_instalments": 4,
    "overdue_minor": 4_000_000,
    "days_past_due": 100,
    "oldest_unpaid_due": date(2026, 8, 4),
    "due_minor": 20_000_000,
    "schedule_minor": 36_000_000,
    "paid_minor": 16_000_000,
    "next_due_on": date(2026, 11, 15),
    "next_due_minor": 1_000_000,
    "last_paid_on": date(2026, 7, 1),
    "whole_paid_on": date(2026, 7, 1),
    "principal_outstanding_minor": 18_000_000,
    "total_price_minor": 40_000_000,
    "data_incomplete": False,
    "ledger_row_sha256": "0" * 64,
}


def sheet(document: bytes) -> bytes:
    """Stand in for the typesetter where a test makes many orders: what is printed follows from the document alone."""
    return b"sheet of " + digest(document.decode()).encode()


class Witness:
    """An agency in memory that keeps one order per key, for runs of many examples."""

    def __init__(self) -> None:
        self.orders: dict[str, bytes] = {}
        self.recalled: set[str] = set()
        self.calls = 0
        self.silent = False

    def offer(self, key: str, document: bytes) -> Answer:
        self.calls += 1
        assert self.orders.setdefault(key, document) == document
        return Answer(not self.silent, "R1")

    def recall(self, key: str, document: bytes) -> Answer:
        assert b"hold" not in document
        self.recalled.add(key)
        return Answer(not self.silent, "R2")

    @property
    def working_on(self) -> set[str]:
        return set(self.orders) - self.recalled


class Killed(BaseException):
    """The process dies here."""


def subject_of(account_id: str) -> str:
    """Return the random name of the account with a number: the first has the one the ledger carries."""
    return SUBJECT[:-1] + account_id.removeprefix("A")


@dataclass
class World:
    """A store with one account that may be recovered, and the levers that change it."""

    rt: Runtime
    engine: Engine
    witness: Witness = field(default_factory=Witness)
    snapshots: int = 0
    policy: Policy = POLICY
    accounts: tuple[str, ...] = (ACCOUNT,)

    @property
    def today(self) -> date:
        return (self.rt.clock.now() + timedelta(hours=8)).date()

    def travel(self, days: int) -> None:
        self.rt = replace(self.rt, clock=PinnedClock(self.rt.clock.now() + timedelta(days=days)))

    def join(self, account_id: str) -> None:
        """Let another account like the first stand beside it, with the same people, in a ledger of today."""
        self.accounts = (*self.accounts, account_id)
        with writing(self.engine) as connection:
            for table, key in (
                (feeds.account, None),
                (people.account_party, None),
                (feeds.document, "document_key"),
                (feeds.location, "location_key"),
                (legal.packet, "packet_id"),
            ):
                rows = connection.execute(select(table).where(table.c.account_id == ACCOUNT)).mappings().all()
                for row in rows:
                    own = {"account_id": account_id} | ({key: natural_key(account_id, row[key])} if key else {})
                    own |= {"subject_ref": subject_of(account_id)} if "subject_ref" in row else {}
                    connection.execute(insert(table), dict(row) | own)
        self.ledger()

    def ledger(self, **changes: object) -> None:
        """Freeze a new ledger of today and decide on it."""
        self.snapshots += 1
        snapshot_id = natural_key("snapshot", self.snapshots)
        folder = Path(self.rt.settings.artifacts_url.removeprefix("file://")) / "snapshots" / snapshot_id
        folder.mkdir(parents=True)
        row = LEDGER | changes
        rows = [row | {"subject_ref": subject_of(account_id)} for account_id in self.accounts]
        pq.write_table(pa.Table.from_pylist(rows), folder / "accounts.parquet")
        run_id = f"daily-{self.today}-{self.snapshots}"
        with writing(self.engine) as connection:
            keep_policy(connection, self.policy)
            connection.execute(
                insert(runs.run),
                {
                    "run_id": run_id,
                    "origin_key": natural_key(run_id),
                    "kind": "daily",
                    "business_date": self.today,
                    "ordinal": self.snapshots,
                    "status": "completed",
                    "rehearsal": False,
                    "plan_only": False,
                    "released": False,
                    "started_at": utc_text(self.rt.clock.now()),
                    "decided_at": utc_text(self.rt.clock.now()),
                    "policy_sha256": self.policy.sha256,
                    "code_version": "0",
                    "code_id": "0",
                    "snapshot_id": snapshot_id,
                    "attempt": "{}",
                },
            )
            connection.execute(
                insert(decisions.decision),
                [{
                    "business_date": self.today,
                    "account_id": account_id,
                    "revision": self.snapshots,
                    "run_id": run_id,
                    "stage": row["stage"],
                    "entitled_rung": 4,
                    "unlocked_rung": 4,
                    "rung": 4,
                    "lane": "normal",
                    "overdue_instalments": row["overdue_instalments"],
                    "overdue_minor": row["overdue_minor"],
                    "days_past_due": 100,
                    "oldest_unpaid_due": date(2026, 8, 4),
                    "episode_due": date(2026, 8, 4),
                    "currency": "CNY",
                    "branch": "east",
                    "ledger_row_sha256": "0" * 64,
                    "facts_sha256": "1" * 64,
                    "verdict_sha256": "2" * 64,
                    "policy_sha256": POLICY.sha256,
                    "row_sha256": "3" * 64,
                } for account_id in self.accounts],
            )  # fmt: skip

    def packet(self, version: int, state: str = "ready") -> None:
        """Supersede the packet by one of other facts."""
        with writing(self.engine) as connection:
            connection.execute(
                update(legal.packet).where(legal.packet.c.superseded_on.is_(None)).values(superseded_on=self.today)
            )
            connection.execute(
                insert(legal.packet),
                {
                    "packet_id": natural_key(ACCOUNT, version),
                    "account_id": ACCOUNT,
                    "version": version,
                    "state": state,
                    "facts_sha256": digest(["facts", version]),
                    "open_remedies": ["terminate_and_recover"],
                    "chosen_remedy": "terminate_and_recover",
                    "missing": [],
                    "reasons": [],
                    "pdf_sha256": "4" * 64,
                    "clocks": [
                        {
                            "name": "limitation",
                            "party_id": "",
                            "expires_on": "2029-07-01",
                            "assumption": "",
                            "preserved_on": "",
                        },
                        {
                            "name": "guarantee",
                            "party_id": "P2",
                            "expires_on": "2027-07-01",
                            "assumption": "",
                            "preserved_on": "",
                        },
                    ],
                    "built_on": self.today,
                    "run_id": RUN,
                },
            )

    def confirm(self) -> None:
        """Let finance say that no payment is on its way today, and let the machine be seen."""
        seen = utc_text(self.rt.clock.now() - timedelta(hours=1))
        with writing(self.engine) as connection:
            key = natural_key(self.today.isoformat(), "no_payment_in_flight", "-")
            connection.execute(delete(feeds.control).where(feeds.control.c.control_key == key))
            connection.execute(
                insert(feeds.control),
                {
                    "control_key": key,
                    "business_date": self.today,
                    "kind": "no_payment_in_flight",
                    "value": 0,
                    "confirmed_by": "FIN",
                },
            )
            connection.execute(delete(feeds.location).where(feeds.location.c.at == seen))
            connection.execute(
                insert(feeds.location),
                [{
                    "location_key": natural_key(account_id, seen, "gps"),
                    "account_id": account_id,
                    "at": seen,
                    "lat": "38.1",
                    "lon": "82.1",
                    "source": "gps",
                    "site_type": "public",
                } for account_id in self.accounts],
            )  # fmt: skip

    def accept(
        self,
        amounts: Sequence[int] = (1_000_000,) * 4,
        *,
        decided: bool = True,
        subject: str = SUBJECT,
        form: str = "payments",
        held: Mapping[str, tuple[date, int]] | None = None,
        **changes: object,
    ) -> None:
        """Freeze and accept a ledger of today, with instalments overdue since August that nothing was paid on.

        Without ``decided`` no run has looked at it: the decisions of the day stand on an earlier one. ``held`` are
        payments of the account that it has booked, by id.
        """
        if decided:
            self.ledger(**{"overdue_instalments": len(amounts), "stage": min(3, len(amounts))} | changes)
        else:
            self.snapshots += 1
        snapshot_id = natural_key("snapshot", self.snapshots)
        folder = Path(self.rt.settings.artifacts_url.removeprefix("file://")) / "snapshots" / snapshot_id
        folder.mkdir(parents=True, exist_ok=True)
        rows = [{"subject_ref": subject, "instalment_no": number, "due_date": date(2026, 7, 4) + timedelta(30 * number),
                 "amount_due_minor": amount, "paid_minor": 0, "principal_due_minor": None, "interest_due_minor": None,
                 "penalty_due_minor": None} for number, amount in enumerate(amounts, 1)]  # fmt: skip
        nobody = {"subject_ref": "-", "payment_id": "-", "paid_on": DAY, "amount_minor": 1, "kind": None}
        payments = [nobody, *(nobody | {"subject_ref": subject, "payment_id": name, "paid_on": day, "amount_minor": one}
                              for name, (day, one) in (held or {}).items())]  # fmt: skip
        due = [row["due_date"] for row in rows]
        account = LEDGER | {"subject_ref": subject, "stage": min(3, len(amounts))}
        account |= {"overdue_instalments": len(amounts), "overdue_due_on": due,
                    "overdue_unpaid_minor": amounts, "overdue_amount_minor": amounts}  # fmt: skip
        tables = {"instalments": rows, "payments": payments} | ({} if decided else {"accounts": [account]})
        for name, content in tables.items():
            pq.write_table(pa.Table.from_pylist(content), folder / f"{name}.parquet")
        now = utc_text(self.rt.clock.now())
        figures = dict.fromkeys(("rows", "accepted", "quarantined", "accounts"), 0)
        with writing(self.engine) as connection:
            connection.execute(feeds.snapshot.insert().values(
                snapshot_id=snapshot_id, business_date=self.today, delivery_no=self.snapshots, feeds_sha256="0" * 64,
                control_totals="{}", facts=json.dumps({"form": form}), run_id=RUN, created_at=now, accepted_at=now,
                **figures,
            ))  # fmt: skip

    def pay(self, amount_minor: int = 1, paid_on: date = DAY, business_date: date = DAY) -> None:
        """Import a payment during the day: the frozen ledger of the morning knows nothing of it."""
        row = {"account_id": ACCOUNT, "payment_id": "N1", "paid_on": paid_on, "business_date": business_date}
        with writing(self.engine) as connection:
            connection.execute(feeds.payment.insert().values(amount_minor=amount_minor, **row))

    def deliver(self, amount_minor: int, paid_on: date, payment_id: str = "N1") -> None:
        """Import a payment by a file that reaches us at this moment."""
        file = Path(self.rt.settings.artifacts_url.removeprefix("file://")).parent / "payments.csv"
        file.write_text(f"payment_id,account_id,paid_on,amount,kind\n{payment_id},{ACCOUNT},{paid_on},"
                        f"{amount_minor / 100:.2f},{self.rt.clock.now():%d%H%M}\n")  # fmt: skip
        import_feed(self.rt, self.engine, RUN, "payments", file, self.today)

    def hold(self, kind: str = "dispute", account_id: str = ACCOUNT) -> None:
        with writing(self.engine) as connection:
            connection.execute(
                insert(feeds.hold),
                {
                    "hold_key": natural_key(account_id, kind, self.today.isoformat()),
                    "account_id": account_id,
                    "kind": kind,
                    "from_on": self.today,
                },
            )

    def put(self, table: object, key: str | None, **values: object) -> None:
        """Add a row about the account; ``key`` names the column that identifies it."""
        named = {key: natural_key(str(table), ACCOUNT)} if key else {}
        with writing(self.engine) as connection:
            connection.execute(insert(table).values(account_id=ACCOUNT, **named, **values))

    def put_staff(self, staff_id: str, roles: str) -> None:
        """Let somebody join the staff."""
        row = {"staff_id": staff_id, "name": "示例", "roles": roles, "skills": "", "dialects": "", "branch": ""}
        with writing(self.engine) as connection:
            connection.execute(insert(feeds.staff), row)

    def place(self) -> None:
        """Give the account to an outside agency that collects."""
        key = natural_key("placement", ACCOUNT)
        with writing(self.engine) as connection:
            connection.execute(
                insert(outreach.contact).values(
                    contact_id=key, business_date=self.today, party_id="P1", channel="placement", language="zh",
                    audience="borrower", tone="legal", template="placement", stage=3, batch_no=0, total_minor=1,
                    currency="CNY", slot_opens_at="2026-11-12T01:00:00Z", slot_closes_at="2026-11-12T09:00:00Z",
                    run_id=f"daily-{self.today}-{self.snapshots}", state="planned", state_run_id="-",
                )
            )  # fmt: skip
            connection.execute(
                insert(outreach.placement).values(
                    placement_id=key, account_id=ACCOUNT, party_id="P1", agency_id="AG", contact_id=key,
                    placed_on=self.today, amount_minor=1, currency="CNY", state="placed",
                )
            )  # fmt: skip

    def change(self, table: object, **values: object) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(table).values(**values))

    def propose(self) -> object:
        return propose_orders(self.rt, self.engine, RUN, self.today, self.policy)

    def approve(self, *people: str) -> None:
        (waiting,) = list_open(self.engine)
        for staff_id in people or ("LAW", "RISK"):
            self.vote(waiting.approval_id, staff_id)

    def vote(self, approval_id: str, staff_id: str, decision: str = "approve", **more: object) -> object:
        arguments = {"note": "packet read", "identity": "shell", "policy": self.policy, "run_id": RUN} | more
        return vote(self.rt, self.engine, approval_id=approval_id, staff_id=staff_id, decision=decision, **arguments)

    def hand_off(self, agency: object = None) -> object:
        return hand_off(self.rt, self.engine, RUN, self.today, self.policy, agency or self.witness, sheet)

    def stand_down(self, agency: object = None) -> object:
        return stand_down(self.rt, self.engine, RUN, self.today, self.policy, agency or self.witness)

    def orders(self) -> list:
        with reading(self.engine) as connection:
            return connection.execute(select(repossession_order).order_by(repossession_order.c.order_no)).all()

    def state(self) -> str:
        return self.orders()[-1].state

    def events(self) -> list[str]:
        with reading(self.engine) as connection:
            query = select(audit.audit_pending.c.type).order_by(audit.audit_pending.c.id)
            return list(connection.execute(query).scalars())


def furnish(world: World) -> None:
    """Fill a store with one account for which every one of the fourteen conditions but the approval holds."""
    with writing(world.engine) as connection:
        ensure_identity(connection, world.rt)
        connection.execute(
            insert(runs.policy_text),
            {"policy_sha256": POLICY.sha256, "policy_id": "cn", "version": "1", "effective_from": DAY, "body": "{}"},
        )
        connection.execute(insert(decisions.fact_set), {"facts_sha256": "1" * 64, "body": "{}"})
        connection.execute(insert(decisions.verdict), {"verdict_sha256": "2" * 64, "body": "{}"})
        connection.execute(
            insert(feeds.account),
            {
                "account_id": ACCOUNT,
                "subject_ref": SUBJECT,
                "contract_type": "finance_lease",
                "currency": "CNY",
                "branch": "east",
                "owner": "COL",
                "asset_serial": VEHICLE,
                "asset_kind": "truck",
                "asset_value_minor": 20_000_000,
                "total_price_minor": 40_000_000,
                "is_missing": False,
                "data_incomplete": False,
            },
        )
        connection.execute(
            insert(people.subject),
            {"subject_ref": SUBJECT, "account_id": ACCOUNT, "created_at": "2026-11-12T00:00:00Z"},
        )
        people_rows = {
            "LAW": "legal",
            "LAW2": "legal",
            "RISK": "risk",
            "FIN": "finance",
            "COL": "collector;legal",
            "BOTH": "legal;risk",
        }
        connection.execute(
            insert(feeds.staff),
            [
                {"staff_id": staff_id, "name": "示例", "roles": roles, "skills": "", "dialects": "", "branch": "east"}
                for staff_id, roles in people_rows.items()
            ],
        )
        connection.execute(
            insert(people.party), [{"party_id": "P1", "name": "示例甲"}, {"party_id": "P2", "name": "示例乙"}]
        )
        connection.execute(
            insert(people.account_party),
            [
                {"account_id": ACCOUNT, "party_id": "P1", "role": "borrower", "synthesised": False},
                {"account_id": ACCOUNT, "party_id": "P2", "role": "guarantor", "synthesised": False},
            ],
        )
        connection.execute(
            insert(feeds.agency),
            {
                "agency_id": "AG",
                "name": "示例拖车",
                "licence_no": "L1",
                "licence_until": date(2027, 1, 1),
                "insurance_until": date(2027, 1, 1),
                "data_agreement_ref": "DPA-1",
                "region": "",
                "channel": "http",
            },
        )
        connection.execute(
            insert(feeds.document),
            [
                {
                    "document_key": natural_key(ACCOUNT, party_id, kind),
                    "account_id": ACCOUNT,
                    "party_id": party_id,
                    "kind": kind,
                    "sha256": digest([party_id, kind]),
                    "dated_on": date(2026, 10, 1),
                    "served_on": date(2026, 10, 5),
                    "service_result": "arrived",
                    "confirmed_by": "LAW",
                    "second_confirmed_by": "RISK",
                }
                for party_id, kind in (
                    ("P1", "lawyers_letter"),
                    ("P2", "lawyers_letter"),
                    ("P1", "contract"),
                    ("P1", "registration"),
                )
            ],
        )
    world.ledger()
    world.packet(1)
    world.confirm()


def furnished(home: Path, **more: object) -> World:
    """The world that lives in ``home``."""
    settings = Settings.from_environment({"ARREARS_HOME": str(home)})
    rt = Runtime(settings, PinnedClock(at_local(DAY, time(10), ZONE)), SeededEntropy(7), **more)
    engine = open_engine(settings.store_url)
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))  # quick: no power cut here
    return World(rt, engine, snapshots=1)


def furnish_home(home: Path, store_template: Path) -> Path:
    """Furnish a store with its frozen ledger, to be copied."""
    shutil.copyfile(store_template, home / "arrears.sqlite")
    world = furnished(home)
    furnish(replace(world, snapshots=0))
    world.engine.dispose()
    return home


@contextmanager
def fresh_world(furnished_home: Path, **more: object) -> Iterator[World]:
    """A furnished store of one's own, for tests that need many."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(shutil.copytree(furnished_home, Path(folder) / "var"))
        world = furnished(home, **more)
        try:
            yield world
        finally:
            world.engine.dispose()
