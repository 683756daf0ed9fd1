"""Real workers to be killed: reads a line a worker, answers each with the pid of a new process that dispatches.

``python dispatch_workers.py STORE_URL HOME BUSINESS_DATE SMTP_URL SMS_URL``. Each worker is a process of its own,
forked from one that has already imported everything, and ends by itself when no contact is open any more. The line
says how many bytes a file may grow to, as on a full disk (0 is no limit), and at which hour of the day it works.
"""

import os
import resource
import signal
import sys
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time

from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import DBAPIError

import arrears.outreach.dispatch
import arrears.outreach.email_yagmail
import arrears.outreach.pace
import arrears.outreach.sms_http
from arrears.core.clock import PinnedClock, at_local
from arrears.core.runtime import RunKey, Runtime
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.ladder.policy import Policy
from arrears.outreach.channels import open_channels
from arrears.outreach.dispatch import dispatch
from arrears.store.engine import open_engine, reading
from arrears.store.tables.outreach import OPEN_STATES, contact

FASTER = 60
WARM_UP = 8
"""So many contacts are sent before the first worker is forked: compiled statements and templates are inherited."""
RUN = "daily-2026-11-12-1"


class FastClock:
    """A clock for leases, the same in every process: five minutes are over in five seconds."""

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=(time.clock_gettime(time.CLOCK_MONOTONIC)) * FASTER)


def work(store_url: str, settings: Settings, policy: Policy, day: date, hour: int, number: int) -> None:
    clock = PinnedClock(at_local(day, wall_time(hour), policy.time_zone))
    rt = Runtime(settings, clock, attempt=RunKey("arrears_dispatch", f"manual-{number}", "send", 0, number))
    engine = open_engine(store_url)
    still_open = select(func.count()).select_from(contact).where(contact.c.state.in_(OPEN_STATES))
    while True:
        with open_channels(settings, policy, clock) as channels:
            try:
                dispatch(rt, engine, RUN, channels, business_date=day, lease_clock=FastClock())
                with reading(engine) as connection:
                    if not connection.execute(still_open).scalar_one():
                        return
            except DBAPIError:  # the database is away or full: try again, as a task with retries does
                engine.dispose()
        time.sleep(0.1)


def warm_up(store_url: str, settings: Settings, policy: Policy, day: date) -> None:
    clock = PinnedClock(at_local(day, wall_time(10), policy.time_zone))
    engine = open_engine(store_url)
    with open_channels(settings, policy, clock) as channels:
        dispatch(Runtime(settings, clock), engine, RUN, channels, business_date=day, limit=WARM_UP)
    engine.dispose()


def main() -> None:
    store_url, home, day, smtp_url, sms_url = sys.argv[1:]
    settings = Settings.from_environment(
        {"ARREARS_HOME": home, "ARREARS_STORE_URL": store_url, "ARREARS_SMTP_URL": smtp_url, "ARREARS_SMS_URL": sms_url}
    )
    create_engine(store_url).dispose()  # loads the driver
    policy = load_policy()
    arrears.outreach.pace.MOMENT *= FASTER
    arrears.outreach.dispatch.FRESH *= FASTER
    warm_up(store_url, settings, policy, date.fromisoformat(day))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number, line in enumerate(sys.stdin, 1):
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            disk, hour = map(int, line.split())
            if disk:
                resource.setrlimit(resource.RLIMIT_FSIZE, (disk, disk))
            work(store_url, settings, policy, date.fromisoformat(day), hour, number)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
