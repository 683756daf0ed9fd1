"""Why an account got, or did not get, an action on a day: from ledger row to what happened after."""

import json
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from arrears.core.errors import CannotTell
from arrears.ladder.in_force import decisions_in_force, is_of_ledger
from arrears.proof.then import Then, plain, text_of
from arrears.proof.told import is_as_told, told_hashes
from arrears.proof.told_actions import untold
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_event_index, audit_pending
from arrears.store.tables.decisions import decision, fact_set, verdict
from arrears.store.tables.feeds import account, delivery, outcome, quarantine
from arrears.store.tables.outreach import contact, item, suppression
from arrears.store.tables.people import subject
from arrears.store.tables.runs import policy_text, run

AFTER_DAYS = 30
CONTACT = ("channel", "audience", "tone", "state", "reason", "sent_at", "provider_code", "message_id", "contact_id")
KNOWN = ("account_id", "subject_ref", "closed_on", "delivery_id", "row_no", "row_sha256")
STANDING = ("contract_type", "currency", "branch", "owner", "is_missing", "data_incomplete")


def explain(engine: Engine, account_id: str, on: date | None) -> dict[str, Any]:
    """Return the story of one account on one date (the newest decided one by default), without a name in it.

    Raises:
        CannotTell: the account was never delivered, or nothing can be said of it on that day or at all yet.
    """
    with reading(engine) as connection:
        columns = (account.c[name] for name in (*KNOWN, *STANDING))  # no more: an auditor may not read every column
        known = connection.execute(select(*columns).where(account.c.account_id == account_id)).one_or_none()
        if known is None:
            raise CannotTell(f"account {account_id}: {_why_unknown(connection, account_id)}")
        day = (
            on
            or connection.execute(
                select(func.max(decision.c.business_date)).where(decision.c.account_id == account_id)
            ).scalar()
        )
        if day is None:
            raise CannotTell(f"account {account_id}: no decision yet, nothing was overdue or due; name a --date")
        story = _story(connection, known, day)
        if (early := _too_early(connection, known, day, story["standing"]["undecided"])) is not None:
            raise CannotTell(f"account {account_id}: {early}")
        return story


def _too_early(connection: Connection, known: Row[Any], day: date, undecided: str | None) -> str | None:
    """Say why nothing can be said of a day before the first decision: nobody decided, or the account was not there."""
    mine = select(func.min(decision.c.business_date)).where(decision.c.account_id == known.account_id)
    first = connection.execute(mine).scalar()
    if undecided is None or (first is not None and first < day):
        return None
    then = "nothing was decided about it since" if first is None else f"its first decision is of {first}"
    if undecided == "no_run":
        return f"nobody decided on {day}; {then}"
    came = select(subject.c.created_at).where(subject.c.account_id == known.account_id)
    closed = select(func.max(run.c.finished_at)).where(
        run.c.kind == "daily", run.c.business_date == day, run.c.status == "completed"
    )
    if (connection.execute(came).scalar() or "") <= (connection.execute(closed).scalar() or ""):
        return None
    return f"no ledger had brought it by {day}; {then}"


def _why_unknown(connection: Connection, account_id: str) -> str:
    """Tell an account that never came from one whose rows were all refused."""
    refused = connection.execute(
        select(delivery.c.feed, delivery.c.business_date, quarantine.c.row_no, quarantine.c.reason)
        .join(delivery, delivery.c.delivery_id == quarantine.c.delivery_id)
        .where(quarantine.c.account_id == account_id)
        .order_by(delivery.c.business_date.desc(), delivery.c.feed, quarantine.c.row_no)
        .limit(1)
    ).one_or_none()
    if refused is None:
        return "no ledger ever delivered it; check the id"
    where = f"{refused.feed} of {refused.business_date} row {refused.row_no}"
    return f"no accepted row yet; {where} was refused ({refused.reason}): deliver it corrected"


def subject_of(engine: Engine, account_id: str) -> str | None:
    """Return the random name under which the log knows an account, if it is known."""
    with reading(engine) as connection:
        return connection.execute(select(subject.c.subject_ref).where(subject.c.account_id == account_id)).scalar()


def _story(connection: Connection, known: Row[Any], day: date) -> dict[str, Any]:
    account_id = known.account_id
    decided = decisions_in_force(day)
    row = connection.execute(select(decided).where(decided.c.account_id == account_id)).one_or_none()
    then = Then(connection, known, day)
    return {
        "account_id": account_id,
        "subject_ref": known.subject_ref,
        "business_date": day.isoformat(),
        "standing": _standing(known, row) | {"undecided": None if row else _undecided(connection, known, day)},
        "decision": None if row is None else _decision(connection, row),
        "lanes": _lanes(connection, account_id, day),
        "contacts": _contacts(connection, account_id, day),
        "not_planned": _not_planned(connection, account_id, day),
        "evidence": then.evidence(),
        "holds": then.holds(),
        "promises": then.promises(),
        "packet": then.packet(),
        "clocks": then.clocks(),
        "orders": then.orders(),
        "cases": then.cases(),
        "filings": then.filings(),
        "not_as_told": [
            {"what": one.what, "key": one.key, "told": one.told, "stands": one.stands}
            for one in untold(connection, day, account_id)
        ],
        "lineage": None if row is None else _lineage(connection, known, row),
        "afterwards": _afterwards(connection, account_id, day, then),
    }


def _standing(known: Row[Any], row: Row[Any] | None) -> dict[str, Any]:
    common: dict[str, Any] = {name: getattr(known, name) for name in STANDING}
    common["closed_on"] = text_of(known.closed_on)
    if row is None:
        return common | {"stage": 0, "reason": "nothing was decided on that day"}
    names = ("stage", "overdue_instalments", "overdue_minor", "days_past_due", "currency")
    dues = {name: text_of(getattr(row, name)) for name in ("oldest_unpaid_due", "episode_due")}
    return common | {name: getattr(row, name) for name in names} | dues


def _undecided(connection: Connection, known: Row[Any], day: date) -> str:
    """Say why nothing was decided about an account on a day: nobody decided, it was not there, or nothing was due."""
    decided = select(decision.c.account_id).where(decision.c.business_date == day).limit(1)
    worked = select(run.c.run_id).where(
        run.c.kind == "daily", run.c.business_date == day, run.c.snapshot_id.is_not(None), run.c.status == "completed"
    )
    if not (connection.execute(decided).first() or connection.execute(worked.limit(1)).first()):
        return "no_run"
    if known.closed_on is not None and known.closed_on <= day:
        return "closed"
    return "missing" if known.is_missing and _went_missing(connection, known, day) else "quiet"


def _went_missing(connection: Connection, known: Row[Any], day: date) -> bool:
    """Say whether the log told by that day that the account is in the ledger no more."""
    told = audit_event_index.c
    since = select(func.max(told.business_date)).where(
        told.subject_ref == known.subject_ref, told.type == "account.missing", told.business_date <= day
    )
    waiting = select(func.max(audit_pending.c.business_date)).where(
        audit_pending.c.subject_ref == known.subject_ref, audit_pending.c.type == "account.missing",
        audit_pending.c.business_date <= day,
    )  # fmt: skip
    return any(connection.execute(query).scalar() is not None for query in (since, waiting))


def _decision(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    body = connection.execute(select(verdict.c.body).where(verdict.c.verdict_sha256 == row.verdict_sha256)).scalar_one()
    facts = connection.execute(select(fact_set.c.body).where(fact_set.c.facts_sha256 == row.facts_sha256)).scalar_one()
    return {"revision": row.revision, **json.loads(body), "facts": json.loads(facts)}


def _lanes(connection: Connection, account_id: str, day: date) -> list[dict[str, Any]]:
    """Return the lanes of an account up to a day, each with its first day there: the history of its risk grade."""
    newest = (decision.c.business_date, decision.c.revision)
    query = select(decision.c.business_date, decision.c.lane).where(
        decision.c.account_id == account_id, decision.c.business_date <= day, decision.c.stage > 0
    )
    found: list[dict[str, Any]] = []
    for row in connection.execute(query.order_by(*newest)):
        if not found or found[-1]["lane"] != row.lane:
            found.append({"lane": row.lane, "from_on": row.business_date.isoformat()})
    return found


def _contacts(connection: Connection, account_id: str, day: date) -> list[dict[str, Any]]:
    columns = (item.c.step, item.c.rung, *(contact.c[name] for name in CONTACT))
    query = (
        select(*columns)
        .join(contact, contact.c.contact_id == item.c.contact_id)
        .where(item.c.account_id == account_id, item.c.business_date == day)
        .order_by(item.c.rung, item.c.step, contact.c.contact_id)
    )
    return [plain(row) for row in connection.execute(query)]


def _not_planned(connection: Connection, account_id: str, day: date) -> list[dict[str, Any]]:
    columns = (suppression.c.step, suppression.c.channel, suppression.c.reason)
    query = select(*columns).where(suppression.c.account_id == account_id, suppression.c.business_date == day)
    return [plain(row) for row in connection.execute(query.order_by(*columns))]


def _lineage(connection: Connection, known: Row[Any], row: Row[Any]) -> dict[str, Any]:
    made = connection.execute(select(run).where(run.c.run_id == row.run_id)).one()
    policy = connection.execute(select(policy_text).where(policy_text.c.policy_sha256 == row.policy_sha256)).one()
    file = connection.execute(select(delivery).where(delivery.c.delivery_id == known.delivery_id)).one_or_none()
    return {
        "run_id": row.run_id,
        "attempt": json.loads(made.attempt),
        "snapshot_id": made.snapshot_id,
        "feeds_sha256": made.feeds_sha256,
        "ledger_row_sha256": row.ledger_row_sha256,
        "accounts_file": None
        if file is None
        else {"sha256": file.sha256, "row": known.row_no, "row_sha256": known.row_sha256},
        "facts_sha256": row.facts_sha256,
        "verdict_sha256": row.verdict_sha256,
        "row_sha256": row.row_sha256,
        "as_told": is_as_told(
            row, told_hashes(connection, row.business_date, [known.subject_ref]).get((known.subject_ref, row.revision))
        ),
        "policy": {"id": policy.policy_id, "version": policy.version, "sha256": row.policy_sha256},
        "code": {"version": made.code_version, "id": made.code_id},
    }


def _afterwards(connection: Connection, account_id: str, day: date, then: Then) -> dict[str, Any]:
    """Return what the next local days brought, the first of them beginning where the day ended."""
    until = day + timedelta(days=AFTER_DAYS)
    later = select(decision.c.business_date, decision.c.stage, decision.c.rung).where(
        decision.c.account_id == account_id, decision.c.business_date > day, decision.c.business_date <= until,
        is_of_ledger(decision),
    )  # fmt: skip
    subject_row = connection.execute(
        select(subject.c.created_at).where(subject.c.account_id == account_id)
    ).one_or_none()
    results = select(outcome.c.channel, outcome.c.at, outcome.c.outcome, outcome.c.next_action_on).where(
        outcome.c.account_id == account_id, outcome.c.at >= then.end_of(day), outcome.c.at < then.end_of(until)
    )
    return {
        "known_since": None if subject_row is None else subject_row.created_at,
        "decisions": [plain(row) for row in connection.execute(later.order_by(decision.c.business_date))],
        "outcomes": [plain(row) for row in connection.execute(results.order_by(outcome.c.at))],
    }
