"""A world lived day by day through the steps that decide, plan and send, without packets, digests and sealing.

It is the smallest real slice in which the ladder can be watched over months: feeds are written and imported, every
account is decided, contacts are planned and leave through loopback servers, and what came of them is next day's news.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, time
from pathlib import Path

from sqlalchemy import Engine, event

from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.core.settings import Settings
from arrears.rehearsal.issued import issued_on
from arrears.rehearsal.world import World
from arrears.sandbox.mail import MailSandbox
from arrears.sandbox.sms import SmsSandbox
from arrears.steps import arrivals, daily, dispatch, intake, runs, setup, totals
from arrears.store.engine import open_engine

ZONE = "Asia/Shanghai"
MORNING, NOON, ARRIVALS, EVENING = time(10), time(13), time(17, 30), time(18, 30)


class Lapse:
    """One house with its loopback servers, and the days that are lived in it."""

    def __init__(self, settings: Settings, world: World, seed: int = 7) -> None:
        self.settings, self.world, self._entropy = settings, world, SeededEntropy(seed)
        self.engine: Engine = open_engine(settings.store_url)
        event.listen(self.engine, "connect", _unhurried)

    def runtime(self, on: date, what: str, hour: time) -> Runtime:
        clock = PinnedClock(at_local(on, hour, ZONE))
        return Runtime(self.settings, clock, self._entropy, RunKey("lapse", f"{on}-{what}", what), rehearsal=True)

    def prepare(self) -> None:
        setup.prepare(self.runtime(self.world.start, "setup", MORNING))

    def folder(self, on: date) -> Path:
        return self.settings.home / "feeds" / on.isoformat()

    def live(self, on: date, *, hour: time = MORNING, late: frozenset[str] = frozenset()) -> None:
        """Live one day; with ``late`` accounts the morning's file lacks their newest payments until noon."""
        self.world.write_morning(self.folder(on), on, without=late)
        self.morning(on, self.folder(on), "morning", hour)
        if late:
            corrected = self.folder(on).with_name(f"{on}-noon")
            self.world.write_ledger(corrected, on)
            self.morning(on, corrected, "noon", max(NOON, hour))
        self.world.work(on, issued_on(self.engine, on))
        self._take_in(on, max(ARRIVALS, hour.replace(minute=hour.minute + 1)))
        evening = self.runtime(on, "evening", max(EVENING, hour))
        run = dispatch.open_dispatch(evening, Request(evening.clock.now()))
        dispatch.send_due(evening, run)
        self.world.work(on, issued_on(self.engine, on))
        self.world.evening(on)

    def morning(self, on: date, folder: Path, what: str, hour: time) -> None:
        """Do what the daily run does up to the contacts that leave at once."""
        rt = self.runtime(on, what, hour)
        day = daily.open_day(rt, Request(rt.clock.now(), on, str(folder)))
        for step in (daily.pull_ledger, daily.gate_ledger, daily.decide_accounts, daily.plan_contacts):
            step(rt, day)
        totals.tie_ledger(rt, day)
        dispatch.send_due(rt, day)
        runs.set_run(rt, day, status="completed")  # without sealing: a day that sent is not a missed one

    def _take_in(self, on: date, hour: time) -> None:
        """Take in the news of a day, never at an hour before the run that led to them."""
        waiting = self.settings.home / "feeds" / arrivals.ARRIVALS
        if self.world.write_arrivals(waiting, on):
            rt = self.runtime(on, "intake", hour)
            run = intake.open_intake(rt, Request(rt.clock.now(), on))
            for name in intake.list_arrivals(rt, run):
                intake.import_arrival(rt, run, name)


@contextmanager
def lapse_of(world: World, home: Path) -> Iterator[Lapse]:
    """Open a house for a world: a mail server and an SMS gateway stay up over all its days."""
    with MailSandbox(home / "sandbox" / "mail") as mail, SmsSandbox(home / "sandbox" / "sms") as sms:
        found = Settings.from_environment({"ARREARS_HOME": str(home)})
        urls = {"smtp_url": mail.url, "sms_url": sms.url, "ledger_url": str(home / "feeds"), "code_id": "test"}
        lapse = Lapse(found.model_copy(update=urls), world)
        lapse.prepare()
        yield lapse
        lapse.engine.dispose()


def _unhurried(raw, _record) -> None:
    """A test that loses power is run again: its commits need not wait for the disk."""
    raw.execute("PRAGMA synchronous=OFF")
