"""One account: its story in business words, every event about it, the receipt and the page that answers a complaint."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from arrears.approvals.chosen import KIND
from arrears.approvals.remedy import STATES, TAKEN_BACK
from arrears.audit.access import record_access
from arrears.audit.receipt import write_receipt
from arrears.core.days import day_of
from arrears.core.errors import BadInput, CannotTell
from arrears.core.runtime import Runtime
from arrears.desk.deciders import Visitor, kept_from_choosing
from arrears.desk.order_papers import orders_with_document
from arrears.desk.timeline import timeline
from arrears.ladder.staff import is_within_reach
from arrears.legal.wording import words_or_code
from arrears.proof.explain import explain
from arrears.proof.why import why_page
from arrears.reports.order_notes import note_of
from arrears.reports.story import tell
from arrears.reports.wording import Words
from arrears.steps.approvals import choose_on_the_desk, day_of_decisions
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.legal import packet
from arrears.store.tables.people import subject


@dataclass(frozen=True)
class Asked:
    """Which account, on which day (the newest decided one by default), and which leaf of its events."""

    subject_ref: str
    on: str | None = None
    events: int = 1


def subject_of(rt: Runtime, account_id: str, user: str) -> str | None:
    """Return the random name under which an account has its page; None also where it is not for this user."""
    with reading(existing_store(rt)) as connection:
        query = select(subject.c.subject_ref).where(subject.c.account_id == account_id)
        found = connection.execute(query).scalar_one_or_none()
        return found if is_within_reach(connection, user, account_id) else None


def account(rt: Runtime, asked: Asked, visitor: Visitor, words: Words) -> dict[str, Any]:
    """Return the story of one account on a day with a leaf of everything the log tells of it; the look is recorded.

    Raises:
        CannotTell: there is no such subject, or no decision of that day.
        BadInput: the date cannot be read.
    """
    engine, policy, ref = existing_store(rt), policy_of(rt.settings), asked.subject_ref
    account_id = _account_of(rt, ref, visitor.user)
    story = explain(engine, account_id, _day(asked.on) if asked.on else None)
    day = _day(story["business_date"])
    record_access(rt, engine, "viewed", actor=visitor.user, subject_ref=ref, business_date=day)
    today = day_of_decisions(rt)
    with reading(engine) as connection:
        events = timeline(connection, ref, asked.events, words)
        readable = orders_with_document(connection, account_id)
        remedy = _remedy(connection, account_id, words)
        if remedy is not None:
            roles = policy.repossession.approval_roles[KIND]
            remedy["kept_from"] = kept_from_choosing(connection, visitor, account_id, roles, today, words)
    return {
        "story": story,
        "facts": _facts(story, words),
        "told": tell(story, words, policy.time_zone),
        "events": events,
        "remedy": remedy,
        "orders": [(one, _why(one, words), one["order_no"] in readable) for one in story["orders"]],
    }


def _facts(story: dict[str, Any], words: Words) -> list[tuple[str, str]]:
    """Return what is known of the account, and what was decided on, each with its name."""
    standing, decision = story["standing"], story["decision"]
    said = {name: standing.get(name) or "—" for name in ("branch", "owner", "oldest_unpaid_due", "episode_due")}
    said["contract_type"] = words.label("contract_type", standing["contract_type"])
    if decision is not None:
        said |= {name: words.label("rung", decision[name]) for name in ("entitled_rung", "unlocked_rung", "rung")}
        said["lane"] = words.label("lane", decision["lane"])
    if standing["closed_on"]:
        said["closed_on"] = standing["closed_on"]
    return [(words.label("fact", name), value) for name, value in said.items()]


def _why(order: dict[str, Any], words: Words) -> str:
    return note_of(order["recall_reason"], order["closed_reason"], order["blocked_by"], words)


def _remedy(connection: Connection, account_id: str, words: Words) -> dict[str, Any] | None:
    """Return what a person may choose among, by code and word, and what is chosen; None without a packet to decide on.

    The facts go with the form, so that a choice made on an old page is refused.
    """
    current = (packet.c.account_id == account_id, packet.c.superseded_on.is_(None), packet.c.state.in_(STATES))
    row = connection.execute(
        select(packet.c.open_remedies, packet.c.chosen_remedy, packet.c.facts_sha256).where(*current)
    ).one_or_none()
    if row is None or not (row.open_remedies or row.chosen_remedy):
        return None
    named = [(code, words_or_code(code, words.language)) for code in row.open_remedies if code != row.chosen_remedy]
    back = [(TAKEN_BACK, words("desk.take_back"))] if row.chosen_remedy else []
    chosen = words_or_code(row.chosen_remedy, words.language) if row.chosen_remedy else None
    return {"choices": [*named, *back], "chosen": chosen, "facts": row.facts_sha256}


def choose(
    rt: Runtime, subject_ref: str, remedy: str, facts_sha256: str, user: str, note: str, words: Words
) -> dict[str, Any]:
    """Record the remedy a logged-in person chose on the page of an account, and say what comes next."""
    choose_on_the_desk(rt, _account_of(rt, subject_ref, user), remedy, facts_sha256, user, note)
    return {"next": words("desk.remedy_recorded")}


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
        return day_of(text)
    except ValueError:
        raise BadInput("the date is written as YYYY-MM-DD") from None


def _account_of(rt: Runtime, subject_ref: str, user: str) -> str:
    with reading(existing_store(rt)) as connection:
        query = select(subject.c.account_id).where(subject.c.subject_ref == subject_ref)
        found = connection.execute(query).scalar_one_or_none()
        if found is None or not is_within_reach(connection, user, found):
            raise CannotTell("no such subject")
    return str(found)
