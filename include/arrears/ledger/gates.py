"""The gates between a frozen ledger and everything that would leave because of it."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, Engine, or_, select, update

from arrears.audit.record import record
from arrears.core.clock import utc_text
from arrears.core.errors import CannotTell
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.policy_office import LedgerGates
from arrears.ledger.reference import Reference, reference_of
from arrears.ledger.shape import RECENT_DAYS, Shape
from arrears.store import bulk
from arrears.store.engine import writing
from arrears.store.tables import runs
from arrears.store.tables.feeds import control, snapshot

PERCENT = 100
MONTH_DAYS = 28
NEVER_OVERRIDDEN = ("zero_rows",)
"""An empty ledger says nothing about anybody: there is nothing to decide on."""


@dataclass(frozen=True)
class Gate:
    """One comparison; ``passed`` is also true when a named person overrode it."""

    name: str
    passed: bool
    detail: str
    overridden_by: str | None = None


def check_gates(rt: Runtime, engine: Engine, run_id: str, snapshot_id: str | None, policy: Policy) -> list[Gate]:
    """Judge a run's frozen ledger, keep the result, and accept the snapshot when every gate passed or was overridden.

    An override given to an earlier run of the same snapshot counts for this one.

    Raises:
        CannotTell: the run has no snapshot.
    """
    with writing(engine) as connection:
        row = connection.execute(select(snapshot).where(snapshot.c.snapshot_id == snapshot_id)).first()
        if row is None:
            raise CannotTell(f"run {run_id} has no frozen ledger: run its pull step first")
        now = Shape.read(row.facts)
        before = reference_of(connection, row.business_date, row.snapshot_id)
        controls = _controls(connection, row.business_date)
        found = judge(now, row.business_date, before, controls, policy.ledger)
        gates = _overridden(connection, run_id, row.snapshot_id, found)
        _keep(connection, run_id, gates, found)
        _settle(connection, rt, run_id, row.snapshot_id, row.business_date, gates, accepted=row.accepted_at is not None)
    return gates


@dataclass(frozen=True)
class Control:
    """One control total delivered by finance."""

    kind: str
    currency: str | None
    value: int


def judge(now: Shape, on: date, before: Reference | None, controls: list[Control], limits: LedgerGates) -> list[Gate]:
    """Return every gate's verdict; ratios say nothing below ``small_portfolio_accounts``, hard gates always do."""
    accounts = now.rows.get("accounts", 0)
    gates = [_zero_rows(now), _control_totals(now, controls)]
    large = accounts >= limits.small_portfolio_accounts
    gates.append(_quarantined(now, limits) if large else _small("quarantined_share", limits))
    if before is None:
        names = ("rows_band", "absent_accounts", "total_change", "stage_three")
        return [*gates, *(Gate(name, True, "no earlier accepted ledger to compare with") for name in names)]
    gates.append(_rows_band(now, on, before, limits, large=large))
    if not large:
        return [*gates, *(_small(name, limits) for name in ("absent_accounts", "total_change", "stage_three"))]
    return [*gates, _absent(now, limits), _total_change(now, on, before, limits), _stage_three(now, on, before, limits)]


def _small(name: str, limits: LedgerGates) -> Gate:
    return Gate(name, True, f"fewer than {limits.small_portfolio_accounts} accounts: a ratio says nothing")


def _zero_rows(now: Shape) -> Gate:
    empty = sorted(feed for feed, rows in now.rows.items() if rows <= now.quarantined.get(feed, 0))
    counts = ", ".join(f"{feed} {rows}" for feed, rows in sorted(now.rows.items()))
    return Gate("zero_rows", not empty, f"no usable rows in {', '.join(empty)}" if empty else counts)


def _control_totals(now: Shape, controls: list[Control]) -> Gate:
    """Compare with finance's own figures, to the last minor unit."""
    wrong = []
    for figure in controls:
        if figure.kind == "no_payment_in_flight":
            continue
        ours = ledger_figure(now, figure)
        if ours != figure.value:
            wrong.append(f"{figure.kind} {figure.currency or ''}".strip() + f": ledger {ours}, control {figure.value}")
    said = f"{len(controls)} control figures agree" if controls else "no control totals delivered"
    return Gate("control_totals", not wrong, "; ".join(wrong)[:400] or said)


def ledger_figure(now: Shape, figure: Control) -> int:
    """Return what the ledger says of a figure of finance."""
    amounts = {"unpaid_due": now.unpaid_due, "book_balance": now.book_balance}.get(figure.kind)
    if amounts is None:
        return now.rows.get("accounts", 0) if figure.kind == "accounts" else sum(now.rows.values())
    return amounts.get(figure.currency, 0) if figure.currency else sum(amounts.values())


def _quarantined(now: Shape, limits: LedgerGates) -> Gate:
    rows, bad = sum(now.rows.values()), sum(now.quarantined.values())
    fine = bad * PERCENT <= rows * limits.quarantined_percent
    return Gate("quarantined_share", fine, f"{bad} of {rows} rows, limit {limits.quarantined_percent} %")


def _rows_band(now: Shape, on: date, before: Reference, limits: LedgerGates, *, large: bool) -> Gate:
    """Hold when a feed has at most half of the rows it had, like with like.

    Accounts and payments only grow or shrink slowly. Open items leave the ledger once paid, so there only rows that a
    month's payments cannot have removed are compared: due more than a month before, or not due yet.
    """
    low, high = limits.band_percent
    wrong, said = [], []
    for feed, (ours, theirs) in _comparable(now, on, before).items():
        said.append(f"{feed} {ours} against {theirs}")
        if theirs and (ours * PERCENT <= theirs * low or (large and ours * PERCENT > theirs * high)):
            wrong.append(f"{feed}: {ours} rows against {theirs}, band {low} to {high} %")
    return Gate("rows_band", not wrong, ("; ".join(wrong) or "; ".join(said))[:400])


def _comparable(now: Shape, on: date, before: Reference) -> dict[str, tuple[int, int]]:
    then = before.shape
    pairs = {feed: (now.rows.get(feed, 0), rows) for feed, rows in then.rows.items()}
    if now.form != then.form:
        return {"accounts": pairs["accounts"]}
    if now.form == "open_items":
        since = before.business_date - timedelta(days=RECENT_DAYS)
        lasting = now.lasting_rows(on, since), then.lasting_rows(on, since)
        pairs["instalments"] = lasting if lasting[1] else pairs["instalments"]
    return pairs


def _absent(now: Shape, limits: LedgerGates) -> Gate:
    fine = now.absent * PERCENT <= now.before_accounts * limits.absent_percent
    said = f"{now.absent} of {now.before_accounts} accounts, limit {limits.absent_percent} %"
    return Gate("absent_accounts", fine, said)


def _total_change(now: Shape, on: date, before: Reference, limits: LedgerGates) -> Gate:
    """Hold when arrears rose by more than fell due, or old arrears vanished, beyond the limit."""
    since, wrong, said = before.business_date, [], []
    for currency in sorted(set(now.unpaid_due) | set(before.shape.unpaid_due)):
        ours, theirs = now.unpaid_due.get(currency, 0), before.shape.unpaid_due.get(currency, 0)
        most = theirs + now.fallen_due(since, on, currency)
        least = before.shape.unpaid_before(since - timedelta(days=RECENT_DAYS), currency)
        said.append(f"{currency} {theirs} to {ours}")
        if ours * PERCENT > most * (PERCENT + limits.total_change_percent):
            wrong.append(f"{currency}: {ours} unpaid, at most {most} explained")
        elif (on - since).days <= RECENT_DAYS and ours * PERCENT < least * (PERCENT - limits.total_change_percent):
            wrong.append(f"{currency}: {ours} unpaid, {least} was older than a month before")
    return Gate("total_change", not wrong, ("; ".join(wrong) or "; ".join(said) or "nothing due")[:400])


def _stage_three(now: Shape, on: date, before: Reference, limits: LedgerGates) -> Gate:
    """Hold when stage three grew beyond the factor and beyond what can have moved up a stage since."""
    months = 1 + (on - before.business_date).days // MONTH_DAYS
    rising = sum(before.shape.stages[max(0, 3 - months) : 3])
    most = limits.stage_three_factor * before.shape.stages[3] + rising
    return Gate("stage_three", now.stages[3] <= most, f"{before.shape.stages[3]} to {now.stages[3]}, at most {most}")


def _controls(connection: Connection, on: date) -> list[Control]:
    query = select(control).where(control.c.business_date == on).order_by(control.c.control_key)
    return [Control(row.kind, row.currency, row.value) for row in connection.execute(query)]


def _overridden(connection: Connection, run_id: str, snapshot_id: str, gates: list[Gate]) -> list[Gate]:
    query = (
        select(runs.gate.c.name, runs.gate.c.overridden_by)
        .join(runs.run, runs.run.c.run_id == runs.gate.c.run_id)
        .where(runs.gate.c.overridden_by.is_not(None),
               or_(runs.run.c.snapshot_id == snapshot_id, runs.run.c.run_id == run_id))
    )  # fmt: skip
    people = {row.name: row.overridden_by for row in connection.execute(query)}
    return [
        Gate(gate.name, True, gate.detail, people[gate.name])
        if not gate.passed and gate.name in people and gate.name not in NEVER_OVERRIDDEN else gate
        for gate in gates
    ]  # fmt: skip


def _keep(connection: Connection, run_id: str, gates: list[Gate], found: list[Gate]) -> None:
    bulk.replace_all(connection, runs.gate, (
        {"run_id": run_id, "name": gate.name, "passed": own.passed, "detail": gate.detail,
         "overridden_by": gate.overridden_by}
        for gate, own in zip(gates, found, strict=True)))  # fmt: skip


def _settle(
    connection: Connection, rt: Runtime, run_id: str, snapshot_id: str, on: date, gates: list[Gate], *, accepted: bool
) -> None:
    failed = [gate.name for gate in gates if not gate.passed]
    overridden = {gate.name: gate.overridden_by for gate in gates if gate.overridden_by}
    if not failed and accepted:
        return
    if not failed:
        connection.execute(
            update(snapshot).where(snapshot.c.snapshot_id == snapshot_id).values(accepted_at=utc_text(rt.clock.now()))
        )
    record(
        connection,
        rt,
        run_id=run_id,
        type="ledger.rejected" if failed else "ledger.accepted",
        key=snapshot_id,
        business_date=on,
        data={"failed": failed, "overridden": overridden, "gates": len(gates)},
    )
