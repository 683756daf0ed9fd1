"""Each command and each block of code of the documentation is run, or stands here with what holds it instead."""

import json
import re
import shlex
import subprocess
from base64 import b64decode
from datetime import date, timedelta
from pathlib import Path

import pytest
from doc_commands import CALLS, PAGES, ROOT, blocks_of, named

from arrears.ledger.mapping import read_mapping

DAY = date(2026, 11, 12)
RUN = f"daily-{DAY}-1"
GETTING_STARTED = ROOT / "docs" / "getting-started.md"

BLOCKS = {
    (
        "ARCHITECTURE.md",
        "open day → wait for ledger",
    ): "tests/dags/test_full_run.py::test_every_task_of_the_graph_ends_well",
    ("README.md", "make run "): "tests/dags/test_full_run.py::test_the_day_completes_and_says_so",
    ("README.md", "2026-11-12  completed"): "tests/dags/test_full_run.py::"
    "test_the_readme_shows_the_first_day_as_it_is_printed",
    ("docs/audit.md", "arrears verify"): "tests/scenarios/test_documents_run.py::"
    "test_a_receipt_and_a_bundle_are_made_and_checked_as_the_auditors_page_says",
    ("docs/audit.md", "arrears/0f2c"): "tests/scenarios/test_shown_commands.py::"
    "test_the_checkpoint_that_the_page_shows_has_the_lines_of_one",
    ("docs/audit.md", "-- every event"): "tests/scenarios/test_documents_run.py::"
    "test_the_question_that_the_page_asks_of_the_database_is_sql",
    ("docs/audit.md", "AIRFLOW__OPENLINEAGE"): "tests/dags/test_full_run.py::"
    "test_lineage_events_carry_the_ledger_the_policy_and_the_log",
    ("docs/audit.md", "arrears roles --airflow"): "tests/real/test_airflow_auditor.py::_block_of_roles",
    ("docs/audit.md", "arrears erase"): "tests/scenarios/test_documents_run.py::"
    "test_the_people_of_a_closed_account_are_erased_as_the_page_says",
    ("docs/feeds.md", "instalments:"): "tests/scenarios/test_shown_commands.py::"
    "test_the_mapping_that_the_page_shows_is_read",
    ("docs/getting-started.md", "export ARREARS_HOME"): "tests/scenarios/test_documents_run.py::"
    "test_the_first_ten_minutes_go_as_the_guide_says",
    ("docs/getting-started.md", ".venv/bin/arrears approvals"): "tests/scenarios/test_documents_run.py::"
    "test_the_first_ten_minutes_go_as_the_guide_says",
    ("docs/getting-started.md", "make run DATE"): "tests/scenarios/test_shown_commands.py::"
    "test_make_hands_a_day_and_a_folder_on_as_the_guide_says",
    ("docs/getting-started.md", ".venv/bin/arrears stage"): "tests/scenarios/test_shown_commands.py::"
    "test_a_ledger_is_staged_alone_as_the_guide_says",
    ("docs/operate.md", "# backup"): "tests/real/test_whole_day_postgres.py::"
    "test_a_store_restored_by_the_words_of_the_page_verifies_against_the_newest_checkpoint_outside_and_goes_on",
    ("docs/operate.md", "ALTER TABLE"): "tests/real/test_whole_day_postgres.py::"
    "test_the_vacuum_of_the_page_is_what_postgresql_understands",
    ("docs/policy.md", "extends: cn"): "tests/scenarios/test_documents_run.py::"
    "test_the_policy_that_the_page_shows_loads",
    ("docs/rehearse.md", "$ ARREARS_HOME"): "tests/scenarios/test_documents_run.py::"
    "test_the_rehearsals_of_the_page_live_through_their_days",
    ("docs/scale.md", "docker compose --file"): "tests/unit/test_more_machines.py::"
    "test_a_second_machine_runs_workers_alone_and_none_that_seals",
}
"""Each block by its page and how it begins: the test that runs it, or holds what it shows."""

ELSEWHERE = {
    "approvals approve": "tests/dags/test_full_run.py",  # needs an order that waits
    "approvals remedy": "tests/integration/test_remedy.py",  # needs an open remedy
    "bench": "tests/unit/test_bench_programs.py",  # measures for minutes
    "erase": "tests/scenarios/test_documents_run.py",  # needs a closed contract
    "keys replace": "tests/integration/test_audit_keys.py",  # needs a key that was lost
    "receive": "tests/faults/test_receipts.py",  # serves until it is stopped
    "rehearse": "tests/scenarios/test_rehearse.py",  # needs an empty store, and minutes
    "roles --apply": "tests/real/test_roles_postgres.py",  # needs PostgreSQL
    "stage --accounts": "tests/scenarios/test_shown_commands.py",  # names the files of a folder: below
    "run --date": "tests/scenarios/test_whole_day.py",  # works the day of the machine's clock
}
"""Calls that cannot be made on the store of these tests, each with the file that makes them."""

VALUES = {
    **dict.fromkeys(("ACCOUNT", "LC-000123", "A00036", "A00086", "A00099"), "K1"),
    **dict.fromkeys(("CHECKPOINT", "C.txt", "checkpoints/N.txt"), "checkpoint.txt"),
    **dict.fromkeys(("YOU", "STAFF"), "head"),
    "D": str(DAY),
    "R": RUN,
    "N": "1",
    "KIND": "holds",
    "FILE": "news.csv",
    "PATH": "bundle",
    "LIST": "own.csv",
    "LIST.xlsx": "outcomes.csv",
}
"""What stands for the words in capitals, and for the accounts of the sample, on the small portfolio."""
FILES = {"policy check": "policy.yaml", "compare": "own.csv", "verify": "vkey.txt"}
"""What FILE is with some commands."""
LEFT_OUT = {"ask N": {"--account", "--date"}}
"""Options that only some questions take."""


def test_every_block_of_the_documentation_is_held_by_a_test_that_is_there() -> None:
    shown = [(named(page), block) for page in PAGES for block in blocks_of(page)]
    held = {key: [block for page, block in shown if page == key[0] and block.startswith(key[1])] for key in BLOCKS}
    assert {key: len(found) for key, found in held.items() if len(found) != 1} == {}
    assert sorted(block for _, block in shown) == sorted(block for found in held.values() for block in found)
    for test in BLOCKS.values():
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, new_place):
    """A store in which one day was done, and beside it what the calls of the pages name."""
    place = new_place(tmp_path_factory.mktemp("shown"))
    place.write("staff.csv", "staff_id,name,roles\nhead,Head,supervisor;manager\n")
    assert place.run().code == 0
    folder = place.home.parent
    keys = json.loads(place.call("keys", "show", "--json").out)
    (folder / "vkey.txt").write_text("".join(f"{key['vkey']}\n" for key in keys), encoding="utf-8")
    newest = max((place.home / "checkpoints").glob("*.txt"), key=lambda file: int(file.stem))
    (folder / "checkpoint.txt").write_bytes(newest.read_bytes())
    (folder / "own.csv").write_text("account_id,channel\nK1,sms\n", encoding="utf-8")
    (folder / "news.csv").write_text(
        f"account_id,kind,from_on\nK8,dispute,{DAY + timedelta(days=1)}\n", encoding="utf-8"
    )
    head = "account_id,party_id,channel,at,outcome,next_action_on"
    (folder / "outcomes.csv").write_text(f"{head}\nK1,PK1,call,{DAY}T09:10:00,no_answer,{DAY}\n", encoding="utf-8")
    (folder / "policy.yaml").write_text(
        'extends: cn\nlayer: lender\npolicy_id: ours\nversion: "1"\neffective_from: 2026-01-31\n', encoding="utf-8"
    )
    return place


def filled(call: str) -> list[str]:
    """Return the words of a call, with what its words in capitals stand for."""
    command = next((name for name in FILES if call.startswith(name)), "")
    left_out = next((options for name, options in LEFT_OUT.items() if call.startswith(name)), set())
    words = shlex.split(re.sub(r"[\[\]]", "", call))
    kept = [word for at, word in enumerate(words) if not {word, words[at - 1] if at else ""} & left_out]
    values = VALUES | ({"FILE": FILES[command]} if command else {})
    return [values.get(word, word) for word in kept]


HERE = sorted(
    {
        call
        for page, call in CALLS
        if page != "docs/operate.md" and not call.startswith(tuple(ELSEWHERE)) and call != "run"
    }
)
"""The runbook has a test of its own, tests/scenarios/test_operate_page.py."""


def test_every_command_of_the_documentation_does_what_it_is_shown_for(desk, monkeypatch) -> None:
    """A call that only names its command, and lacks what it asks for, is told what it lacks."""
    monkeypatch.chdir(desk.home.parent)
    first = [call for call in HERE if call.startswith("export")]
    ends: dict[str, str] = {}
    for call in [*first, *(call for call in HERE if call not in first)]:
        said = desk.call(*filled(call))
        only_named = said.code == 2 and ("Missing" in said.err or said.out.lstrip().startswith("Usage"))
        if said.code != 0 and not only_named:
            ends[call] = f"{said.code}: {said.err}"
    assert ends == {}
    assert len(HERE) > 60


def test_every_command_that_is_not_run_here_is_run_by_the_file_that_is_named() -> None:
    shown = {call for _, call in CALLS}
    for call, file in ELSEWHERE.items():
        assert any(one.startswith(call) for one in shown), f"{call} is shown no more"
        assert call.split()[0] in (ROOT / file).read_text(encoding="utf-8"), file


def test_a_ledger_is_staged_alone_as_the_guide_says(desk, monkeypatch) -> None:
    (block,) = [block for block in blocks_of(GETTING_STARTED) if "arrears stage" in block]
    monkeypatch.chdir(desk.feeds)
    said = desk.call(*shlex.split(block)[1:])
    assert said.code == 0
    assert said.out.startswith("account_id,business_date,overdue_amount,")


def test_make_hands_a_day_and_a_folder_on_as_the_guide_says() -> None:
    (block,) = [block for block in blocks_of(GETTING_STARTED) if "FEEDS=" in block]
    only_tell = ["make", "--dry-run", *shlex.split(block)[1:]]
    told = subprocess.run(only_tell, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert '-m arrears.orchestration.embedded run --date "2026-11-12" --feeds "path/to/folder"' in told


def test_the_checkpoint_that_the_page_shows_has_the_lines_of_one() -> None:
    (block,) = [block for block in blocks_of(ROOT / "docs" / "audit.md") if block.startswith("arrears/")]
    origin, size, root, empty, signature = block.splitlines()
    assert (size.isdigit(), len(b64decode(root, validate=True)), empty) == (True, 32, "")
    assert signature.startswith(f"— {origin} ")


def test_the_mapping_that_the_page_shows_is_read(tmp_path: Path) -> None:
    (block,) = [block for block in blocks_of(ROOT / "docs" / "feeds.md") if "encoding:" in block]
    (tmp_path / "mapping.yaml").write_text(block, encoding="utf-8")
    dialect = read_mapping(tmp_path / "mapping.yaml").of("instalments")
    assert (dialect.encoding, dialect.columns["合同号"]) == ("gb18030", "account_id")
