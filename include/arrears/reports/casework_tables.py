"""The tables of a digest about what people settle, and about what a month came to."""

from arrears.reports.control_tables import ControlTables
from arrears.reports.figures import TOP
from arrears.reports.kpi import rate
from arrears.reports.money_text import DASH, exact, exact_all, percent
from arrears.reports.month import Share
from arrears.reports.page import Table


class CaseworkTables(ControlTables):
    """Makes the tables for those who decide about cases, and look back on a month."""

    def committee(self) -> Table | None:
        """Return, on the committee's day, the aged accounts that wait for its decision, the oldest first."""
        lines = self._figures.committee
        rows = [
            [
                line.account_id,
                f"{line.days_past_due:,}",
                exact(line.overdue_minor, line.currency),
                self._words.label("lane", line.lane),
                DASH if line.last_decision is None else self._words.label("committee_decision", line.last_decision),
            ]
            for line in lines[:TOP]
        ]
        return self._table(
            "committee", "contract", "#days_late", "#amount", "lane", "last_decision", rows=rows, more=len(lines) - TOP
        )

    def expected(self) -> Table | None:
        """Return how much of the arrears is likely to come back, by band."""
        rows = [
            [
                self._words.label("band", line.band),
                f"{line.owed.accounts:,}",
                exact_all(line.owed.overdue, self._currency),
                exact_all(line.expected.overdue, self._currency),
                percent(self._share_of(line.expected.overdue, line.owed.overdue)),
            ]
            for line in self._figures.expected
        ]
        note = self._words("expected_note")
        return self._table("expected", "band", "#accounts", "#overdue", "#expected", "#share", rows=rows, note=note)

    def _share_of(self, part: dict[str, int], whole: dict[str, int]) -> int | None:
        return rate(part.get(self._currency, 0), whole.get(self._currency, 0))

    def steps(self) -> Table | None:
        """Return how many accounts each kind of contact reached in the month, and how many were cured."""
        month = self._figures.month
        shares = month.steps if month else []
        return self._shares("steps", "step", [(self._words.label("step", one.name), one) for one in shares])

    def cadence(self) -> Table | None:
        """Return how many accounts were contacted on one day, on two, on three or more, and how many were cured."""
        month = self._figures.month
        return self._shares("cadence", "times", [(one.name, one) for one in (month.cadence if month else [])])

    def features(self) -> Table | None:
        """Return who was overdue in the month by what is known of the contracts; nobody is treated by it."""
        month = self._figures.month
        rows = [(self._feature(one), one) for one in (month.features if month else [])]
        return self._shares("features", "feature", rows, self._words("features_note"))

    def _feature(self, one: Share) -> str:
        name = (
            self._words.label("feature_value", one.name) if self._words.knows("feature_value", one.name) else one.name
        )
        return f"{self._words.label('feature', one.family)}: {name or self._words('unknown')}"

    def _shares(self, table: str, head: str, rows: list[tuple[str, Share]], note: str = "") -> Table | None:
        cells = [[name, f"{one.accounts:,}", f"{one.cured:,}", percent(one.cure_rate)] for name, one in rows]
        return self._table(table, head, "#accounts", "#current", "#share", rows=cells, note=note)

    def performance(self) -> Table | None:
        """Return how the work of the month went, each figure with what it was divided by."""
        month = self._figures.month
        rows = [
            [
                self._words.label("performance", one.name),
                percent(one.share) if one.is_share else self._tenths(one.each),
                f"{one.part:,} / {one.whole:,}",
            ]
            for one in (month.performance if month else [])
        ]
        return self._table("performance", "measure", "#value", "#share_of", rows=rows)

    @staticmethod
    def _tenths(value: int | None) -> str:
        return DASH if value is None else f"{value // 10:,}.{value % 10}"

    def cases(self) -> Table | None:
        """Return a few accounts to talk about: cured with the fewest contacts, not cured in spite of the most."""
        month = self._figures.month
        rows = [
            [self._words.label("case_result", "cured" if one.cured else "open"), one.account_id, f"{one.contacts:,}"]
            for one in (month.cases if month else [])
        ]
        return self._table("cases", "result", "contract", "#times", rows=rows)

    def scorecard(self) -> Table | None:
        """Return what each member of staff did, by name: conduct beside results, no ranking and never money alone."""
        month = self._figures.month
        rows = [
            [
                self._staff(one.staff_id),
                f"{one.attempts:,}",
                percent(one.reached_rate),
                percent(one.reasoned_rate),
                percent(one.kept_rate),
                exact_all(one.kept, self._currency) if one.kept else DASH,
                f"{one.complaints:,}",
            ]
            for one in (month.scores if month else [])
        ]
        return self._table(
            "scorecard",
            "staff",
            "#attempts",
            "#reached",
            "#reasoned",
            "#kept",
            "#kept_amount",
            "#complaints",
            rows=rows,
        )
