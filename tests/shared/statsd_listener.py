"""A StatsD server on loopback that keeps the last value of every name it hears."""

import socket
import time
from threading import Thread
from types import TracebackType

QUIET = 0.2
"""Seconds without a datagram after which what was sent has arrived."""


class StatsdListener:
    """Entered as a context; a thread of its own empties the door, whose room is small."""

    def __init__(self) -> None:
        self._door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._door.bind(("127.0.0.1", 0))
        self._door.settimeout(QUIET)
        self.port: int = self._door.getsockname()[1]
        self._found: dict[str, float] = {}
        self._last = 0.0
        self._ends = False
        self._thread = Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "StatsdListener":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends = True
        self._thread.join()
        self._door.close()

    def heard(self) -> dict[str, float]:
        """Return every name and its last value, once nothing more comes."""
        self._last = time.monotonic()
        while time.monotonic() < self._last + QUIET:
            time.sleep(QUIET / 4)
        return dict(self._found)

    def _listen(self) -> None:
        while not self._ends:
            try:
                said = self._door.recv(65536).decode()
            except TimeoutError:
                continue
            self._last = time.monotonic()
            for line in said.splitlines():
                name, _, rest = line.partition(":")
                self._found[name] = float(rest.partition("|")[0])
