"""One account: its story in business words, every event about it, the receipt and the page that answers a complaint."""

from datetime import date
from typing import Any

from sqlalchemy import select

from arrears.audit.access import record_access
from arrears.audit.receipt import write_receipt
from arrears.core.errors import BadInput, CannotTell
from arrears.core.runtime import Runtime
from arrears.proof.explain import explain
from arrears.proof.why import why_page
from arrears.reports.story import tell
from arrears.reports.wording import Words
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.audit import audit_event_index
from arrears.store.tables.people import subject

NEWEST_EVENTS = 200


def subject_of(rt: Runtime, account_id: str) -> str | None:
    """Return the random name under which an account has its page."""
    with reading(existing_store(rt)) as connection:
        query = select(subject.c.subject_ref).where(subject.c.account_id == account_id)
        return connection.execute(query).scalar_one_or_none()


def account(rt: Runtime, subject_ref: str, on: str | None, user: str, words: Words) -> dict[str, Any]:
    """Return the story of one account on a day, its newest decided one by default; the look is recorded.

    Raises:
        CannotTell: there is no such subject, or no decision of that day.
        BadInput: the date cannot be read.
    """
    engine = existing_store(rt)
    story = explain(engine, _account_of(rt, subject_ref), _day(on) if on else None)
    day = _day(story["business_date"])
    record_access(rt, engine, "viewed", actor=user, subject_ref=subject_ref, business_date=day)
    index = audit_event_index
    events = select(index.c.seq, index.c.at, index.c.business_date, index.c.type, index.c.run_id)
    with reading(engine) as connection:
        newest = connection.execute(
            events.where(index.c.subject_ref == subject_ref).order_by(index.c.seq.desc()).limit(NEWEST_EVENTS)
        ).all()
    return {"story": story, "told": tell(story, words, policy_of(rt.settings).time_zone), "events": newest}


def receipt(rt: Runtime, subject_ref: str, business_date: str, user: str) -> str:
    """Return the proof that an account's decision of a day is in the log; the download is recorded.

    Raises:
        BadInput: the date cannot be read.
        CannotTell: no sealed decision of that day.
    """
    engine, day = existing_store(rt), _day(business_date)
    text = write_receipt(engine, subject_ref, day)
    record_access(rt, engine, "receipt", actor=user, subject_ref=subject_ref, business_date=day)
    return text


def why(rt: Runtime, subject_ref: str, business_date: str, user: str, words: Words) -> bytes:
    """Return the one page that answers a complaint, as PDF; the download is recorded.

    Raises:
        BadInput: the date cannot be read.
        CannotTell: there is no such subject, or nothing was decided on that day.
    """
    engine, day = existing_store(rt), _day(business_date)
    story = explain(engine, _account_of(rt, subject_ref), day)
    page = why_page(rt.settings.home, story, policy_of(rt.settings), words.language)
    record_access(rt, engine, "explained", actor=user, subject_ref=subject_ref, business_date=day)
    return page


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("the date is written as YYYY-MM-DD") from None


def _account_of(rt: Runtime, subject_ref: str) -> str:
    with reading(existing_store(rt)) as connection:
        query = select(subject.c.account_id).where(subject.c.subject_ref == subject_ref)
        found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise CannotTell("no such subject")
    return str(found)
