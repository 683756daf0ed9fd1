"""Every phrase of the training document has its row; a row that claims to be done names a test that exists."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "seed-coverage.md"
PHRASES = (ROOT / "tests" / "fixtures" / "seed_phrases.txt").read_text(encoding="utf-8").splitlines()
ROW = re.compile(r"\| (?P<phrase>.+?) \| (?P<rule>.+?) \| (?P<tests>.*?) ?\| (?P<status>done|planned: .+) \|")


def rows_of(text: str) -> list[dict[str, str]]:
    return [found.groupdict() for line in text.splitlines() if (found := ROW.fullmatch(line))]


def names_of_tests(folder: Path) -> set[str]:
    names = set()
    for path in folder.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                names.add(node.name)
    return names


def claims_without_a_test(rows: list[dict[str, str]], known: set[str]) -> list[str]:
    found = []
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row["tests"])
        if row["status"] == "done" and (not named or not set(named) <= known):
            found.append(row["phrase"])
    return found


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return rows_of(TABLE.read_text(encoding="utf-8"))


def test_every_phrase_has_exactly_one_row(rows):
    assert Counter(row["phrase"] for row in rows) == Counter(PHRASES)


def test_every_line_of_the_tables_is_a_row_that_can_be_read(rows):
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    heads = [line for line in lines if line.startswith(("| phrase ", "|---"))]
    assert len(rows) == len(lines) - len(heads)


def test_every_row_that_is_done_names_a_test_that_exists(rows):
    assert claims_without_a_test(rows, names_of_tests(ROOT / "tests")) == []


def test_a_planned_row_names_no_test_so_that_nobody_takes_it_for_done(rows):
    assert [row["phrase"] for row in rows if row["status"] != "done" and row["tests"]] == []


@pytest.mark.parametrize("tests", ["", "`test_that_nobody_wrote`", "`test_a_real_one` `test_that_nobody_wrote`"])
def test_a_claim_without_its_test_is_found(tests):
    claimed = rows_of(f"| 短信 | outreach | {tests} | done |")
    assert claims_without_a_test(claimed, {"test_a_real_one"}) == ["短信"]
