"""Work lists: one XLSX a collector and one for the legal desk, ready at 08:00, filled in and read back.

The first sheet is the list, its header in row 1 with fixed words (``sheet.header`` of the vocabulary); the second has
a card for each contact: what to say, what to know, what to bring back. Beside the lists lie ``index.html``, which says
whose list is which file, and the ``mapping.yaml`` under which a filled list is an *outcomes* feed
(``outcome_dialect``): header to column, word to code.
``party_id`` and ``staff_id`` stand in hidden columns; a row in which nobody wrote is no row of the feed; other columns
are there for people. So ``arrears import outcomes LIST.xlsx`` reads a list back from the folder it was issued in.

No cell made from data can become a formula, a link or a number of its own; the same data give the same bytes.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from sqlalchemy import Connection, Engine, select

from arrears.core.keys import natural_key, sha256
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.reports.artefacts import keep
from arrears.reports.briefs import PEOPLE, cards_of
from arrears.reports.list_index import Entry, list_index
from arrears.reports.owed import OverdueInstalments
from arrears.reports.scope import LEGAL_DESK, last_decided
from arrears.reports.sheet import INPUTS, list_sheet
from arrears.reports.wording import LANGUAGES, Words, words
from arrears.reports.worklist_rows import Row, rows_by_desk
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import CHANNELS, LEVELS, OUTCOMES, REASONS, staff

MOST_MASKED_ROWS = 5_000
"""A manager's mail carries no more; the full lists are at the desks."""

FEED_COLUMNS = {
    "contract": "account_id",
    "party_id": "party_id",
    "channel": "channel",
    "at": "at",
    "outcome": "outcome",
    "reason": "reason",
    "note": "note",
    "promised_amount": "promised_amount",
    "promised_on": "promised_on",
    "next_on": "next_action_on",
    "willingness": "willingness",
    "ability": "ability",
    "staff_id": "staff_id",
}
"""Which header of a list is which column of the outcomes feed."""


@dataclass(frozen=True)
class WorklistFile:
    """One written list; ``desk`` is a staff id, ``legal``, or '' for contacts nobody owns."""

    desk: str
    language: str
    path: str
    sha256: str
    rows: int
    contacts: int


def write_worklists(
    rt: Runtime, engine: Engine, run_id: str, business_date: date, policy: Policy
) -> list[WorklistFile]:
    """Write today's lists under the artefacts URL, one a desk, and return them; writing again gives the same bytes.

    ``run_id`` is accepted for the record of the caller: what is on a list depends on the business date alone.
    """
    del run_id
    return _write(rt, engine, _Issue(business_date, business_date), policy)


def write_carried_over(rt: Runtime, engine: Engine, business_date: date, policy: Policy) -> list[WorklistFile]:
    """Write, on a day without decisions, what is left of the last lists as today's: marked with the day they are of.

    Nobody then has an empty morning; the lists of a ledger that comes later take their place.
    """
    with reading(engine) as connection:
        rows_of = last_decided(connection, business_date)
        if rows_of is None or _is_decided(connection, business_date):
            return []
    return _write(rt, engine, _Issue(business_date, rows_of), policy)


@dataclass(frozen=True)
class _Issue:
    """The lists of a day, and the day whose work stands on them."""

    business_date: date
    rows_of: date

    @property
    def is_carried(self) -> bool:
        return self.rows_of != self.business_date

    def warning(self, say: Words) -> str:
        """Return what stands before every contact of a list that is not of today."""
        return say("sheet.carried", date=self.rows_of.isoformat()) if self.is_carried else ""

    def path(self, language: str, policy: Policy, desk: str) -> str:
        kind = "carried" if self.is_carried else "worklist"
        return _path(self.business_date, language, policy, desk, kind)


def _write(rt: Runtime, engine: Engine, issue: _Issue, policy: Policy) -> list[WorklistFile]:
    written, business_date = [], issue.business_date
    entries: dict[str, list[Entry]] = defaultdict(list)
    with reading(engine) as connection:
        owed = OverdueInstalments.listed(connection, rt.settings.artifacts_url, issue.rows_of)
        people = {row.staff_id: row for row in connection.execute(staff.select())}
        for desks in _bundles(rows_by_desk(connection, issue.rows_of, only_open=issue.is_carried)):
            customers: dict[str, set[str]] = defaultdict(set)
            for desk, rows in desks:
                customers[_language(people.get(desk), policy)].update(row.party_id for row in rows)
            cards = {
                language: cards_of(connection, owed, issue.rows_of, words(language), policy, asked)
                for language, asked in customers.items()
            }
            for desk, rows in desks:
                member = people.get(desk)
                language = _language(member, policy)
                say = words(language)
                title = _title(desk, member, business_date, say)
                content = list_sheet(rows, title, business_date, say, cards[language], issue.warning(say))
                path = issue.path(language, policy, desk)
                keep(rt.settings.artifacts_url, path, content)
                entries[language].append(Entry(_owner(desk, member, say), path.rpartition("/")[2], _contacts(rows)))
                written.append(WorklistFile(desk, language, path, sha256(content), len(rows), _contacts(rows)))
    for language in sorted({file.language for file in written}):
        mapping = {"outcomes": outcome_dialect(language, policy.time_zone)}
        text = yaml.safe_dump(mapping, allow_unicode=True, sort_keys=True)
        say = words(language)
        index = list_index(entries[language], business_date, say, issue.warning(say))
        keep(rt.settings.artifacts_url, f"{_folder(business_date, language, policy)}/index.html", index)
        keep(rt.settings.artifacts_url, f"{_folder(business_date, language, policy)}/mapping.yaml", text.encode())
    return written


def _bundles(desks: Iterator[tuple[str, list[Row]]]) -> Iterator[list[tuple[str, list[Row]]]]:
    """Put desks together until their people are enough to be asked for at once: one desk may have three customers."""
    bundle: list[tuple[str, list[Row]]] = []
    for desk in desks:
        bundle.append(desk)
        if sum(len(rows) for _, rows in bundle) >= PEOPLE:
            yield bundle
            bundle = []
    if bundle:
        yield bundle


def kept_list(
    connection: Connection, artifacts_url: str, desk: str, business_date: date, policy: Policy
) -> bytes | None:
    """Return the kept file of a desk's list of a day, as it was first issued, or None when the desk has none.

    On a day without decisions it is the list that was carried over.
    """
    import fsspec

    member = connection.execute(staff.select().where(staff.c.staff_id == desk)).first()
    kind = "worklist" if _is_decided(connection, business_date) else "carried"
    path = _path(business_date, _language(member, policy), policy, desk, kind)
    files, root = fsspec.core.url_to_fs(artifacts_url)
    return bytes(files.cat_file(f"{root}/{path}")) if files.exists(f"{root}/{path}") else None


def _is_decided(connection: Connection, business_date: date) -> bool:
    query = select(decision.c.account_id).where(decision.c.business_date == business_date)
    return connection.execute(query.limit(1)).first() is not None


def _path(business_date: date, language: str, policy: Policy, desk: str, kind: str) -> str:
    name = natural_key(kind, business_date.isoformat(), desk or "-")
    return f"{_folder(business_date, language, policy)}/{name}.xlsx"


def _folder(business_date: date, language: str, policy: Policy) -> str:
    """Return where the lists of a language lie: one ``mapping.yaml`` a folder, so one language a folder."""
    folder = f"worklists/{business_date}"
    return folder if language == policy.language else f"{folder}/{language}"


def first_rows(connection: Connection, business_date: date, branch: str | None) -> list[Row]:
    """Return the rows of the whole day that a mail carries."""
    return [row for _desk, found in rows_by_desk(connection, business_date, branch, MOST_MASKED_ROWS) for row in found]


def outcome_dialect(language: str, time_zone: str) -> dict[str, Any]:
    """Return the ``mapping.yaml`` entry ``outcomes`` for a filled list of a language; moments are local time."""
    say = words(language)
    heads = say.family("sheet.header")
    return {
        "sheet": say("sheet.list"),
        "columns": {heads[head]: column for head, column in FEED_COLUMNS.items()},
        "values": {
            "channel": {say.label("channel", code): code for code in CHANNELS},
            "outcome": {say.label("outcome", code): code for code in OUTCOMES},
            "reason": {say.label("why", code): code for code in REASONS},
            "willingness": {say.label("level", code): code for code in LEVELS},
            "ability": {say.label("level", code): code for code in LEVELS},
        },
        "time_zone": time_zone,
        "skip_when_empty": [FEED_COLUMNS[name] for name in INPUTS],
    }


def language_of_list(heads: list[str]) -> str | None:
    """Return the language whose words a mapping's headers are, or None when it is no work list's."""
    return next((name for name in LANGUAGES if words(name).family("sheet.header")["contract"] in heads), None)


def language_of_header(header: list[str]) -> str | None:
    """Return the language of a filled list by its header row, or None when it is no work list."""
    for language in LANGUAGES:
        heads = words(language).family("sheet.header")
        if all(heads[name] in header for name in ("contract", "party_id", *INPUTS)):
            return language
    return None


def _contacts(rows: list[Row]) -> int:
    return len({(row.party_id, row.channel) for row in rows})


def _language(member: Any, policy: Policy) -> str:
    return member.language if member is not None and member.language in LANGUAGES else policy.language


def _title(desk: str, member: Any, business_date: date, say: Words) -> str:
    return say("sheet.title", date=business_date.isoformat(), name=_owner(desk, member, say))


def _owner(desk: str, member: Any, say: Words) -> str:
    if desk == LEGAL_DESK:
        return say("sheet.desk_legal")
    return str(member.name) if member is not None else desk or say("nobody")
