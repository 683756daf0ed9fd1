"""How fast packets are made: ``python tests/bench/packets.py [PACKETS]``, from data to PDF, hash, file and audit row.

Every account has 36 instalments, 18 payments, 13 papers and 24 contacts: six pages. The target is
15 packets a second of one core's CPU time, with memory that does not grow.
"""

import resource
import runpy
import sys
import tempfile
import time
from datetime import date
from datetime import time as wall_time
from pathlib import Path

from sqlalchemy import insert

from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import SeededEntropy
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.legal.build import build_packets, stage_three_accounts
from arrears.store.engine import open_engine, writing
from arrears.store.migrate import upgrade
from arrears.store.tables.feeds import outcome

DAY = date(2026, 11, 12)
CALLS = 24
Office = runpy.run_path(str(Path(__file__).resolve().parents[1] / "integration" / "test_packets.py"))["Office"]


def used() -> float:
    """Return the CPU seconds of this process so far."""
    so_far = resource.getrusage(resource.RUSAGE_SELF)
    return so_far.ru_utime + so_far.ru_stime


def memory_mb() -> int:
    """Return the memory this process holds now."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


def main(packets: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="arrears-bench-"))
    settings = Settings.from_environment({"ARREARS_HOME": str(folder)})
    rt = Runtime(settings, PinnedClock(at_local(DAY, wall_time(10), "Asia/Shanghai")), SeededEntropy(1))
    engine = open_engine(settings.store_url)
    upgrade(engine)
    office = Office(rt, engine)
    calls = []
    for number in range(packets):
        account = office.add(f"A{number:06d}")
        calls += [{"outcome_key": natural_key(account, call), "account_id": account, "party_id": f"{account}-B",
                   "channel": "call", "at": f"2026-10-{call:02d}T02:00:00Z", "outcome": "no_answer"}
                  for call in range(1, CALLS + 1)]  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(outcome), calls)
    run_id, accounts = office.open(DAY), stage_three_accounts(engine, DAY)
    build_packets(rt, engine, run_id, DAY, office.policy, accounts[:10])  # fonts are loaded, the compiler is warm
    seen = [memory_mb()]
    wall, cpu = time.perf_counter(), used()
    build_packets(rt, engine, run_id, DAY, office.policy, accounts[10:], lambda _done, _of: seen.append(memory_mb()))
    wall, cpu, made = time.perf_counter() - wall, used() - cpu, packets - 10
    print(  # noqa: T201 - a program that reports
        f"{made} packets: {made / cpu:.1f} per CPU second ({1000 * cpu / made:.1f} ms each), {made / wall:.1f}/s by the"
        f" wall; memory {seen[0]} MB at first, {max(seen)} MB at most, {seen[-1]} MB at the end"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
