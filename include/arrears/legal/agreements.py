"""Repayment agreements as documents: the schedule, a waiver if any, and each guarantor's consent on a page of its own.

A change that burdens the debtor does not bind a guarantor who did not consent in writing (Civil Code (CN) 695).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, select

from arrears.audit.record import Event, record_many
from arrears.core.calendar import add_months
from arrears.core.keys import sha256
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.legal import case_file, frozen, typesetting
from arrears.legal.facts import LegalFacts, Party
from arrears.legal.plain_text import amount, day_text, table
from arrears.store.artefacts import agreement_id, agreement_path
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import account, plan
from arrears.store.whole_files import is_there, write_whole

TEMPLATE = "agreement.typ"
Row = Mapping[str, Any]


def write_agreements(rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy) -> int:
    """Write the agreement of each plan that has none yet, for signature, and return how many.

    The name is the hash of account and day of signature: a plan is written once. The signed copy comes back as a
    document of kind ``agreement``, each guarantor's consent as the plan's ``guarantor_consent_ref``.
    """
    with reading(engine) as connection:
        waiting = [row for row in _plans(connection, business_date) if not _is_there(rt, row)]
        facts = _facts(rt, connection, run_id, business_date, policy, waiting)
    events = []
    for row in waiting:
        if row["account_id"] in facts:
            case = facts[row["account_id"]]
            pdf = render_agreement(rt, case, row, policy)
            write_whole(rt.settings.artifacts_url, _path(row), pdf)
            events.append(_event(row, case.subject_ref, policy, pdf))
    with writing(engine) as connection:
        record_many(connection, rt, run_id=run_id, events=events)
    return len(events)


def render_agreement(rt: Runtime, facts: LegalFacts, row: Row, policy: Policy) -> bytes:
    """Return the agreement of a plan as PDF/A, dated the day of signature.

    Raises:
        CannotRender: a character is in no font.
    """
    return typesetting.render(rt.settings.home, TEMPLATE, _data(facts, row, policy), row["signed_on"])


def _plans(connection: Connection, day: date) -> list[Row]:
    """Return the plans of contracts that are open: what was erased or is over is not written anew."""
    known = (
        select(plan)
        .join(account, account.c.account_id == plan.c.account_id)
        .where(plan.c.signed_on <= day, account.c.closed_on.is_(None), account.c.erased_at.is_(None))
        .order_by(plan.c.account_id, plan.c.signed_on)
    )
    return [dict(row) for row in connection.execute(known).mappings()]


def _key(row: Row) -> str:
    return agreement_id(row["account_id"], row["signed_on"])


def _path(row: Row) -> str:
    return agreement_path(row["account_id"], row["signed_on"])


def _is_there(rt: Runtime, row: Row) -> bool:
    return is_there(rt.settings.artifacts_url, _path(row))


def _facts(
    rt: Runtime, connection: Connection, run_id: str, day: date, policy: Policy, plans: list[Row]
) -> dict[str, LegalFacts]:
    ids = sorted({row["account_id"] for row in plans})
    if not ids:
        return {}
    ledger = frozen.open_ledger(connection, rt.settings.artifacts_url, run_id, ids)
    ledger.read_schedules(ids, day)
    return {file.facts.account_id: file.facts for file in case_file.load(connection, ledger, policy, day, ids)}


def _data(facts: LegalFacts, row: Row, policy: Policy) -> dict[str, Any]:
    lang = next((party.language for party in facts.debtors if party.language), policy.language)
    money, key = facts.money, _key(row)
    days = [add_months(row["first_due_on"], number) for number in range(row["instalments"])]
    each = amount(row["amount_each_minor"], money)
    return {
        "lang": lang,
        "number": f"{key[:4]}-{key[4:8]}-{key[8:12]}".upper(),
        "lender": policy.creditor.name if lang == "zh" else policy.creditor.name_en,
        "policy": policy.stamp,
        "cutoff": facts.business_date.isoformat(),
        "contract": facts.account_id,
        "creditor": {
            "name": policy.creditor.name if lang == "zh" else policy.creditor.name_en,
            "id_no": policy.creditor.registration_no,
            "address": policy.creditor.address,
        },
        "debtors": [_who(party) for party in facts.debtors],
        "guarantors": [_who(party) for party in facts.guarantors],
        "overdue": amount(money.overdue_minor, money),
        "unpaid": amount(money.schedule_minor - money.paid_minor, money),
        "schedule": table([str(number), day_text(day), each] for number, day in enumerate(days, start=1)),
        "total": amount(row["amount_each_minor"] * row["instalments"], money),
        "waiver": amount(row["waiver_minor"], money) if row["waiver_minor"] else "",
    }


def _who(party: Party) -> dict[str, str]:
    """Return how an agreement names who signs it; what is not known is left for them to fill in."""
    return {"name": party.name, "id_no": party.id_no, "address": party.address}


def _event(row: Row, subject_ref: str, policy: Policy, pdf: bytes) -> Event:
    return Event(
        type="agreement.made",
        key=_key(row),
        business_date=row["signed_on"],
        subject_ref=subject_ref,
        causes=[row["plan_key"]],
        policy_sha256=policy.sha256,
        data={
            "instalments": row["instalments"],
            "amount_each_minor": row["amount_each_minor"],
            "waiver_minor": row["waiver_minor"] or 0,
            "pdf_sha256": sha256(pdf),
        },
    )
