"""The calls of ``arrears`` that a page of the documentation shows."""

import re
from collections.abc import Iterator

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|[\s`])(?:\.venv/bin/)?arrears ((?:--?)?[a-z].*)$")


def commands_of(text: str) -> Iterator[str]:
    """Yield each call of the command: lines of code blocks, and code within a sentence."""
    for block in FENCE.findall(text):
        for line in block.splitlines()[1:-1]:
            if (found := CALL.search(line)) and "arrears:" not in line:
                yield found[1].split("   ")[0].split(" #")[0].strip()
    for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        if found := re.fullmatch(r"(?:\w+=\S+ )*(?:\.venv/bin/)?arrears ([a-z].*)", code):
            yield found[1]
