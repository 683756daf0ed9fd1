"""The tables of a digest in business words: no codes, no hashes, names masked."""

from collections import Counter

from arrears.reports.casework import PacketLine
from arrears.reports.control_tables import ControlTables
from arrears.reports.figures import TOP
from arrears.reports.kpi import PAR_DAYS, rate
from arrears.reports.money_text import DASH, exact, exact_all, masked, percent
from arrears.reports.page import Table
from arrears.reports.work import Task

CHANNEL_ORDER = ("call", "visit", "letter", "sms", "email")


class Tables(ControlTables):
    """Makes the tables of one reader from one morning's figures; a table without rows is ``None``."""

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

    def recovery(self) -> Table | None:
        """Return recovery of the month against its target, in the house currency and then the others."""
        rows = self._pace_rows()
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
        rates = {"promise_kept": self._figures.promise_kept_rate, "right_party": self._figures.right_party_rate}
        rows += [[self._words(f"measure.{key}"), percent(found)] for key, found in rates.items() if found is not None]
        return self._table("recovery", "measure", "#value", rows=rows)

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
        ]

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
        rows = []
        for line in self._figures.exceptions:
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
        standing = self._words("treatment", n=line.overdue_instalments, rung=line.rung)
        names = "、" if self._words.language == "zh" else ", "
        if line.state == "incomplete":
            why = names.join(self._words.label("need", name) for name in line.reasons or line.missing)
            return f"{standing} · {self._words('incomplete', names=why or self._words('unknown'))}"
        if line.missing:
            shown = names.join(self._words.label("need", name) for name in line.missing)
            return f"{standing} · {self._words('missing', n=len(line.missing), names=shown)}"
        return f"{standing} · {self._words('missing_chosen' if line.chosen_remedy else 'missing_nothing')}"

    def approvals(self) -> Table | None:
        """Return the questions that wait for people."""
        rows = [
            [self._words.label("approval", line.kind), f"{line.count:,}", line.oldest_on.isoformat()]
            for line in self._figures.approvals
        ]
        return self._table("approvals", "what", "#count", "since", rows=rows)

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

    def deadlines(self) -> Table | None:
        """Return the last days within the policy's alerts, those that passed first."""
        lines = self._figures.deadlines
        rows = [
            [
                self._words.label("clock", line.kind),
                line.subject,
                line.on.isoformat(),
                self._words("days", n=line.days_left(self._figures.business_date)),
            ]
            for line in lines[:TOP]
        ]
        return self._table("deadlines", "what", "contract", "expires", "#days_left", rows=rows, more=len(lines) - TOP)

    def stopped(self) -> Table | None:
        """Return why people are left alone today, the commonest reason first."""
        return self._reasons(self._figures.suppressed + self._figures.today.withheld)

    def suppressed(self) -> Table | None:
        """Return why a collector's own customers are left alone today."""
        return self._reasons(self._figures.suppressed)

    def _reasons(self, counts: Counter[str]) -> Table | None:
        named: Counter[str] = Counter()
        for code, count in counts.items():
            named[self._words.reason(code)] += count
        rows = [[word, f"{count:,}"] for word, count in sorted(named.items(), key=lambda pair: (-pair[1], pair[0]))]
        return self._table("stopped", "reason", "#count", rows=rows[:TOP], more=len(rows) - TOP)

    def buckets(self) -> Table | None:
        """Return age, principal and portfolio at risk of the house currency, from the frozen ledger."""
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
        rows.append([self._words("measure.overdue_ratio"), "", percent(found.overdue_ratio), ""])
        before = self._figures.quarter_before.get(self._currency)
        if before is not None:
            rows.append([self._words("measure.quarter_before"), "", percent(before.overdue_ratio), ""])
        rows += [[self._words(f"measure.par{limit}"), "", "", percent(found.at_risk(limit))] for limit in PAR_DAYS]
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

    def workload(self) -> Table | None:
        """Return today's calls, visits and letters by member of staff, the fullest list first."""
        loads = sorted(self._figures.tasks_by_staff.items(), key=lambda pair: (-pair[1].total(), pair[0]))
        rows = [
            [self._staff(staff_id), *(f"{load[channel]:,}" for channel in ("call", "visit", "letter"))]
            for staff_id, load in loads[:TOP]
        ]
        return self._table("workload", "staff", "#calls", "#visits", "#letters", rows=rows, more=len(loads) - TOP)

    def tasks(self) -> Table | None:
        """Return the first calls and visits of the day, in the order to work them."""
        rows = [
            [
                self._words.label("channel", task.channel),
                masked(task.party_name),
                self._contracts(task),
                f"{task.overdue_instalments}",
                exact(task.total_minor, task.currency),
            ]
            for task in self._figures.tasks
        ]
        return self._table("tasks", "channel", "customer", "contract", "#term", "#amount", rows=rows)

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
