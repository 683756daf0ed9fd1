"""The file of a contract that may go to court: documents, machine positions, remedy chosen, holds and plans."""

import random
from datetime import date, time, timedelta

from arrears.core.calendar import add_months
from arrears.core.clock import at_local, utc_text
from arrears.rehearsal.contracts import Contract
from arrears.rehearsal.feeds import Row, yuan
from arrears.rehearsal.history import ZONE, approver, document_hash, letter_day, letter_result, visit_days
from arrears.rehearsal.office import FINANCE, LEGAL_APPROVER, RECALLED_AGENCY, RISK_APPROVER, field_ids

TITLES = {
    "contract": "融资合同",
    "guarantee_contract": "保证合同",
    "delivery_note": "设备交接验收单",
    "invoice": "购置发票",
    "registration": "动产担保登记证明",
    "service_address_confirmation": "送达地址确认书",
    "demand_letter": "催告函",
    "lawyers_letter": "律师函",
    "proof_of_service": "送达凭证",
    "visit_report": "上门走访记录",
    "photo": "现场照片",
    "insurance": "保险单",
    "valuation": "设备估值报告",
    "power_of_attorney": "授权委托书",
    "identity": "身份证明",
    "lender_licence": "出租人营业执照",
    "agreement": "还款协议",
    "statement_signed": "欠款确认书",
}
SIGNED_AT_START = ("contract", "delivery_note", "invoice", "registration", "insurance", "identity", "lender_licence")
FOR_COURT = ("valuation", "power_of_attorney", "demand_letter")


def document_rows(contract: Contract, on: date) -> list[Row]:
    """Return the documents on file: the contract for anyone overdue, everything for those whose file is complete."""
    story = contract.story
    rows = _signed(contract) if story.papers else _signed(contract)[:1] if story.overdue else []
    if story.papers or story.overdue >= 2:
        rows += _guarantees(contract)
    if story.papers:
        rows += _for_court(contract, on)
    if story.evidence >= 4:
        rows += _letters(contract, on) + _visits(contract, on)
    if "plan" in story.flags:
        rows.append(document_row(contract, contract.borrower.party_id, "agreement", on - timedelta(days=30), pages=3))
    return [row for row in rows if row["kind"] not in story.without]


def document_row(
    contract: Contract, party_id: str, kind: str, day: date, *, pages: int, variant: str = "", **more: str
) -> Row:
    """Return one document on file, confirmed by two people of the legal department unless told otherwise."""
    return {
        "account_id": contract.account_id,
        "party_id": party_id,
        "kind": kind,
        "dated_on": day.isoformat(),
        "sha256": document_hash(contract.account_id, party_id, kind + variant),
        "title": TITLES[kind],
        "pages": str(pages),
        "confirmed_by": "L-01",
        "second_confirmed_by": "L-02",
        **more,
    }


def signed_on(contract: Contract) -> date:
    """Return the day of signature, a month before the first due date."""
    return add_months(contract.dues[0], -1)


def _signed(contract: Contract) -> list[Row]:
    person, day = contract.borrower.party_id, signed_on(contract)
    pages = {"contract": 12}
    rows = [document_row(contract, person, kind, day, pages=pages.get(kind, 2)) for kind in SIGNED_AT_START]
    for row in rows:
        if row["kind"] == "registration":
            row["title"] += f" {contract.serial}"
    return rows


def _guarantees(contract: Contract) -> list[Row]:
    return [
        document_row(contract, party.person.party_id, "guarantee_contract", signed_on(contract), pages=6)
        for party in contract.guarantors
    ]


def _for_court(contract: Contract, on: date) -> list[Row]:
    people = [contract.borrower.party_id, *(party.person.party_id for party in contract.guarantors)]
    day, lately = signed_on(contract), on - timedelta(days=20)
    rows = [document_row(contract, person, "service_address_confirmation", day, pages=1) for person in people]
    return rows + [document_row(contract, contract.borrower.party_id, kind, lately, pages=4) for kind in FOR_COURT]


def whole_file(contract: Contract, on: date) -> list[Row]:
    """Return what the legal department collects once an account is far behind: all it needs but letter and visit."""
    rows = _signed(contract) + _guarantees(contract)
    people = [contract.borrower.party_id, *(party.person.party_id for party in contract.guarantors)]
    rows += [
        document_row(contract, person, "service_address_confirmation", signed_on(contract), pages=1)
        for person in people
    ]
    return rows + [document_row(contract, contract.borrower.party_id, kind, on, pages=4) for kind in FOR_COURT]


def position_row(contract: Contract, on: date, seed: int) -> Row:
    """Return one position of a machine, in an uninhabited desert."""
    rng = random.Random(f"{seed}:position:{contract.account_id}:{on}")  # noqa: S311 - repeatable on purpose
    return {
        "account_id": contract.account_id,
        "source": "gps",
        "site_type": "site",
        "at": utc_text(at_local(on, time(7, rng.randint(0, 59)), ZONE)),
        "lat": f"38.{rng.randint(500_000, 999_999)}",
        "lon": f"82.{rng.randint(100_000, 999_999)}",
    }


def _letters(contract: Contract, on: date) -> list[Row]:
    """Return each person's letter and its proof of service, confirmed by two people."""
    served, result, rows = letter_day(contract, on), letter_result(contract), []
    for person in (contract.borrower.party_id, *(party.person.party_id for party in contract.guarantors)):
        service = {"served_on": served.isoformat(), "service_result": result}
        rows.append(document_row(contract, person, "lawyers_letter", served - timedelta(days=4), pages=2, **service))
        rows.append(document_row(contract, person, "proof_of_service", served, pages=1, **service))
    return rows


def _visits(contract: Contract, on: date) -> list[Row]:
    rows = []
    for number, day in enumerate(visit_days(contract, on)):
        people = {"confirmed_by": field_ids(contract.branch)[0], "second_confirmed_by": approver(contract)}
        for kind, pages in (("visit_report", 2), ("photo", 1)):
            rows.append(
                document_row(
                    contract, contract.borrower.party_id, kind, day, pages=pages, variant=str(number or ""), **people
                )
            )
    return rows


def location_rows(contract: Contract, on: date, seed: int) -> list[Row]:
    """Return three positions of a machine two or more instalments behind, in an uninhabited desert."""
    if contract.story.overdue < 2 and not contract.story.papers:
        return []
    rng = random.Random(f"{seed}:location:{contract.account_id}")  # noqa: S311 - repeatable on purpose
    newest = 6 if "location" in contract.story.without else 1
    site = rng.choice(("site", "public", "public", "locked"))
    return [
        {
            "account_id": contract.account_id,
            "source": "gps",
            "site_type": site,
            "at": utc_text(at_local(on - timedelta(days=newest + back), time(10, rng.randint(0, 59)), ZONE)),
            "lat": f"38.{rng.randint(500_000, 999_999)}",
            "lon": f"82.{rng.randint(100_000, 999_999)}",
        }
        for back in (2, 1, 0)
    ]


def case_rows(contract: Contract, on: date) -> list[Row]:
    """Return the remedy a person chose, and the suit of the account that is already in court."""
    rows, chosen = [], utc_text(at_local(on - timedelta(days=9), time(15), ZONE))
    if contract.story.remedy:
        rows.append(
            {
                "account_id": contract.account_id,
                "case_id": f"K-{contract.account_id}",
                "kind": "remedy",
                "state": "chosen",
                "at": chosen,
                "remedy": "terminate_and_recover",
                "staff_id": "L-01",
            }
        )
    if "suit" in contract.story.flags:
        rows.append(
            {
                "account_id": contract.account_id,
                "case_id": f"S-{contract.account_id}",
                "kind": "suit",
                "state": "filed",
                "at": chosen,
                "remedy": "sue_and_preserve",
                "staff_id": "L-02",
                "court": "示例省长河市人民法院",
                "case_no": "（2026）示0001民初1号",
            }
        )
    return rows


def hold_rows(contract: Contract, on: date) -> list[Row]:
    """Return the hold of the stories that have one."""
    if not contract.story.hold:
        return []
    return [
        {
            "account_id": contract.account_id,
            "kind": contract.story.hold,
            "approved_by": approver(contract),
            "from_on": (on - timedelta(days=12)).isoformat(),
            "reason": "样例",
        }
    ]


def plan_rows(contract: Contract, on: date) -> list[Row]:
    """Return the signed repayment plan, with the guarantors' written consent."""
    if "plan" not in contract.story.flags:
        return []
    signed = on - timedelta(days=30)
    return [
        {
            "account_id": contract.account_id,
            "signed_on": signed.isoformat(),
            "instalments": "6",
            "waiver": "0.00",
            "first_due_on": add_months(signed, 2).isoformat(),
            "amount_each": yuan(contract.amount // 2),
            "guarantor_consent_ref": document_hash(contract.account_id, contract.borrower.party_id, "agreement"),
            "approved_by": FINANCE,
        }
    ]


def promise_rows(contract: Contract, on: date) -> list[Row]:
    """Return promises told as promises: one that was broken."""
    if "promise_broken" not in contract.story.flags:
        return []
    made = on - timedelta(days=20)
    return [
        {
            "account_id": contract.account_id,
            "made_on": made.isoformat(),
            "channel": "call",
            "due_on": (made + timedelta(days=8)).isoformat(),
            "amount": yuan(contract.amount),
            "party_id": contract.borrower.party_id,
            "evidence_ref": f"rec-{contract.account_id}",
        }
    ]


def opening_rows(contract: Contract, on: date) -> list[Row]:
    """Return the order that was already with a towing firm when the books were opened, attested by two people."""
    if "recalled" not in contract.story.flags:
        return []
    return [
        {
            "account_id": contract.account_id,
            "kind": "order_handed_off",
            "agency_id": RECALLED_AGENCY,
            "at": utc_text(at_local(on - timedelta(days=5), time(16), ZONE)),
            "party_id": contract.borrower.party_id,
            "channel": "placement",
            "evidence_ref": f"RO-{on.year}-0001",
            "attested_by": LEGAL_APPROVER,
            "second_attested_by": RISK_APPROVER,
        }
    ]


def change_rows(contract: Contract, on: date) -> list[Row]:
    """Return payment holidays that were granted."""
    if "holiday" not in contract.story.flags:
        return []
    return [
        {
            "account_id": contract.account_id,
            "kind": "payment_holiday",
            "approved_by": approver(contract),
            "from_on": (on - timedelta(days=10)).isoformat(),
            "until_on": (on + timedelta(days=50)).isoformat(),
        }
    ]


def charge_rows(contract: Contract, on: date) -> list[Row]:
    """Return the late charges of aged accounts."""
    if contract.story.overdue < 5:
        return []
    return [
        {
            "account_id": contract.account_id,
            "charged_on": (on - timedelta(days=15)).isoformat(),
            "kind": "late_charge",
            "amount": yuan(contract.amount // 100),
        }
    ]
