"""A tow agency on loopback: takes orders and recalls by HTTP, keeps one order per key, and writes down what came."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Any

from arrears.core.errors import BadInput
from arrears.core.keys import sha256

LARGEST_BODY = 1_000_000
JOURNAL = "agency.jsonl"


class AgencySandbox:
    """The agency's side: ``.url`` to talk to, ``folder`` to look into; what it knows survives a restart.

    A recall that overtakes its order leaves a mark, so that the late order starts no work.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._journal = folder / JOURNAL
        self._lock = Lock()
        self._payloads: dict[str, str] = {}
        self._recalled: set[str] = set()
        for line in self.received():
            self._learn(line)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the base URL, on a free port of this machine."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "AgencySandbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def received(self) -> list[dict[str, Any]]:
        """Return every call, oldest first: kind, key, whether it was new, and the body."""
        if not self._journal.exists():
            return []
        return [json.loads(line) for line in self._journal.read_text("utf-8").splitlines()]

    def working_on(self) -> set[str]:
        """Return the keys of orders that a crew would be driving for now."""
        with self._lock:
            return set(self._payloads) - self._recalled

    def take(self, kind: str, key: str, body: str) -> tuple[int, dict[str, Any]]:
        """Take one call and return status and answer; the same key with another order is a conflict (422)."""
        with self._lock:
            known = self._payloads.get(key) if kind == "order" else None
            if known is not None and known != sha256(body.encode()):
                return 422, {"acknowledged": False, "error": "this key was used for another order"}
            line = {"kind": kind, "key": key, "new": self._is_new(kind, key), "body": json.loads(body)}
            line["sha256"] = sha256(body.encode())
            with self._journal.open("a", encoding="utf-8") as journal:
                journal.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
            self._learn(line)
            answer = {"acknowledged": True, "receipt": f"{kind.upper()}-{key[:12]}", "recalled": key in self._recalled}
            return 200, answer

    def _is_new(self, kind: str, key: str) -> bool:
        return key not in (self._payloads if kind == "order" else self._recalled)

    def _learn(self, line: dict[str, Any]) -> None:
        if line["kind"] == "order":
            self._payloads.setdefault(line["key"], line["sha256"])
        else:
            self._recalled.add(line["key"])


def _route(path: str, header: str) -> tuple[str, str]:
    """Return kind and key of a call.

    Raises:
        BadInput: another path, or a key that is missing or does not agree with the path.
    """
    parts = path.strip("/").split("/")
    if parts == ["orders"] and header:
        return "order", header
    if len(parts) == 3 and parts[0] == "orders" and parts[2] == "recall" and header in ("", parts[1]):
        return "recall", parts[1]
    raise BadInput("post to /orders with an Idempotency-Key, or to /orders/<key>/recall")


def _handler(sandbox: AgencySandbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if not 0 < size <= LARGEST_BODY:
                self._answer(413, {"acknowledged": False, "error": "send a body of at most 1 MB"})
                return
            try:
                body = self.rfile.read(size).decode()
                kind, key = _route(self.path, self.headers.get("Idempotency-Key") or "")
                self._answer(*sandbox.take(kind, key, body))
            except (BadInput, ValueError) as error:
                self._answer(400, {"acknowledged": False, "error": str(error)[:200]})

        def _answer(self, status: int, said: dict[str, Any]) -> None:
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent: what came is in the journal."""

    return Handler
