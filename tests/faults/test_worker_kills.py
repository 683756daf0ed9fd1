"""Real worker processes die by ``kill -9`` or fall asleep at random moments; a witness counts what really arrived."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from slow_sms import BriskSms
from sqlalchemy import Engine, func, select

from arrears.core.runtime import Runtime
from arrears.outreach.pace import MOST
from arrears.sandbox.mail import MailSandbox
from arrears.sandbox.sms import SmsSandbox
from arrears.store.engine import reading
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.outreach import OPEN_STATES, contact, contact_attempt

PROGRAM = Path(__file__).with_name("dispatch_workers.py")
WORKERS = 3
MESSAGES_BETWEEN = 6
DISK = 1_000_000
"""Room for the journal of some messages, not of all."""

STUCK = 180.0
"""So long nothing may end before a crew is given up: where many share a machine, a claim and its lease take long."""

SLEEP = 6.0
"""Longer than a lease, which is over in five seconds here."""


class Workers:
    """A handful of processes that dispatch, replaced as they die."""

    def __init__(self, nursery: subprocess.Popen[str], seed: int) -> None:
        self._nursery, self._chance = nursery, random.Random(seed)
        self.alive: list[int] = []
        self._asleep: dict[int, float] = {}
        self.kills = 0

    def start(self, disk: int = 0, hour: int = 10) -> None:
        self._nursery.stdin.write(f"{disk} {hour}\n")
        self._nursery.stdin.flush()
        self.alive.append(int(self._nursery.stdout.readline()))

    def torment(self, kills: int, taken: Callable[[], int], is_done: Callable[[], bool]) -> None:
        """Kill one worker after every few messages, at any moment of its work; put one to sleep now and then."""
        while self.kills < kills:
            goal, looked = taken() + self._chance.randint(0, MESSAGES_BETWEEN), time.monotonic()
            while taken() < goal:
                time.sleep(0.01)
                self._wake(time.monotonic())
                if time.monotonic() > looked + 1:
                    looked = time.monotonic()
                    if is_done():
                        return
            time.sleep(self._chance.uniform(0, 0.05))
            victim = self._chance.choice([pid for pid in self.alive if pid not in self._asleep])
            if not self._asleep and self._chance.random() < 0.05:
                os.kill(victim, signal.SIGSTOP)
                self._asleep[victim] = time.monotonic() + SLEEP
            else:
                os.kill(victim, signal.SIGKILL)
                self.kills += 1
                self.alive.remove(victim)
                self.start()

    def _wake(self, until: float) -> None:
        for pid in [pid for pid, due in self._asleep.items() if due <= until]:
            os.kill(pid, signal.SIGCONT)
            del self._asleep[pid]

    def finish(self, left: Callable[[], int]) -> None:
        """Wake who sleeps, let somebody work two hours later on what surely did not leave, and wait for the end.

        However slow the machine is: only a crew that ends nothing any more is given up.
        """
        self._wake(float("inf"))
        self.start(hour=12)
        least, since = left(), time.monotonic()
        while least and time.monotonic() < since + STUCK:
            time.sleep(0.3)
            if (now := left()) < least:
                least, since = now, time.monotonic()

    def kill(self) -> None:
        self.stop()
        self.alive.clear()

    def stop(self) -> None:
        for pid in self.alive:
            if Path(f"/proc/{pid}/cmdline").exists():
                os.kill(pid, signal.SIGKILL)


@contextmanager
def workers(engine: Engine, rt: Runtime, smtp_url: str, sms_url: str, seed: int) -> Iterator[Workers]:
    store_url = engine.url.render_as_string(hide_password=False)
    words = (store_url, rt.settings.home, "2026-11-12", smtp_url, sms_url)
    command = [sys.executable, str(PROGRAM), *map(str, words)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        crew = Workers(nursery, seed)
        try:
            yield crew
        finally:
            crew.stop()
            nursery.stdin.close()


def arrived(mail: MailSandbox, sms: SmsSandbox) -> Counter[str]:
    """Count by contact what the witnesses got: SMS name it in the receipt address, mail in the message id."""
    found = Counter(parse_qs(urlsplit(kept["dlr-url"]).query)["contact"][0] for kept in sms.messages())
    found.update(kept["message_id"].strip("<>").partition("@")[0] for kept in mail.messages())
    return found


def open_contacts(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(
            select(func.count()).select_from(contact).where(contact.c.state.in_(OPEN_STATES))
        ).scalar_one()


def judge(engine: Engine, went: Counter[str], kills: int) -> Counter[str]:
    """Hold the store against the witnesses, contact by contact."""
    with reading(engine) as connection:
        states = {row.contact_id: row.state for row in connection.execute(select(contact))}
        begun = Counter(row.contact_id for row in connection.execute(select(contact_attempt.c.contact_id)))
        told = Counter(
            row.natural_key
            for row in connection.execute(select(audit_pending).where(audit_pending.c.type == "action.attempted"))
        )
        unfinished = connection.execute(
            select(func.count()).select_from(contact_attempt).where(contact_attempt.c.outcome.is_(None))
        ).scalar_one()
    ends = Counter(states.values())
    assert [key for key, count in went.items() if count > 1] == [], "nobody is reached twice"
    assert set(ends) <= {"sent", "in_doubt"}, "every contact comes to an end"
    assert {key for key, state in states.items() if state == "sent"} <= set(went), "sent means that it left"
    assert set(went) <= set(states)
    assert ends["in_doubt"] <= kills * MOST, "a death leaves no more in doubt than it had begun"
    assert begun == told, "every attempt has its event"
    assert unfinished == 0
    return ends


@pytest.fixture(params=["store", pytest.param("postgres_store", marks=pytest.mark.real)])
def any_store(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)


def survive(
    engine: Engine, rt: Runtime, crowd: Callable[..., list[str]], kills: int, people: int, seed: int = 1
) -> Counter[str]:
    made = crowd(engine, people)
    folder = rt.settings.home / "witness"
    with MailSandbox(folder / "mail") as mail, BriskSms(folder / "sms") as sms:
        with workers(engine, rt, mail.url, sms.url, seed) as crew:
            for _ in range(WORKERS):
                crew.start()
            crew.torment(kills, lambda: sms.taken, lambda: not open_contacts(engine))
            left = open_contacts(engine)
            crew.finish(lambda: open_contacts(engine))
        went = arrived(mail, sms)
    assert crew.kills == kills
    assert left, "the last kill still falls into the work"
    ends = judge(engine, went, crew.kills)
    print(f"{kills} kills, {len(made)} contacts: {dict(ends)}")  # noqa: T201 - the figures of the proof
    return ends


def test_killed_workers_reach_nobody_twice_and_lose_nobody(store, rt, crowd):
    survive(store, rt, crowd, kills=20, people=150)


@pytest.mark.real
def test_killed_workers_reach_nobody_twice_on_postgresql(postgres_store, rt, crowd):
    survive(postgres_store, rt, crowd, kills=50, people=350)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_ten_times_a_hundred_kills_reach_nobody_twice(any_store, rt, crowd, seed):
    survive(any_store, rt, crowd, kills=100, people=600, seed=seed)


def test_a_full_disk_leaves_no_half_state(store, rt, crowd):
    made = crowd(store, 100)
    folder = rt.settings.home / "witness"
    with MailSandbox(folder / "mail") as mail, BriskSms(folder / "sms") as sms:
        with workers(store, rt, mail.url, sms.url, seed=1) as crew:
            store.dispose()  # the journal starts anew with the worker
            crew.start(disk=DISK)
            before, end = 0, time.monotonic() + 30
            while (sms.taken == 0 and time.monotonic() < end) or before < sms.taken:
                before = sms.taken
                time.sleep(1.5)
            crew.kill()
            stuck = open_contacts(store)
            crew.start()
            crew.finish(lambda: open_contacts(store))
        went = arrived(mail, sms)
    assert 0 < stuck < len(made), "the disk was full while it sent"
    judge(store, went, kills=2)
    with reading(store) as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"


@pytest.mark.long
@pytest.mark.real
def test_a_database_that_is_away_for_half_a_minute_loses_nothing_and_doubles_nothing(
    postgres_store, postgres_restart, rt, crowd
):
    crowd(postgres_store, 400)
    folder = rt.settings.home / "witness"
    with MailSandbox(folder / "mail") as mail, BriskSms(folder / "sms") as sms:
        with workers(postgres_store, rt, mail.url, sms.url, seed=1) as crew:
            for _ in range(WORKERS):
                crew.start()
            while sms.taken < 100:
                time.sleep(0.05)
            postgres_restart(away=30)
            postgres_store.dispose()
            left = open_contacts(postgres_store)
            crew.finish(lambda: open_contacts(postgres_store))
        went = arrived(mail, sms)
    assert left > 0
    ends = judge(postgres_store, went, kills=WORKERS)
    print(f"away for 30 s: {dict(ends)}")  # noqa: T201 - the figures of the proof
