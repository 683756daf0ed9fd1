"""The blocks that the documentation shows are carried out as they stand, on the sample that it speaks of."""

import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text, update

from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.rehearsal.portfolio import sample_feeds
from arrears.store.engine import open_engine, reading, writing
from arrears.store.tables.feeds import account

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 12)
SHOWN_ACCOUNT, ACCOUNT, CLOSED = "LC-000123", "A00094", "A00001"


def blocks_of(page: str) -> list[str]:
    """Return the code blocks of a page of docs/ without their fences."""
    return re.findall(
        r"^```\w*\n(.*?)^```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def carry_out(block: str, folder: Path) -> str:
    """Run a block in a shell that stops at the first failure; return what it printed."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    done = subprocess.run(["bash", "-euc", block], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the project's after `make run`: the environment, the documents, and the sample's store."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "docs").symlink_to(ROOT / "docs")
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    home = folder / "var" / "sample"
    home.mkdir(parents=True)
    feeds = sample_feeds(home, DAY)
    for name in ("accounts", "instalments", "payments"):
        (folder / f"{name}.csv").symlink_to(feeds / f"{name}.csv")
    carry_out(f"ARREARS_HOME=var/sample arrears run --date {DAY} --feeds {feeds} --rehearsal --json", folder)
    return folder


@pytest.mark.real
def test_the_first_ten_minutes_go_as_the_guide_says(project: Path) -> None:
    questions, order, *_ = [block for block in blocks_of("getting-started.md") if "arrears" in block]
    said = carry_out(questions, project)
    assert "A00099" in said
    assert "RO-20261112-0002" in said
    left = carry_out(f"export ARREARS_HOME=var/sample\n{order}", project)
    assert "orders_blocked" in left
    kept = (project / "var" / "sample" / "sandbox" / "agency" / "agency.jsonl").read_text(encoding="utf-8")
    assert "RO-20261112-0002" in kept


@pytest.mark.real
def test_a_receipt_and_a_bundle_are_made_and_checked_as_the_auditors_page_says(project: Path) -> None:
    keep = (
        "export ARREARS_HOME=var/sample\n"
        "arrears keys show | cut -f1 > vkey.txt\n"
        "cp $(ls -t var/sample/checkpoints/* | tail -1) checkpoint.txt\n"
    )
    block = next(block for block in blocks_of("audit.md") if "docs/verify.py" in block)
    said = carry_out(keep + block.replace(SHOWN_ACCOUNT, ACCOUNT), project)
    assert said


@pytest.mark.real
def test_the_people_of_a_closed_account_are_erased_as_the_page_says(project: Path, tmp_path: Path) -> None:
    """The page's account is closed; the sample's is closed for the test, as a ledger of years ago would have."""
    home = Path(shutil.copytree(project / "var" / "sample", tmp_path / "var"))
    engine = open_engine(Settings.from_environment({"ARREARS_HOME": str(home)}).store_url)
    with writing(engine) as connection:
        closed = update(account).where(account.c.account_id == CLOSED).values(closed_on=date(2020, 1, 2))
        connection.execute(closed)
    block = next(block for block in blocks_of("audit.md") if "arrears erase" in block)
    said = carry_out(f"export ARREARS_HOME={home}\n{block.replace(SHOWN_ACCOUNT, CLOSED)}arrears verify", project)
    assert said.startswith("nothing stands in the way\n")
    assert re.search(r"^[1-9]\d* persons? erased", said, re.MULTILINE)


@pytest.mark.real
def test_the_rehearsals_of_the_page_live_through_their_days(project: Path) -> None:
    """Fewer days and accounts than the page's first line, which takes minutes."""
    shown = blocks_of("rehearse.md")[0]
    shorter = re.sub(r"--days \d+ --accounts \d+", "--days 2 --accounts 20", shown)
    assert shorter != shown
    said = carry_out(re.sub(r"^\$ ", "", shorter, flags=re.MULTILINE), project)
    assert "broken_promise" in said, "the last line lists the scenarios"
    for home in ("rehearsal", "one"):
        assert (project / "var" / home / "arrears.sqlite").exists()


def test_the_policy_that_the_page_shows_loads(tmp_path: Path) -> None:
    shown = next(block for block in blocks_of("policy.md") if "extends:" in block)
    file = tmp_path / "policy.yaml"
    file.write_text(shown, encoding="utf-8")
    assert load_policy(file).policy_id == "our-leasing"


def test_the_question_that_the_page_asks_of_the_database_is_sql(store) -> None:
    shown = next(block for block in blocks_of("audit.md") if "SELECT" in block)
    with reading(store) as connection:
        values = {"subject_ref": "x", "day": DAY.isoformat(), "account_id": "x", "run_id": "x"}
        for statement in filter(str.strip, shown.split(";")):
            names = re.findall(r":(\w+)", statement)
            connection.execute(text(statement), {name: values[name] for name in names})
