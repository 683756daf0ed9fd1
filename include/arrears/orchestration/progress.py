"""Tell a waiting person which step is running, when the DAG runs in their own process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_shown: list[Callable[[str], None]] = []


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
