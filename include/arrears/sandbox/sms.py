"""An SMS gateway on loopback that speaks Kannel's sendsms and keeps every message as a line of JSON.

Where it is given a folder for receipts it says there that each message was delivered, as the door of a real gateway
would.
"""

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from arrears.core.clock import Clock, SystemClock, utc_text
from arrears.sandbox.keeping import keep_line, read_lines

SENDSMS = "/cgi-bin/sendsms"
RECEIPTS = "/receipts"
HEADER = "x-kannel-"


class _Server(ThreadingHTTPServer):
    """Takes every call in a thread of its own; a caller that vanishes is nothing to tell of."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about callers that died; tell of everything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class SmsSandbox:
    """Listens on a free loopback port while entered; copies are kept too, for it is a witness."""

    def __init__(self, folder: Path, clock: Clock | None = None, receipts: Path | None = None) -> None:
        self._folder, self._clock, self._receipts = folder, clock or SystemClock(), receipts
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def __enter__(self) -> "SmsSandbox":
        self._folder.mkdir(parents=True, exist_ok=True)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        base = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = f"kannel+{base}{SENDSMS}?receipts={base}{RECEIPTS}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="sms-sandbox", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def messages(self) -> list[dict[str, Any]]:
        """Return what arrived, in order."""
        return list(read_lines(self._folder))

    def answer(self, path: str, fields: dict[str, str]) -> tuple[int, str]:
        """Answer one call as Kannel does: 202 when taken, 400 without a receiver, 404 elsewhere."""
        if path != SENDSMS:
            return 404, "Unknown request"
        if not fields.get("to"):
            return 400, "Missing receiver number, rejected"
        kept = {
            name: fields.get(name, "") for name in ("to", "from", "text", "coding", "charset", "dlr-mask", "dlr-url")
        }
        keep_line(self._folder, {"received_at": utc_text(self._clock.now()), **kept})
        if self._receipts:
            self._deliver(self._receipts, kept["dlr-url"])
        return 202, "0: Accepted for delivery"

    def _deliver(self, receipts: Path, address: str) -> None:
        """Write the receipt ``1``, delivered, with the placeholders of its address filled as Kannel fills them."""
        moment = str(int(self._clock.now().timestamp()))
        filled = address.replace("%d", "1").replace("%T", moment).replace("%F", "")
        fields = {name: values[-1] for name, values in parse_qs(urlsplit(filled).query).items()}
        if not re.fullmatch(r"[0-9a-f]{64}", fields.get("contact", "")):
            return
        receipts.mkdir(parents=True, exist_ok=True)
        file = receipts / f"{fields['contact']}.json"
        waiting = file.with_suffix(".tmp")
        waiting.write_text(json.dumps(fields, sort_keys=True), encoding="utf-8")
        waiting.replace(file)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet, or each answer waits for an acknowledgement

            def do_POST(self) -> None:
                named = {name.lower(): value for name, value in self.headers.items()}
                fields = {name.removeprefix(HEADER): value for name, value in named.items() if name.startswith(HEADER)}
                charset = self.headers.get_content_charset("")
                body = self.rfile.read(int(named.get("content-length", "0")))
                fields |= {"charset": charset.upper(), "text": body.decode(charset or "latin-1")}
                self._say(*gateway.answer(urlsplit(self.path).path, fields))

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = parse_qs(parts.query, keep_blank_values=True)
                self._say(*gateway.answer(parts.path, {name: values[-1] for name, values in query.items()}))

            def _say(self, status: int, text: str) -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the address of a call holds a number and a text."""

        return Handler
