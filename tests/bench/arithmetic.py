"""A table of docs/scale.md: ``python tests/bench/arithmetic.py``, what mornings, workers and disks come to.

What a million accounts take is read where it was measured: the steps of a day in docs/performance.md, bytes in
docs/scale.md. A portfolio of any size is that many times as much, in stores of five million.
"""

import re
import sys
from pathlib import Path

import send_window

DOCS = Path(__file__).resolve().parents[2] / "docs"
SLOTS_A_WORKER = 4
"""Messages that a worker of the queue ``mail`` sends at once, as docker-compose.yaml starts it."""
LEDGER = 0.199
"""Terabytes a year of the frozen ledgers of a million accounts: 545 bytes an account and day."""
PACKETS = 0.082
"""Terabytes of the packets of a million accounts, most of them of the first days."""
COPIES = 3
"""The server's own, a standby's and a backup."""
A_TERABYTE_AND_MONTH = 100
"""Assumed, in whatever the currency is: block storage at 0.10 a gigabyte and month."""


def steps_of_a_day() -> tuple[float, float]:
    """Return the CPU seconds of all steps at a million accounts: an ordinary day, and the 12th."""
    text = (DOCS / "performance.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| all steps \| ([\d.]+) \| \| ([\d.]+) \| \| ([\d.]+) \|", text, re.MULTILINE)
    return float(found[0][1]), float(found[0][2])


def terabytes(millions: int) -> float:
    """Return what a store has grown by after a year, as the table of the arithmetic says."""
    text = (DOCS / "scale.md").read_text(encoding="utf-8")
    rows = re.findall(rf"^\| {millions} M \|(.*)\|$", text[text.index("## Arithmetic") :], re.MULTILINE)
    return float(rows[0].split("|")[4])


def row(millions: int) -> str:
    """Return one row of the table."""
    stores, line = send_window.SIZES[millions]
    ordinary, peak = (millions * seconds for seconds in steps_of_a_day())
    sending = millions * send_window.COURTESY * 1e6 * send_window.OWN.total_seconds() / 3600
    mail = -(-line.slots // SLOTS_A_WORKER) * stores
    disk = terabytes(millions) + millions * (LEDGER + PACKETS)
    cells = (f"{millions} M", f"{ordinary:,.0f}", f"{ordinary / stores / 60:.0f}", f"{peak:,.0f}",
             f"{peak / stores / 60:.0f}", f"{sending:.1f}", f"{stores} + {mail} + {stores} + {stores}",
             f"{disk:.1f}", f"{COPIES * disk * A_TERABYTE_AND_MONTH:,.0f}")  # fmt: skip
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    for size in send_window.SIZES:
        sys.stdout.write(row(size) + "\n")
