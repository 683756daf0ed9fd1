"""The door at which a gateway delivers its receipts: each becomes a file in the spool, read at the next intake."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from arrears.core.keys import canonical, sha256
from arrears.outreach.receipt import read_fields
from arrears.outreach.receipt_seal import SIGNATURE, Guard

LARGEST = 10_000
PATIENCE_SECONDS = 10
"""So long a caller may take to say what it has to say."""
KEPT = ("contact", "type", "at", "id", "MessageStatus", "MessageSid")
"""What is written down; a gateway also sends numbers and texts, and those are left at the door."""


def keep_receipt(folder: Path, fields: dict[str, str]) -> bool:
    """Write a receipt into the spool before it is acknowledged; the same one again is one file. False: not ours."""
    kept = {name: fields[name] for name in KEPT if fields.get(name)}
    if read_fields(kept) is None:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    name = sha256(canonical(kept))[:32]
    waiting = folder / f".{name}.{os.getpid()}"
    with waiting.open("wb") as file:
        file.write(json.dumps(kept, sort_keys=True).encode())
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(folder / f"{name}.json")
    return True


def open_door(folder: Path, host: str, port: int, guard: Guard) -> ThreadingHTTPServer:
    """Return the server of the door, not yet serving; port 0 takes a free one.

    It takes GET (Kannel's ``dlr-url``) and POST (Twilio's ``StatusCallback``) on any path. Whoever cannot show the
    seal of the message they speak of is answered 403, and 400 whatever says nothing we understand about it.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE_SECONDS

        def do_GET(self) -> None:
            self._take("")

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length") or "0"
            size = int(length) if length.isascii() and length.isdigit() else 0
            self._take(self.rfile.read(size).decode("utf-8", "replace") if 0 < size <= LARGEST else "")

        def _take(self, body: str) -> None:
            query = urlsplit(self.path).query
            said = parse_qs(body) | parse_qs(query)
            status = 403
            if guard.admits(query, body, self.headers.get(SIGNATURE, "")):
                status = 204 if keep_receipt(folder, {name: values[-1] for name, values in said.items()}) else 400
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the address of a call may hold a number."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server
