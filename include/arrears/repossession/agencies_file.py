"""Orders and recalls as files in a folder the agency reads; it answers with an acknowledgement file.

The JSON of an order is also the manifest of its sheet: it names the PDF beside it with its SHA-256 and comes last.
"""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from arrears.core.errors import TemporaryFailure
from arrears.repossession.agency import Answer, read_answer
from arrears.repossession.document import sheet_of


class AgencyFile:
    """A folder: ``<key>.order.pdf`` and ``.json``, ``<key>.recall.json`` from us, ``….ack.json`` from the agency.

    A file appears whole or not at all, and never twice: it is written aside, forced to disk, then linked to its name.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def offer(self, key: str, document: bytes) -> Answer:
        """Put the order file there unless it is, and look for its acknowledgement."""
        return self._put(key, "order", document)

    def recall(self, key: str, document: bytes) -> Answer:
        """Put the recall file there unless it is, and look for its acknowledgement."""
        return self._put(key, "recall", document)

    def _put(self, key: str, what: str, document: bytes) -> Answer:
        name = f"{key}.{what}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if sheet := sheet_of(document):
                publish_once(self._folder / sheet[0], sheet[1])
            publish_once(self._folder / f"{name}.json", document)
            return acknowledgement(_read(self._folder / f"{name}.ack.json"), key)
        except OSError as error:
            raise TemporaryFailure(f"agency folder not usable ({error.strerror}): it is tried again") from None


def publish_once(path: Path, data: bytes) -> bool:
    """Make ``path`` appear with exactly these bytes; return False when it was already there, untouched."""
    if path.exists():
        return False
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as handle:
        aside = Path(handle.name)
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    finally:
        aside.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def acknowledgement(content: bytes | None, key: str) -> Answer:
    """Read an acknowledgement file; one that is not there, half written or about another order is none yet."""
    return read_answer(content or b"", key, is_taken=True) or Answer(acknowledged=False)
