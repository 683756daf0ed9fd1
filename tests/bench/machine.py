"""What a measurement was taken on and with: the machine, and the versions of the libraries that decide its figures."""

import os
import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("arrears", "adbc-driver-sqlite", "apache-airflow", "numpy", "pandas", "psycopg", "pyarrow", "sqlalchemy",
             "typst", "yagmail")  # fmt: skip


def facts() -> dict[str, str | int | dict[str, str]]:
    """Return processor, cores, memory, system and versions; names of people and machines are not among them."""
    return {
        "cpu": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory_mb": int((_line("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) // 1024,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _line(file: str, word: str) -> str | None:
    """Return what stands behind a word in one of the system's own tables."""
    path = Path(file)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(word)), None)
