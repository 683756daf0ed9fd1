"""Servers of files on loopback: SFTP with a key of its own, and a bucket that knows conditional puts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from threading import Lock, Thread
from urllib.parse import unquote, urlsplit

import paramiko

PASSWORD = "made up"


class _Door(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


class _File(paramiko.SFTPHandle):
    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


def _disk(folder: Path) -> type[paramiko.SFTPServerInterface]:
    class Disk(paramiko.SFTPServerInterface):
        """A folder as the root of a server; like OpenSSH, a rename replaces nothing."""

        def _real(self, path: str) -> Path:
            return folder / path.lstrip("/")

        def stat(self, path: str) -> object:
            try:
                return paramiko.SFTPAttributes.from_stat(self._real(path).stat())
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)

        lstat = stat

        def mkdir(self, path: str, attr: object) -> int:
            self._real(path).mkdir()
            return paramiko.SFTP_OK

        def remove(self, path: str) -> int:
            self._real(path).unlink()
            return paramiko.SFTP_OK

        def rename(self, oldpath: str, newpath: str) -> int:
            try:
                os.link(self._real(oldpath), self._real(newpath))
            except FileExistsError:
                return paramiko.SFTP_FAILURE
            self._real(oldpath).unlink()
            return paramiko.SFTP_OK

        def open(self, path: str, flags: int, attr: object) -> object:
            try:
                descriptor = os.open(self._real(path), flags, 0o600)
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno)
            handle = _File(flags)
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR))
            handle.readfile = handle.writefile = os.fdopen(descriptor, "r+b" if writes else "rb")
            return handle

    return Disk


@contextmanager
def sftp_server(folder: Path) -> Iterator[tuple[str, str]]:
    """Serve a folder and yield the address with user and password, and the line that makes the server known."""
    key = paramiko.ECDSAKey.generate()
    door = create_server(("127.0.0.1", 0))
    port = door.getsockname()[1]
    open_ones: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = door.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _disk(folder))
            transport.start_server(server=_Door())
            open_ones.append(transport)

    Thread(target=serve, daemon=True).start()
    try:
        known = f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n"
        yield f"sftp://agency:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}/orders", known
    finally:
        door.close()
        for transport in open_ones:
            transport.close()


class Bucket:
    """What lies in the buckets, and how often a put was refused because the name was taken."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refused = 0
        self.lock = Lock()


@contextmanager
def s3_server() -> Iterator[tuple[str, Bucket]]:
    """Serve objects and yield the endpoint and what lies there."""
    bucket = Bucket()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            with bucket.lock:
                taken = self.headers.get("If-None-Match") == "*" and self._name() in bucket.objects
                bucket.refused += taken
                if not taken:
                    bucket.objects[self._name()] = data
            self._say(412, "PreconditionFailed") if taken else self._answer(200, b"", data)

        def do_GET(self) -> None:
            found = bucket.objects.get(self._name())
            self._say(404, "NoSuchKey") if found is None else self._answer(200, found, found)

        def do_HEAD(self) -> None:
            found = bucket.objects.get(self._name())
            self._say(404, "NoSuchKey") if found is None else self._answer(200, found, found)

        def _name(self) -> str:
            return unquote(urlsplit(self.path).path)

        def _say(self, status: int, code: str) -> None:
            self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

        def _answer(self, status: int, body: bytes, content: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("ETag", f'"{sha256(content).hexdigest()[:32]}"')
            self.send_header("Last-Modified", formatdate(usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", bucket
    finally:
        server.shutdown()
        server.server_close()
