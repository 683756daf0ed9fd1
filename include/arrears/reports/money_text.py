"""Money, rates and names as people read them."""

from collections.abc import Mapping

from arrears.core.money import digits_of, format_minor

SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
SHORT = {"zh": ((10**8, "亿"), (10**4, "万")), "en": ((10**9, "B"), (10**6, "M"))}
DASH = "—"


def exact(minor: int, currency: str) -> str:
    """Write an amount to the last minor unit, ``¥128,400.00``."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{symbol(currency)}{format_minor(abs(minor), digits_of(currency), grouped=True)}"


def short(minor: int, currency: str, language: str) -> str:
    """Write an amount in one glance, ``¥12.8万`` or ``¥3.4M``; half up, for sentences only, never for tables."""
    unit = 10 ** digits_of(currency)
    sign = "-" if minor < 0 else ""
    for size, word in SHORT[language]:
        if abs(minor) >= size * unit:
            tenths = (abs(minor) * 10 * 2 + size * unit) // (2 * size * unit)
            tenth = f".{tenths % 10}" if tenths % 10 else ""
            return f"{sign}{symbol(currency)}{tenths // 10:,}{tenth}{word}"
    whole = (abs(minor) * 2 + unit) // (2 * unit)
    return f"{sign}{symbol(currency)}{whole:,}"


def exact_all(amounts: Mapping[str, int], main: str) -> str:
    """Write amounts of several currencies side by side, the house currency first; currencies are never added up."""
    shown = {currency: minor for currency, minor in amounts.items() if minor} or {main: 0}
    return " + ".join(exact(shown[currency], currency) for currency in _ordered(shown, main))


def short_all(amounts: Mapping[str, int], main: str, language: str) -> str:
    """Write amounts of several currencies in one glance."""
    shown = {currency: minor for currency, minor in amounts.items() if minor} or {main: 0}
    return " + ".join(short(shown[currency], currency, language) for currency in _ordered(shown, main))


def percent(basis_points: int | None) -> str:
    """Write basis points as ``43.1%``, half up; a dash when there is no figure."""
    if basis_points is None:
        return DASH
    tenths = (abs(basis_points) + 5) // 10
    return f"{'-' if basis_points < 0 and tenths else ''}{tenths // 10}.{tenths % 10}%"


def masked(name: str | None) -> str:
    """Hide a person's name for mail: the first character stays (``张**``, ``A***``); a missing name is a dash."""
    text = (name or "").strip()
    if not text:
        return DASH
    return f"{text[0]}***" if text[0].isascii() else f"{text[0]}**"


def symbol(currency: str) -> str:
    """Return the sign of a currency, or its code and a blank."""
    return SYMBOLS.get(currency, f"{currency} ")


def _ordered(amounts: Mapping[str, int], main: str) -> list[str]:
    return sorted(amounts, key=lambda currency: (currency != main, currency))
