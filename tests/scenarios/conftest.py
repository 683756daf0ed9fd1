"""A command line in this process, and a small portfolio whose day is known by heart."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine

from arrears.ladder.layers import load_policy
from arrears.store.engine import open_engine

DAY = date(2026, 11, 12)
ACCOUNTS = tuple(f"K{number}" for number in range(1, 9))
ACCOUNT_HEADER = "account_id,closed_on,currency,contract_type,branch"
INSTALMENT_HEADER = "account_id,instalment_no,due_date,amount_due"
PAYMENT_HEADER = "payment_id,account_id,paid_on,amount"
PARTY_HEADER = "account_id,party_id,role,name,language,mobile,email"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """The one line that a person reads; more than one line is a failure of its own."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]


@dataclass(frozen=True)
class Place:
    """A house with a store, a folder of feeds, and the command line that works on them."""

    home: Path
    feeds: Path
    store: Engine

    def call(self, *words: str, **variables: str) -> Said:
        """Run ``arrears`` in this process; anything but a clean exit is the test's failure."""
        from arrears.cli import main

        out, err, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["arrears", *words])
            for name, value in {"ARREARS_HOME": str(self.home), "NO_COLOR": "1", **variables}.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else int(left.code is not None)
        return Said(code, out.getvalue(), err.getvalue())

    def run(self, on: date = DAY, **variables: str) -> Said:
        """Rehearse one day on the folder of feeds."""
        words = ("run", "--date", on.isoformat(), "--feeds", str(self.feeds), "--rehearsal", "--json")
        return self.call(*words, **variables)

    def write(self, name: str, content: str | bytes) -> None:
        """Lay a file into the folder of feeds."""
        target = self.feeds / name
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def rows(self, name: str) -> list[str]:
        """Return the lines of a feed, its header first."""
        return (self.feeds / name).read_text(encoding="utf-8").splitlines()

    def effects(self) -> list[str]:
        """Return whom the loopback servers were asked to reach, one line a message, readers of the digest left out."""
        mails = [to for mail in self.kept("mail/index.jsonl") for to in mail["to"]]
        numbers = [message["to"] for message in self.kept("sms/index.jsonl")]
        orders = [str(order) for order in self.kept("agency/agency.jsonl")]
        return sorted({*mails} - self.readers()) + sorted([*numbers, *orders])

    def alarms(self) -> list[str]:
        """Return the subjects of the mails to the readers of the digest, in order."""
        return [mail["subject"] for mail in self.kept("mail/index.jsonl") if {*mail["to"]} & self.readers()]

    def readers(self) -> set[str]:
        """Return who reads the digest."""
        return {reader.mail for reader in load_policy().digest.recipients}

    def kept(self, name: str) -> list[dict]:
        """Return what a loopback server wrote down."""
        file = self.home / "sandbox" / name
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


@pytest.fixture
def place(tmp_path: Path, new_place) -> Place:
    """A house of the test's own, in which nothing has happened yet."""
    return new_place(tmp_path)


@pytest.fixture(scope="session")
def new_place(store_template: Path) -> Iterator[Callable[[Path], Place]]:
    """Make a house in a folder: a store without rows, and eight healthy accounts to be read."""
    opened = []

    def make(folder: Path) -> Place:
        home, feeds = folder / "var", folder / "feeds"
        if not home.exists():
            home.mkdir()
            shutil.copyfile(store_template, home / "arrears.sqlite")
            write_feeds(feeds)
        engine = open_engine(f"sqlite:///{home / 'arrears.sqlite'}")
        opened.append(engine)
        return Place(home, feeds, engine)

    yield make
    for engine in opened:
        engine.dispose()


def write_feeds(folder: Path) -> None:
    """Write the four feeds of the small portfolio."""
    folder.mkdir()
    schedule = [(account, number, f"2026-{number + 7:02d}-15") for account in ACCOUNTS for number in range(1, 6)]
    paid = {"K1": 2, "K2": 2, "K3": 2, "K4": 3, "K5": 3, "K6": 3, "K7": 1, "K8": 5}
    payments = [(account, number) for account, whole in paid.items() for number in range(1, whole + 1)]
    write_csv(folder / "accounts.csv", ACCOUNT_HEADER, [(account, "", "CNY", "loan", "East") for account in ACCOUNTS])
    write_csv(folder / "instalments.csv", INSTALMENT_HEADER, [(*row, "1000.00") for row in schedule])
    write_csv(
        folder / "payments.csv",
        PAYMENT_HEADER,
        [(f"Y-{account}-{number}", account, f"2026-{number + 7:02d}-14", "1000.00") for account, number in payments],
    )
    write_csv(
        folder / "parties.csv",
        PARTY_HEADER,
        [
            (
                account,
                f"P{account}",
                "borrower",
                f"Person {account}",
                "en",
                f"+861990000000{place}",
                f"{place}@x.example",
            )
            for place, account in enumerate(ACCOUNTS)
        ],
    )


def write_csv(path: Path, header: str, rows: list[tuple[object, ...]]) -> None:
    """Write one feed."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
