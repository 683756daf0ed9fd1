"""How far a long piece of work is, told to whoever waits for it; silent when nobody does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watcher = Callable[[int, int | None, str], None]
"""Is told how much is done, of how much (None when nobody knows), and of what, as in ``20,000 of 90,000 events``."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched_by(watcher: Watcher | None) -> Iterator[None]:
    """Tell ``watcher``, or nobody, how far the work is that this thread does while the block runs."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def tell(done: int, total: int | None, what: str) -> None:
    """Say how far a long piece of work is."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher(done, total, what)
