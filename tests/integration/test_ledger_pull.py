"""Pulling a ledger: what is imported, what is quarantined, what is frozen, and what a repeat changes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, Table, func, select

from arrears.core.errors import BadArguments, BadInput
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.ledger.pull import Pulled, pull
from arrears.store import snapshot as frozen
from arrears.store.engine import reading
from arrears.store.tables import audit, feeds, people

DAY = date(2026, 11, 12)
POLICY = load_policy()
ACCOUNTS = "account_id,closed_on,customer_id,branch\nA1,,C1,east\nA2,,C1,east\nA3,2026-11-01,C3,west\n"
INSTALMENTS = (
    "account_id,instalment_no,due_date,amount_due\n"
    "A1,1,2026-09-15,100.00\nA1,2,2026-10-15,100.00\nA1,3,2026-11-15,100.00\nA2,1,2026-11-15,50.00\n"
    "A3,1,2026-09-15,10.00\n"
)
PAYMENTS = (
    "payment_id,account_id,paid_on,amount,kind\n"
    "P1,A1,2026-09-20,60.00,transfer\nP2,A1,2026-09-20,45.00,transfer\nP3,A1,2026-10-20,10.00,transfer\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "feeds"
    made.mkdir()
    write(made, accounts=ACCOUNTS, instalments=INSTALMENTS, payments=PAYMENTS)
    return made


def write(folder: Path, **texts: str) -> None:
    for feed, text in texts.items():
        (folder / f"{feed}.csv").write_text(text, encoding="utf-8")


@pytest.fixture
def pulled(rt: Runtime, store: Engine, folder: Path) -> Callable[..., Pulled]:
    runs = iter(range(1, 100))

    def run(on: date = DAY, *, rehearsal: bool = False) -> Pulled:
        return pull(replace(rt, rehearsal=rehearsal), store, f"daily-{on}-{next(runs)}", folder, on, POLICY)

    return run


def rows(store: Engine, table: Table, *columns: str) -> list[tuple[object, ...]]:
    with reading(store) as connection:
        wanted = [table.c[name] for name in columns]
        return [tuple(row) for row in connection.execute(select(*wanted).order_by(*wanted))]


def everything(store: Engine) -> list[list[tuple[object, ...]]]:
    return [rows(store, table, *table.c.keys()) for table in (feeds.account, feeds.delivery, feeds.snapshot)]


def events(store: Engine) -> list[str]:
    return [str(kind) for (kind,) in rows(store, audit.audit_pending, "type")]


def frozen_accounts(rt: Runtime, store: Engine, found: Pulled) -> dict[str, dict[str, object]]:
    names: dict[object, object] = {row[0]: row[1] for row in rows(store, people.subject, "subject_ref", "account_id")}
    batches = frozen.accounts(rt.settings.artifacts_url, found.snapshot_id)
    return {str(names[row.pop("subject_ref")]): row for batch in batches for row in batch.to_pylist()}


def test_a_pull_stages_the_open_accounts_and_freezes_them(
    rt: Runtime, store: Engine, pulled: Callable[..., Pulled]
) -> None:
    found = pulled()
    accounts = frozen_accounts(rt, store, found)
    assert list(accounts) == ["A1", "A2"]
    assert accounts["A1"] | {"ledger_row_sha256": ""} == {
        "currency": "CNY", "contract_type": "finance_lease", "branch": "east", "stage": 1, "overdue_instalments": 1,
        "overdue_minor": 8500, "days_past_due": 28, "oldest_unpaid_due": date(2026, 10, 15),
        "overdue_due_on": [date(2026, 10, 15)], "overdue_unpaid_minor": [8500], "overdue_amount_minor": [10000],
        "due_minor": 20000, "unpaid_due_minor": 8500,
        "schedule_minor": 30000, "paid_minor": 11500, "next_due_on": date(2026, 11, 15), "next_due_minor": 10000,
        "last_paid_on": date(2026, 10, 20), "whole_paid_on": date(2026, 9, 20), "principal_outstanding_minor": None,
        "total_price_minor": None, "data_incomplete": False, "ledger_row_sha256": "", "ledger_row": 2,
    }  # fmt: skip
    assert (found.rows, found.accepted, found.quarantined, found.accounts) == (11, 11, 0, 2)
    assert found.control_total_minor == {"CNY": 8500}


def test_the_frozen_files_know_no_account_and_no_person(
    rt: Runtime, store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    write(folder, parties="account_id,party_id,role,name,mobile\nA1,PERSON-1,borrower,王小明,+8613900000001\n")
    found = pulled()
    home = Path(rt.settings.artifacts_url.removeprefix("file://")) / "snapshots" / found.snapshot_id
    content = b"".join(path.read_bytes() for path in sorted(home.iterdir()))
    assert len(list(home.iterdir())) == 3
    for secret in ("PERSON-1", "王小明", "13900000001"):
        assert secret.encode() not in content
    cells = {str(cell) for path in home.iterdir() for row in pq.read_table(path).to_pylist() for cell in row.values()}
    assert not {"A1", "C1"} & cells, "two letters may stand in any bytes, and in no cell"


def test_instalments_and_payments_of_an_account_can_be_read_back(
    rt: Runtime, store: Engine, pulled: Callable[..., Pulled]
) -> None:
    found = pulled()
    (ref,) = [ref for ref, account in rows(store, people.subject, "subject_ref", "account_id") if account == "A1"]
    schedule = frozen.instalments_of(rt.settings.artifacts_url, found.snapshot_id, [str(ref)])[str(ref)]
    assert [(row.instalment_no, row.amount_due_minor, row.paid_minor) for row in schedule] == [
        (1, 10000, 10000), (2, 10000, 1500), (3, 10000, 0)]  # fmt: skip
    payments = frozen.payments_of(rt.settings.artifacts_url, found.snapshot_id, [str(ref)])[str(ref)]
    assert [(row.payment_id, row.amount_minor) for row in payments] == [("P1", 6000), ("P2", 4500), ("P3", 1000)]


def test_a_duplicate_delivery_changes_nothing(store: Engine, pulled: Callable[..., Pulled]) -> None:
    first = pulled()
    before = everything(store)
    second = pulled()
    assert replace(second, unchanged=False) == first
    assert second.unchanged
    assert everything(store) == before
    assert events(store).count("ledger.duplicate") == 1


def test_a_quarantined_row_is_named_and_holds_its_account(
    rt: Runtime, store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    write(folder, payments=PAYMENTS + "P4,A2,2026-11-01,1E+3,transfer\nP5,A2\nP6,Z9,2026-11-01,5.00,transfer\n")
    found = pulled()
    assert rows(store, feeds.quarantine, "row_no", "column", "reason", "account_id") == [
        (5, "amount", "bad_amount", "A2"), (6, "", "wrong_cell_count", "A2"),
        (7, "account_id", "unknown_account", "Z9"),
    ]  # fmt: skip
    assert (found.rows, found.accepted, found.quarantined) == (14, 11, 3)
    accounts = frozen_accounts(rt, store, found)
    assert [accounts[name]["data_incomplete"] for name in ("A1", "A2")] == [False, True]
    assert rows(store, feeds.account, "account_id", "data_incomplete")[:2] == [("A1", False), ("A2", True)]


def test_a_corrected_file_of_the_same_date_lifts_the_hold(
    store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    write(folder, payments=PAYMENTS + "P4,A2,2026-11-01,1E+3,transfer\n")
    pulled()
    write(folder, payments=PAYMENTS + "P4,A2,2026-11-01,1000.00,transfer\n")
    pulled()
    assert rows(store, feeds.account, "account_id", "data_incomplete")[1] == ("A2", False)
    assert rows(store, feeds.snapshot, "delivery_no") == [(1,), (2,)]


def test_a_duplicate_instalment_keeps_the_first_and_holds_the_account(
    rt: Runtime, store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    write(folder, instalments=INSTALMENTS + "A2,1,2026-10-15,999.00\n")
    accounts = frozen_accounts(rt, store, pulled())
    assert (accounts["A2"]["schedule_minor"], accounts["A2"]["data_incomplete"]) == (5000, True)
    assert rows(store, feeds.quarantine, "row_no", "column", "reason") == [(7, "instalment_no", "duplicate")]


def test_two_spellings_of_one_account_collide_and_hold_it(
    store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    write(folder, accounts=ACCOUNTS + "Ａ１,,C9,east\n")
    pulled()
    assert rows(store, feeds.quarantine, "row_no", "column", "reason", "account_id") == [
        (5, "account_id", "id_collision", "A1")]  # fmt: skip
    assert rows(store, feeds.account, "account_id", "data_incomplete")[0] == ("A1", True)


def test_an_account_absent_from_the_feed_is_missing_never_cured(
    rt: Runtime, store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    many = "".join(f"B{number},,,\n" for number in range(9))
    write(folder, accounts=ACCOUNTS + many)
    pulled()
    write(folder, accounts=(ACCOUNTS + many).replace("A1,,C1,east\n", ""))
    found = pulled(DAY + timedelta(1))
    assert "A1" not in frozen_accounts(rt, store, found)
    assert ("A1", True) in rows(store, feeds.account, "account_id", "is_missing")
    assert events(store).count("account.missing") == 1
    write(folder, accounts=ACCOUNTS + many)
    pulled(DAY + timedelta(2))
    assert ("A1", False) in rows(store, feeds.account, "account_id", "is_missing")


def test_half_a_portfolio_gone_is_a_doubtful_file_and_marks_nobody(
    store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    pulled()
    write(folder, accounts="account_id,closed_on\nA2,\n")
    pulled(DAY + timedelta(1))
    assert not any(missing for (missing,) in rows(store, feeds.account, "is_missing"))


def test_an_older_date_pulled_late_does_not_overwrite_the_accounts(
    store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    pulled()
    write(folder, accounts=ACCOUNTS.replace("A1,,C1,east", "A1,,C1,north") + "A0,,,\n")
    pulled(DAY - timedelta(1))
    assert rows(store, feeds.account, "account_id", "branch")[:2] == [("A0", ""), ("A1", "east")]


def test_other_files_are_named_and_ignored(folder: Path, pulled: Callable[..., Pulled]) -> None:
    (folder / "notes.txt").write_text("hello", encoding="utf-8")
    (folder / "instalments_old.csv").write_text("x", encoding="utf-8")
    assert pulled().ignored_files == ["instalments_old.csv", "notes.txt"]


def test_a_folder_without_a_required_feed_or_with_two_of_one_is_refused(
    folder: Path, pulled: Callable[..., Pulled]
) -> None:
    (folder / "payments.parquet").write_bytes(b"")
    with pytest.raises(BadArguments, match="two files for the feed payments"):
        pulled()
    (folder / "payments.parquet").unlink()
    (folder / "accounts.csv").unlink()
    with pytest.raises(BadArguments, match="no accounts feed"):
        pulled()


def test_payments_beside_amount_paid_are_refused(folder: Path, pulled: Callable[..., Pulled]) -> None:
    write(folder, instalments="account_id,instalment_no,due_date,amount_due,amount_paid\nA1,1,2026-09-15,1.00,0.00\n")
    with pytest.raises(BadArguments, match="use one of them"):
        pulled()


def test_a_file_that_cannot_be_read_stops_the_pull_before_anything_is_frozen(
    rt: Runtime, store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    (folder / "payments.csv").write_bytes(PAYMENTS.encode() + b"P4,A1,2026-11-01,\xff\xfe,x\n")
    with pytest.raises(BadInput, match=r"payments.csv row 5: not utf-8"):
        pulled()
    assert rows(store, feeds.snapshot, "snapshot_id") == []
    home = Path(rt.settings.artifacts_url.removeprefix("file://"))
    assert not home.exists() or not any(home.rglob("*.parquet"))


def test_a_rehearsal_invents_a_borrower_per_customer_and_marks_it(
    store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    write(folder, parties="account_id,party_id,role,name\nA3,N3,borrower,李雷\n")
    pulled(rehearsal=True)
    ties = rows(store, people.account_party, "account_id", "party_id", "synthesised")
    assert [(account, synthesised) for account, _, synthesised in ties] == [("A1", True), ("A2", True), ("A3", False)]
    assert ties[0][1] == ties[1][1]
    invented = [row[1:] for row in rows(store, people.party, "party_id", "name", "email") if row[2]]
    assert invented == [("示例客户0001", "sample0001@arrears.example")]
    pulled(rehearsal=True)
    assert len(rows(store, people.account_party, "account_id")) == 3


def test_outside_a_rehearsal_nobody_is_invented(store: Engine, pulled: Callable[..., Pulled]) -> None:
    pulled()
    assert rows(store, people.party, "party_id") == []


def test_no_event_names_an_account_or_a_person(store: Engine, folder: Path, pulled: Callable[..., Pulled]) -> None:
    write(
        folder,
        parties="account_id,party_id,role,name,mobile\nA1,N1,borrower,王小明,+8613900000001\n",
        outcomes="account_id,party_id,channel,at,outcome,note\nA1,N1,call,2026-11-11T10:00:00,contacted,王小明说明天付\n",
        payments=PAYMENTS + "P4,A2,2026-11-01,1E+3,transfer\n",
    )
    pulled()
    bodies = [json.loads(str(body, "utf-8")) for (body,) in rows(store, audit.audit_pending, "body")]
    assert {body["type"] for body in bodies} >= {"ledger.received", "row.quarantined", "contact.recorded"}
    told = json.dumps(bodies, ensure_ascii=False)
    for secret in ('"A1"', '"A2"', "N1", "王小明", "13900000001"):
        assert secret not in told


def test_every_delivered_row_is_accepted_or_quarantined(
    store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    write(folder, payments=PAYMENTS + "P4,A2,2026-11-01,1E+3,transfer\nP5,A2\nP1,A1,2026-11-01,2.00,x\n")
    pulled()
    with reading(store) as connection:
        told = connection.execute(select(func.sum(feeds.delivery.c.quarantined))).scalar_one()
        kept = connection.execute(select(func.count()).select_from(feeds.quarantine)).scalar_one()
    assert (told, kept) == (3, 3)


def test_real_loans_are_frozen_with_the_stages_they_should_have(
    rt: Runtime, store: Engine, shared_data: Path, tmp_path: Path
) -> None:
    for name in ("accounts", "instalments", "payments"):
        (tmp_path / f"{name}.csv").symlink_to(shared_data / f"{name}.csv")
    day = date(2021, 6, 30)
    found = pull(rt, store, "daily-2021-06-30-1", tmp_path, day, POLICY)
    stages = {account: row["stage"] for account, row in frozen_accounts(rt, store, found).items()}
    lines = (shared_data / f"expected_{day}.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert stages == {line.split(",")[0]: int(line.split(",")[-1]) for line in lines}


def test_the_book_balance_is_summed_over_the_open_accounts_per_currency(
    store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    header = "account_id,closed_on,currency,principal_outstanding\n"
    write(folder, accounts=f"{header}A1,,CNY,900.00\nA2,,USD,7.50\nA3,2026-11-01,CNY,5.00\n")
    pulled()
    ((facts,),) = rows(store, feeds.snapshot, "facts")
    assert json.loads(str(facts))["book_balance"] == {"CNY": 90000, "USD": 750}


def test_a_corrected_file_is_told_to_supersede_the_one_before(
    store: Engine, folder: Path, pulled: Callable[..., Pulled]
) -> None:
    pulled()
    write(folder, payments=PAYMENTS.replace("10.00", "11.00"))
    pulled()
    told = [json.loads(bytes(body)) for kind, body in rows(store, audit.audit_pending, "type", "body")
            if kind == "ledger.superseded"]  # fmt: skip
    assert [(event["data"]["feed"], event["data"]["delivery_no"]) for event in told] == [("payments", 1)]
