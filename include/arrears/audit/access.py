"""Who looked at whose data: explaining, proving and exporting are events too."""

import os
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from arrears.audit.record import record
from arrears.core.keys import natural_key
from arrears.core.runtime import Runtime
from arrears.store.engine import writing

READ_ONLY = ("25006", "42501")
"""PostgreSQL's codes of a read-only transaction and of a missing right."""


def record_access(
    rt: Runtime,
    engine: Engine,
    what: str,
    *,
    actor: str = "",
    subject_ref: str | None = None,
    business_date: date | None = None,
    data: Mapping[str, Any] | None = None,
) -> bool:
    """Record that somebody looked at data as ``access.<what>``; the actor is the user of the shell when none is named.

    An auditor who may only read is not kept from reading: then nothing is recorded, and False is returned.
    """
    by = actor or f"shell:{os.getuid()}"
    try:
        with writing(engine) as connection:
            record(connection, rt, run_id=rt.attempt.run_id, type=f"access.{what}", actor=by, subject_ref=subject_ref,
                   key=natural_key(what, by, rt.attempt.run_id), business_date=business_date, data=data)  # fmt: skip
    except DatabaseError as failure:
        if _is_read_only(failure):
            return False
        raise
    return True


def _is_read_only(failure: DatabaseError) -> bool:
    code = getattr(failure.orig, "sqlstate", None) or getattr(failure.orig, "sqlite_errorname", "")
    return code in READ_ONLY or str(code).startswith("SQLITE_READONLY")
