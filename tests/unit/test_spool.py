"""What waits on disk costs one descriptor and leaves nothing behind."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest

from arrears.store.spool import Spool


def test_two_hundred_ranges_wait_in_one_file_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Spool(limit=0, width=1) as spool:
        for _ in range(2):
            spool.add(pa.RecordBatch.from_pydict({"code": pa.array(range(200), pa.int64())}))
        assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
        assert list(tmp_path.iterdir()) == [], "a process that is killed leaves nothing"
        assert spool.ranges() == list(range(200))
        assert [spool.take(number)["code"].to_pylist() for number in spool.ranges()] == [[n, n] for n in range(200)]
