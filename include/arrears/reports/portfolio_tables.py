"""The tables about money: the key figures of a month, the stages, the ages, and the movement between them."""

from arrears.reports.casework_tables import CaseworkTables
from arrears.reports.figures import TOP
from arrears.reports.kpi import PAR_DAYS, quarterly_reduction, rate
from arrears.reports.money_text import DASH, exact, exact_all, percent
from arrears.reports.page import Table
from arrears.reports.scope import CARRIED

ROLLS = ("M0", "M1", "M2", "M3")
"""From each of these into the next."""


class PortfolioTables(CaseworkTables):
    """The money of one morning in one reader's words."""

    def key_figures(self) -> Table | None:
        """Return the month against its target, the portfolio at risk and its movement, and the contacts."""
        rows = [*self._pace_rows(), *self._recovered_rows(), *self._risk_rows(), *self._roll_rows()]
        rates = {"promise_kept": self._figures.promise_kept_rate, "right_party": self._figures.right_party_rate}
        rows += [[self._words(f"measure.{key}"), percent(found)] for key, found in rates.items()]
        sent, planned = self._figures.yesterday.count("sent"), self._figures.today.count(*CARRIED)
        rows += [[self._words("measure.sent"), f"{sent:,}"], [self._words("measure.planned"), f"{planned:,}"]]
        return self._table("recovery", "measure", "#value", rows=rows)

    def _roll_rows(self) -> list[list[str]]:
        """Return the roll rates out of the ages in which the work decides; the table of the movement has them all."""
        moved = self._figures.migration.get(self._currency)
        if moved is None:
            return []
        names = [self._words.label("bucket", name) for name in ROLLS]
        return [
            [self._words("measure.roll", one=one, next=other), percent(moved.moves[name].roll_rate)]
            for name, one, other in zip(ROLLS, names, names[1:], strict=False)
        ]

    def _pace_rows(self) -> list[list[str]]:
        main, pace = self._figures.recovery.get(self._currency), self._figures.pace
        if main is None:
            return []
        target = [self._words("measure.target"), percent(pace.target)]
        if main.since.day != 1:
            since = self._words("measure.recovered_since", date=main.since.isoformat())
            return [[since, percent(pace.recovered)], target]
        return [
            [self._words("measure.recovered"), percent(pace.recovered)],
            [self._words("measure.expected"), percent(pace.expected)],
            target,
            *self._natural_rows(),
        ]

    def _natural_rows(self) -> list[list[str]]:
        """Return what cures by itself: without it nobody can tell what the work achieved."""
        moved = self._figures.migration.get(self._currency)
        if moved is None:
            return []
        return [[self._words("measure.natural"), percent(moved.natural_cure_rate)]]

    def _recovered_rows(self) -> list[list[str]]:
        """Return the amounts in the house currency and then in the others."""
        rows = []
        for currency, line in sorted(self._figures.recovery.items(), key=lambda pair: pair[0] != self._currency):
            amounts = {
                "base": line.base_minor,
                "collected": line.collected_minor,
                "received_yesterday": line.received_yesterday_minor,
                "recovered_yesterday": line.recovered_yesterday_minor,
            }
            for key, minor in amounts.items():
                if minor is not None:
                    rows.append([self._words(f"measure.{key}"), exact(minor, currency)])
        return rows

    def _risk_rows(self) -> list[list[str]]:
        found = self._figures.portfolio.get(self._currency)
        if found is None:
            return []
        rows = [[self._words("measure.overdue_ratio"), percent(found.overdue_ratio)]]
        before = self._figures.quarter_before.get(self._currency)
        then = None if before is None else before.overdue_ratio
        rows += [
            [self._words("measure.quarter_before"), percent(then)],
            [self._words("measure.quarterly"), percent(quarterly_reduction(found.overdue_ratio, then))],
        ]
        return rows + [[self._words(f"measure.par{limit}"), percent(found.at_risk(limit))] for limit in PAR_DAYS]

    def branches(self) -> Table | None:
        """Return where the month stands by branch, the one that lacks most first, and whom to ask."""
        lines, mark = self._figures.branch_lines, self._words("list_mark")
        rows = [
            [
                line.branch,
                *(exact(minor, self._currency) for minor in (line.base_minor, line.collected_minor)),
                percent(line.recovered),
                exact(line.short_minor, self._currency) if line.short_minor > 0 else DASH,
                mark.join(line.supervisors) or self._words("nobody"),
            ]
            for line in lines[:TOP]
        ]
        heads = ("branch", "#base", "#collected", "#rate", "#short", "supervisor")
        return self._table("branches", *heads, rows=rows, more=len(lines) - TOP)

    def stages(self) -> Table | None:
        """Return accounts and overdue amounts by instalments behind."""
        stages = self._figures.stages
        accounts = sum(group.accounts for group in stages.values())
        if not accounts:
            return None
        rows = [
            [
                self._words.label("stage", stage),
                f"{group.accounts:,}",
                percent(rate(group.accounts, accounts)),
                exact_all(group.overdue, self._currency) if stage else DASH,
            ]
            for stage, group in stages.items()
        ]
        return self._table("stages", "stage", "#accounts", "#share", "#overdue", rows=rows)

    def buckets(self) -> Table | None:
        """Return age and principal of the house currency, from the frozen ledger."""
        found = self._figures.portfolio.get(self._currency)
        if found is None:
            return None
        rows = [
            [
                self._words.label("bucket", name),
                f"{bucket.accounts:,}",
                exact(bucket.overdue_minor, self._currency),
                exact(bucket.principal_minor, self._currency),
            ]
            for name, bucket in found.buckets.items()
            if bucket.accounts
        ]
        note = self._words("unpaid_principal_note", n=found.without_principal) if found.without_principal else ""
        return self._table("buckets", "bucket", "#accounts", "#overdue", "#principal", rows=rows, note=note)

    def migration(self) -> Table | None:
        """Return where the accounts of each age went since the month before ended, in the house currency."""
        found = self._figures.migration.get(self._currency)
        if found is None:
            return None
        rows = [
            [
                self._words.label("bucket", name),
                *(
                    f"{count:,}"
                    for count in (move.accounts, move.current, move.better + move.same, move.worse, move.gone)
                ),
                percent(move.roll_rate),
            ]
            for name, move in found.moves.items()
            if move.accounts
        ]
        note = self._words(
            "migration_note",
            date=found.since.isoformat(),
            rate=percent(found.cure_rate),
            natural=percent(found.natural_cure_rate),
            n=found.untreated,
        )
        return self._table(
            "migration", "bucket", "#accounts", "#current", "#stayed", "#worse", "#gone", "#roll", rows=rows, note=note
        )
