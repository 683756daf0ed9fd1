"""Where a person may be: the zone on file, else every zone that the telephone number allows (policy ``time_zones``).

A message leaves only when it is a lawful hour in all of them. A number that tells no more than its whole country, such
as a toll-free one, tells nothing beside a zone on file; alone it leaves no hour that is lawful everywhere, and the
contact is a question for a person.
"""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from arrears.ladder.policy import Policy

Zones = tuple[str, ...]
UNKNOWN = "Etc/Unknown"


def zones_of(time_zone: str | None, number: str | None, policy: Policy) -> Zones:
    """Return the zones in which a person may be, the likeliest first; none when the zone on file does not exist."""
    rule = policy.contact.time_zones
    if rule == "policy":
        return (policy.time_zone,)
    if time_zone and not is_zone(time_zone):
        return ()
    told = _by_number((number or "").strip(), policy.calendar.country)
    if not time_zone:
        return told or (policy.time_zone,)
    if rule == "party" or told == _whole_country(policy.calendar.country) or len(told) > 1:
        return (ZoneInfo(time_zone).key,)
    return tuple(dict.fromkeys((ZoneInfo(time_zone).key, *told)))


def is_zone(time_zone: str) -> bool:
    """Say whether a time zone exists."""
    try:
        return ZoneInfo(time_zone) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


@lru_cache(maxsize=65_536)
def _by_number(number: str, country: str) -> Zones:
    """Return the zones of a telephone number, none when it is no number that exists."""
    import phonenumbers
    from phonenumbers.timezone import time_zones_for_number

    if not number:
        return ()
    home = _whole_country(country)
    if len(home) == 1 and not number.startswith(("+", "00")):
        return home  # a national number of a country with one zone: nothing to look up
    try:
        found = time_zones_for_number(phonenumbers.parse(number, country))
    except phonenumbers.NumberParseException:
        return ()
    return () if UNKNOWN in found else tuple(zone for zone in found if is_zone(zone))


@lru_cache(maxsize=16)
def _whole_country(country: str) -> Zones:
    import phonenumbers
    from phonenumbers.timezone import time_zones_for_geographical_number

    code = phonenumbers.country_code_for_region(country)
    return tuple(time_zones_for_geographical_number(phonenumbers.PhoneNumber(country_code=code, national_number=1)))
