"""Orders and recalls as files on an agency's SFTP server or in a bucket, with the names of the folder on disk.

A file appears whole or not at all, and never twice. SFTP: it is written aside and renamed, and a rename never replaces
a file. S3: one object, put on the condition that none has its name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from arrears.core.errors import TemporaryFailure
from arrears.core.keys import sha256
from arrears.repossession.agencies_file import acknowledgement
from arrears.repossession.agency import Answer
from arrears.repossession.document import sheet_of

SECONDS = 20


class AgencyRemote:
    """A folder behind ``sftp://user@host/folder`` or ``s3://bucket/folder``."""

    def __init__(self, url: str, known_hosts: Path) -> None:
        self._url, self._known_hosts = url, known_hosts

    def offer(self, key: str, document: bytes) -> Answer:
        """Put sheet and order there unless they are, and look for the acknowledgement."""
        return self._put(key, "order", document)

    def recall(self, key: str, document: bytes) -> Answer:
        """Put the recall there unless it is, and look for its acknowledgement."""
        return self._put(key, "recall", document)

    def _put(self, key: str, what: str, document: bytes) -> Answer:
        name = f"{key}.{what}"
        try:
            with self._opened() as (files, folder, create):
                if sheet := sheet_of(document):
                    create(files, f"{folder}/{sheet[0]}", sheet[1])
                create(files, f"{folder}/{name}.json", document)
                return acknowledgement(_read(files, f"{folder}/{name}.ack.json"), key)
        except Exception as error:  # every library below has errors of its own, and each means: not reached
            raise TemporaryFailure(f"agency folder not reached ({type(error).__name__}): it is tried again") from None

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, str, Any]]:
        parts = urlsplit(self._url)
        if parts.scheme == "s3":
            import s3fs

            yield (
                s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True),
                f"{parts.netloc}{parts.path}".rstrip("/"),
                _create_object,
            )
            return
        files = _sftp(parts, self._known_hosts)
        try:
            folder = unquote(parts.path).rstrip("/")
            files.makedirs(folder, exist_ok=True)
            yield files, folder, _create_by_rename
        finally:
            files.client.close()


def _sftp(parts: Any, known_hosts: Path) -> Any:
    """Connect to a server whose key is in the known hosts; who is not known gets no order."""
    import paramiko
    from fsspec.implementations.sftp import SFTPFileSystem

    class OnlyKnown(paramiko.MissingHostKeyPolicy):  # type: ignore[misc, unused-ignore] # without its types
        def missing_host_key(self, _client: Any, hostname: str, key: Any) -> None:
            if not known_hosts.is_file() or not paramiko.HostKeys(str(known_hosts)).check(hostname, key):
                raise paramiko.SSHException("the key of the server is not in the known hosts")

    return SFTPFileSystem(
        parts.hostname, port=parts.port or 22, username=parts.username, timeout=SECONDS, host_key_policy=OnlyKnown(),
        password=unquote(parts.password) if parts.password else None, skip_instance_cache=True,
    )  # fmt: skip


def _create_by_rename(files: Any, path: str, data: bytes) -> None:
    if files.exists(path):
        return
    folder, _, name = path.rpartition("/")
    aside = f"{folder}/.{name}.{sha256(data)[:16]}.part"
    with files.open(aside, "wb") as handle:
        handle.write(data)
    try:
        files.ftp.rename(aside, path)
    except OSError:
        files.ftp.remove(aside)
        if not files.exists(path):
            raise


def _create_object(files: Any, path: str, data: bytes) -> None:
    try:
        files.pipe_file(path, data, mode="create")
    except OSError:  # the name is taken, which each store says in its own way
        if not files.exists(path):
            raise


def _read(files: Any, path: str) -> bytes | None:
    try:
        return bytes(files.cat_file(path))
    except FileNotFoundError:
        return None
