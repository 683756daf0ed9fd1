"""The same packets, byte for byte, from SQLite and PostgreSQL, in other processes and time zones."""

import hashlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from arrears.rehearsal.portfolio import sample_feeds

pytestmark = pytest.mark.real
DAY = date(2026, 11, 12)


def packets_of(home: Path, feeds: Path, **more: str) -> dict[str, str]:
    """Live the sample's day in a process of its own and return the hash of every packet file but the manifest."""
    env = {**os.environ, "ARREARS_HOME": str(home), "NO_COLOR": "1", **more}
    command = [str(Path(sys.executable).with_name("arrears")), "run", "--date", DAY.isoformat(), "--feeds", str(feeds)]
    done = subprocess.run([*command, "--rehearsal"], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    root = home / "artifacts" / "packets"
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "manifest.json" and path.suffix != ".zip"
    }


def test_two_stores_two_processes_and_two_time_zones_make_the_same_bytes(
    tmp_path: Path, postgres_database: str
) -> None:
    feeds = sample_feeds(tmp_path, DAY)
    one = packets_of(tmp_path / "sqlite", feeds, TZ="America/New_York", LC_ALL="C")
    other = packets_of(tmp_path / "postgres", feeds, TZ="Pacific/Auckland", ARREARS_STORE_URL=postgres_database)
    assert sum(name.endswith("packet.pdf") for name in one) >= 20
    assert one == other
