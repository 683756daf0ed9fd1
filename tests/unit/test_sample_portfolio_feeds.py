"""The sample as the ledger reads it: exactly the rows that are broken on purpose are refused."""

from datetime import date
from pathlib import Path

import pytest

from arrears.ledger.accounts import read_accounts
from arrears.ledger.catalogue import FEEDS
from arrears.ledger.cells import Context
from arrears.ledger.mapping import Dialect
from arrears.ledger.read import find_feeds, open_feed
from arrears.ledger.validate import Problem, Rules, check
from arrears.rehearsal.portfolio import SAMPLE_ACCOUNTS, SAMPLE_SEED, write_sample
from arrears.rehearsal.stories import cast

ON = date(2026, 11, 12)
CONTEXT = Context(Dialect(), "Asia/Shanghai", ON)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("feeds") / "day"
    write_sample(home, on=ON)
    return home


@pytest.fixture(scope="module")
def refused(folder) -> dict[str, list[Problem]]:
    found, _ = find_feeds(folder)
    register, bad = None, {}
    for name, path in found.items():
        source = open_feed(path, FEEDS[name], Dialect(), ledger_url=None, business_date=ON)
        if register is None:
            accounts = read_accounts(source, Rules(CONTEXT, "CNY"))
            register, bad[name] = accounts.register, accounts.bad
        else:
            bad[name] = [problem for valid in check(source, Rules(CONTEXT, "CNY", register)) for problem in valid.bad]
    return bad


def test_every_file_of_the_sample_is_a_feed(folder):
    _, ignored = find_feeds(folder)
    assert ignored == []


def test_only_the_rows_broken_on_purpose_are_refused(refused):
    reasons = sorted((name, problem.reason) for name, problems in refused.items() for problem in problems)
    assert reasons == [
        ("instalments", "bad_amount"),
        ("instalments", "bad_date"),
        ("outcomes", "unknown_value"),
        ("payments", "bad_amount"),
        ("payments", "unknown_account"),
        ("payments", "wrong_cell_count"),
    ]


def test_the_refused_rows_belong_to_the_accounts_that_play_this_part(refused):
    stories = cast(SAMPLE_ACCOUNTS, SAMPLE_SEED)
    named = {problem.account_id for problems in refused.values() for problem in problems}
    parts = {stories[account].name for account in named if account in stories}
    assert parts == {"bad_schedule_row", "bad_payment_row"}
