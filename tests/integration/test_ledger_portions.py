"""A feed beside the ledger is read in portions: what is stored and told is what a feed read whole would give."""

import shutil
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine, insert, select

from arrears.core.runtime import Runtime
from arrears.ledger import parties, portions
from arrears.ledger.deliveries import Delivery
from arrears.ledger.intake import import_feed
from arrears.ledger.rows import TARGETS
from arrears.store.engine import open_engine, reading, writing
from arrears.store.spool import Spool
from arrears.store.tables import audit, feeds, people

DAY = date(2026, 11, 12)
ACCOUNTS = "account_id,closed_on\n" + "".join(f"A{number},\n" for number in range(1, 8))
PARTIES = """account_id,party_id,role,name,mobile,address,guarantee_kind,guarantee_until
A5,N1,borrower,王小明,,旧地址,,
A1,N2,borrower,李娜,+8613900000002,,,
A5,N3,guarantor,赵强,,,joint,2027-01-01
A2,N1,guarantor,,+8613900000001,,general,
A5,N1,borrower,王小明,,旧地址,,
A1,N2,borrower,李娜,+8613900000009,,,
A7,N1,spouse,,,新地址,,
A9,N9,borrower,无账户,,,,
A3,N4,lender,陈,,,,
"""
OUTCOMES = """account_id,party_id,channel,at,outcome,promised_amount,promised_on
A6,N1,call,2026-11-11T18:30:00,no_answer,,
A1,N2,call,2026-11-11T10:00:00,promised,500.00,2026-11-20
A6,N1,call,2026-11-11T18:30:00,contacted,,
A2,N1,visit,2026-11-10T09:00:00,dispute_raised,,
A1,N2,call,2026-11-11T11:00:00,promised,600.00,2026-11-20
A6,N1,call,2026-11-11T18:30:00,no_answer,,
"""
MANY = {
    "parties": PARTIES,
    "outcomes": OUTCOMES,
    "promises": "account_id,made_on,due_on,amount\nA3,2026-11-11,2026-11-20,5.00\nA1,2026-11-11,2026-11-20,6.00\n"
    "A3,2026-11-11,2026-11-20,7.00\n",
    "staff": "staff_id,name,roles\nS2,李娜,collector\nS1,王芳,manager\nS2,李娜,field\n",
    "assignments": "account_id,staff_id,from_on\nA4,S1,2026-11-02\nA1,S1,2026-11-01\nA4,S2,2026-11-01\n"
    "A4,S2,2026-11-01\n",
    "debits": "account_id,debit_id,requested_on,amount,result\nA4,D1,2026-11-11,1.00,pending\n"
    "A1,D1,2026-11-11,2.00,pending\nA2,D2,2026-11-11,3.00,pending\n",
    "payments": "payment_id,account_id,paid_on,amount\nP1,A4,2026-11-12,8.00\nP1,A1,2026-11-12,9.00\n"
    "P1,A4,2026-11-12,7.00\n",
    "controls": "business_date,kind,currency,value\n2026-11-12,unpaid_due,CNY,1.00\n2026-11-12,accounts,,7\n"
    "2026-11-12,unpaid_due,CNY,2.00\n",
}
TABLES = (feeds.delivery, feeds.quarantine, feeds.account, people.party, people.account_party, feeds.hold)


class Office:
    """Imports texts as files into a store of its own."""

    def __init__(self, rt: Runtime, store: Engine, folder: Path) -> None:
        self.rt, self.store, self.folder = rt, store, folder
        folder.mkdir(exist_ok=True)
        self.take("accounts", ACCOUNTS)

    def take(self, feed: str, text: str) -> Delivery:
        path = self.folder / f"{feed}.csv"
        path.write_text(text, encoding="utf-8")
        return import_feed(self.rt, self.store, f"import-{feed}", feed, path, DAY)

    def told(self, feed: str) -> dict[str, Any]:
        """Return everything that an import may have changed, but for random names."""
        tables = [*TABLES, *([] if feed == "parties" else [TARGETS[feed].table]), feeds.promise]
        with reading(self.store) as connection:
            names = dict(connection.execute(select(people.subject.c.subject_ref, people.subject.c.account_id)).all())
            events = [str(body, "utf-8") for body in connection.execute(select(audit.audit_pending.c.body)).scalars()]
            for ref, account_id in names.items():
                events = [event.replace(ref, account_id) for event in events]
            rows = {table.name: [{**row, "subject_ref": None} for row in connection.execute(select(table)).mappings()]
                    for table in tables}  # fmt: skip
        return {name: sorted(map(str, own)) for name, own in rows.items()} | {"events": sorted(events)}


@pytest.fixture
def in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a portion have one row, and every range of accounts wait on disk."""
    small = partial(Spool, limit=0, width=1)
    monkeypatch.setattr(portions, "PORTION", 1)
    monkeypatch.setattr(portions, "Spool", small)
    monkeypatch.setattr(parties, "Spool", small)


@pytest.fixture
def whole(rt: Runtime, store: Engine, tmp_path: Path) -> Office:
    return Office(rt, store, tmp_path / "whole")


@pytest.fixture
def other_store(tmp_path: Path, store_template: Path) -> Iterator[Engine]:
    shutil.copyfile(store_template, tmp_path / "other.sqlite")
    engine = open_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
    yield engine
    engine.dispose()


@pytest.mark.parametrize("feed", sorted(MANY))
def test_in_portions_of_one_row_the_same_is_stored_refused_and_told(
    rt: Runtime, whole: Office, other_store: Engine, tmp_path: Path, feed: str, request: pytest.FixtureRequest
) -> None:
    arrived = whole.take(feed, MANY[feed])
    request.getfixturevalue("in_portions")
    apart = Office(rt, other_store, tmp_path / "apart")
    assert apart.take(feed, MANY[feed]) == arrived
    assert arrived.quarantined
    assert apart.told(feed) == whole.told(feed)


def test_the_rows_of_a_feed_are_never_more_than_a_portion_in_memory(
    rt: Runtime, whole: Office, in_portions: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    shelved = portions.Shelf.put

    def put(shelf: portions.Shelf, rows: pa.RecordBatch) -> None:
        seen.append(rows.num_rows)
        shelved(shelf, rows)

    monkeypatch.setattr(portions.Shelf, "put", put)
    whole.take("promises", "account_id,made_on,due_on,amount\n" + "".join(
        f"A{number},2026-11-{day:02},2026-11-20,5.00\n" for day in range(1, 12) for number in (3, 1, 2)))  # fmt: skip
    assert seen == [11] * 3 * 2  # waiting by account, and then as a portion: an account is never divided


def test_a_full_range_is_cut_between_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "PORTION", 3)
    rows = pa.table({"code": [3, 1, 1, 2, 3, 3, 3, 4], "row_no": range(8)})
    cut = [piece.column("code").to_pylist() for piece in portions._pieces(rows)]
    assert cut == [[1, 1, 2], [3, 3, 3, 3], [4]]


def test_a_batch_without_a_good_row_is_nothing_to_put_aside() -> None:
    with Spool() as spool:
        spool.add(pa.record_batch({"account_id": pa.array([], pa.string())}))
        assert spool.ranges() == []


@pytest.fixture(params=["store", pytest.param("postgres_store", marks=pytest.mark.real)])
def any_office(rt: Runtime, request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    return Office(rt, request.getfixturevalue(request.param), tmp_path / "any")


def test_of_whom_nothing_new_is_told_the_row_stays_and_where_it_came_from(any_office: Office) -> None:
    first = any_office.take("parties", PARTIES)
    second = any_office.take("parties", PARTIES.replace("旧地址", "更新的地址"))
    with reading(any_office.store) as connection:
        columns = (people.party.c.party_id, people.party.c.address, people.party.c.delivery_id)
        told = {row.party_id: (row.address, row.delivery_id) for row in connection.execute(select(*columns))}
    assert told["N1"] == ("新地址", first.delivery_id)  # the later row of the file says the same as before
    assert told["N2"] == (None, first.delivery_id)
    assert any_office.take("parties", PARTIES.replace("新地址", "别处")).delivery_no == 3
    assert second.delivery_id not in {delivery_id for _, delivery_id in told.values()}
    with reading(any_office.store) as connection:
        moved = connection.execute(select(people.party.c.address).where(people.party.c.party_id == "N1")).scalar_one()
    assert moved == "别处"


def test_an_erased_person_stays_erased_whatever_a_feed_says_of_them(any_office: Office) -> None:
    with writing(any_office.store) as connection:
        connection.execute(insert(people.party).values(party_id="N2", erased_at="2026-11-01T00:00:00Z"))
    any_office.take("parties", PARTIES)
    with reading(any_office.store) as connection:
        query = select(people.party.c.name).where(people.party.c.party_id == "N2")
        assert connection.execute(query).scalar_one() is None
