"""The release of a peak day: ``python tests/bench/release.py [ACCOUNTS] [--store URL] [--latency MS] [--out FILE]``.

A rehearsed 12th of a seeded portfolio by the day's own steps, up to the seal: a courtesy SMS for every person with a
performing contract. Then the batches of stage 0 are sent as the tasks of ``arrears_daily`` send them, ``send_batch`` by
``send_batch`` in several processes at once, against the project's own SMS server in a process of its own that answers
after so many milliseconds: first what the valve lets through, a hundredth, and, once its wait is over, the rest. That
each message arrived once is asserted. CPU seconds are those of the sending processes, of the server of messages, and of
PostgreSQL's processes, each apart.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import daily
import machine
import postgres

from arrears.core.clock import PinnedClock
from arrears.core.runtime import Request, Runtime

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))
from slow_sms import SlowSms

MORNING = ("pull_ledger", "gate_ledger", "decide_accounts", "plan_contacts", "seal_morning")
COURTESY = 0
"""The stage of those who owe nothing yet: their batches hold the courtesy messages, and little else."""
WAIT = timedelta(minutes=40)
"""Longer than the valve waits for what becomes of the first hundredth (policy ``surge.canary_wait_minutes``)."""
PEAK = 500_000
"""Courtesy messages of a million accounts: a person with two contracts gets one."""
FORK = multiprocessing.get_context("fork")
Found = dict[str, Any]


def serve(folder: Path, latency: float, ends: Connection) -> None:
    """Answer calls until told to stop, then say how many came, from how many numbers, and what that took."""
    SlowSms.slowness = latency
    began = process_time()
    with SlowSms(folder) as sms:
        ends.send(sms.url)
        ends.recv()
    numbers = Counter(one["to"] for one in sms.messages())
    ends.send({"cpu_s": process_time() - began, "messages": numbers.total(), "numbers": len(numbers)})


@contextmanager
def gateway(folder: Path, latency: float) -> Iterator[tuple[str, Found]]:
    """Yield the address of an SMS server in a process of its own, and what it said in the end."""
    here, there = FORK.Pipe()
    server = FORK.Process(target=serve, args=(folder, latency, there), daemon=True)
    server.start()
    said: Found = {}
    yield here.recv(), said
    here.send("stop")
    said |= here.recv()
    server.join()


TASK: list[Any] = []
"""Runtime and run of a sending process: a task makes its own, and no process is handed another's."""


def send(batch: int) -> Counter[str]:
    """Send one batch as its task does."""
    from arrears.steps import daily as steps

    rt, day = TASK
    return Counter(steps.send_batch(rt, day, COURTESY, batch))


def release(rt: Runtime, day: str, store: str, workers: int) -> Found:
    """Send all batches of the stage by so many processes at once; return what left, and what that took."""
    from arrears.steps import daily as steps

    batches = daily.apart(lambda: steps.list_batches(rt, day, COURTESY))["result"]
    server = postgres.seconds(store) if store else 0.0
    used, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    with FORK.Pool(workers, TASK.extend, ([rt, day],)) as pool:
        ends = sum(pool.imap_unordered(send, batches), Counter[str]())
        pool.close()
        pool.join()
    wall, now = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {"batches": len(batches), **ends, "wall_s": round(wall, 1), "cpu_s": round(cpu, 1),
            "server_cpu_s": round(postgres.seconds(store) - server, 1) if store else 0.0}  # fmt: skip


def measure(folder: Path, accounts: int, store: str, workers: int, latency: float) -> Found:
    """Make the day, send its hundredth and the rest, and check that the gateway has each of them once."""
    daily.apart(lambda: daily.make_feeds(folder / "feeds", accounts, daily.PEAK))
    rt = daily.runtime(folder / "home", store, daily.PEAK)
    daily.apart(lambda: daily.make_store(rt))
    request = Request(rt.clock.now(), daily.PEAK, str(folder / "feeds"))
    day = daily.apart(lambda: daily.run_step_open(rt, request))["result"]
    for step in MORNING:
        daily.show("peak", step, daily.apart(lambda step=step: daily.run_step(rt, day, step, 0)))
    with gateway(folder / "sms", latency) as (url, arrived):
        rt = replace(rt, settings=rt.settings.model_copy(update={"sms_url": url}))
        first = release(rt, day, store, workers)
        rest = release(replace(rt, clock=PinnedClock(rt.clock.now() + WAIT)), day, store, workers)
    sent = first["sent"] + rest["sent"]
    if sent != arrived["messages"]:
        raise SystemExit(f"{sent} were sent, the gateway has {arrived}")
    a_second, each = rest["sent"] / rest["wall_s"], rest["cpu_s"] / rest["sent"]
    server = rest["server_cpu_s"] / rest["sent"]
    return {"first": first, "rest": rest, "gateway": arrived, "messages_a_second": round(a_second, 1),
            "cpu_ms_a_message": round(1000 * each, 2), "server_cpu_ms_a_message": round(1000 * server, 2),
            "hours_for_500000": round(PEAK / a_second / 3600, 2)}  # fmt: skip


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("accounts", type=int, nargs="?", default=100_000)
    given.add_argument("--store", default="", help="the URL of an empty PostgreSQL database on this machine")
    given.add_argument("--workers", type=int, default=4)
    given.add_argument("--latency", type=float, default=50, help="milliseconds that the gateway takes for a message")
    given.add_argument("--out", type=Path)
    asked = given.parse_args()
    with tempfile.TemporaryDirectory(prefix="arrears-bench-") as name:
        found = measure(Path(name), asked.accounts, asked.store, asked.workers, asked.latency / 1000)
    setting = {"accounts": asked.accounts, "store": "postgresql" if asked.store else "sqlite",
               "workers": asked.workers, "latency_ms": asked.latency}  # fmt: skip
    text = json.dumps(machine.facts() | setting | found, indent=2) + "\n"
    sys.stdout.write(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
