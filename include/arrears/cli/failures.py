"""What a failure says to people: one line that names the thing and the mend, and the exit code of the contract."""

import errno

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from typer import TyperException

from arrears.core.errors import ArrearsError
from arrears.core.settings import Settings
from arrears.store.engine import shown_url

CANNOT = 2
ON_FILES = {
    errno.ENOSPC: "no room is left on the disk: free some, then run it again",
    errno.EISDIR: "is a folder: name a file",
    errno.EEXIST: "is there already and no folder: name another",
    errno.ENOTDIR: "a part of this path is no folder: name another",
    errno.ENOENT: "cannot be found or made: name another path",
    errno.EACCES: "you have no right to it: give it, or name another path",
    errno.EPERM: "you have no right to it: give it, or name another path",
    errno.EROFS: "may only be read: name another path",
    errno.EADDRINUSE: "the address is taken: name another",
}
ON_THE_STORE = (
    (("SQLITE_READONLY", "25006", "42501"), "may only be read by you: give the right to write, or choose another"),
    (("SQLITE_NOTADB", "SQLITE_CORRUPT"), "is no database, or a damaged one: restore it, or choose another"),
    (("SQLITE_FULL", "53100"), "has no room left on its disk: free some, then run it again"),
    (("SQLITE_BUSY", "SQLITE_LOCKED", "55P03", "40"), "is busy with another command: run it again"),
    (("SQLITE_CANTOPEN", "SQLITE_IOERR"), "cannot be opened: look at its folder and rights, or choose another"),
    (("42P01", "42703", "SQLITE_ERROR"), "does not have the tables of this version: run `arrears init`"),
)
"""What a code of SQLite or PostgreSQL begins with, and what it says to people; never the database's own text."""


def told(error: Exception) -> tuple[str, int] | None:
    """Return the line for a failure and its exit code; None for one that only a mistake of ours explains.

    Texts of a database may hold rows and its address a password: neither is repeated.
    """
    if isinstance(error, ArrearsError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return _of_a_file(error), CANNOT
    if isinstance(error, SQLAlchemyError):
        return f"the store {_store()} {_of_the_store(error)}", 1 if isinstance(error, IntegrityError) else CANNOT
    if isinstance(error, TyperException):
        return _of_the_words(error), int(getattr(error, "exit_code", CANNOT))
    return None


def _of_a_file(error: OSError) -> str:
    reason = (error.strerror or type(error).__name__).lower()
    mend = ON_FILES.get(error.errno or 0, f"{reason}: mend it, or name another path")
    return f"{error.filename or 'what was to be read or written'}: {mend}"


def _of_the_store(error: SQLAlchemyError) -> str:
    if not isinstance(error, DBAPIError):
        return f"cannot be used ({type(error).__name__}): look at ARREARS_STORE_URL"
    if isinstance(error, IntegrityError):
        return "refused a row that another command had just changed: run it again"
    code = str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None) or "")
    if not code:
        return "does not answer, or refuses the login: start it, or mend ARREARS_STORE_URL"
    said = next((text for starts, text in ON_THE_STORE if code.startswith(starts)), None)
    return said or f"refused a command ({type(error.orig).__name__}, {code})"


def _store() -> str:
    try:
        return shown_url(Settings.from_environment().store_url)
    except ArrearsError:
        return "of ARREARS_STORE_URL"


def _of_the_words(error: TyperException) -> str:
    say = getattr(error, "format_message", None)
    context = getattr(error, "ctx", None)
    text = " ".join(str(say() if say else error).split()).rstrip(".").replace("Input should", "it should")
    if not text:  # the help itself was asked for, and is printed
        return ""
    return f"{text}; `{context.command_path if context else 'arrears'} --help` says more"
