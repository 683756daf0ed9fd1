"""The exhibits of a packet: the evidence catalogue, in one order wherever documents are listed."""

from datetime import date

from arrears.legal.facts import Document, LegalFacts
from arrears.legal.plain_text import day_text
from arrears.legal.wording import words

_SHORT_HASH = 12


def evidence_rows(facts: LegalFacts, lang: str) -> list[list[str]]:
    """Return the evidence catalogue: what it is, from whom, how it was served, who confirmed it, what it proves."""
    names = {party.party_id: party.name for party in facts.parties}
    return [
        [
            str(number),
            row.title or words(row.kind, lang),
            names.get(row.party_id, ""),
            day_text(row.dated_on),
            str(row.pages or ""),
            " ".join(
                filter(None, (words(row.service_result, lang) if row.service_result else "", day_text(row.served_on)))
            ),
            ", ".join(filter(None, (row.confirmed_by, row.second_confirmed_by))),
            words(f"proves_{row.kind}", lang),
            row.sha256[:_SHORT_HASH],
        ]
        for number, row in enumerate(in_order(facts), start=1)
    ]


def in_order(facts: LegalFacts) -> list[Document]:
    """Return the documents by kind, then date: their place is their number."""
    return sorted(facts.documents, key=lambda row: (row.kind, row.dated_on or date.max, row.sha256))
