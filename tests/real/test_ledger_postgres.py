"""PostgreSQL and SQLite keep the same ledger of the same files, row for row."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Runtime
from arrears.ladder.balance import Balances
from arrears.ladder.layers import load_policy
from arrears.ledger.intake import import_feed
from arrears.ledger.pull import pull
from arrears.rehearsal.portfolio import write_sample
from arrears.store.engine import reading, writing
from arrears.store.tables import feeds, metadata, people

pytestmark = pytest.mark.real
DAY = date(2026, 11, 12)
KEPT = [table for table in metadata.sorted_tables if table.name in dir(feeds) or table.name in dir(people)]


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with reading(engine) as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr) for table in KEPT
        }


def test_both_databases_keep_the_same_ledger(
    rt: Runtime, store: Engine, postgres_store: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "feeds"
    write_sample(folder, on=DAY)
    for engine in (store, postgres_store):
        seeded = replace(rt, entropy=SeededEntropy(5), rehearsal=True)
        for number, day in enumerate((DAY, DAY, DAY + timedelta(1)), start=1):
            pull(seeded, engine, f"daily-{day}-{number}", folder, day, load_policy())
    first, second = everything(store), everything(postgres_store)
    assert len(first["outcome"]) > 1_000
    assert len(first["quarantine"]) > 5
    for name in first:
        assert (name, first[name]) == (name, second[name])


def test_both_databases_know_which_payment_told_yesterday_the_ledger_lacks(
    rt: Runtime, store: Engine, postgres_store: Engine, tmp_path: Path
) -> None:
    write_sample(tmp_path / "feeds", on=DAY)
    account_id = (tmp_path / "feeds" / "accounts.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[0]
    told, next_day, policy = tmp_path / "told.csv", DAY + timedelta(1), load_policy()
    told.write_text(f"payment_id,account_id,paid_on,amount\nTOLD,{account_id},{DAY},1000000.00\n")
    found = []
    for engine in (store, postgres_store):
        seeded = replace(rt, entropy=SeededEntropy(5), rehearsal=True)
        pull(seeded, engine, "daily-1", tmp_path / "feeds", DAY, policy)
        import_feed(seeded, engine, "intake-1", "payments", told, DAY)
        pull(seeded, engine, "daily-2", tmp_path / "feeds", next_day, policy)
        with writing(engine) as connection:
            connection.execute(update(feeds.snapshot).values(accepted_at="2026-11-13T00:00:00Z"))
            lacking = connection.execute(select(feeds.unbooked_payment.c.payment_id)).scalars().all()
            ref = connection.execute(select(people.subject.c.subject_ref).filter_by(account_id=account_id)).scalar_one()
            balance = Balances(seeded, next_day, policy, of_few=True).of(connection, {account_id: ref})
        found.append((lacking, balance[account_id].overdue_minor))
    assert found == [(["TOLD"], 0), (["TOLD"], 0)]
