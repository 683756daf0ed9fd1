"""Time-lapse: every day of a made-up world goes through the steps of the real day, with the clock pinned to it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, inspect

from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import Entropy, SeededEntropy
from arrears.core.errors import BadArguments
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.core.settings import Settings
from arrears.rehearsal.issued import issued_on
from arrears.rehearsal.world import World, portfolio_world
from arrears.steps import arrivals, dispatch, intake, setup, whole_day
from arrears.steps.world import policy_of, store_of
from arrears.store.engine import open_engine

FROM = date(2026, 11, 2)
"""Fixed, so that a repeat is identical: ten days before the first courtesy message."""

CODE_ID = "rehearsal"
"""Stands in every event instead of the commit: two rehearsals of one seed are compared by their roots."""

MORNING, CORRECTED, ARRIVALS, AFTERNOON = time(10), time(15), time(17, 30), time(18, 30)
OUTAGE_EVERY, OUTAGE_AFTER, OUTAGE_DAYS = 40, 24, 3
CORRECTION_EVERY, CORRECTED_ACCOUNTS = 9, 3
Tell = Callable[[date, str], None]


@dataclass(frozen=True)
class Plan:
    """What is rehearsed."""

    days: int
    accounts: int
    seed: int
    start: date = FROM
    missed: frozenset[int] = frozenset()

    @property
    def dates(self) -> list[date]:
        """Return every day of the rehearsal, weekends and holidays included."""
        return [self.start + timedelta(days=number) for number in range(self.days)]


def outages(days: int) -> frozenset[int]:
    """Return the days without any run: three in a row every forty days, the first after three weeks."""
    return frozenset(n for n in range(days) if 0 <= n % OUTAGE_EVERY - OUTAGE_AFTER < OUTAGE_DAYS)


@dataclass
class Rehearsed:
    """What came of a rehearsal."""

    actions: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    over_time: list[dict[str, Any]] = field(default_factory=list)
    audit: dict[str, Any] = field(default_factory=dict)
    violations: dict[str, int] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)

    def document(self, plan: Plan) -> dict[str, Any]:
        """Return the rehearsal as one JSON document."""
        return {
            "from": plan.start.isoformat(),
            "days": plan.days,
            "accounts": plan.accounts,
            "seed": plan.seed,
            "audit": self.audit,
            "actions": dict(sorted(self.actions.items())) | {"withheld": dict(sorted(self.withheld.items()))},
            "suppressed": dict(sorted(self.suppressed.items())),
            "over_time": self.over_time,
            "violations": self.violations,
        }


def rehearse(settings: Settings, plan: Plan, tell: Tell, world: World | None = None) -> Rehearsed:
    """Live through every day of a plan in a world (by default a whole portfolio) and prove the store at the end.

    Files that are corrected in the afternoon happen to a portfolio; a single case is told without them.

    Raises:
        BadArguments: the mode is live, a number is too small, or the store holds something already.
    """
    refuse_used_store(settings)
    _hurry(settings)
    result = Rehearsed()
    entropy = SeededEntropy(plan.seed)
    every = CORRECTION_EVERY if world is None else plan.days + 1
    world = world or portfolio_world(plan.start, plan.accounts, plan.seed)
    with _sandbox(settings) as open_settings:
        stage = _Stage(open_settings, entropy)
        setup.prepare(stage.runtime(plan.start, "setup", MORNING))
        for number, on in enumerate(plan.dates):
            if number in plan.missed:
                result.over_time.append({"date": on.isoformat(), "status": "missed"})
                world.evening(on)
            else:
                _live(stage, world, on, result, tell, corrected=number % every == every - 1)
        tell(plan.dates[-1], "prove")
        _prove(stage.runtime(plan.dates[-1], "prove", AFTERNOON), result)
    return result


def refuse_used_store(settings: Settings) -> None:
    """Refuse to rehearse over anything: a rehearsal is only worth something from an empty store.

    Raises:
        BadArguments: the mode is live, or there is a store already.
    """
    if settings.mode != "sandbox":
        raise BadArguments("a rehearsal runs in a sandbox only: unset ARREARS_MODE or set it to sandbox")
    if (settings.home / "keys").exists() or inspect(open_engine(settings.store_url)).get_table_names():
        raise BadArguments(f"{settings.home} holds a store already: rehearse in an empty ARREARS_HOME")


def _hurry(settings: Settings) -> None:
    """Let no commit wait for the disk: a rehearsal that loses power is simply rehearsed again."""
    engine = open_engine(settings.store_url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda raw, _record: raw.execute("PRAGMA synchronous=OFF"))
        engine.dispose()


@contextmanager
def _sandbox(settings: Settings) -> Iterator[Settings]:
    """Keep one mail server, one SMS gateway and one tow agency open over all days."""
    from arrears.sandbox.agency import AgencySandbox
    from arrears.sandbox.mail import MailSandbox
    from arrears.sandbox.sms import SmsSandbox

    folder = settings.home / "sandbox"
    with ExitStack() as stack:
        urls = {
            "smtp_url": stack.enter_context(MailSandbox(folder / "mail")).url,
            "sms_url": stack.enter_context(SmsSandbox(folder / "sms")).url,
            "agency_url": stack.enter_context(AgencySandbox(folder / "agency")).url,
            "code_id": CODE_ID,
            "ledger_url": str(settings.home / "feeds"),
        }
        yield settings.model_copy(update=urls)


@dataclass(frozen=True)
class _Stage:
    """Where the days are played: settings with open channels, and one stream of randomness."""

    settings: Settings
    entropy: Entropy

    def runtime(self, on: date, what: str, hour: time) -> Runtime:
        """Return the runtime of one part of a day, its clock pinned to an hour."""
        clock = PinnedClock(at_local(on, hour, policy_of(self.settings).time_zone))
        attempt = RunKey(dag_id="rehearse", run_id=f"{on}-{what}", task_id=what)
        return Runtime(self.settings, clock, self.entropy, attempt, rehearsal=True)

    def folder(self, on: date) -> Path:
        """Return where the feeds of a morning lie."""
        return self.settings.home / "feeds" / on.isoformat()


def _live(stage: _Stage, world: World, on: date, result: Rehearsed, tell: Tell, *, corrected: bool) -> None:
    """Live one day: the morning's file (and its correction), the day's news, the late slots, the evening."""
    late = (
        frozenset(sorted(world.lives)[:: max(1, len(world.lives) // CORRECTED_ACCOUNTS)]) if corrected else frozenset()
    )
    folder = stage.folder(on)
    world.write_morning(folder, on, without=late)
    document = _run(stage.runtime(on, "morning", MORNING), folder, on, tell)
    if corrected:
        world.write_ledger(folder.with_name(f"{on}-corrected"), on)
        document = _run(stage.runtime(on, "corrected", CORRECTED), folder.with_name(f"{on}-corrected"), on, tell)
    tell(on, "afternoon")
    afternoon = stage.runtime(on, "afternoon", AFTERNOON)
    world.work(on, issued_on(store_of(afternoon), on))
    _take_in(stage, world, on)
    dispatch.dispatch_now(afternoon)
    _count(afternoon, on, document, result)
    world.work(on, issued_on(store_of(afternoon), on))
    world.evening(on)


def _run(rt: Runtime, folder: Path, on: date, tell: Tell) -> dict[str, Any]:
    day = whole_day.run_day(rt, Request(rt.clock.now(), on, str(folder)), lambda step: tell(on, step))
    if day.error:
        raise day.error
    return day.document


def _take_in(stage: _Stage, world: World, on: date) -> None:
    """Let what the day's calls brought up reach the store the same afternoon: holds do not wait for the morning."""
    waiting = stage.settings.home / "feeds" / arrivals.ARRIVALS
    if not world.write_arrivals(waiting, on):
        return
    rt = stage.runtime(on, "intake", ARRIVALS)
    run_id = intake.open_intake(rt, Request(rt.clock.now(), on))
    for name in intake.list_arrivals(rt, run_id):
        intake.import_arrival(rt, run_id, name)
    intake.close_intake(rt, run_id)


def _count(rt: Runtime, on: date, document: dict[str, Any], result: Rehearsed) -> None:
    from arrears.outreach.totals import date_totals
    from arrears.store.engine import reading

    with reading(store_of(rt)) as connection:
        totals = date_totals(connection, on)
    result.withheld.update(totals.pop("withheld"))
    result.actions.update(totals)
    result.suppressed.update(document["suppressed"])
    kept = ("status", "stages", "rungs", "packets", "orders", "timings_s")
    result.over_time.append({"date": on.isoformat()} | {name: document[name] for name in kept})


def _prove(rt: Runtime, result: Rehearsed) -> None:
    from arrears.audit.log import last_checkpoint
    from arrears.proof.prove import prove
    from arrears.store.engine import reading

    engine = store_of(rt)
    for check in prove(engine, policy_of(rt.settings)):
        result.violations[check.name], result.rules[check.name] = check.violations, check.rule
    with reading(engine) as connection:
        head = last_checkpoint(connection)
    if head is not None:
        result.audit = {"size": head.size, "root": head.root, "checkpoint": head.note}
