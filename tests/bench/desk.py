"""How fast the desk and the digest are on a large store: ``python tests/bench/desk.py STORE_URL FOLDER [HOME COPIES]``.

A rehearsed store (``arrears rehearse --days 8 --accounts 1000``, its folder is HOME) is copied into an empty PostgreSQL
database, or a new SQLite file, once for each of COPIES: every copy has its own accounts, people, contacts, decisions
and events, under the same runs, staff and policy; so are the frozen ledgers a digest reads, into FOLDER. Then the
digests are built, and every page of the desk and every question about the whole portfolio is asked for several times.
Without HOME what was grown before is measured again. The log's tree is not grown with it, so nothing here verifies or
seals.
"""

import sys
from datetime import date
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fastapi.testclient import TestClient
from sqlalchemy import Connection, func, insert, select, text

from arrears.core.clock import SystemClock
from arrears.core.entropy import SystemEntropy
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.desk.app import Door, create_desk
from arrears.ladder.layers import load_policy
from arrears.proof.ask import numbered
from arrears.reports.digest import build_digests
from arrears.store.engine import open_engine, reading, writing
from arrears.store.migrate import upgrade
from arrears.store.tables.audit import audit_event
from arrears.store.tables.base import metadata
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import account, snapshot
from arrears.store.tables.people import subject
from arrears.store.tables.runs import run

ROUNDS = 7
QUESTION_ROUNDS = 3
SAME_SITE = {"sec-fetch-site": "same-origin"}
EVENTS_AN_ACCOUNT = 5
"""So many events an account the log is grown to: five million for a million accounts."""
HISTORY_EVERY = 5
"""Evidence and outcomes are copied for one in so many copies: three million rows of each are enough."""

HASHED = 32
"""Keys of this length fill their column: their last four digits become a z and the copy's number."""

OF_AN_ACCOUNT = {
    "account_id", "subject_ref", "party_id", "customer_id", "contact_id", "item_key", "action_id", "approval_id",
    "packet_id", "order_id", "order_no", "idempotency_key", "subject_key", "claim_id", "document_key", "evidence_key",
    "source_key", "outcome_key", "court_case_key", "location_key", "hold_key", "plan_key", "promise_key", "charge_key",
    "schedule_change_key", "opening_key", "detail_commit", "emergency_id", "notice_id", "overtaken_key",
    "committee_key", "filing_key", "debit_id", "order_report_key", "placement_report_key", "recovery_key",
    "visit_request_key", "placement_id",
}  # fmt: skip
SHARED = {"alembic_version", "agency", "staff", "run", "gate", "snapshot", "delivery", "policy_text", "control",
          "channel_day", "store_identity", "audit_key", "audit_checkpoint", "audit_node", "fact_set", "verdict",
          "digest_sent", "quarantine", "recovery_day", "exception_day", "deadline_day", "load_day", "flow_day",
          "outcome_day", "score_month", "decided_range", "channel_rate", "collection", "user_action",
          "audit_pending"}  # fmt: skip


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def grow(home: str, url: str, copies: int) -> None:
    """Copy a small store into a database that many times, with triggers and foreign keys asleep."""
    source, target = open_engine(Settings.from_environment({"ARREARS_HOME": home}).store_url), open_engine(url)
    upgrade(source)
    upgrade(target)
    with reading(source) as small, writing(target) as large:
        events = small.execute(select(func.count()).select_from(audit_event)).scalar_one()
        accounts = small.execute(select(func.count()).select_from(account)).scalar_one()
        of_log = max(1, EVENTS_AN_ACCOUNT * accounts * copies // events)
        indexes = [index for table in metadata.sorted_tables for index in table.indexes]
        for index in indexes:
            index.drop(large)
        _put_guards_to_sleep(large)
        for table in metadata.sorted_tables:
            large.execute(table.delete())
            rows = [row._asdict() for row in small.execute(table.select())]
            if rows:
                large.execute(insert(table), rows)
                if table.name not in SHARED:
                    _multiply(large, table, of_log if table.name.startswith("audit_") else copies, events)
        for index in indexes:
            index.create(large)
    if target.dialect.name == "sqlite":
        with target.connect() as connection:
            connection.execute(text("ANALYZE"))
            connection.commit()
        return
    with target.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _put_guards_to_sleep(large: Connection) -> None:
    """Rows are copied as they come: triggers and foreign keys would look at each of them."""
    if large.dialect.name == "postgresql":
        large.execute(text("SET session_replication_role = replica"))
        large.execute(text("ALTER TABLE audit_event DISABLE TRIGGER USER"))
        return
    large.execute(text("PRAGMA defer_foreign_keys = ON"))
    for name in large.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
        large.execute(text(f'DROP TRIGGER "{name}"'))


def _multiply(connection: Connection, table: Any, copies: int, events: int) -> None:
    names, values = [], []
    every = HISTORY_EVERY if table.name in ("evidence", "outcome") else 1
    for column in table.columns:
        quoted = f'"{column.name}"'
        names.append(quoted)
        if column.name == "seq":
            quoted = f"{quoted} + k * {events}"
        elif column.name in OF_AN_ACCOUNT or (column.name == "key" and table.name.startswith("audit_")):
            number = "lpad(to_hex(k), 3, '0')" if connection.dialect.name == "postgresql" else "printf('%03x', k)"
            quoted = (
                f"CASE WHEN length({quoted}) < {HASHED} THEN {quoted} || '-' || k"
                f" ELSE substr({quoted}, 1, length({quoted}) - 4) || 'z' || {number} END"
            )
        values.append(quoted)
    start = perf_counter()
    done = connection.execute(
        text(
            f"WITH RECURSIVE number(k) AS (SELECT {every} UNION ALL SELECT k + {every} FROM number"
            f" WHERE k + {every} < {copies}), small AS MATERIALIZED (SELECT * FROM {table.name})"
            f" INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)} FROM number CROSS JOIN small"
        )
    )
    say(f"{table.name}: {done.rowcount} rows in {perf_counter() - start:.0f} s")


def grow_ledgers(home: str, folder: str, copies: int) -> None:
    """Copy the newest frozen ledger and that of the month's end before it, as the store's accounts were copied."""
    engine = open_engine(Settings.from_environment({"ARREARS_HOME": home}).store_url)
    with reading(engine) as small:
        query = select(snapshot.c.business_date, snapshot.c.snapshot_id).where(snapshot.c.accepted_at.is_not(None))
        ledgers = small.execute(query.order_by(snapshot.c.business_date, snapshot.c.delivery_no)).all()
    first = ledgers[-1].business_date.replace(day=1)
    before = [row for row in ledgers if row.business_date < first]
    for row in (*before[-1:], ledgers[-1]):
        start = perf_counter()
        into = Path(folder) / "artifacts" / "snapshots" / row.snapshot_id
        into.mkdir(parents=True, exist_ok=True)
        for name in ("accounts", "instalments", "payments"):
            _copy_rows(Path(home) / "artifacts" / "snapshots" / row.snapshot_id / f"{name}.parquet", into, copies)
        say(f"frozen ledger of {row.business_date}: {perf_counter() - start:.0f} s")


def _copy_rows(source: Path, into: Path, copies: int) -> None:
    """Write the rows of each account, then those of its copies: a frozen ledger lies in the order of the accounts."""
    small = pq.read_table(source)
    place = small.schema.get_field_index("subject_ref")
    refs = small.column(place).cast(pa.string()).combine_chunks()
    runs = pc.run_end_encode(refs)
    own = small.schema.field(place)
    numbers = sorted(range(1, copies), key=str)
    start = 0
    with pq.ParquetWriter(into / source.name, small.schema) as writer:
        for end, ref in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
            rows = small.slice(start, end - start)
            names = [ref, *(f"{ref[:-4]}z{copy:03x}" for copy in numbers)]
            named = pa.array([name for name in names for _ in range(end - start)], own.type)
            writer.write_table(pa.concat_tables([rows] * copies).set_column(place, own, named))
            start = end


def measure(url: str, folder: str) -> None:
    """Print how long the digests take and how large they are, then the median and the slowest of each page.

    As on every morning the digests come first: what they found is kept, and the pages show it.
    """
    engine = open_engine(url)
    upgrade(engine)
    with reading(engine) as connection:
        day: date = connection.execute(select(func.max(run.c.business_date))).scalar_one()
        daily = select(run.c.run_id).where(run.c.business_date == day, run.c.kind == "daily")
        day_run = connection.execute(daily.order_by(run.c.ordinal.desc())).scalars().first()
        size = connection.execute(select(func.count()).select_from(account)).scalar_one()
        events = connection.execute(select(func.count()).select_from(audit_event)).scalar_one()
        decided = select(subject.c.subject_ref).join(decision, decision.c.account_id == subject.c.account_id)
        refs = connection.execute(decided.where(decision.c.business_date == day).limit(ROUNDS)).scalars()
        pages = {"account": [f"/account/{ref}" for ref in refs]}
    for page in ("/", "/legal", "/month", "/runs", "/audit", "/policy"):
        pages[page] = [page] * ROUNDS
    say(f"{size} accounts, {events} events, {day}")
    settings = Settings.from_environment({"ARREARS_HOME": folder, "ARREARS_STORE_URL": url})
    rt = Runtime(settings, SystemClock(), SystemEntropy())
    start = perf_counter()
    mails = build_digests(rt, engine, str(day_run), day, load_policy(settings.policy_file), "")
    largest = max(len(mail.html.encode()) for mail in mails)
    say(f"{len(mails)} digests in {perf_counter() - start:.1f} s, largest {largest} bytes")
    for mail in mails:
        say(
            f"{mail.role}: {len(mail.html.encode())} bytes, attached {[len(file.content) for file in mail.attachments]}"
        )
    ask(TestClient(create_desk(Door(lambda: "bench", lambda: True), lambda: rt), headers=SAME_SITE), pages, day)


def ask(desk: TestClient, pages: dict[str, list[str]], day: date) -> None:
    """Print the median and the slowest of each page, then of each question about the whole portfolio and of the day."""
    for name, asked in pages.items():
        took = []
        for page in asked:
            start = perf_counter()
            answer = desk.get(page)
            took.append((perf_counter() - start) * 1000)
            assert answer.status_code == 200, answer.text
        say(f"{name}: median {median(took):.0f} ms, slowest {max(took):.0f} ms, {len(answer.content)} bytes")
    for number in sorted(numbered()):
        for about in ({}, {"on": day.isoformat()}):
            took = []
            for _ in range(QUESTION_ROUNDS):
                start = perf_counter()
                answer = desk.post(f"/audit/question/{number}", params={"lang": "en"}, data=about)
                took.append((perf_counter() - start) * 1000)
            ended = "broken off" if "Broken off" in answer.text else f"{len(answer.content)} bytes"
            say(f"question {number} {about or 'whole'}: median {median(took):.0f} ms, {ended}")


if __name__ == "__main__":
    if len(sys.argv) > 3:
        grow_ledgers(sys.argv[3], sys.argv[2], int(sys.argv[4]))
        grow(sys.argv[3], sys.argv[1], int(sys.argv[4]))
    measure(sys.argv[1], sys.argv[2])
