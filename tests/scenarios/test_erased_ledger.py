"""An account is erased: what was frozen of it knows no name any more, and its old days can still be run again."""

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from arrears.core.errors import CannotTell
from arrears.ladder import named
from arrears.store import snapshot as frozen
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import account
from arrears.store.tables.legal import packet
from arrears.store.tables.outreach import contact, item, suppression
from arrears.store.tables.people import subject
from arrears.store.tables.runs import run

DAY = date(2026, 11, 12)
DEEP = "K7"
"""At stage three, and closed and erased on the second day."""
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def erased(place):
    rows = [row for row in place.rows("payments.csv") if f",{DEEP}," not in row]
    place.write("payments.csv", "\n".join([*rows, ""]))
    assert place.run().code == 0
    whole = place.rows("accounts.csv")
    place.write("accounts.csv", "\n".join([*(row.replace(f"{DEEP},,", f"{DEEP},{NEXT},") for row in whole), ""]))
    assert place.run(NEXT).code == 0
    said = place.call("erase", DEEP, "--basis", "authority_order", "--as", "me")
    assert said.code == 0, said.err
    place.write("accounts.csv", "\n".join([*whole, ""]))
    return place


def done_about(place) -> tuple[list, ...]:
    """Return the contacts, the steps left out and the packets of the account."""
    with reading(place.store) as connection:
        own = select(contact.c.contact_id, contact.c.state).join(item, item.c.contact_id == contact.c.contact_id)
        left_out = select(suppression.c.step, suppression.c.reason).where(suppression.c.account_id == DEEP)
        packets = select(packet.c.packet_id, packet.c.superseded_on).where(packet.c.account_id == DEEP)
        queries = (own.where(item.c.account_id == DEEP).order_by(contact.c.contact_id), left_out, packets)
        return tuple(connection.execute(query).all() for query in queries)


def test_an_old_day_is_run_again_without_the_account_that_was_erased_since(erased, caplog):
    before = done_about(erased)
    again = erased.run()
    assert again.code == 0, again.err
    day = json.loads(again.out)
    assert day["status"] == "completed"
    states = ("draft", "ready", "withheld", "incomplete")
    assert day["stages"]["3"] == sum(day["packets"][state] for state in states) == 1
    assert done_about(erased) == before
    for command in (("prove",), ("verify",), ("replay", "--run", f"daily-{DAY}-2")):
        said = erased.call(*command)
        assert said.code == 0, said.out
    assert "1 accounts of this ledger were erased since" in caplog.text


def test_an_account_of_a_ledger_that_nobody_erased_is_still_unknown_not_passed_over(erased):
    with reading(erased.store) as connection:
        snapshot_id = connection.execute(select(run.c.snapshot_id).where(run.c.business_date == DAY)).scalar()
    url = f"file://{erased.home / 'artifacts'}"
    with writing(erased.store) as connection:
        assert sum(len(ids) for ids, _ in named.named_accounts(connection, url, snapshot_id, ("subject_ref",))) == 7
        connection.execute(account.update().values(erased_at=None))
        with pytest.raises(CannotTell, match="unknown here"):
            list(named.named_accounts(connection, url, snapshot_id, ("subject_ref",)))


def test_a_range_of_erased_accounts_alone_stands_with_the_account_before_it(erased, monkeypatch):
    """Their money is in the sums of the ledger whatever the ranges are cut like."""
    with reading(erased.store) as connection:
        snapshot_id = connection.execute(select(run.c.snapshot_id).where(run.c.business_date == DAY)).scalar()
        names = dict(connection.execute(select(subject.c.subject_ref, subject.c.account_id)).all())
        url = f"file://{erased.home / 'artifacts'}"
        [whole] = frozen.batches(url, snapshot_id, "accounts", ("subject_ref",))
        one_each = [whole.slice(at, 1) for at in range(whole.num_rows)]
        monkeypatch.setattr(frozen, "batches", lambda *_: iter(one_each))
        found = [last for last, _ in named.ranges_of(connection, url, snapshot_id, ("subject_ref",))]
    ids = [names.get(batch.column(0)[0].as_py()) for batch in one_each]
    assert (ids.index(None), len(found)) == (6, 8)
    assert found == [*ids[:6], ids[5], ids[7]]
