"""The intake folder: only whole files that nobody has taken are mapped, each once, never more than a run can map."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from arrears.core.clock import PinnedClock
from arrears.core.errors import BadArguments, BadInput
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.ladder.layers import load_policy
from arrears.ledger.catalogue import FEEDS
from arrears.reports import control
from arrears.steps import arrivals, intake, raw_files
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import WHOLE_FEEDS, delivery, hold

HOLDS = "account_id,kind,from_on\nA1,dispute,2026-11-12\n"


class Intake:
    """A folder in which files wait, and the runs that look into it."""

    def __init__(self, rt: Runtime, engine: Engine, ledger: Path) -> None:
        settings = rt.settings.model_copy(update={"ledger_url": f"file://{ledger}"})
        self.rt = Runtime(settings, rt.clock, rt.entropy, rt.attempt)
        self.engine, self.folder = engine, ledger / "intake"
        self.folder.mkdir(parents=True)
        self.run = intake.open_intake(self.rt, Request(rt.clock.now()))

    def lay(self, name: str, text: str = HOLDS, age: timedelta = timedelta(hours=1)) -> Path:
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        self.written(file, self.rt.clock.now() - age)
        return file

    def written(self, file: Path, at: datetime) -> None:
        os.utime(file, (at.timestamp(), at.timestamp()))

    def listed(self) -> list[str]:
        return intake.list_arrivals(self.rt, self.run)

    def take(self, name: str) -> dict[str, object]:
        return intake.import_arrival(self.rt, self.run, name)

    def next_day(self) -> None:
        clock = PinnedClock(self.rt.clock.now() + timedelta(days=1))
        attempt = RunKey("arrears_intake", f"scheduled-{clock.now():%d}", "import_arrival", 0, 1)
        self.rt = Runtime(self.rt.settings, clock, self.rt.entropy, attempt)
        self.run = intake.open_intake(self.rt, Request(clock.now()))

    def files(self) -> list[str]:
        return sorted(str(one.relative_to(self.folder)) for one in self.folder.rglob("*") if one.is_file())


@pytest.fixture
def waiting(rt: Runtime, store: Engine, tmp_path: Path) -> Intake:
    from arrears.store.tables.feeds import account

    with writing(store) as connection:
        values = {"account_id": "A1", "subject_ref": "R1", "currency": "CNY", "contract_type": "loan", "branch": ""}
        connection.execute(account.insert().values(**values))
    return Intake(rt, store, tmp_path / "ledger")


def test_a_file_is_mapped_once_and_lies_among_the_taken_ones_afterwards(waiting: Intake) -> None:
    waiting.lay("holds__1.csv")
    assert waiting.listed() == ["holds__1.csv"]
    assert waiting.take("holds__1.csv")["accepted"] == 1
    assert waiting.listed() == []
    (taken,) = waiting.files()
    assert taken.startswith("taken/holds__1~")
    assert (waiting.folder / taken).read_text(encoding="utf-8") == HOLDS


def test_a_changed_file_of_the_same_name_is_mapped_again_and_both_are_kept(waiting: Intake) -> None:
    for text in (HOLDS, HOLDS.replace("dispute", "hardship")):
        waiting.lay("holds__1.csv", text)
        waiting.take("holds__1.csv")
    assert len(waiting.files()) == 2
    with reading(waiting.engine) as connection:
        assert sorted(connection.execute(select(hold.c.kind)).scalars()) == ["dispute", "hardship"]


def test_a_try_after_one_that_died_behind_its_commit_finds_the_file_and_changes_nothing(waiting: Intake) -> None:
    file = waiting.lay("holds__1.csv")
    waiting.take("holds__1.csv")
    waiting.lay("holds__1.csv")
    assert waiting.take("holds__1.csv")["accepted"] == 1
    assert not file.exists()
    assert waiting.take("holds__1.csv") == {"feed": "holds", "gone": 1}
    with reading(waiting.engine) as connection:
        assert len(connection.execute(select(delivery)).all()) == 1


def test_a_file_that_is_still_being_copied_waits_for_a_minute_of_rest(waiting: Intake) -> None:
    file = waiting.lay("holds__1.csv", age=timedelta(seconds=59))
    assert waiting.listed() == []
    waiting.written(file, waiting.rt.clock.now() - timedelta(seconds=60))
    assert waiting.listed() == ["holds__1.csv"]


NEW = HOLDS + "A2,hardship,2026-11-11\nA1,no_such_word,2026-11-11\n"


def bring(waiting: Intake, account_id: str) -> None:
    """Let the ledger of the next morning bring an account."""
    ledger = waiting.folder.parent / "accounts.csv"
    ledger.write_text(f"account_id,closed_on\nA1,\n{account_id},\n", encoding="utf-8")
    waiting.next_day()
    intake.import_file(waiting.rt, "accounts", ledger)


def held(waiting: Intake) -> list[tuple[str, str]]:
    with reading(waiting.engine) as connection:
        return sorted(tuple(row) for row in connection.execute(select(hold.c.account_id, hold.c.kind)))


def test_news_about_an_account_that_the_ledger_brings_the_next_day_is_taken_then(waiting: Intake) -> None:
    waiting.lay("holds.csv", NEW)
    assert waiting.take("holds.csv")["waiting"] == 1
    assert [name.rpartition("/")[2] for name in waiting.files()] == ["holds.csv"]
    assert held(waiting) == [("A1", "dispute")]
    assert waiting.listed() == [], "no ledger has come since"
    bring(waiting, "A2")
    (name,) = waiting.listed()
    taken = waiting.take(name)
    assert (taken["rows"], taken["accepted"], taken["waiting"]) == (1, 1, 0)
    assert held(waiting) == [("A1", "dispute"), ("A2", "hardship")]
    assert [name.split("~")[0] for name in waiting.files()] == ["taken/holds"]


def test_what_was_taken_of_a_file_that_waits_is_not_taken_again(waiting: Intake) -> None:
    waiting.lay("holds__1.csv", NEW)
    waiting.take("holds__1.csv")
    with writing(waiting.engine) as connection:
        connection.execute(hold.update().values(reason="told since", row_sha256="0" * 64))
    bring(waiting, "A2")
    waiting.take(waiting.listed()[0])
    with reading(waiting.engine) as connection:
        assert connection.execute(select(hold.c.reason).where(hold.c.account_id == "A1")).scalar() == "told since"


def test_files_that_wait_are_tried_in_the_order_they_came_each_with_its_own_mapping(waiting: Intake) -> None:
    mapping = waiting.folder / "mapping.yaml"
    for hours, name in ((3, "holds__z.csv"), (2, "holds__m.csv"), (1, "holds__a.csv")):
        mapping.write_text(f"holds: {{columns: {{konto_{hours}: account_id}}}}", encoding="utf-8")
        text = f"konto_{hours},kind,from_on,reason\nA2,hardship,2026-11-11,told {hours} hours ago\n"
        waiting.lay(name, text, timedelta(hours=hours))
        assert waiting.take(name)["waiting"] == 1
    mapping.unlink()
    bring(waiting, "A2")
    listed = waiting.listed()
    assert [name.rpartition("/")[2] for name in listed] == ["holds__z.csv", "holds__m.csv", "holds__a.csv"]
    assert [waiting.take(name)["accepted"] for name in listed] == [1, 1, 1]
    with reading(waiting.engine) as connection:
        assert connection.execute(select(hold.c.reason)).scalars().all() == ["told 1 hours ago"]
    assert {name.split("/")[0] for name in waiting.files()} == {"taken"}
    assert list((waiting.folder / "waiting").iterdir()) == []


def test_a_file_that_waited_takes_nothing_back_that_a_later_one_has_told_since(waiting: Intake) -> None:
    first = "account_id,kind,from_on,reason\nA2,hardship,2026-11-11,first word\n"
    waiting.lay("holds__1.csv", first)
    waiting.take("holds__1.csv")
    bring(waiting, "A2")
    waiting.lay("holds__2.csv", first.replace("first word", "put right"))
    again, newer = waiting.listed()
    waiting.take(newer)
    waiting.take(again)
    with reading(waiting.engine) as connection:
        assert connection.execute(select(hold.c.reason)).scalars().all() == ["put right"]


def test_a_try_that_died_before_it_put_the_file_away_is_not_imported_anew_another_day(
    waiting: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting.lay("holds.csv", HOLDS + "A2,hardship,2026-11-11\n")
    waiting.take("holds.csv")
    bring(waiting, "A2")
    with monkeypatch.context() as dying:
        dying.setattr(arrivals, "put_away", lambda *_: None)
        waiting.take(waiting.listed()[0])
    with writing(waiting.engine) as connection:
        connection.execute(hold.update().values(reason="told since", row_sha256="0" * 64))
    bring(waiting, "A3")
    assert waiting.take(waiting.listed()[0]) == {"feed": "holds", "gone": 1}
    with reading(waiting.engine) as connection:
        assert set(connection.execute(select(hold.c.reason)).scalars()) == {"told since"}
    assert waiting.files()[0].startswith("taken/holds~")


def test_news_about_an_account_that_never_comes_is_refused_aloud_after_the_days_of_the_policy(waiting: Intake) -> None:
    waiting.lay("holds__1.csv", NEW)
    waiting.take("holds__1.csv")
    days = load_policy().ledger.unknown_account_days
    for _ in range(days - 1):
        bring(waiting, "A9")
        assert waiting.take(waiting.listed()[0])["waiting"] == 1
        with reading(waiting.engine) as connection:
            today = waiting.rt.clock.now().date()
            lines = control.waiting_now(connection, today, None, load_policy())
        assert {line.kind: line.count for line in lines}["unknown_accounts"] == 1
    bring(waiting, "A9")
    with pytest.raises(BadInput, match="no ledger has brought in 5 days"):
        waiting.take(waiting.listed()[0])
    assert [name.split("~")[0] for name in waiting.files()] == ["refused/holds__1"]


def test_a_feed_that_comes_whole_waits_for_nothing_and_the_store_knows_which_those_are(waiting: Intake) -> None:
    assert sorted(WHOLE_FEEDS) == sorted(name for name, feed in FEEDS.items() if feed.state)
    waiting.lay("payments.csv", "payment_id,account_id,paid_on,amount\nP1,A2,2026-11-11,1.00\n")
    assert waiting.take("payments.csv")["waiting"] == 0
    assert [name.split("~")[0] for name in waiting.files()] == ["taken/payments"]


@pytest.mark.parametrize("name", ["~$outcomes.xlsx", ".holds.csv", "holds.csv.part", "mapping.yaml"])
def test_what_a_program_keeps_beside_its_file_is_no_file(waiting: Intake, name: str) -> None:
    waiting.lay(name)
    (waiting.folder / "lost+found").mkdir()
    waiting.written(waiting.folder / "lost+found", waiting.rt.clock.now() - timedelta(days=9))
    assert waiting.listed() == []


def test_a_file_that_changed_while_it_was_read_stays_for_the_next_run(waiting: Intake) -> None:
    file = waiting.lay("holds__1.csv")
    arrivals.put_away(waiting.folder, file, arrivals.TAKEN, "0" * 64)
    assert waiting.files() == ["holds__1.csv"]


@pytest.mark.parametrize(("name", "text"), [("holds__1.csv", "nothing of the kind\n"), ("lists.csv", HOLDS),
                                            ("instalments.csv", HOLDS)])  # fmt: skip
def test_a_file_that_cannot_be_taken_is_told_of_once_and_laid_aside(waiting: Intake, name: str, text: str) -> None:
    waiting.lay(name, text)
    with pytest.raises(BadInput):
        waiting.take(name)
    assert waiting.listed() == []
    (aside,) = waiting.files()
    assert aside.startswith("refused/")


PAID = "payment_id,account_id,paid_on,amount\nP1,A1,2026-11-11,1.00\n"


@pytest.mark.parametrize("name", ["payments__bank.CSV", "PAYMENTS.Csv", "Payments__Bank.csv"])
def test_a_payment_file_is_taken_in_whatever_case_its_name_is(waiting: Intake, name: str) -> None:
    waiting.lay(name, PAID)
    assert waiting.listed() == [name]
    assert waiting.take(name)["accepted"] == 1
    assert waiting.listed() == []
    assert waiting.files()[0].startswith("taken/")


@pytest.mark.parametrize("name", ["payments.txt", "payments.csv.gz", "payments", "payment.csv", "payments.sql",
                                  "mapping.yml"])  # fmt: skip
def test_what_is_no_feed_is_refused_by_name_and_counted_until_somebody_takes_it_away(
    waiting: Intake, name: str
) -> None:
    waiting.lay(name, PAID)
    assert waiting.listed() == [name]
    with pytest.raises(BadInput, match=f"{name}: call it <feed>.csv"):
        waiting.take(name)
    assert waiting.listed() == []
    (aside,) = waiting.files()
    assert aside.startswith("refused/")
    assert raw_files.delete_raw_files(waiting.rt, "night", waiting.rt.clock.now().date()).left == 1


def test_an_unfinished_copy_or_a_folder_is_refused_once_nothing_moved_in_it_for_a_day(waiting: Intake) -> None:
    waiting.lay("payments.csv.part", PAID)
    folder = waiting.folder / "2026-11-12"
    folder.mkdir()
    waiting.lay("2026-11-12/payments.csv", PAID)
    for one in (folder, waiting.folder / "payments.csv.part"):
        waiting.written(one, waiting.rt.clock.now() - timedelta(days=2))
    assert waiting.listed() == ["payments.csv.part"], "in the folder something was written an hour ago"
    waiting.written(folder / "payments.csv", waiting.rt.clock.now() - timedelta(days=2))
    assert waiting.listed() == ["2026-11-12", "payments.csv.part"]
    for name in waiting.listed():
        with pytest.raises(BadInput, match="neither packed nor in a folder"):
            waiting.take(name)
    assert waiting.listed() == []
    assert len(waiting.files()) == 2
    assert all(name.startswith("refused/") for name in waiting.files())
    assert raw_files.delete_raw_files(waiting.rt, "night", waiting.rt.clock.now().date()).left == 2


def test_a_folder_of_a_name_that_was_refused_before_is_refused_beside_it(waiting: Intake) -> None:
    yesterday = waiting.rt.clock.now() - timedelta(days=2)
    for text in (PAID, PAID.replace("P1", "P10"), PAID):
        folder = waiting.folder / "upload"
        folder.mkdir()
        waiting.lay("upload/payments.csv", text)
        waiting.written(folder / "payments.csv", yesterday)
        waiting.written(folder, yesterday)
        assert waiting.listed() == ["upload"]
        with pytest.raises(BadInput, match="neither packed nor in a folder"):
            waiting.take("upload")
        assert waiting.listed() == []
    aside = [(waiting.folder / name).read_text(encoding="utf-8") for name in waiting.files()]
    assert sorted(aside) == sorted((PAID, PAID.replace("P1", "P10"), PAID)), "none replaced another"


def test_a_mapping_that_cannot_be_read_is_not_the_fault_of_the_files_beside_it(waiting: Intake) -> None:
    waiting.lay("holds__1.csv")
    (waiting.folder / "mapping.yaml").write_text("holds: [", encoding="utf-8")
    with pytest.raises(BadArguments):
        waiting.take("holds__1.csv")
    assert waiting.listed() == ["holds__1.csv"]


def test_a_flood_of_files_is_taken_in_turns_the_longest_waiting_first(waiting: Intake) -> None:
    for number in range(arrivals.MOST + 3):
        waiting.lay(f"holds__{number:03}.csv", age=timedelta(hours=2) - timedelta(minutes=number))
    first = waiting.listed()
    assert first == [f"holds__{number:03}.csv" for number in range(arrivals.MOST)]
    for name in first:
        (waiting.folder / name).unlink()
    assert len(waiting.listed()) == 3


def test_taken_files_end_with_their_retention_and_refused_ones_are_counted(waiting: Intake) -> None:
    waiting.lay("holds__1.csv")
    waiting.lay("lists.csv", HOLDS.replace("dispute", "plan"))
    waiting.take("holds__1.csv")
    with pytest.raises(BadInput):
        waiting.take("lists.csv")
    later = waiting.rt.clock.now().date() + timedelta(days=400)
    assert raw_files.delete_raw_files(waiting.rt, "night", later) == raw_files.Gone(1, 1)
    assert [name.split("/")[0] for name in waiting.files()] == ["refused"]


def test_a_list_that_was_given_back_ends_like_the_list_it_was_made_from(waiting: Intake) -> None:
    back = waiting.folder / "returned" / "outcomes__S1.xlsx"
    back.parent.mkdir()
    back.write_bytes(b"marked up")
    waiting.written(back, waiting.rt.clock.now())
    today = waiting.rt.clock.now().date()
    assert raw_files.delete_raw_files(waiting.rt, "night", today) == raw_files.Gone(0, 0)
    assert raw_files.delete_raw_files(waiting.rt, "night", today + timedelta(days=400)) == raw_files.Gone(1, 0)
    assert waiting.files() == []
