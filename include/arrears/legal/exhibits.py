"""The exhibits of a packet: the evidence catalogue, in one order wherever documents are listed."""

from datetime import date

from arrears.legal.facts import Document, LegalFacts
from arrears.legal.plain_text import day_text
from arrears.legal.wording import words

_SHORT_HASH = 8


def evidence_rows(facts: LegalFacts, lang: str) -> list[list[str]]:
    """Return the evidence catalogue: what, whose, original or copy, from where, how served, what it proves."""
    names = {party.party_id: party.name for party in facts.parties}
    return [
        [
            str(number),
            row.title or words(row.kind, lang),
            names.get(row.party_id, ""),
            day_text(row.dated_on),
            str(row.pages or ""),
            words(row.form, lang) if row.form else "",
            words(f"from_{row.kind}", lang),
            _proof(row, lang),
            words(f"proves_{row.kind}", lang),
            row.sha256[:_SHORT_HASH],
        ]
        for number, row in enumerate(in_order(facts), start=1)
    ]


def _proof(row: Document, lang: str) -> str:
    """Say how a paper reached its reader and which two people stand for it."""
    service = words(row.service_result, lang) if row.service_result else ""
    people = ", ".join(filter(None, (row.confirmed_by, row.second_confirmed_by)))
    return " ".join(filter(None, (service, day_text(row.served_on), f"({people})" if people else "")))


def numbers_of(facts: LegalFacts, *kinds: str) -> str:
    """Return the numbers under which the papers of some kinds stand in the catalogue."""
    return ", ".join(str(number) for number, row in enumerate(in_order(facts), start=1) if row.kind in kinds)


def in_order(facts: LegalFacts) -> list[Document]:
    """Return the documents by kind, then date: their place is their number."""
    return sorted(facts.documents, key=lambda row: (row.kind, row.dated_on or date.max, row.sha256))
