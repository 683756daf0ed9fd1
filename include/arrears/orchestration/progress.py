"""Tell a waiting person which step is running, when the DAG runs in their own process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_shown: list[Callable[[str], None]] = []
_failures: list[str] = []


@contextmanager
def shown_by(report: Callable[[str], None]) -> Iterator[None]:
    """Hand each step's name to ``report`` while the block runs."""
    _shown.append(report)
    try:
        yield
    finally:
        _shown.remove(report)


def tell(step: str) -> None:
    """Say that a step begins; silent when nobody is watching."""
    for report in _shown:
        report(step.replace("_", " "))


def tell_failure(step: str, reason: str) -> None:
    """Remember why a step failed, for whoever asked for the run."""
    if _shown:
        _failures.append(f"{step.replace('_', ' ')}: {reason}")


def failures() -> list[str]:
    """Return why steps failed, in order."""
    return list(_failures)
