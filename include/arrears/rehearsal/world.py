"""A made-up lender's world that lives day by day: its customers, its collectors and the feeds of every morning."""

from collections.abc import Iterable
from datetime import date, time, timedelta
from pathlib import Path

from arrears.core.clock import at_local, utc_text
from arrears.rehearsal import papers
from arrears.rehearsal.feeds import Feeds, Row, write_feed, yuan
from arrears.rehearsal.fieldwork import News, work
from arrears.rehearsal.history import ZONE
from arrears.rehearsal.issued import Issued
from arrears.rehearsal.lives import Life, begin, live
from arrears.rehearsal.office import FINANCE
from arrears.rehearsal.portfolio import account_row, add_first_day, draw_portfolio

KEYS = {"holds": ("account_id", "kind", "from_on"), "documents": ("account_id", "party_id", "kind", "sha256")}
PREPARED_AFTER, CHOSEN_AFTER = timedelta(days=3), timedelta(days=18)


def portfolio_world(start: date, accounts: int, seed: int, *, all_on_the_15th: bool = False) -> "World":
    """Return a world of many accounts, at the start in every state a book of loans knows.

    ``all_on_the_15th`` lets every instalment fall due on one day of the month, the hardest book for the ledger gates.

    Raises:
        BadArguments: fewer accounts than a portfolio needs to mean anything.
    """
    contracts = draw_portfolio(start, seed, accounts, all_on_the_15th=all_on_the_15th)
    lives = [begin(contract, start) for contract in contracts]
    return World(start, seed, lives)


class World:
    """Everything outside the department; the same arguments and the same contacts give the same days."""

    def __init__(self, start: date, seed: int, lives: list[Life]) -> None:
        self.start, self.seed = start, seed
        self.lives = {life.account_id: life for life in lives}
        self.news, self._worked = News(), set[str]()
        self._instalments = {life.account_id: _instalment_cells(life) for life in lives}
        self._payments: dict[str, list[list[str]]] = {life.account_id: [] for life in lives}

    def work(self, on: date, issued: Iterable[Issued]) -> None:
        """Carry out what has left the desks so far; each contact once."""
        for contact in issued:
            if contact.contact_id not in self._worked:
                self._worked.add(contact.contact_id)
                work(contact, self.lives, on, self.seed, self.news)

    def evening(self, on: date) -> None:
        """Let a day end: customers pay or do not, and the files of those far behind grow."""
        self._worked.clear()
        for life in self.lives.values():
            live(life, on, self.seed)
            self._prepare_file(life, on)

    def write_morning(self, folder: Path, on: date, *, without: frozenset[str] = frozenset()) -> None:
        """Write the feeds of a morning: the whole ledger, and whatever else is news.

        ``without`` names accounts whose payments of the last two days the file leaves out: a file to be corrected.
        """
        feeds = Feeds()
        self._add_ledger(feeds, on, without)
        if on == self.start:
            add_first_day(feeds, [life.contract for life in self.lives.values()], on, self.seed)
        for feed, rows in self._arrived(on).items():
            feeds.add(feed, rows)
        feeds.add("controls", _controls(on, len(self._told(on))))
        feeds.write(folder, also_empty=False)

    def write_ledger(self, folder: Path, on: date) -> None:
        """Write the ledger alone once more, complete: the correction of a morning's file."""
        feeds = Feeds()
        self._add_ledger(feeds, on, frozenset())
        feeds.write(folder, also_empty=False)

    def write_arrivals(self, folder: Path, on: date) -> bool:
        """Write the holds that came up today for the intake of the afternoon; False when there are none."""
        tomorrow = on + timedelta(days=1)
        rows = self.news.take_early("holds", tomorrow)
        if rows:
            folder.mkdir(parents=True, exist_ok=True)
            write_feed(folder / f"holds__{on}.csv", "holds", rows)
        return bool(rows)

    def _add_ledger(self, feeds: Feeds, on: date, without: frozenset[str]) -> None:
        for life in self._told(on):
            feeds.add("accounts", [account_row(life.contract)])
            for cells in self._instalments[life.account_id]:
                feeds.add_cells("instalments", cells)
            for cells in self._payment_cells(life, on, hidden=life.account_id in without):
                feeds.add_cells("payments", cells)

    def _payment_cells(self, life: Life, on: date, *, hidden: bool) -> list[list[str]]:
        """Return what was paid, in the order it was booked: a payment is written once and never changes."""
        found, payments = self._payments[life.account_id], life.contract.payments
        for number, payment in enumerate(payments[len(found) :], start=len(found) + 1):
            found.append([f"Y-{life.account_id}-{number:03d}", life.account_id, payment.paid_on.isoformat(),
                          yuan(payment.amount), payment.kind])  # fmt: skip
        if not hidden:
            return found
        recent = on - timedelta(days=2)
        return [cells for cells, payment in zip(found, payments, strict=True) if payment.paid_on < recent]

    def _told(self, on: date) -> list[Life]:
        return [life for life in self.lives.values() if life.absent_from is None or on < life.absent_from]

    def _arrived(self, on: date) -> dict[str, list[Row]]:
        """Return the day's news by feed; of two rows about one thing only the newer is delivered."""
        found: dict[str, dict[tuple[str, ...], Row]] = {}
        for place, (feed, row) in enumerate(self.news.take(on)):
            names = KEYS.get(feed)
            key = tuple(row.get(name, "") for name in names) if names else (str(place),)
            found.setdefault(feed, {})[key] = row
        return {feed: list(rows.values()) for feed, rows in found.items()}

    def _prepare_file(self, life: Life, on: date) -> None:
        """Let the legal department collect papers and positions of an account far behind, and later choose a remedy."""
        if life.overdue_on(on) < 3 or life.contract.closed_on:
            return
        tomorrow = on + timedelta(days=1)
        self.news.add(tomorrow, "locations", papers.position_row(life.contract, on, self.seed))
        if life.contract.story.papers:
            return
        if life.prepared_on is None:
            life.prepared_on = on
            for row in papers.whole_file(life.contract, on):
                self.news.add(on + PREPARED_AFTER, "documents", row)
        elif on - life.prepared_on == CHOSEN_AFTER and int(life.account_id[1:]) % 3:
            self.news.add(tomorrow, "cases", _remedy(life, on))


def _remedy(life: Life, on: date) -> Row:
    chosen = "terminate_and_recover" if int(life.account_id[1:]) % 2 else "sue_and_preserve"
    return {"account_id": life.account_id, "case_id": f"K-{life.account_id}", "kind": "remedy", "state": "chosen",
            "at": utc_text(at_local(on, time(15), ZONE)), "remedy": chosen, "staff_id": "L-01"}  # fmt: skip


def _instalment_cells(life: Life) -> list[list[str]]:
    """Return the schedule as cells: it never changes, so it is made once."""
    contract = life.contract
    amounts = [yuan(contract.amount), yuan(contract.principal), yuan(contract.interest), "0.00"]
    return [[contract.account_id, str(number), due.isoformat(), *amounts] for number, due in
            enumerate(contract.dues, start=1)]  # fmt: skip


def _controls(on: date, accounts: int) -> list[Row]:
    """Return finance's figures of the morning."""
    figures = (("accounts", accounts), ("no_payment_in_flight", 0))
    return [{"business_date": on.isoformat(), "kind": kind, "value": str(value), "confirmed_by": FINANCE}
            for kind, value in figures]  # fmt: skip
