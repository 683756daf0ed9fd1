"""Count whose connections a PostgreSQL server has while services use it, as its own view of them says."""

import os
import threading
from collections import Counter
from contextlib import suppress
from types import TracebackType

import psutil
from compose_servers import ComposeServers
from sqlalchemy import create_engine, text

EVERY = 2.0
"""Seconds between two looks."""
ASK = """SELECT client_port, datname FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""


class ConnectionCount:
    """The most connections at any look, and by service the most that it had; entered as a context."""

    def __init__(self, url: str, servers: ComposeServers) -> None:
        self.most = 0
        self.of_service: dict[str, int] = {}
        self._servers, self._engine = servers, create_engine(url)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "ConnectionCount":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._engine.dispose()

    def _watch(self) -> None:
        while not self._ended.wait(EVERY):
            with self._engine.connect() as connection:
                found = connection.execute(text(ASK)).all()
            self.most = max(self.most, len(found))
            owners = self._owners()
            for (name, database), count in Counter((owners.get(port, "ended"), base) for port, base in found).items():
                key = f"{name} {database}"
                self.of_service[key] = max(self.of_service.get(key, 0), count)

    def _owners(self) -> dict[int, str]:
        """Return the service by the port from which one of its processes speaks."""
        found = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                name = self._servers.begun.get(os.getsid(process.pid))
                if name:
                    found |= {one.laddr.port: name for one in process.net_connections("tcp4") if one.laddr}
        return found
