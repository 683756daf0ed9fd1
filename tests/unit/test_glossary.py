"""One term for each idea: the Chinese of the glossary is what people read on screen, in letters and on the pages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|", re.MULTILINE)
CHINESE = re.compile(r"[一-鿿]+")
SHOWN = {".yaml", ".j2", ".typ"}
PAGES = ("business.md", "feeds.md", "kpi.md", "policy.zh.md")
NEVER_SHOWN = {"reversal", "outbox", "snapshot"}
"""Ideas of the program that no page, screen or letter speaks of in Chinese."""


def rows() -> list[tuple[str, str]]:
    found = ROW.findall((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))
    return [(term.strip(), said) for term, said in found if CHINESE.search(said) and term.strip() != "term"]


def read_by_people() -> str:
    files = [file for file in (ROOT / "include").rglob("*") if file.suffix in SHOWN]
    files += [ROOT / "docs" / page for page in PAGES]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_every_term_in_chinese_is_a_word_that_people_read() -> None:
    text = read_by_people()
    lost = [term for term, said in rows() if not any(word in text for word in CHINESE.findall(said))]
    assert len(rows()) > 80
    assert sorted(set(lost) - NEVER_SHOWN) == []


@pytest.mark.parametrize("old", ["检查点", "每日简报", "取回委托单", "主体代号"])
def test_no_second_word_stands_for_an_idea_that_has_one(old: str) -> None:
    assert old not in read_by_people()
