"""What each step of a daily run costs: ``python tests/bench/daily.py [ACCOUNTS] [--store URL] [--out FILE] [--every]``.

Four days of a seeded portfolio in one store: the first (go-live: every overdue account is new), the next, the 12th with
a courtesy SMS due for every performing customer, and the day after it. Every step runs in a process of its own, as a
task does: CPU seconds (user and system, imports included), and the most memory the process held. After each day every
contact is written down as carried out, every message as delivered and every call as unanswered: sending has its own
measurement. ``--every`` also decides the second day in a copy of the store, with a row for every account (SQLite).
"""

import argparse
import cProfile
import json
import os
import platform
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from datetime import date, timedelta
from datetime import time as wall_time
from pathlib import Path
from typing import Any

from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.core.settings import Settings

HERE = Path(__file__).parent
PEAK = date(2026, 11, 12)
DAYS = {"first": PEAK - timedelta(2), "next": PEAK - timedelta(1), "peak": PEAK, "after": PEAK + timedelta(1)}
SEED = 20261112
STEPS = ("pull_ledger", "gate_ledger", "decide_accounts", "plan_contacts", "build_packets", "propose_orders",
         "seal_morning", "write_worklists", "send_digest", "branch_by_stage")  # fmt: skip
Measured = dict[str, Any]


def apart(work: Callable[[], Any], profile: Path | None = None) -> Measured:
    """Run a piece of work in a child process; return its result, CPU seconds, wall seconds and peak memory in MB."""
    reader, writer = os.pipe()
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(reader)
        failed = 1
        try:
            with os.fdopen(writer, "w") as answer:
                json.dump(profiled(work, profile) if profile else work(), answer, default=str)
            failed = 0
        except BaseException:  # whatever it was, this process ends here
            traceback.print_exc()
        os._exit(failed)
    os.close(writer)
    with os.fdopen(reader) as answer:
        said = answer.read()
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit("a step failed")
    return {"cpu_s": round(used.ru_utime + used.ru_stime, 2), "wall_s": round(time.perf_counter() - started, 2),
            "peak_mb": used.ru_maxrss // 1024, "result": json.loads(said)}  # fmt: skip


def profiled(work: Callable[[], Any], into: Path) -> Any:
    """Run a piece of work under the profiler and keep what it saw: read it with ``python -m pstats``."""
    with cProfile.Profile() as profile:
        result = work()
    into.parent.mkdir(parents=True, exist_ok=True)
    profile.dump_stats(into)
    return result


def runtime(home: Path, store: str | None, on: date) -> Runtime:
    """Return ten in the morning of a day in a store."""
    url = {"ARREARS_STORE_URL": store} if store else {}
    settings = Settings.from_environment({"ARREARS_HOME": str(home)} | url)
    clock = PinnedClock(at_local(on, wall_time(10), "Asia/Shanghai"))
    return Runtime(settings, clock, SeededEntropy(SEED), RunKey("cli", f"bench-{on}"))


def make_feeds(folder: Path, accounts: int, on: date) -> None:
    sys.path.insert(0, str(HERE))
    import portfolio

    portfolio.write(folder, accounts, day=on, parties=True, staff=True)


def make_store(rt: Runtime) -> None:
    from arrears.store.engine import open_engine
    from arrears.store.migrate import upgrade

    upgrade(open_engine(rt.settings.store_url))


def run_step(rt: Runtime, day: str, name: str, packets: int) -> Any:
    from arrears.steps import daily

    if packets and name == "build_packets":
        return some_packets(rt, day, packets)
    return getattr(daily, name)(rt, day)


def some_packets(rt: Runtime, day: str, most: int) -> Any:
    """Build the packets of the first accounts at stage three only: a rate is known from some thousands."""
    from arrears.legal.build import build_packets, stage_three_accounts
    from arrears.steps import runs, world

    on, engine = runs.read_run(rt, day).business_date, world.store_of(rt)
    accounts = stage_three_accounts(engine, on)[:most]
    return build_packets(rt, engine, day, on, world.policy_of(rt.settings), accounts)


def carry_out(rt: Runtime, on: date) -> int:
    """Write down what became of a day's contacts; sending them is measured by ``outreach.py``."""
    from sqlalchemy import text

    from arrears.store.engine import open_engine, writing

    given = {"on": on.isoformat(), "at": f"{on}T03:00:00Z", "hash": "f" * 64}
    with writing(open_engine(rt.settings.store_url)) as connection:
        connection.execute(text(
            "INSERT INTO outcome (outcome_key, account_id, party_id, channel, at, outcome)"
            " SELECT i.item_key, i.account_id, i.party_id, i.channel, :at,"
            " CASE i.channel WHEN 'call' THEN 'no_answer' ELSE 'delivered' END"
            " FROM item i JOIN contact c ON c.contact_id = i.contact_id"
            " WHERE c.business_date = :on AND c.state = 'planned'"
            " AND i.channel IN ('sms', 'call')"), given)  # fmt: skip
        return connection.execute(text(
            "UPDATE contact SET state = 'sent', intent_at = :at, payload_sha256 = :hash, sent_at = :at,"
            " provider_code = '0' WHERE business_date = :on AND state = 'planned'"), given).rowcount  # fmt: skip


def decide_every(rt: Runtime, day: str) -> Any:
    """Decide the day with a row for every account, whether anything is overdue or not."""
    from arrears.ladder.decisions import decide_snapshot
    from arrears.steps import runs, world

    this = runs.read_run(rt, day)
    assert this.snapshot_id
    return decide_snapshot(rt, world.store_of(rt), day, this.snapshot_id, this.business_date,
                           world.policy_of(rt.settings), newest=True, every=True).rows  # fmt: skip


def digest_sizes(rt: Runtime) -> int:
    """Return the size in bytes of the largest digest there is."""
    return max((file.stat().st_size for file in rt.settings.home.glob("artifacts/digests/*/*.html")), default=0)


def one_day(
    folder: Path, store: str | None, name: str, accounts: int, every: bool, profiles: Path | None, packets: int
) -> dict[str, Measured]:
    on, feeds = DAYS[name], folder / f"feeds-{name}"
    apart(lambda: make_feeds(feeds, accounts, on))
    rt = runtime(folder, store, on)
    found: dict[str, Measured] = {}
    day = apart(lambda: run_step_open(rt, Request(rt.clock.now(), on, str(feeds))))["result"]
    for step in STEPS:
        if every and step == "decide_accounts":
            found["decide_every"] = _decide_copy(folder, on, day)
        into = profiles / f"{name}-{step}.prof" if profiles else None
        found[step] = apart(lambda step=step: run_step(rt, day, step, packets), into)
        show(name, step, found[step])
    found["replan"] = apart(lambda: run_step(rt, day, "plan_contacts", 0))
    show(name, "plan_contacts again", found["replan"])
    apart(lambda: carry_out(rt, on))
    shutil.rmtree(feeds)
    return found


def run_step_open(rt: Runtime, request: Request) -> str:
    from arrears.steps import runs

    return runs.open_run(rt, "daily", request)


def _decide_copy(folder: Path, on: date, day: str) -> Measured:
    other = folder.with_name(f"{folder.name}-every")
    shutil.copytree(folder, other)
    try:
        rt = runtime(other, None, on)
        found = apart(lambda: decide_every(rt, day))
    finally:
        shutil.rmtree(other)
    show("next", "decide_accounts, a row for every account", found)
    return found


def show(day: str, step: str, found: Measured) -> None:
    line = f"{day:6} {step:42} {found['cpu_s']:8.2f} CPU s {found['wall_s']:8.2f} s {found['peak_mb']:6} MB"
    print(line, found["result"], flush=True)  # noqa: T201 - a program that reports


def total(day: dict[str, Measured], steps: tuple[str, ...] = STEPS) -> float:
    return sum(day[step]["cpu_s"] for step in steps)


def main(
    accounts: int,
    store: str | None,
    out: Path | None,
    days: list[str],
    every: bool,
    profiles: Path | None,
    keep: Path | None,
    packets: int,
) -> None:
    with tempfile.TemporaryDirectory(prefix="arrears-bench-") as name:
        folder = (keep or Path(name)) / "home"
        folder.mkdir(parents=True, exist_ok=True)
        rt = runtime(folder, store, PEAK)
        apart(lambda: make_store(rt))
        found = {day: one_day(folder, store, day, accounts, every and day == "next", profiles, packets) for day in days}
        digest = digest_sizes(rt)
    report: dict[str, Any] = {"accounts": accounts, "store": "postgresql" if store else "sqlite",
                              "python": platform.python_version(), "machine": platform.machine(),
                              "largest_digest_bytes": digest, "days": found}  # fmt: skip
    if "peak" in found and "next" in found:
        report["peak_to_ordinary"] = round(total(found["peak"]) / total(found["next"]), 2)
        report["peak_to_ordinary_after_the_pull"] = round(
            total(found["peak"], STEPS[1:]) / total(found["next"], STEPS[1:]), 2)  # fmt: skip
    if every:
        ordinary = found["next"]
        report["changed_to_everything"] = round(
            ordinary["decide_accounts"]["cpu_s"] / ordinary["decide_every"]["cpu_s"], 2)  # fmt: skip
    text = json.dumps(report, indent=2)
    print({key: value for key, value in report.items() if key != "days"})  # noqa: T201 - a program that reports
    if out:
        out.write_text(text + "\n")


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("accounts", type=int, nargs="?", default=10_000)
    given.add_argument("--store", help="the URL of an empty PostgreSQL database; SQLite in a temporary folder else")
    given.add_argument("--out", type=Path)
    given.add_argument("--days", nargs="+", choices=DAYS, default=list(DAYS))
    given.add_argument("--every", action="store_true")
    given.add_argument("--profiles", type=Path, help="a folder that gets a profile of each step")
    given.add_argument("--keep", type=Path, help="a folder in which the store stays: another call goes on there")
    given.add_argument("--packets", type=int, default=0, help="build no more packets than this a day")
    asked = given.parse_args()
    main(asked.accounts, asked.store, asked.out, asked.days, asked.every, asked.profiles, asked.keep, asked.packets)
