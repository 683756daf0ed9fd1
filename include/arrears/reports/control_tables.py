"""The tables that show how the runs went: checks, overrides, versions, doubt, and rows set aside."""

from arrears.ladder.policy import Policy
from arrears.reports.control import GateLine, RunLine
from arrears.reports.figures import TOP, Figures
from arrears.reports.page import Column, Table
from arrears.reports.wording import Words


class ControlTables:
    """The tables about the runs themselves; the words and figures of one reader."""

    def __init__(self, figures: Figures, words: Words, policy: Policy) -> None:
        self._figures, self._words, self._currency = figures, words, policy.currency

    def gates(self) -> Table | None:
        """Return what the ledger checks said, the failed ones first."""
        rows = [
            [self._gate(line.name), self._passed(line), "" if line.passed else self._why(line)]
            for line in self._figures.gates
        ]
        return self._table("gates", "gate", "result", "detail", rows=rows)

    def troubled_gates(self) -> Table | None:
        """Return the ledger checks when one did not pass; a morning on which all did says so in one line below."""
        return None if self._figures.all_gates_passed else self.gates()

    def _gate(self, name: str) -> str:
        return self._words.label("gate", name) if self._words.knows("gate", name) else name.replace("_", " ")

    def _why(self, line: GateLine) -> str:
        """Say in business words what a failed check means and who mends it; the figures stay with the run."""
        return self._words.label("gate_why", line.name) if self._words.knows("gate_why", line.name) else line.detail

    def _passed(self, line: GateLine) -> str:
        if line.passed:
            return self._words("passed")
        return (
            self._words("overridden", name=self._staff(line.overridden_by))
            if line.overridden_by
            else self._words("failed")
        )

    def quarantine(self) -> Table | None:
        """Return why ledger rows were set aside, the commonest reason first."""
        rows = [[self._fault(code), f"{count:,}"] for code, count in self._figures.quarantine.most_common(TOP)]
        return self._table("quarantine", "reason", "#count", rows=rows, more=len(self._figures.quarantine) - TOP)

    def _fault(self, code: str) -> str:
        feed, _, reason = code.partition(":")
        return f"{self._words.label('feed', feed)} · {self._words.label('fault', reason)}"

    def in_doubt(self) -> Table | None:
        """Return the messages in doubt with their age."""
        rows = [
            [
                self._words.label("channel", channel),
                day.isoformat(),
                self._words("days", n=(self._figures.business_date - day).days),
            ]
            for _contact, channel, day in self._figures.in_doubt
        ]
        return self._table("in_doubt", "channel", "day", "#age", rows=rows)

    def runs(self) -> Table | None:
        """Return the runs of the past week."""
        return self._table(
            "runs",
            "day",
            "#delivery",
            "status",
            "#rows",
            "#quarantined",
            "version",
            rows=[self._run(line) for line in self._figures.week.runs],
        )

    def _run(self, line: RunLine) -> list[str]:
        return [
            line.business_date.isoformat(),
            f"{line.delivery_no}",
            self._words("run_under_way") if line == self._figures.run else self._words.label("run_status", line.status),
            f"{line.rows:,}",
            f"{line.quarantined:,}",
            line.code_version,
        ]

    def overrides(self) -> Table | None:
        """Return which checks people overrode in the past week."""
        rows = [
            [run_id, self._gate(name), self._staff(staff_id)] for run_id, name, staff_id in self._figures.week.overrides
        ]
        return self._table("overrides", "run", "gate", "staff", rows=rows)

    def policies(self) -> Table | None:
        """Return the rule versions the past week decided by."""
        rows = [[policy_id, version] for policy_id, version, _sha256 in self._figures.week.policies]
        return self._table("policies", "policy", "version", rows=rows)

    def _staff(self, staff_id: str | None) -> str:
        return self._figures.staff_names.get(staff_id or "") or staff_id or self._words("nobody")

    def _table(self, name: str, *columns: str, rows: list[list[str]], more: int = 0, note: str = "") -> Table | None:
        """Return a table by its name in the vocabulary; a head marked ``#`` holds numbers."""
        if not rows:
            return None
        heads = [
            Column(self._words(f"column.{column.removeprefix('#')}"), column.startswith("#")) for column in columns
        ]
        where = name if self._words.knows("and_more", name) else "here"

        def rest(count: int) -> str:
            return self._words(f"and_more.{where}", n=count)

        return Table(self._words(f"table.{name}"), heads, rows, rest, more, note)
