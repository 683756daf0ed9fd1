"""Money is an integer of minor units with a currency; floats never decide a stage."""

import re

from arrears.core.errors import BadInput

_DIGITS = {
    "BIF": 0,
    "CLP": 0,
    "JPY": 0,
    "KRW": 0,
    "PYG": 0,
    "UGX": 0,
    "VND": 0,
    "XAF": 0,
    "XOF": 0,
    "BHD": 3,
    "IQD": 3,
    "JOD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
}
_CODE = re.compile(r"[A-Z]{3}")
_AMOUNT = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]+))?")

DEFAULT_DIGITS = 2


def digits_of(currency: str) -> int:
    """Return the number of minor digits of an ISO 4217 currency; two unless the standard says otherwise.

    Raises:
        BadInput: the code is not three capital letters.
    """
    if not _CODE.fullmatch(currency):
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
