"""The tables of a digest in business words: no codes, no hashes, names masked."""

from collections import Counter

from arrears.reports.casework import PacketLine
from arrears.reports.control import ExceptionLine
from arrears.reports.figures import TOP
from arrears.reports.lacking import CHOSEN_CLOSED, closed_by
from arrears.reports.money_text import DASH, exact, masked
from arrears.reports.page import Table
from arrears.reports.portfolio_tables import PortfolioTables
from arrears.reports.scope import LEGAL_DESK, POSTED
from arrears.reports.work import Task

CHANNEL_ORDER = ("call", "visit", "letter", "sms", "email", "senior_contact", "credit_notice", "asset_search", "debit",
                 "placement", "remote_lock")  # fmt: skip

FIRST_SCREEN = 5
"""So many rows a table beside another one has, where the whole of it stands elsewhere."""


class Tables(PortfolioTables):
    """Makes the tables of one reader from one morning's figures; a table without rows is ``None``."""

    def plan(self) -> Table | None:
        """Return what is planned today and what came of yesterday's contacts, by channel."""
        today, before = self._figures.today, self._figures.yesterday
        rows = [
            [
                self._words.label("channel", channel),
                f"{today.count('planned', 'claimed', 'sending', 'sent', 'in_doubt', channels=[channel]):,}",
                f"{today.count('withheld', channels=[channel]):,}",
                f"{before.count('sent', channels=[channel]):,}",
                f"{before.count('rejected', channels=[channel]):,}",
                f"{before.count('planned', 'expired', 'in_doubt', channels=[channel]):,}",
            ]
            for channel in CHANNEL_ORDER
            if today.by_channel.get(channel) or before.by_channel.get(channel)
        ]
        return self._table("plan", "channel", "#today", "#withheld", "#sent", "#rejected", "#unfinished", rows=rows)

    def exceptions(self) -> Table | None:
        """Return what only a person can settle, with who and how long it has waited."""
        return self._waiting(self._figures.exceptions)

    def legal_exceptions(self) -> Table | None:
        """Return what the legal desk settles, and what it must know of because somebody outside was told to stop."""
        return self._waiting([line for line in self._figures.exceptions if line.owner in ("legal", "risk")])

    def _waiting(self, lines: list[ExceptionLine]) -> Table | None:
        rows = []
        for line in lines:
            age = line.age(self._figures.business_date)
            rows.append(
                [
                    self._words.label("exception", line.kind),
                    f"{line.count:,}",
                    self._words.label("role", line.owner),
                    DASH if not age else self._words("days", n=age),
                ]
            )
        return self._table("exceptions", "what", "#count", "who", "#age", rows=rows)

    def packets(self) -> Table | None:
        """Return the accounts nearest to hand-over with what each still lacks."""
        lines = self._figures.packet_lines
        rows = [
            [line.account_id, masked(line.party_name), exact(line.overdue_minor, line.currency), self._treatment(line)]
            for line in lines
        ]
        more = sum(self._figures.packets.values()) - self._figures.packets["withheld"] - len(lines)
        return self._table("packets", "contract", "customer", "#amount", "treatment", rows=rows, more=more)

    def _treatment(self, line: PacketLine) -> str:
        standing = self._words("treatment", n=line.overdue_instalments, rung=self._words.label("rung", line.rung))
        names = self._words("list_mark")
        if line.state == "incomplete":
            why = names.join(self._words.label("need", name) for name in line.reasons or line.missing)
            return f"{standing} · {self._words('incomplete', names=why or self._words('unknown'))}"
        if CHOSEN_CLOSED in line.reasons and line.chosen_remedy:
            return f"{standing} · {self._closed(line, line.chosen_remedy)}"
        lacking = [*(code for code in line.reasons if ":" not in code), *line.missing]  # not why one remedy is closed
        if lacking:
            shown = names.join(self._words.label("need", name) for name in lacking)
            return f"{standing} · {self._words('missing', n=len(lacking), names=shown)}"
        return f"{standing} · {self._complete(line)}"

    def _closed(self, line: PacketLine, remedy: str) -> str:
        """Say that another remedy must be chosen, why, and what is missing besides."""
        why = closed_by(line.reasons, remedy, self._words)
        besides = [self._words.label("need", name) for name in line.missing]
        shown = self._words("list_mark").join([*why, *besides]) or self._words("unknown")
        return self._words("missing_closed", remedy=self._words.label("chosen", remedy), why=shown)

    def _complete(self, line: PacketLine) -> str:
        """Say what comes after the papers: the state of order or approval, so that it agrees with their tables."""
        if line.order_state is not None:
            return self._words("missing_ordered", state=self._words.label("order", line.order_state))
        if line.approval_state is not None:
            return self._words("missing_asked", state=self._words.label("packet_asked_state", line.approval_state))
        if line.chosen_remedy is None:
            return self._words("missing_nothing")
        return self._words("missing_chosen", remedy=self._words.label("chosen", line.chosen_remedy))

    def approvals(self) -> Table | None:
        """Return the questions that wait for people, with whose answer is missing."""
        lines = self._figures.approval_lines
        rows = [
            [
                self._words.label("approval", line.kind),
                " · ".join(filter(None, (line.number, line.account_id))) or DASH,
                line.asked_on.isoformat(),
                self._words("list_mark").join(self._words.label("role", role) for role in line.missing) or DASH,
            ]
            for line in lines
        ]
        more = sum(line.count for line in self._figures.approvals) - len(lines)
        return self._table("approvals", "what", "order_or_contract", "since", "waits_for", rows=rows, more=more)

    def orders(self) -> Table | None:
        """Return the recovery orders by state."""
        rows = [
            [self._words.label("order", state), f"{count:,}"] for state, count in sorted(self._figures.orders.items())
        ]
        return self._table("orders", "status", "#count", rows=rows)

    def clocks(self) -> Table | None:
        """Return the rights that lapse before the month ends, the soonest first."""
        lines = sorted(
            (line for total in self._figures.lapsing.values() for line in total.lines),
            key=lambda line: (line.expires_on, line.account_id, line.party_id),
        )
        rows = [
            [
                self._words.label("clock", line.name),
                line.account_id,
                line.expires_on.isoformat(),
                exact(line.amount_minor, line.currency),
            ]
            for line in lines[:TOP]
        ]
        return self._table("clocks", "what", "contract", "expires", "#amount", rows=rows, more=len(lines) - TOP)

    def next_deadlines(self) -> Table | None:
        """Return the first of the last days, for whoever sees all of them elsewhere."""
        return self.deadlines(FIRST_SCREEN)

    def deadlines(self, most: int = TOP) -> Table | None:
        """Return the last days within the policy's alerts, those that passed first."""
        lines = self._figures.deadlines
        rows = [
            [
                self._words.label("clock", line.kind),
                " · ".join(filter(None, (line.subject, line.of_account))),
                line.on.isoformat(),
                self._days_left(line.days_left(self._figures.business_date)),
            ]
            for line in lines[:most]
        ]
        return self._table("deadlines", "what", "subject", "expires", "#days_left", rows=rows, more=len(lines) - most)

    def _days_left(self, days: int) -> str:
        if days == 0:
            return self._words("days_today")
        return self._words("days", n=days) if days > 0 else self._words("days_over", n=-days)

    def stopped_first(self) -> Table | None:
        """Return the reasons that stop the most calls."""
        return self.stopped(FIRST_SCREEN)

    def stopped(self, most: int = TOP) -> Table | None:
        """Return why people are left alone today; the calls and visits that must not be made come first."""
        calls = self._named(self._figures.stopped_reasons)
        everything = self._named(self._figures.suppressed + self._withheld())
        ranked = sorted(everything.items(), key=lambda pair: (-calls[pair[0]], -pair[1], pair[0]))
        rows = [[word, f"{calls[word]:,}" if calls[word] else DASH, f"{count:,}"] for word, count in ranked]
        note = self._words("stopped_note", n=self._figures.stopped_calls) if calls else ""
        return self._table(
            "stopped", "reason", "#stopped_calls", "#stopped_all", rows=rows[:most], more=len(rows) - most, note=note
        )

    def _withheld(self) -> Counter[str]:
        """Return what the gates stopped, which a collector's own list does not hold."""
        return Counter() if self._figures.staff_id else self._figures.today.withheld

    def _named(self, counts: Counter[str]) -> Counter[str]:
        named: Counter[str] = Counter()
        for code, count in counts.items():
            named[self._words.reason(code)] += count
        return named

    def spared(self) -> Table | None:
        """Return the accounts nobody may call or visit today, each with its reasons."""
        mark = self._words("list_mark")
        rows = [
            [line.account_id, masked(line.party_name), mark.join(self._words.reason(one) for one in line.reasons)]
            for line in self._figures.spared
        ]
        return self._table("spared", "contract", "customer", "reason", rows=rows)

    def paid_since(self) -> Table | None:
        """Return whose arrears went down since the last decided day."""
        rows = [
            [
                line.account_id,
                masked(line.party_name),
                exact(line.less_minor, line.currency),
                exact(line.left_minor, line.currency),
            ]
            for line in self._figures.paid_since
        ]
        return self._table("paid_since", "contract", "customer", "#less", "#left", rows=rows)

    def workload(self) -> Table | None:
        """Return today's calls, visits and letters by member of staff, the fullest list first."""
        loads = sorted(self._figures.tasks_by_staff.items(), key=lambda pair: (-pair[1].total(), pair[0]))
        rows = [
            [self._desk(desk), *(f"{sum(load[one] for one in kinds):,}" for kinds in (("call",), ("visit",), POSTED))]
            for desk, load in loads[:TOP]
        ]
        return self._table("workload", "staff", "#calls", "#visits", "#letters", rows=rows, more=len(loads) - TOP)

    def _desk(self, desk: str) -> str:
        return self._words("sheet.desk_legal") if desk == LEGAL_DESK else self._staff(desk)

    def tasks(self) -> Table | None:
        """Return the first calls and visits of the day, in the order to work them, each with what to know before."""
        rows = [
            [self._words.label("lane", task.lane), *self._task(task), self._brief(task)] for task in self._figures.tasks
        ]
        more = self._left_over()
        return self._table(
            "tasks", "lane", "channel", "customer", "contract", "#term", "#amount", "brief", rows=rows, more=more
        )

    def first_tasks(self) -> Table | None:
        """Return the same first tasks for whoever leads: each with the person who has it on the list."""
        rows = [[*self._task(task), self._staff(task.staff_id)] for task in self._figures.tasks]
        return self._table(
            "tasks", "channel", "customer", "contract", "#term", "#amount", "staff", rows=rows, more=self._left_over()
        )

    def _task(self, task: Task) -> list[str]:
        return [
            self._words.label("channel", task.channel),
            self._whom(task),
            self._contracts(task),
            f"{task.overdue_instalments}",
            exact(task.total_minor, task.currency),
        ]

    def _whom(self, task: Task) -> str:
        return self._words.named(masked(task.party_name), task.audience)

    def _left_over(self) -> int:
        """Return how many calls and visits of the reader stand behind the first ones."""
        reader = self._figures.staff_id
        loads = [load for desk, load in self._figures.tasks_by_staff.items() if reader in (None, desk)]
        return sum(load.total() - sum(load[name] for name in POSTED) for load in loads) - len(self._figures.tasks)

    def _brief(self, task: Task) -> str:
        """Say what to know before dialling: how late, what came of the last try, why, and what promises were worth."""
        said = [self._words("task_brief.late", n=task.days_past_due)] if task.days_past_due else []
        if task.last_on and task.last_outcome:
            said.append(f"{task.last_on[5:]} {self._words.label('outcome', task.last_outcome)}")
        if task.why:
            said.append(self._words.label("why", task.why))
        if task.kept or task.broken:
            said.append(self._words("task_brief.promises", kept=task.kept, broken=task.broken))
        return " · ".join(said) or DASH

    def _contracts(self, task: Task) -> str:
        shown = ", ".join(task.accounts[:3])
        return shown if len(task.accounts) <= 3 else f"{shown} +{len(task.accounts) - 3}"

    def promises(self) -> Table | None:
        """Return the promises that fall due today, the largest first."""
        rows = [
            [
                line.account_id,
                masked(line.party_name),
                exact(line.amount_minor, line.currency),
                line.made_on.isoformat(),
            ]
            for line in self._figures.promises_due
        ]
        more = self._figures.promises_due_count - len(rows)
        return self._table("promises", "contract", "customer", "#amount", "made", rows=rows, more=more)
