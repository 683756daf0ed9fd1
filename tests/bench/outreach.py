"""How fast contacts leave: ``python tests/bench/outreach.py [CONTACTS]``; figures per second of CPU and of the wall.

Claims and records items of work lists with and without their gates, without a network; then sends e-mail to the
loopback server, beside a bare yagmail connection that sends prebuilt messages to the same server. The server works in
this process on both sides, so its part of the CPU time is in both. ``TMPDIR`` says on which disk the store lies.
"""

import resource
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from datetime import time as wall_time
from pathlib import Path

import yagmail

from arrears.core.clock import PinnedClock, SystemClock, at_local
from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.outreach.channels import Channels, open_channels
from arrears.outreach.claims import Intent, Scope
from arrears.outreach.dispatch import dispatch
from arrears.outreach.issue import BATCH, ListOutbox
from arrears.sandbox.mail import MailSandbox
from arrears.store.engine import open_engine, writing
from arrears.store.migrate import upgrade

DAY = date(2026, 11, 12)
RUN = "daily-2026-11-12-1"
fill = runpy.run_path(str(Path(__file__).resolve().parents[1] / "shared" / "contact_crowd.py"))["fill"]


def measured(name: str, work: Callable[[], int]) -> tuple[float, float]:
    """Print how fast a piece of work was; return its rates by the wall clock and by CPU time."""
    wall, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    done = work()
    wall, used = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime + used.ru_stime - cpu.ru_utime - cpu.ru_stime
    print(f"{name:44} {done:7} in {wall:6.2f} s: {done / wall:7.0f}/s, {done / spent:7.0f}/CPU s")  # noqa: T201 - a program that reports
    return done / wall, done / spent


def world(folder: Path, contacts: int, channel: str) -> tuple[Runtime, object]:
    settings = Settings.from_environment({"ARREARS_HOME": str(folder)})
    rt = Runtime(settings, PinnedClock(at_local(DAY, wall_time(10), "Asia/Shanghai")), SeededEntropy(1))
    engine = open_engine(settings.store_url)
    upgrade(engine)
    fill(rt, engine, contacts, (channel,))
    return rt, engine


def claim_and_record(rt: Runtime, engine: object) -> int:
    outbox, scope, done = ListOutbox(rt, RUN, "0" * 64, SystemClock()), Scope(DAY, ("call",)), 0
    while True:
        with writing(engine) as connection:
            claims = outbox.claim(connection, scope, BATCH)
        if not claims:
            return done
        with writing(engine) as connection:
            held = outbox.still_held(connection, claims)
            outbox.issue(connection, [Intent(one, "f" * 64) for one in claims if one.contact_id in held])
        done += len(claims)


def bare(url: str, messages: list[bytes]) -> int:
    port = int(url.rpartition(":")[2])
    client = yagmail.Client(user="a@example.com", password="", host="127.0.0.1", port=port, smtp_ssl=False,
                            smtp_starttls=False, smtp_skip_login=True, soft_email_validation=False)  # fmt: skip
    client.login()
    for message in messages:
        client.smtp.sendmail("a@example.com", ["b@example.com"], message)
    client.close()
    return len(messages)


def main() -> None:
    contacts = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rt, engine = world(folder / "a", contacts, "call")
        measured("claim and record, SQLite", lambda: claim_and_record(rt, engine))
        rt, engine = world(folder / "b", contacts, "call")
        lists = Channels(load_policy(), {})
        measured("issue work lists with every gate, SQLite",
                 lambda: dispatch(rt, engine, RUN, lists, business_date=DAY)["sent"])  # fmt: skip
        mails = max(contacts // 10, 100)
        rt, engine = world(folder / "c", mails, "email")
        with MailSandbox(folder / "mail") as mail:
            settings = rt.settings.model_copy(update={"smtp_url": mail.url})
            rt = replace(rt, settings=settings)
            with open_channels(settings, load_policy(), rt.clock) as channels:
                ours = measured("e-mail, gated, rendered and recorded",
                                lambda: dispatch(rt, engine, RUN, channels, business_date=DAY)["sent"])  # fmt: skip
            kept = [file.read_bytes() for file in sorted((folder / "mail").glob("*.eml"))]
            theirs = measured("e-mail, bare yagmail connection", lambda: bare(mail.url, kept))
        wall, cpu = (one / other for one, other in zip(ours, theirs, strict=True))
        print(f"e-mail: {wall:.0%} of the bare connection by the clock, {cpu:.0%} by CPU time")  # noqa: T201 - a program that reports


if __name__ == "__main__":
    main()
