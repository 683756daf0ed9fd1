"""What the pages of the documentation show: their blocks, and each call of ``arrears``."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|[\s`])(?:\.venv/bin/)?arrears ((?:--?)?[a-z].*)$")


def named(page: Path) -> str:
    """Return the name of a page within the project."""
    return str(page.relative_to(ROOT))


def blocks_of(page: Path) -> list[str]:
    """Return the blocks of a page without their fences."""
    return ["\n".join(block.splitlines()[1:-1]) + "\n" for block in FENCE.findall(page.read_text(encoding="utf-8"))]


def commands_of(text: str) -> Iterator[str]:
    """Yield each call of the command: lines of code blocks, and code within a sentence."""
    for block in FENCE.findall(text):
        for line in block.splitlines()[1:-1]:
            if (found := CALL.search(line)) and "arrears:" not in line:
                yield found[1].split("   ")[0].split(" #")[0].strip()
    for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        if found := re.fullmatch(r"(?:\w+=\S+ )*(?:\.venv/bin/)?arrears ([a-z].*)", code):
            yield found[1]


CALLS = sorted({(named(page), call) for page in PAGES for call in commands_of(page.read_text(encoding="utf-8"))})
