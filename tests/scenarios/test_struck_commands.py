"""Commands that strike something: a disk, a store, another run; one line names it, and exit 1 stays a finding's."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from arrears.cli.failures import told
from arrears.core.clock import PinnedClock
from arrears.core.runtime import Request, RunKey
from arrears.ladder.layers import refuse_before_its_day
from arrears.steps.runs import end_abandoned, open_run
from arrears.store.engine import open_engine, open_to_read, reading, writing
from arrears.store.tables.runs import run
from arrears.store.turn import turn

DAY = "2026-11-12"
HEAD = 'extends: cn\npolicy_id: ours\nversion: "1"\n'
COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'arrears'; from arrears.cli import main; main()"]


@pytest.fixture(scope="module")
def lived(tmp_path_factory, new_place):
    """A store in which one day was done; the tests only look at it."""
    place = new_place(tmp_path_factory.mktemp("lived"))
    assert place.run().code == 0
    return place


def states(place) -> dict[str, str]:
    with reading(place.store) as connection:
        return {row.run_id: row.status for row in connection.execute(select(run.c.run_id, run.c.status))}


STRUCK = {
    "a page into a folder": (("explain", "K1", "--pdf", "/tmp"), "/tmp: is a folder"),
    "a receipt into a folder": (("receipt", "K1", "--date", DAY, "--out", "/tmp"), "/tmp: is a folder"),
    "a bundle where nothing can be": (("export", "--run", f"daily-{DAY}-1", "--out", "/proc/x"), "/proc/x: "),
    "a list that is a folder": (("compare", "/tmp", "--date", DAY), "/tmp: is a folder"),
    "a checkpoint that is a folder": (("verify", "--against", "/tmp"), "/tmp: is a folder"),
    "a feed that is a folder": (("import", "payments", "/tmp"), "/tmp: is a folder"),
    "a policy that is a folder": (("policy", "check", "/tmp"), "/tmp: is a folder"),
    "no decision at all": (("replay", "--run", "x", "--sample", "0"), "--sample"),
    "a first day that is none": (("rehearse", "--from", "2026-99-01"), "--from '2026-99-01': write it as YYYY-MM-DD"),
    "a question without a number": (("ask", "x"), "`arrears ask --help`"),
    "a question about no account": (("ask", "7", "--account", "A1"), "account A1: there is none in the store"),
    "a question about no run": (("ask", "4", "--run", "daily-1"), "run daily-1: there is none in the store"),
    "a week for a day": (("explain", "K1", "--date", "2026-W46-4"), "--date '2026-W46-4': write it as YYYY-MM-DD"),
    "a day without its dashes": (("explain", "K1", "--date", "20261112"), "write it as YYYY-MM-DD"),
    "an address of another machine": (("receive", "--listen", "192.0.2.1:5"), "--listen '192.0.2.1:5': "),
}


@pytest.mark.parametrize("struck", sorted(STRUCK))
def test_what_cannot_be_read_or_written_is_one_line_and_exit_two(lived, struck: str) -> None:
    words, reason = STRUCK[struck]
    said = lived.call(*words)
    assert (said.code, said.out) == (2, "")
    assert reason in said.reason


def test_a_store_that_is_no_database_cannot_tell_and_is_never_called_tampered(lived, tmp_path: Path) -> None:
    (tmp_path / "arrears.sqlite").write_bytes(b"not a database at all" * 500)
    for words in (("verify",), ("explain", "K1"), ("runs",)):
        said = lived.call(*words, ARREARS_HOME=str(tmp_path))
        assert said.code == 2
        assert "arrears.sqlite is no database" in said.reason


def test_a_checkpoint_that_is_no_text_cannot_tell(lived, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"\xff\xfe\x00\x81")
    assert lived.call("verify", "--against", str(tmp_path / "kept")).code == 2


UNREACHABLE = ("postgresql+psycopg://u:secret@127.0.0.1:1/x", "sqlite:////proc/x.sqlite")


@pytest.mark.parametrize("url", UNREACHABLE)
def test_a_store_that_cannot_be_reached_is_one_line_without_its_password(place, url: str) -> None:
    said = place.run(ARREARS_STORE_URL=url)
    assert said.code == 2
    assert "secret" not in said.reason
    assert url.rpartition("@")[2].removeprefix("sqlite:///") in said.reason


def test_a_store_that_may_only_be_read_is_verified_and_explained_and_left_as_it_is(lived, monkeypatch) -> None:
    with lived.store.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    monkeypatch.setattr("arrears.store.migrate.os.access", lambda _path, _mode: False)
    before = (lived.home / "arrears.sqlite").read_bytes()
    assert lived.call("verify").code == 0
    said = lived.call("explain", "K1", "--json")
    assert said.code == 0
    assert json.loads(said.out)["decision"]
    assert "was not recorded" in said.reason
    said = lived.call("pause", "--as", "head")
    assert said.code == 2
    assert "may only be read" in said.reason
    assert (lived.home / "arrears.sqlite").read_bytes() == before


def test_a_log_of_writes_beside_the_store_is_read_by_who_may_only_read(tmp_path: Path) -> None:
    file = tmp_path / "still.sqlite"
    assert open_to_read(file).url.query["immutable"] == "1"
    (tmp_path / "busy.sqlite-wal").write_bytes(b"frames")
    assert open_to_read(tmp_path / "busy.sqlite").url.query["mode"] == "ro"


def test_a_home_that_is_not_there_is_named_and_not_made(place, tmp_path: Path) -> None:
    typo = tmp_path / "typo"
    keys = (("keys", "show"), ("keys", "rotate", "--as", "head"), ("keys", "replace", "--as", "head"))
    for words in (("pause", "--as", "head"), ("resume", "--as", "head"), ("runs",), ("verify",), ("prove",), *keys):
        said = place.call(*words, ARREARS_HOME=str(typo))
        assert said.code == 2
        assert "no current store here" in said.reason
    assert not typo.exists()


def test_a_pause_says_which_store_it_stopped_and_refuses_a_stranger_once_the_staff_is_known(place) -> None:
    said = place.call("pause", "--as", "head")
    assert (said.code, str(place.home) in said.reason) == (0, True)
    place.write("staff.csv", "staff_id,name,roles\nS1,Somebody,manager\n")
    assert place.call("import", "staff", str(place.feeds / "staff.csv")).code == 0
    said = place.call("pause", "--as", "NOBODY")
    assert said.code == 2
    assert "NOBODY" in said.reason
    assert place.call("pause", "--as", "S1").code == 0


def test_two_runs_of_one_day_at_once_take_turns_and_the_second_plans_nothing(place) -> None:
    words = [*COMMAND, "run", "--date", DAY, "--feeds", str(place.feeds), "--rehearsal", "--json"]
    env = {**os.environ, "ARREARS_HOME": str(place.home)}
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(subprocess.run, words, env=env, capture_output=True, text=True) for _ in range(2)]
        done = [one.result() for one in asked]
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    planned = sorted(json.loads(one.stdout)["actions"]["planned"] for one in done)
    assert planned[0] == 0 < planned[1]
    assert set(states(place).values()) == {"completed"}


def test_a_turn_ends_with_the_process_that_held_it(settings) -> None:
    settings.home.mkdir()
    hold = "import os, sys; from arrears.store.turn import turn\nwith turn(sys.argv[1], print): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", hold, settings.store_url], check=False)
    waited: list[str] = []
    with turn(settings.store_url, lambda: waited.append("waiting")):
        assert waited == []


def test_a_run_that_was_killed_is_ended_when_its_successor_starts_and_one_of_airflow_is_not(rt, store) -> None:
    asked = Request(rt.clock.now(), date.fromisoformat(DAY), "feeds")
    for dag, name in (("cli", "killed"), ("arrears_daily", "scheduled"), ("cli", "next")):
        attempt = replace(rt, attempt=RunKey(dag, name))
        day = open_run(attempt, "daily", asked)
    end_abandoned(attempt, day)
    with reading(store) as connection:
        found = connection.execute(select(run.c.status).order_by(run.c.ordinal)).scalars().all()
    assert found == ["failed", "running", "running"]


def test_a_dispatch_that_was_killed_in_a_shell_is_ended_by_whatever_begins_a_day_later(rt, store) -> None:
    begun = (("cli", "killed", 0), ("arrears_dispatch", "waits", 1), ("cli", "at-work", 2), ("cli", "next", 25))
    for dag, name, hours in begun:
        later = PinnedClock(rt.clock.now() + timedelta(hours=hours))
        open_run(replace(rt, attempt=RunKey(dag, name), clock=later), "dispatch", Request(later.now()))
    with reading(store) as connection:
        found = connection.execute(select(run.c.status).order_by(run.c.started_at)).scalars().all()
    assert found == ["failed", "running", "running", "running"]


def test_artefacts_in_a_place_nobody_knows_are_refused_before_anything_is_written(place) -> None:
    said = place.run(ARREARS_ARTIFACTS_URL="nosuch://user:secret@x")
    assert said.code == 2
    assert "nosuch://" in said.reason
    assert "secret" not in said.reason
    assert states(place) == {}


def test_a_day_before_the_first_day_of_the_lenders_policy_is_refused(place, tmp_path: Path) -> None:
    policy = tmp_path / "ours.yaml"
    policy.write_text(f"{HEAD}effective_from: 2027-01-31\n", encoding="utf-8")
    said = place.run(ARREARS_POLICY=str(policy))
    assert said.code == 2
    assert "policy ours.yaml, effective_from: 2027-01-31" in said.reason
    assert DAY in said.reason
    assert states(place) == {}
    refuse_before_its_day(policy, date(2027, 1, 31))


def test_a_built_in_profile_holds_for_the_past_as_well(place) -> None:
    refuse_before_its_day(None, date(2021, 6, 30))


WRONG_POLICIES = {
    "effective_from: 2026-13-45\n": "effective_from: '2026-13-45' is not allowed",
    "effective_from: 2026-01-31\ncontact: {caps: {sms: [true, 1, 1]}}\n": "contact.caps.sms.0: true is not allowed",
}


@pytest.mark.parametrize("body", sorted(WRONG_POLICIES))
def test_a_policy_with_an_impossible_date_or_a_switch_for_a_figure_names_file_and_key(place, tmp_path, body) -> None:
    policy = tmp_path / "ours.yaml"
    policy.write_text(HEAD + body, encoding="utf-8")
    for said in (place.call("policy", "check", str(policy)), place.run(ARREARS_POLICY=str(policy))):
        assert said.code == 2
        assert f"policy ours.yaml, {WRONG_POLICIES[body]}" in said.reason


def test_a_mapping_with_an_unknown_key_names_it_and_what_is_allowed(place) -> None:
    place.write("mapping.yaml", "accounts: {colour: red}\n")
    said = place.run()
    assert said.code == 2
    assert "mapping.yaml, accounts.colour: there is no such key; use encoding, delimiter" in said.reason


@pytest.mark.parametrize("variables", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_terminal_without_chinese_is_told_all_the_same(lived, variables: dict[str, str]) -> None:
    env = {**os.environ, "ARREARS_HOME": str(lived.home), "PYTHONCOERCECLOCALE": "0", **variables}
    done = subprocess.run([*COMMAND, "explain", "K1"], env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert "期" in done.stdout.decode("utf-8")


def test_an_answer_without_rows_says_so_beside_the_output(lived) -> None:
    said = lived.call("ask", "12")
    assert (said.code, said.out) == (0, "")
    assert said.reason == "nothing: no row answers this question"


def test_a_folder_that_is_no_bundle_cannot_tell_and_is_never_called_tampered(lived, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "letter.docx").write_bytes(b"x")
    said = lived.call("verify", str(tmp_path))
    assert said.code == 2
    assert "is no bundle" in said.out
    verifier = Path(__file__).resolve().parents[2] / "docs" / "verify.py"
    single = [sys.executable, "-I", str(verifier), str(tmp_path)]
    assert subprocess.run(single, capture_output=True, check=False).returncode == 2


def test_a_list_without_its_columns_is_refused_and_not_called_empty(lived, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("contract,way\n", encoding="utf-8")
    said = lived.call("compare", str(tmp_path / "own.csv"), "--date", DAY)
    assert said.code == 1
    assert said.reason == "arrears: own.csv: the first line names no account_id and no channel"


def test_ctrl_c_in_the_middle_is_one_line_and_an_exit_code_of_its_own(lived, monkeypatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("arrears.audit.verify.verify_store", stopped)
    said = lived.call("verify")
    assert (said.code, said.out) == (130, "")
    assert said.reason == "arrears: stopped; what was done stays, run it again to go on"


@pytest.mark.parametrize(("closed", "command", "code"), [(">&-", "runs --json", 0), ("2>&-", "explain nobody", 2)])
def test_a_command_whose_output_is_closed_ends_as_it_would(lived, closed: str, command: str, code: int) -> None:
    env = {**os.environ, "ARREARS_HOME": str(lived.home)}
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *command.split()]
    done = subprocess.run(shell, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)


def test_a_reader_who_leaves_after_the_first_line_is_no_error(lived) -> None:
    env = {**os.environ, "ARREARS_HOME": str(lived.home)}
    shell = ["sh", "-c", '"$@" | head -1', "sh", *COMMAND, "ask", "11", "--json"]
    done = subprocess.run(shell, env=env, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_full_disk_behind_standard_output_is_one_line(lived) -> None:
    with Path("/dev/full").open("wb") as full:
        env = {**os.environ, "ARREARS_HOME": str(lived.home)}
        done = subprocess.run([*COMMAND, "runs"], env=env, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "no room is left" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_words_for_a_full_store_say_what_to_do(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'full.sqlite'}")
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("PRAGMA max_page_count=2")
        with pytest.raises(DBAPIError) as struck:
            connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(100000))")
    assert told(struck.value)[0].endswith("has no room left on its disk: free some, then run it again")
