"""Telephone numbers that take no text message: a land line in the ``mobile`` column can be called, never written to."""

import re
from functools import lru_cache

_SIGNS = re.compile("[ -]")


def is_land_line(number: str, country: str) -> bool:
    """Say whether a number surely is a land line; where numbers do not tell, as in America, none is."""
    digits = _SIGNS.sub("", number)
    return not _mobile(country).fullmatch(digits) and _is_fixed(digits, country)


@lru_cache(maxsize=16)
def _mobile(country: str) -> re.Pattern[str]:
    """Return the form of a country's mobile numbers: nearly every number is one, and needs no further look."""
    import phonenumbers

    about = phonenumbers.PhoneMetadata.metadata_for_region(country)
    if about is None or about.mobile is None or not about.mobile.national_number_pattern:
        return re.compile("(?!)")
    return re.compile(rf"(?:\+{about.country_code})?(?:{about.mobile.national_number_pattern})")


@lru_cache(maxsize=65_536)
def _is_fixed(digits: str, country: str) -> bool:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return False
    kind: int = phonenumbers.number_type(parsed)
    return kind == phonenumbers.PhoneNumberType.FIXED_LINE
