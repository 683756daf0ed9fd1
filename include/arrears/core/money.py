"""Money is an integer of minor units with a currency; floats never decide a stage."""

import re

from arrears.core.errors import BadInput

_OTHER_THAN_TWO = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_DIGITS = {code: digits for digits, codes in _OTHER_THAN_TWO.items() for code in codes.split()}
_NO_MONEY = re.compile("CLF|UYW|X(AG|AU|B[A-D]|DR|PD|PT|SU|TS|UA|XX)")
"""Codes of the standard in which nobody is paid: index units of four digits, metals, funds, test codes."""
_CODE = re.compile(r"[A-Z]{3}")
_AMOUNT = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]+))?")

DEFAULT_DIGITS = 2


def digits_of(currency: str) -> int:
    """Return the number of minor digits of an ISO 4217 currency; two unless the standard says otherwise.

    Raises:
        BadInput: the code is not three capital letters, or names no money.
    """
    if not _CODE.fullmatch(currency) or _NO_MONEY.fullmatch(currency):
        raise BadInput(f"currency {currency!r}: use a three-letter ISO 4217 code such as CNY")
    return _DIGITS.get(currency, DEFAULT_DIGITS)


def parse_minor(text: str, digits: int = DEFAULT_DIGITS) -> int:
    """Read a plain decimal such as ``-1234.50`` as minor units, exactly.

    Raises:
        BadInput: an exponent, a thousands mark, a blank, NaN, or more digits than the currency has.
    """
    found = _AMOUNT.fullmatch(text)
    if not found:
        raise BadInput(f"amount {text[:40]!r}: write plain digits with a decimal point")
    sign, whole, fraction = found.groups()
    if fraction is not None and len(fraction) > digits:
        raise BadInput(f"amount {text[:40]!r}: at most {digits} decimals")
    minor = int(whole) * int(10**digits) + int((fraction or "").ljust(digits, "0") or "0")
    return -minor if sign else minor


def format_minor(minor: int, digits: int = DEFAULT_DIGITS, *, grouped: bool = False) -> str:
    """Write minor units as a plain decimal, ``1234567`` -> ``12345.67``; ``grouped`` adds commas."""
    sign = "-" if minor < 0 else ""
    whole, fraction = divmod(abs(minor), 10**digits)
    body = f"{whole:,}" if grouped else str(whole)
    return f"{sign}{body}.{fraction:0{digits}d}" if digits else f"{sign}{body}"
