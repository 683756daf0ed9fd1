"""What keeps a packet back, in business words."""

from collections.abc import Iterator, Sequence

from arrears.reports.wording import Words

CHOSEN_CLOSED = "chosen_remedy_closed"


def lacking_of(reasons: Sequence[str], missing: Sequence[str], chosen: str | None, words: Words) -> list[str]:
    """Say what keeps a packet back, and why the chosen remedy is closed; why others are is said in the packet."""
    return [_told(name, reasons, chosen, words) for name in (*reasons, *missing) if ":" not in name]


def closed_by(reasons: Sequence[str], remedy: str, words: Words) -> Iterator[str]:
    """Yield why a remedy is closed, out of the reasons kept as ``remedy:reason``."""
    for code in reasons:
        of, _, why = code.partition(":")
        if why and of == remedy:
            yield words.label("closed", why)


def _told(name: str, reasons: Sequence[str], chosen: str | None, words: Words) -> str:
    if name.startswith("hold_"):
        return words.reason(name)
    if name == CHOSEN_CLOSED and chosen and (why := list(closed_by(reasons, chosen, words))):
        return words("missing_closed", remedy=words.label("chosen", chosen), why=words("list_mark").join(why))
    return words.label("need", name)
