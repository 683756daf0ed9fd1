"""Sentences that the store says in English with something filled in, told in the reader's words."""

import re
from collections.abc import Callable
from functools import cache

from arrears.legal.wording import words_or_code
from arrears.reports.order_notes import blocked
from arrears.reports.wording import Words, words

AS_IT_IS = ("date", "id", "who", "number", "line")
"""What is filled in and has no words: names, numbers, days."""

TOLD: dict[str, Callable[[str, Words], str]] = {
    "reason": lambda code, say: say.reason(code),
    "checks": blocked,
    "roles": lambda codes, say: say("list_mark").join(say.label("role", code) for code in codes.split(", ")),
    "remedies": lambda codes, say: say("list_mark").join(words_or_code(one, say.language) for one in codes.split(", ")),
}
"""How what is filled in is told where it is more than a code of the family of its name."""


def phrase(family: str, sentence: str, say: Words) -> str | None:
    """Return a sentence of a family in the reader's words, what is filled in told too; None for an unknown one."""
    whole, patterns = _known(family, say.language)
    if sentence in whole:
        return whole[sentence]
    for pattern, text in patterns:
        if found := pattern.fullmatch(sentence):
            return text.format(**{name: _told(name, part, say) for name, part in found.groupdict().items()})
    return None


def _told(name: str, part: str, say: Words) -> str:
    if name in AS_IT_IS:
        return part
    return TOLD[name](part, say) if name in TOLD else say.label(name, part)


@cache
def _known(family: str, language: str) -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Return the sentences without and with something to fill in; its name is the family of its words."""
    known = words(language).family(family)
    whole = {sentence: text for sentence, text in known.items() if "{" not in sentence}
    patterns = [
        (re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(sentence))), text)
        for sentence, text in known.items()
        if sentence not in whole
    ]
    return whole, patterns
