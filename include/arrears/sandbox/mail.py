"""A mail server on loopback that really speaks SMTP and keeps every message as a file people can open."""

import asyncio
import logging
import socket
import threading
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Any

from arrears.core.clock import Clock, SystemClock, utc_text
from arrears.sandbox.keeping import Numbered, keep_line, read_lines

LARGEST = 32 * 1024 * 1024


class MailSandbox:
    """Listens on a free loopback port while entered; copies are kept too, for it is a witness."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self._folder, self._clock = folder, clock or SystemClock()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> "MailSandbox":
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files = Numbered(self._folder, ".eml")
        door = socket.create_server(("127.0.0.1", 0))
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an answer never waits for the one before it
        self.url = f"smtp://127.0.0.1:{door.getsockname()[1]}"
        listening = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(door, listening), name="mail-sandbox", daemon=True)
        self._thread.start()
        listening.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread:
            self._thread.join()

    def messages(self) -> list[dict[str, Any]]:
        """Return the index of what arrived, in order."""
        return list(read_lines(self._folder))

    def _serve(self, door: socket.socket, listening: threading.Event) -> None:
        from aiosmtpd.smtp import SMTP

        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # at INFO it names every recipient
        loop = self._loop
        asyncio.set_event_loop(loop)

        def session() -> Any:
            return SMTP(self, loop=loop, hostname="localhost", data_size_limit=LARGEST)

        server = loop.run_until_complete(loop.create_server(session, sock=door))
        listening.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: object, session: Any, _envelope: object, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer PIPELINING, as most servers do: commands that arrive together are answered in order."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one message and say under which name."""
        content: bytes = envelope.content
        name = self._files.keep(content)
        mail = message_from_bytes(content, policy=default)
        keep_line(
            self._folder,
            {
                "file": name,
                "received_at": utc_text(self._clock.now()),
                "from": envelope.mail_from,
                "to": list(envelope.rcpt_tos),
                "subject": str(mail["Subject"] or ""),
                "message_id": str(mail["Message-ID"] or "").strip(),
                "size": len(content),
            },
        )
        return f"250 OK queued as {name.removesuffix('.eml')}"
