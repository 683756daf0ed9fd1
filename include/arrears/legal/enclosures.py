"""The tables of a packet as files beside its PDF, for a spreadsheet: the same rows, each amount as plain digits."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from arrears.core.money import digits_of, format_minor
from arrears.legal.case_file import CaseFile
from arrears.legal.exhibits import in_order
from arrears.legal.plain_text import day_text

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def enclosures(case: CaseFile) -> dict[str, bytes]:
    """Return the statement of account, the payments, the evidence and the chronology as CSV (UTF-8, LF)."""
    facts = case.facts
    digits = digits_of(facts.money.currency)

    def plain(minor: int) -> str:
        return format_minor(minor, digits)

    return {
        "statement.csv": _csv(
            ("instalment_no", "due_date", "amount", "paid", "unpaid", "penalty_in_amount", "currency"),
            (
                (
                    str(row.instalment_no),
                    day_text(row.due_date),
                    plain(row.amount_minor),
                    plain(row.paid_minor),
                    plain(row.unpaid_minor),
                    plain(row.penalty_minor or 0),
                    facts.money.currency,
                )
                for row in facts.instalments
            ),
        ),
        "payments.csv": _csv(
            ("paid_on", "amount", "kind", "payment_id"),
            ((day_text(row.paid_on), plain(row.amount_minor), row.kind, row.payment_id) for row in facts.payments),
        ),
        "evidence.csv": _csv(
            ("no", "kind", "party_id", "dated_on", "served_on", "service_result", "pages", "form", "sha256"),
            (
                (
                    str(number),
                    row.kind,
                    row.party_id,
                    day_text(row.dated_on),
                    day_text(row.served_on),
                    row.service_result,
                    str(row.pages or ""),
                    row.form,
                    row.sha256,
                )
                for number, row in enumerate(in_order(facts), start=1)
            ),
        ),
        "chronology.csv": _csv(
            ("on", "party_id", "channel", "script", "result", "arrived_on", "proof"),
            (
                (
                    day_text(line.on),
                    line.party_id,
                    line.channel,
                    line.script,
                    line.result,
                    day_text(line.arrived_on),
                    line.proof,
                )
                for line in case.contacts
            ),
        ),
    }


def _csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_tame(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def _tame(cell: str) -> str:
    """Keep a spreadsheet from running a cell that somebody wrote as a formula; amounts stay as they are."""
    is_amount = cell.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{cell}" if cell.startswith(_FORMULA) and not is_amount else cell
