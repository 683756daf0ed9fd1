"""Randomness is an argument: rehearsals seed it, a live store refuses a seed."""

import random
import secrets
import threading
from typing import Protocol
from uuid import UUID

from arrears.core.errors import BadArguments


class Entropy(Protocol):
    """A source of random bytes."""

    @property
    def seeded(self) -> bool:
        """Say whether the bytes can be foretold."""
        ...

    def take(self, size: int) -> bytes:
        """Return ``size`` random bytes."""
        ...


class SystemEntropy:
    """The operating system's randomness."""

    seeded = False

    def take(self, size: int) -> bytes:
        """Return ``size`` bytes nobody can foretell."""
        return secrets.token_bytes(size)


class SeededEntropy:
    """Repeatable bytes for rehearsals and tests; safe between threads."""

    seeded = True

    def __init__(self, seed: int) -> None:
        """Start the stream of one seed."""
        self._source = random.Random(seed)  # noqa: S311 - repeatable on purpose, refused in a live store
        self._lock = threading.Lock()

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes of the stream."""
        with self._lock:
            return self._source.randbytes(size)


def random_uuid(entropy: Entropy) -> str:
    """Return a version 4 UUID drawn from ``entropy``."""
    return str(UUID(bytes=entropy.take(16), version=4))


def refuse_foretold(mode: str, entropy: Entropy) -> None:
    """Refuse seeded bytes in a live store: keys, salts and random names drawn from them could be drawn again.

    Raises:
        BadArguments: the mode is live and the entropy seeded.
    """
    if mode == "live" and entropy.seeded:
        raise BadArguments("a live store takes no seeded entropy: its keys, salts and names could be foretold")
