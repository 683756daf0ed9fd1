"""Every command of the runbook does in a store that lived a day what the page says it is for."""

import re
import shlex
from pathlib import Path

import pytest
from doc_commands import commands_of

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-11-12"
PAGE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
ELSEWHERE = {
    "roles --apply": ("docker/init.sh", "arrears roles --apply"),
    "run --date D --feeds FOLDER": ("tests/scenarios/conftest.py", '"run", "--date", on.isoformat(), "--feeds"'),
    "receive": ("docker-compose.yaml", "[arrears, receive,"),
    "receive --listen 127.0.0.1:13014": ("docker-compose.yaml", "[arrears, receive, --listen,"),
}
"""Commands that need a server, or the day of the machine's clock: what holds them."""
CALLS = sorted({call for call in commands_of(PAGE) if "$(" not in call} - ELSEWHERE.keys())


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, new_place):
    place = new_place(tmp_path_factory.mktemp("operated"))
    assert place.run().code == 0
    return place


@pytest.mark.parametrize("call", CALLS)
def test_every_command_of_the_page_works(lived, tmp_path: Path, call: str) -> None:
    said = {"ACCOUNT": "K1", "D": DAY, "YOU": "head", "why.pdf": str(tmp_path / "why.pdf")}
    words = [said.get(word, word) for word in shlex.split(call)]
    done = lived.call(*words)
    assert done.code == 0, done.err
    assert (tmp_path / "why.pdf").exists() == ("why.pdf" in call)


def test_the_page_shows_what_is_run_elsewhere_and_more_than_that() -> None:
    shown = set(commands_of(PAGE))
    assert shown >= ELSEWHERE.keys()
    assert len(CALLS) >= 10
    for file, said in ELSEWHERE.values():
        assert said in (ROOT / file).read_text(encoding="utf-8")


def test_what_is_told_of_exit_codes_is_what_the_commands_answer(lived) -> None:
    assert lived.call("explain", "NOBODY", "--date", DAY).code != 0
    assert re.search(r"Exit codes: 0 fine · 1 failed or a finding · 2 wrong arguments", PAGE)
    assert lived.call("explain", "K1", "--date", "yesterday").code == 2
