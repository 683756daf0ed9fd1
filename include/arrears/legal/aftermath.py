"""What the law asks for after a recovery: notice of redemption, notice of disposition, and the account of the sale.

Redemption and sale: Civil Code (CN) 642, 643; surplus back: 413, 758. Time given to the customer ends on a working day.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from arrears.audit.record import Event, record_many
from arrears.core.keys import natural_key, sha256
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.legal import case_file, frozen, typesetting
from arrears.legal.case_rows import day_of
from arrears.legal.facts import LegalFacts, Party
from arrears.legal.plain_text import amount, pairs
from arrears.store.bulk import insert_all
from arrears.store.engine import reading, writing
from arrears.store.tables.feeds import order_report, recovery
from arrears.store.tables.legal import legal_notice
from arrears.store.tables.repossession import repossession_order
from arrears.store.whole_files import write_whole

TEMPLATE = "notice.typ"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Taken:
    """One recovered machine with the money around it, minor units."""

    order: Row
    facts: LegalFacts
    recovered_on: date
    costs_minor: int
    proceeds_minor: int

    @property
    def debt_minor(self) -> int:
        return self.facts.money.schedule_minor - self.facts.money.paid_minor

    def to_redeem_minor(self) -> int:
        """Return what ends the reason for taking it: what is overdue of a sale (Civil Code 643), else all of it."""
        is_sale = self.facts.contract_type == "instalment_sale"
        return self.facts.money.overdue_minor if is_sale else self.debt_minor


def write_notices(rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy) -> dict[str, int]:
    """Make each notice that a recovery calls for, once a person and order, and return how many of each kind.

    Redemption and disposition follow the recovery, the account of the sale follows the sale's proceeds. A machine that
    was redeemed or given back needs none.
    """
    with reading(engine) as connection:
        taken = _taken(rt, connection, run_id, business_date, policy)
        made = {
            (row.order_id, row.kind, row.party_id)
            for row in connection.execute(select(legal_notice.c.order_id, legal_notice.c.kind, legal_notice.c.party_id))
        }
    rows = [
        _notice(rt, run_id, business_date, policy, one, kind, party)
        for one in taken
        for kind in _kinds(one)
        for party in (*one.facts.debtors, *one.facts.guarantors)
        if (one.order["order_id"], kind, party.party_id) not in made
    ]
    subjects = {one.facts.account_id: one.facts.subject_ref for one in taken}
    with writing(engine) as connection:
        insert_all(connection, legal_notice, rows)
        record_many(
            connection,
            rt,
            run_id=run_id,
            events=[_event(row, subjects[row["account_id"]], policy) for row in rows],
        )
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row["kind"]] += 1
    return dict(sorted(counts.items()))


def _kinds(taken: _Taken) -> Sequence[str]:
    if taken.order["machine"] in ("redeemed", "un_recovered"):
        return ()
    sold = taken.order["machine"] == "sold" and taken.proceeds_minor > 0
    return ("redemption", "disposition", *(["settlement"] if sold else []))


def _taken(rt: Runtime, connection: Connection, run_id: str, day: date, policy: Policy) -> list[_Taken]:
    orders = [
        dict(row)
        for row in connection.execute(
            select(repossession_order)
            .where(repossession_order.c.state == "recovered", repossession_order.c.recovered_at.is_not(None))
            .order_by(repossession_order.c.order_no)
        ).mappings()
    ]
    if not orders:
        return []
    ids = sorted({order["account_id"] for order in orders})
    ledger = frozen.open_ledger(connection, rt.settings.artifacts_url, run_id, ids)
    ledger.read_schedules(ids, day)
    files = {file.facts.account_id: file.facts for file in case_file.load(connection, ledger, policy, day, ids)}
    return [
        _with_money(connection, files[order["account_id"]], order, policy.time_zone)
        for order in orders
        if order["account_id"] in files
    ]


def _with_money(connection: Connection, facts: LegalFacts, order: Row, zone: str) -> _Taken:
    taken_on = day_of(order["recovered_at"], zone)
    costs = connection.execute(
        select(order_report.c.cost_minor).where(
            order_report.c.account_id == facts.account_id, order_report.c.result == "applied"
        )
    ).scalars()
    proceeds = connection.execute(
        select(recovery.c.amount_minor).where(
            recovery.c.account_id == facts.account_id, recovery.c.received_on >= taken_on
        )
    ).scalars()
    return _Taken(order, facts, taken_on, sum(cost or 0 for cost in costs), sum(proceeds))


def _notice(
    rt: Runtime, run_id: str, day: date, policy: Policy, taken: _Taken, kind: str, party: Party
) -> dict[str, Any]:
    notice_id = natural_key(taken.order["order_id"], kind, party.party_id)
    ends = _ends_on(kind, taken, day, policy)
    pdf = typesetting.render(rt.settings.home, TEMPLATE, _data(taken, kind, party, policy, day, ends, notice_id), day)
    path = f"notices/{notice_id[:2]}/{notice_id}.pdf"
    write_whole(rt.settings.artifacts_url, path, pdf)
    return {
        "notice_id": notice_id,
        "account_id": taken.facts.account_id,
        "order_id": taken.order["order_id"],
        "party_id": party.party_id,
        "kind": kind,
        "dated_on": day,
        "ends_on": ends,
        "balance_minor": _balance(taken) if kind == "settlement" else None,
        "pdf_path": path,
        "pdf_sha256": sha256(pdf),
        "run_id": run_id,
    }


def _ends_on(kind: str, taken: _Taken, day: date, policy: Policy) -> date | None:
    """Return the last day to redeem, or before the sale; a sale never comes before redemption has ended."""
    calendar, rules = policy.business_calendar(), policy.repossession
    redeem = calendar.next_working_day(max(taken.recovered_on, day) + timedelta(days=rules.redemption_days))
    if kind == "redemption":
        return redeem
    if kind == "disposition":
        return max(redeem, calendar.next_working_day(day + timedelta(days=rules.disposition_notice_days)))
    return None


def _claim(taken: _Taken, kind: str) -> int:
    return taken.debt_minor if kind == "settlement" else taken.to_redeem_minor()


def _balance(taken: _Taken) -> int:
    """Return the surplus, or below zero the deficiency, after costs and debt."""
    return taken.proceeds_minor - taken.costs_minor - taken.debt_minor


def _data(
    taken: _Taken, kind: str, party: Party, policy: Policy, day: date, ends: date | None, notice_id: str
) -> dict[str, Any]:
    lang = party.language or policy.language
    facts = taken.facts
    names = ("asset_make", "asset_model", "asset_serial")
    return {
        "lang": lang,
        "kind": kind,
        "number": f"{notice_id[:4]}-{notice_id[4:8]}-{notice_id[8:12]}".upper(),
        "lender": policy.creditor.name if lang == "zh" else policy.creditor.name_en,
        "policy": policy.stamp,
        "cutoff": day.isoformat(),
        "name": party.name,
        "address": party.service_address or party.address,
        "contract": facts.account_id,
        "asset": " ".join(filter(None, (facts.asset.get(name, "") for name in names))),
        "recovered": taken.recovered_on.isoformat(),
        "ends": ends.isoformat() if ends else "",
        "debt": amount(_claim(taken, kind), facts.money),
        "amounts": pairs(_amounts(taken, kind, lang)),
        "account": policy.creditor.payment_account if kind != "settlement" or _balance(taken) < 0 else "",
        "complaint_line": policy.creditor.complaint_line,
    }


def _amounts(taken: _Taken, kind: str, lang: str) -> list[list[str]]:
    en, balance, claim = lang == "en", _balance(taken), _claim(taken, kind)
    rows = [
        (("未付款项", "Unpaid under the contract"), claim),
        (("收回费用", "Costs of the recovery"), taken.costs_minor),
    ]
    if kind != "settlement":
        rows.append((("合计应付", "To be paid in all"), claim + taken.costs_minor))
    else:
        rows += [
            (("处置所得", "Proceeds of the sale"), taken.proceeds_minor),
            (("应退还盈余", "Surplus to be paid out") if balance >= 0 else ("不足部分", "Deficiency"), abs(balance)),
        ]
    return [[label[en], amount(minor, taken.facts.money)] for label, minor in rows]


def _event(row: Row, subject_ref: str, policy: Policy) -> Event:
    return Event(
        type="notice.made",
        key=row["notice_id"],
        business_date=row["dated_on"],
        subject_ref=subject_ref,
        causes=[row["order_id"]],
        policy_sha256=policy.sha256,
        data={
            "kind": row["kind"],
            "ends_on": row["ends_on"].isoformat() if row["ends_on"] else "",
            "balance_minor": row["balance_minor"] or 0,
            "pdf_sha256": row["pdf_sha256"],
        },
    )
