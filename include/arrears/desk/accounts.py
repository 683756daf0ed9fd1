"""One account: its story in business words, every event about it, the receipt and the page that answers a complaint."""

from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from arrears.approvals.remedy import STATES, TAKEN_BACK
from arrears.audit.access import record_access
from arrears.audit.receipt import write_receipt
from arrears.core.errors import BadInput, CannotTell
from arrears.core.runtime import Runtime
from arrears.desk.reach import may_see
from arrears.legal.wording import words_or_code
from arrears.proof.explain import explain
from arrears.proof.why import why_page
from arrears.reports.story import tell
from arrears.reports.wording import Words
from arrears.steps.approvals import choose_on_the_desk
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.audit import audit_event_index
from arrears.store.tables.legal import packet
from arrears.store.tables.people import subject

NEWEST_EVENTS = 200


def subject_of(rt: Runtime, account_id: str, user: str) -> str | None:
    """Return the random name under which an account has its page; None also where it is not for this user."""
    with reading(existing_store(rt)) as connection:
        query = select(subject.c.subject_ref).where(subject.c.account_id == account_id)
        found = connection.execute(query).scalar_one_or_none()
        return found if may_see(connection, user, account_id) else None


def account(rt: Runtime, subject_ref: str, on: str | None, user: str, words: Words) -> dict[str, Any]:
    """Return the story of one account on a day, its newest decided one by default; the look is recorded.

    Raises:
        CannotTell: there is no such subject, or no decision of that day.
        BadInput: the date cannot be read.
    """
    engine = existing_store(rt)
    story = explain(engine, _account_of(rt, subject_ref, user), _day(on) if on else None)
    day = _day(story["business_date"])
    record_access(rt, engine, "viewed", actor=user, subject_ref=subject_ref, business_date=day)
    index = audit_event_index
    events = select(index.c.seq, index.c.at, index.c.business_date, index.c.type, index.c.run_id)
    with reading(engine) as connection:
        newest = connection.execute(
            events.where(index.c.subject_ref == subject_ref).order_by(index.c.seq.desc()).limit(NEWEST_EVENTS)
        ).all()
        remedy = _remedy(connection, subject_ref, words)
    told = tell(story, words, policy_of(rt.settings).time_zone)
    return {"story": story, "told": told, "events": newest, "remedy": remedy}


def _remedy(connection: Connection, subject_ref: str, words: Words) -> dict[str, Any] | None:
    """Return what a person may choose among, by code and word, and what is chosen; None without a packet to decide on.

    The facts go with the form, so that a choice made on an old page is refused.
    """
    row = connection.execute(
        select(packet.c.open_remedies, packet.c.chosen_remedy, packet.c.facts_sha256)
        .join(subject, subject.c.account_id == packet.c.account_id)
        .where(subject.c.subject_ref == subject_ref, packet.c.superseded_on.is_(None), packet.c.state.in_(STATES))
    ).one_or_none()
    if row is None or not (row.open_remedies or row.chosen_remedy):
        return None
    named = [(code, words_or_code(code, words.language)) for code in row.open_remedies if code != row.chosen_remedy]
    back = [(TAKEN_BACK, words("desk.take_back"))] if row.chosen_remedy else []
    chosen = words_or_code(row.chosen_remedy, words.language) if row.chosen_remedy else None
    return {"choices": [*named, *back], "chosen": chosen, "facts": row.facts_sha256}


def choose(rt: Runtime, subject_ref: str, remedy: str, facts_sha256: str, user: str, note: str, words: Words) -> str:
    """Record the remedy a logged-in person chose on the page of an account, and say what comes next."""
    choose_on_the_desk(rt, _account_of(rt, subject_ref, user), remedy, facts_sha256, user, note)
    return words("desk.remedy_recorded")


def receipt(rt: Runtime, subject_ref: str, business_date: str, user: str) -> str:
    """Return the proof that an account's decision of a day is in the log; the download is recorded.

    Raises:
        BadInput: the date cannot be read.
        CannotTell: no sealed decision of that day.
    """
    engine, day = existing_store(rt), _day(business_date)
    _account_of(rt, subject_ref, user)
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
    story = explain(engine, _account_of(rt, subject_ref, user), day)
    page = why_page(rt.settings.home, story, policy_of(rt.settings), words.language)
    record_access(rt, engine, "explained", actor=user, subject_ref=subject_ref, business_date=day)
    return page


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("the date is written as YYYY-MM-DD") from None


def _account_of(rt: Runtime, subject_ref: str, user: str) -> str:
    with reading(existing_store(rt)) as connection:
        query = select(subject.c.account_id).where(subject.c.subject_ref == subject_ref)
        found = connection.execute(query).scalar_one_or_none()
        if found is None or not may_see(connection, user, found):
            raise CannotTell("no such subject")
    return str(found)
