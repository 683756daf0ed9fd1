"""How fast the audit log is: ``python tests/bench/audit_log.py [EVENTS] [STORE_URL]``; seconds of CPU and of the wall.

Writes, seals and verifies that many events of the commonest kind, then writes receipts for some of them.
``measure`` returns the figures to whoever compares them with others.
"""

import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, time
from time import perf_counter, process_time

from arrears.audit.receipt import write_receipt
from arrears.audit.record import Event, record_many
from arrears.audit.seal import seal
from arrears.audit.verify import verify_store
from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import SeededEntropy, random_uuid
from arrears.core.keys import natural_key
from arrears.core.runtime import RunKey, Runtime
from arrears.core.settings import Settings
from arrears.store.engine import open_engine, writing
from arrears.store.migrate import upgrade

DAY = date(2026, 11, 12)
RUN = "daily-2026-11-12-1"
RECEIPTS = 20
HASH = "9f2c61d9a87b3e45" * 4


def event(number: int, subject_ref: str) -> Event:
    """Return one decision as a day of a large book makes a million."""
    data = {
        "stage": 2,
        "entitled_rung": 2,
        "unlocked_rung": 1,
        "rung": 1,
        "lane": "ladder",
        "overdue_instalments": 2,
        "overdue_minor": 1_000_000 + number,
        "days_past_due": 37,
        "facts_sha256": HASH,
        "verdict_sha256": HASH,
    }
    ledger = {"row_sha256": HASH}
    key = natural_key(subject_ref, "2026-11-12", 0)
    return Event("account.staged", key, DAY, subject_ref, data=data, policy_sha256=HASH, ledger=ledger)


@dataclass
class Figures:
    """Seconds of CPU (children included) and of the wall for each part, and the most memory it held, in MB."""

    parts: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str, per: int = 1) -> Iterator[None]:
        """Note what the block took, per repetition."""
        wall, cpu, children = perf_counter(), process_time(), _children()
        yield
        wall, cpu = perf_counter() - wall, process_time() - cpu + _children() - children
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.parts[what] = {"cpu_s": cpu / per, "wall_s": wall / per, "peak_mb": peak}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(events: int, store_url: str | None = None) -> Figures:
    """Run the benchmark once: record, seal, verify, receipt."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="arrears-bench-") as folder:
        settings = Settings.from_environment(
            {"ARREARS_HOME": folder} | ({"ARREARS_STORE_URL": store_url} if store_url else {})
        )
        clock = PinnedClock(at_local(DAY, time(10), "Asia/Shanghai"))
        attempt = RunKey("arrears_daily", "manual__2026-11-12T22:00:00+00:00", "decide", -1, 1, "0" * 36)
        rt = Runtime(settings, clock, SeededEntropy(1), attempt)
        engine = open_engine(settings.store_url)
        upgrade(engine)
        subjects = [random_uuid(rt.entropy) for _ in range(events)]
        with figures.timed("record"), writing(engine) as connection:
            record_many(connection, rt, run_id=RUN, events=(event(n, ref) for n, ref in enumerate(subjects)))
        asked = subjects[:: max(1, events // RECEIPTS)][:RECEIPTS]
        del subjects
        with figures.timed("seal"):
            seal(rt, engine)
        with figures.timed("verify"):
            verdict = verify_store(engine)
        if verdict.exit_code:
            raise SystemExit(verdict.message)
        with figures.timed("receipt", len(asked)):
            for subject_ref in asked:
                write_receipt(engine, subject_ref, DAY)
    return figures


def main(events: int, store_url: str | None) -> None:
    """Print the figures of one run."""
    for what, took in measure(events, store_url).parts.items():
        sys.stdout.write(
            f"{what:10} {took['cpu_s']:8.3f} s CPU {took['wall_s']:8.3f} s wall  peak {took['peak_mb']} MB\n"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, sys.argv[2] if len(sys.argv) > 2 else None)
