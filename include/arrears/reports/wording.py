"""Business words for what the store keeps as codes, in Chinese and English; the words are data, not code."""

from functools import lru_cache
from importlib.resources import files
from typing import Any

from arrears.core.yaml_text import read_yaml

LANGUAGES = ("zh", "en")


class Words:
    """The vocabulary of one language."""

    def __init__(self, language: str, entries: dict[str, Any]) -> None:
        self.language = language
        self._entries = entries

    def __call__(self, path: str, **values: Any) -> str:
        """Return a sentence such as ``lead.stopped`` with its values; ``n`` picks singular or plural.

        Raises:
            KeyError: no such entry; the vocabulary and the code must change together.
        """
        entry: Any = self._entries
        for part in path.split("."):
            entry = entry[part]
        if isinstance(entry, dict):
            entry = entry["one" if values.get("n") == 1 else "other"]
        shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
        return str(entry).format(**shown) if values else str(entry)

    def label(self, family: str, code: str | int) -> str:
        """Return the business word for a code of a family; a code without one never reaches the reader."""
        return str(self._entries[family].get(str(code), self._entries["unknown"]))

    def knows(self, family: str, code: str) -> bool:
        """Say whether a family has a word for a code."""
        return code in self._entries[family]

    def lines(self, path: str) -> list[str]:
        """Return a list of sentences."""
        entry: Any = self._entries
        for part in path.split("."):
            entry = entry[part]
        return [str(line) for line in entry]

    def family(self, path: str) -> dict[str, str]:
        """Return all words of a family by code."""
        entry: Any = self._entries
        for part in path.split("."):
            entry = entry[part]
        return {str(code): str(word) for code, word in entry.items()}

    def of_returned(self, reason: str) -> str:
        """Say why a row of a filled list came back, and how to write it; ``returned`` is the head of that column."""
        if reason == "returned":
            return self("sheet.returned")
        return self.family("sheet.refused").get(reason) or self.label("fault", reason)

    def named(self, name: str, audience: str) -> str:
        """Return a name, marked unless it is the borrower's own."""
        return name if audience == "borrower" else self(f"sheet.named.{audience}", name=name)

    def reason(self, code: str) -> str:
        """Return why something was not done: a hold, an earlier step, a step in its place, or a reason of its own."""
        if code.startswith("hold_"):
            return self("held", name=self.label("hold", code.removeprefix("hold_")))
        for prefix, path in (("before_", "before"), ("collapsed_into_", "collapsed"), ("too_soon_after_", "too_soon")):
            if code.startswith(prefix):
                return self(path, name=self.label("step", code.removeprefix(prefix)))
        if (step := code.removeprefix("covered_by_")) != code and self.knows("step", step):
            return self("covered", name=self.label("step", step))
        return self.label("reason", code)


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Words:
    """Return the vocabulary of ``zh`` or ``en``."""
    text = files("arrears.reports").joinpath(f"templates/words_{language}.yaml").read_text("utf-8")
    return Words(language, read_yaml(text))
