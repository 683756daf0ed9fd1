"""How fast packets are made: ``python tests/bench/packets.py [PACKETS]``, from data to PDF, hash, file and audit row.

Every account has 36 instalments, 18 payments, 13 papers and 24 contacts: six pages. The target is
15 packets a second of one core's CPU time, with memory that does not grow. Asks for at least 400 packets.
"""

import multiprocessing
import resource
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
from arrears.core.progress import watched_by
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.legal.build import build_packets, stage_three_accounts
from arrears.store.engine import open_engine, writing
from arrears.store.migrate import upgrade
from arrears.store.tables.feeds import outcome

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shared"))
from packet_office import Office

DAY = date(2026, 11, 12)
CALLS, WARM = 24, 10


def used() -> float:
    """Return the CPU seconds of this process so far."""
    so_far = resource.getrusage(resource.RUSAGE_SELF)
    return so_far.ru_utime + so_far.ru_stime


def memory_mb() -> int:
    """Return the memory this process holds now."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


def furnish(home: Path, packets: int) -> str:
    """Fill a store and its frozen ledger with accounts at stage three, and return the run that decided on them."""
    rt = runtime(home)
    engine = open_engine(rt.settings.store_url)
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
    run_id: str = office.open(DAY)
    engine.dispose()
    return run_id


def runtime(home: Path) -> Runtime:
    """Return the runtime of a store on the morning of the day."""
    settings = Settings.from_environment({"ARREARS_HOME": str(home)})
    return Runtime(settings, PinnedClock(at_local(DAY, wall_time(10), "Asia/Shanghai")), SeededEntropy(1))


def measure(home: Path, run_id: str) -> None:
    """Build every packet of the store and say what it took; ten before the clock starts warm the compiler."""
    rt, policy = runtime(home), load_policy()
    engine = open_engine(rt.settings.store_url)
    accounts = stage_three_accounts(engine, DAY)
    build_packets(rt, engine, run_id, DAY, policy, accounts[:WARM])
    steps = []

    def note(_done: int, _of: int | None, _what: str) -> None:
        steps.append((memory_mb(), used()))

    wall, cpu = time.perf_counter(), used()
    with watched_by(note):
        build_packets(rt, engine, run_id, DAY, policy, accounts[WARM:])
    wall, end, made = time.perf_counter() - wall, used(), len(accounts) - WARM
    held = [memory for memory, _ in steps]
    print(  # noqa: T201 - a program that reports
        f"{made} packets: {made / (end - cpu):.1f} per CPU second ({1000 * (end - cpu) / made:.1f} ms each; the first"
        f" hundred {10 * (steps[0][1] - cpu):.1f}, the last whole one {10 * (steps[-2][1] - steps[-3][1]):.1f}),"
        f" {made / wall:.1f}/s by the wall; memory {held[0]} MB after a hundred, {held[-1]} MB at the end, {max(held)}"
        " MB at most"
    )


def main(packets: int) -> None:
    """Furnish here, measure in a process of its own: what filling the store took is not what packets take."""
    with tempfile.TemporaryDirectory(prefix="arrears-bench-") as folder:
        run_id = furnish(Path(folder), packets)
        measured = multiprocessing.get_context("spawn").Process(target=measure, args=(Path(folder), run_id))
        measured.start()
        measured.join()
    sys.exit(measured.exitcode)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
