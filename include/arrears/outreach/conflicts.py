"""What was already said otherwise today: the first word stands, and the difference is on record."""

from collections.abc import Iterator
from datetime import date

from arrears.audit.record import Event
from arrears.core.keys import natural_key
from arrears.outreach.wishes import Portion

LEFT = ("sending", "sent", "in_doubt")


def conflicts(portion: Portion, business_date: date) -> Iterator[Event]:
    """Yield an event for each wish of a later run whose item has left, or may have, with another amount."""
    for said, wish in portion.items(LEFT):
        if wish is not None and wish["amount_minor"] != said["amount_minor"]:
            data = {"said_minor": said["amount_minor"], "now_minor": wish["amount_minor"], "currency": wish["currency"]}
            cause = natural_key(wish["subject_ref"], business_date.isoformat(), wish["revision"])
            yield Event("action.conflict", said["item_key"], business_date, wish["subject_ref"], said["contact_id"],
                        data=data, causes=[cause])  # fmt: skip
