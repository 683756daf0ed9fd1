"""An office in which accounts of stage three are put by hand, with everything a lawyer wants, and packets are built."""

import hashlib
from datetime import date
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pypdf
from sqlalchemy import Engine, delete, insert, select

from arrears.core.calendar import add_months
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.legal.build import build_packets, retire_packets, stage_three_accounts
from arrears.legal.counts import packet_counts
from arrears.store.engine import reading, writing
from arrears.store.tables import decisions, feeds, people, runs
from arrears.store.tables.legal import packet

TODAY = date(2026, 11, 12)
AMOUNT, PAID, COUNT = 1_234_567, 18, 36
SCHEMAS = {
    "accounts": pa.schema([
        ("subject_ref", pa.string()), ("currency", pa.string()), ("contract_type", pa.string()),
        ("overdue_instalments", pa.int32()), ("overdue_minor", pa.int64()), ("days_past_due", pa.int32()),
        ("oldest_unpaid_due", pa.date32()), ("due_minor", pa.int64()), ("schedule_minor", pa.int64()),
        ("paid_minor", pa.int64()), ("whole_paid_on", pa.date32()), ("total_price_minor", pa.int64()),
        ("principal_outstanding_minor", pa.int64()), ("data_incomplete", pa.bool_())]),
    "instalments": pa.schema([
        ("subject_ref", pa.string()), ("instalment_no", pa.int64()), ("due_date", pa.date32()),
        ("amount_due_minor", pa.int64()), ("paid_minor", pa.int64()), ("principal_due_minor", pa.int64()),
        ("interest_due_minor", pa.int64()), ("penalty_due_minor", pa.int64())]),
    "payments": pa.schema([
        ("subject_ref", pa.string()), ("payment_id", pa.string()), ("paid_on", pa.date32()),
        ("amount_minor", pa.int64()), ("kind", pa.string())]),
}  # fmt: skip


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Office:
    """A store in which accounts of stage three are put by hand, each with everything a lawyer wants."""

    def __init__(self, rt: Runtime, engine: Engine) -> None:
        self.rt, self.engine, self.policy = rt, engine, load_policy()
        self.payments: dict[str, list[tuple[date, int]]] = {}
        self.ledger: dict[str, dict[str, object]] = {}
        with writing(engine) as connection:
            connection.execute(
                insert(runs.policy_text).values(
                    policy_sha256=self.policy.sha256, policy_id="cn", version="1", effective_from=TODAY, body="{}"
                )
            )
            connection.execute(insert(decisions.fact_set).values(facts_sha256=sha("f"), body="{}"))
            connection.execute(insert(decisions.verdict).values(verdict_sha256=sha("v"), body="{}"))

    def add(
        self,
        account_id: str,
        name: str = "王喆",
        *,
        rung: int = 4,
        contract: str = "finance_lease",
        evidence: bool = True,
    ) -> str:
        ref = f"ref-{account_id}"
        with writing(self.engine) as connection:
            connection.execute(
                insert(feeds.account).values(
                    account_id=account_id,
                    subject_ref=ref,
                    contract_type=contract,
                    currency="CNY",
                    branch="华东",
                    asset_kind="挖掘机",
                    asset_make="示例",
                    asset_serial="LXG215C0000012345",
                    total_price_minor=50_000_000,
                )
            )
            for party, role, who in ((f"{account_id}-B", "borrower", name), (f"{account_id}-G", "guarantor", "李四")):
                connection.execute(
                    insert(people.party).values(
                        party_id=party,
                        name=who,
                        language="zh",
                        mobile="13800000000",
                        address="北京市朝阳区建国路92号",
                        service_address="北京市朝阳区建国路92号",
                        id_no="110101199001010011",
                    )
                )
                connection.execute(
                    insert(people.account_party).values(
                        account_id=account_id,
                        party_id=party,
                        role=role,
                        guarantee_kind="joint" if role == "guarantor" else None,
                    )
                )
            for row in self._documents(account_id) if evidence else ():
                connection.execute(insert(feeds.document).values(**row))
        self.rungs = {**getattr(self, "rungs", {}), account_id: rung}
        self.payments[account_id] = [(add_months(date(2025, 1, 14), n), AMOUNT) for n in range(PAID)]
        return account_id

    def _documents(self, account_id: str) -> list[dict[str, object]]:
        borrower, guarantor = f"{account_id}-B", f"{account_id}-G"
        plain = [("contract", borrower), ("guarantee_contract", guarantor), ("service_address_confirmation", borrower)]
        plain += [
            (kind, borrower)
            for kind in (
                "delivery_note",
                "registration",
                "valuation",
                "power_of_attorney",
                "lender_licence",
                "identity",
            )
        ]
        proven = [
            ("proof_of_service", borrower, None),
            ("visit_report", borrower, None),
            ("lawyers_letter", borrower, date(2026, 10, 14)),
            ("lawyers_letter", guarantor, date(2026, 10, 15)),
        ]
        rows = [{"kind": kind, "party_id": party, "dated_on": date(2025, 1, 5)} for kind, party in plain]
        rows += [
            {
                "kind": kind,
                "party_id": party,
                "dated_on": date(2026, 10, 10),
                "served_on": served,
                "service_result": "arrived" if served else None,
                "confirmed_by": "S1",
                "second_confirmed_by": "S2",
            }
            for kind, party, served in proven
        ]
        for row in rows:
            row |= {"account_id": account_id, "sha256": sha(f"{account_id}{row['kind']}{row['party_id']}")}
            row["document_key"] = natural_key(account_id, str(row["party_id"]), str(row["kind"]), str(row["sha256"]))
        return rows

    def run(self, day: date = TODAY, left: tuple[str, ...] = ()) -> dict[str, int]:
        """Freeze the ledger of a day, decide, and build every packet."""
        run_id = self.open(day, left)
        retire_packets(self.rt, self.engine, run_id, day)
        accounts = stage_three_accounts(self.engine, day)
        counts = build_packets(self.rt, self.engine, run_id, day, self.policy, accounts)
        with reading(self.engine) as connection:
            assert packet_counts(connection, day, run_id) == counts
        return counts

    def open(self, day: date, left: tuple[str, ...] = ()) -> str:
        with writing(self.engine) as connection:
            ordinal = len(connection.execute(select(runs.run.c.run_id)).all()) + 1
            run_id, snapshot_id = f"daily-{day}-{ordinal}", sha(f"{day}{ordinal}")
            connection.execute(
                insert(runs.run).values(
                    run_id=run_id,
                    origin_key=sha(run_id),
                    kind="daily",
                    business_date=day,
                    ordinal=ordinal,
                    status="running",
                    rehearsal=False,
                    plan_only=False,
                    released=True,
                    started_at="2026-11-12T00:00:00Z",
                    policy_sha256=self.policy.sha256,
                    code_version="0",
                    code_id="x",
                    snapshot_id=snapshot_id,
                    attempt="{}",
                )
            )
            tables = self._freeze(day)
            connection.execute(delete(decisions.decision).where(decisions.decision.c.business_date == day))
            for row in tables["accounts"]:
                account_id = str(row["subject_ref"])[4:]
                connection.execute(
                    insert(decisions.decision).values(
                        business_date=day,
                        account_id=account_id,
                        revision=0,
                        run_id=run_id,
                        stage=0 if account_id in left else 3,
                        entitled_rung=4,
                        unlocked_rung=4,
                        rung=self.rungs[account_id],
                        lane="normal",
                        overdue_instalments=row["overdue_instalments"],
                        overdue_minor=row["overdue_minor"],
                        days_past_due=row["days_past_due"],
                        oldest_unpaid_due=row["oldest_unpaid_due"],
                        currency="CNY",
                        branch="华东",
                        ledger_row_sha256=sha("r"),
                        facts_sha256=sha("f"),
                        verdict_sha256=sha("v"),
                        policy_sha256=self.policy.sha256,
                        row_sha256=sha("row"),
                    )
                )
        folder = Path(self.rt.settings.artifacts_url.removeprefix("file://")) / "snapshots" / snapshot_id
        folder.mkdir(parents=True)
        for name, rows in tables.items():
            pq.write_table(pa.Table.from_pylist(rows, SCHEMAS[name]), folder / f"{name}.parquet")
        return run_id

    def _freeze(self, day: date) -> dict[str, list[dict[str, object]]]:
        tables: dict[str, list[dict[str, object]]] = {"accounts": [], "instalments": [], "payments": []}
        for account_id, paid in self.payments.items():
            ref, pool = f"ref-{account_id}", sum(amount for _, amount in paid)
            schedule = []
            for n in range(COUNT):
                part = min(AMOUNT, max(0, pool - n * AMOUNT))
                schedule.append(
                    {
                        "subject_ref": ref,
                        "instalment_no": n + 1,
                        "due_date": add_months(date(2025, 1, 15), n),
                        "amount_due_minor": AMOUNT,
                        "paid_minor": part,
                    }
                )
            overdue = [row for row in schedule if row["due_date"] < day and row["paid_minor"] < AMOUNT]
            tables["instalments"] += schedule
            tables["payments"] += [
                {"subject_ref": ref, "payment_id": f"{account_id}-{n}", "paid_on": on, "amount_minor": amount}
                for n, (on, amount) in enumerate(paid)
            ]
            tables["accounts"].append(
                {
                    "subject_ref": ref,
                    "currency": "CNY",
                    "contract_type": "finance_lease",
                    "overdue_instalments": len(overdue),
                    "overdue_minor": sum(AMOUNT - row["paid_minor"] for row in overdue),
                    "days_past_due": (day - overdue[0]["due_date"]).days,
                    "oldest_unpaid_due": overdue[0]["due_date"],
                    "due_minor": sum(AMOUNT for row in schedule if row["due_date"] <= day),
                    "schedule_minor": COUNT * AMOUNT,
                    "paid_minor": pool,
                    "whole_paid_on": max((on for on, sum_ in paid if sum_ >= AMOUNT), default=None),
                    "total_price_minor": 50_000_000,
                    "data_incomplete": False,
                    **self.ledger.get(account_id, {}),
                }
            )
        return tables

    def hold(self, account_id: str, kind: str, from_on: date = TODAY) -> None:
        with writing(self.engine) as connection:
            connection.execute(
                insert(feeds.hold).values(
                    hold_key=natural_key(account_id, kind, str(from_on)),
                    account_id=account_id,
                    kind=kind,
                    from_on=from_on,
                )
            )

    def current(self, account_id: str) -> dict[str, object]:
        with reading(self.engine) as connection:
            return dict(
                connection.execute(
                    select(packet).where(packet.c.account_id == account_id, packet.c.superseded_on.is_(None))
                )
                .mappings()
                .one()
            )

    def bytes_of(self, row: dict[str, object]) -> bytes:
        root = Path(self.rt.settings.artifacts_url.removeprefix("file://"))
        return (root / str(row["pdf_path"])).read_bytes()

    def text_of(self, account_id: str) -> str:
        pages = pypdf.PdfReader(BytesIO(self.bytes_of(self.current(account_id)))).pages
        return "\n".join(page.extract_text() for page in pages).replace("\u200b", "")
