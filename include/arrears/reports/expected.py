"""How much of the arrears is likely to come back: a band from few known things, never a reason to treat anybody worse.

Percent = what the age of the arrears usually brings (policy ``expected.by_bucket``), more where the machine's value
covers the principal and where somebody guarantees, less after a broken promise; between 0 and 100. Nothing here enters
the facts of a decision.
"""

import csv
import io
from dataclasses import astuple, dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, case, func, select

from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.policy_steps import Expected
from arrears.ladder.sureties import SURETIES
from arrears.reports.artefacts import keep
from arrears.reports.kpi import BUCKET_FLOORS
from arrears.reports.month import is_first_of_month
from arrears.reports.scope import in_force
from arrears.reports.standing import Group
from arrears.store.engine import reading
from arrears.store.tables.decisions import decision
from arrears.store.tables.feeds import account, promise
from arrears.store.tables.people import account_party

BANDS = ("high", "middle", "low")
INPUTS = ("bucket", "secured", "guaranteed", "broken")
WHOLE = 100


@dataclass(frozen=True)
class Estimate:
    """What is expected of one account, and from which inputs."""

    percent: int
    band: str
    bucket: str
    secured: bool
    guaranteed: bool
    broken: bool


@dataclass
class BandLine:
    """The accounts of one band: what they owe, and how much of it is expected, in minor units by currency."""

    band: str
    owed: Group
    expected: Group


def estimate(bucket: str, *, secured: bool, guaranteed: bool, broken: bool, rules: Expected) -> Estimate:
    """Return what is expected of an account by its inputs (policy ``expected``)."""
    base = rules.by_bucket[list(BUCKET_FLOORS).index(bucket)]
    more = secured * rules.secured + guaranteed * rules.guaranteed - broken * rules.broken_promise
    percent = max(0, min(WHOLE, base + more))
    high, middle = rules.bands
    band = "high" if percent >= high else "middle" if percent >= middle else "low"
    return Estimate(percent, band, bucket, secured, guaranteed, broken)


def bands_of(connection: Connection, on: date, branch: str | None, policy: Policy) -> list[BandLine]:
    """Return the overdue accounts of a day by band, with what is expected of each."""
    found = {band: BandLine(band, Group(), Group()) for band in BANDS}
    inputs = _inputs(on, branch).subquery()
    keys = [inputs.c[name] for name in (*INPUTS, "currency")]
    query = select(*keys, func.count().label("accounts"), func.sum(inputs.c.overdue_minor).label("owed"))
    for row in connection.execute(query.group_by(*keys)):
        one = _estimate(row, policy)
        line = found[one.band]
        line.owed.add(row.accounts, row.currency, int(row.owed))
        line.expected.add(row.accounts, row.currency, int(row.owed) * one.percent // WHOLE)
    return [line for line in found.values() if line.owed.accounts]


def estimates_of(connection: Connection, on: date, policy: Policy) -> list[tuple[str, Estimate]]:
    """Return what is expected of each overdue account of a day under its random name, with the inputs."""
    rows = connection.execute(_inputs(on, None).order_by(account.c.subject_ref))
    return [(row.subject_ref, _estimate(row, policy)) for row in rows]


def write_estimates(rt: Runtime, engine: Engine, on: date, policy: Policy) -> str | None:
    """Keep the estimate and its inputs of each overdue account, by random name, once a month; return its path."""
    with reading(engine) as connection:
        if not is_first_of_month(connection, on):
            return None
        found = estimates_of(connection, on, policy)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("subject_ref", *(one.name for one in fields(Estimate)), "policy_sha256"))
    writer.writerows((ref, *astuple(one), policy.sha256) for ref, one in found)
    return keep(rt.settings.artifacts_url, f"analysis/{on.isoformat()}.csv", text.getvalue().encode())


def _estimate(row: Any, policy: Policy) -> Estimate:
    return estimate(
        row.bucket,
        secured=bool(row.secured),
        guaranteed=bool(row.guaranteed),
        broken=bool(row.broken),
        rules=policy.expected,
    )


def _inputs(on: date, branch: str | None) -> Select[Any]:
    """Ask for the inputs of every overdue account of a day."""
    late = decision.c.days_past_due
    bucket = case(*((late >= floor, name) for name, floor in reversed(BUCKET_FLOORS.items())), else_="M0")
    covered = and_(
        account.c.asset_value_minor.is_not(None), account.c.asset_value_minor >= account.c.principal_outstanding_minor
    )
    sureties = select(account_party.c.account_id).where(account_party.c.role.in_(SURETIES)).distinct().subquery()
    broken = (
        select(promise.c.account_id, func.max(promise.c.made_on).label("made_on"))
        .where(promise.c.state == "broken")
        .group_by(promise.c.account_id)
        .subquery()
    )
    flags = {
        "secured": covered,
        "guaranteed": sureties.c.account_id.is_not(None),
        "broken": broken.c.made_on >= decision.c.episode_due,
    }
    return (
        select(
            account.c.subject_ref,
            decision.c.currency,
            decision.c.overdue_minor,
            bucket.label("bucket"),
            *(case((found, 1), else_=0).label(name) for name, found in flags.items()),
        )
        .join(account, account.c.account_id == decision.c.account_id)
        .outerjoin(sureties, sureties.c.account_id == decision.c.account_id)
        .outerjoin(broken, broken.c.account_id == decision.c.account_id)
        .where(in_force(on, branch), decision.c.stage > 0)
    )
