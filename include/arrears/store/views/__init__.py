"""One view for each question of an auditor, on SQLite and PostgreSQL alike; made anew after every migration."""

import re
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, inspect

LOG = "audit_log"
FIELDS = {
    "code_version": "code,version",
    "code_id": "code,id",
    "actor": "actor",
    "policy_sha256": "policy_sha256",
    "ledger_sha256": "ledger,sha256",
    "ledger_row": "ledger,row",
    "ledger_row_sha256": "ledger,row_sha256",
    "dag_id": "run_key,dag_id",
    "airflow_run_id": "run_key,run_id",
    "task_id": "run_key,task_id",
    "map_index": "run_key,map_index",
    "try_number": "run_key,try_number",
    "ti_id": "run_key,ti_id",
    "causes": "causes",
    "data": "data",
}
"""What the view of the sealed log takes out of the bytes, besides the index columns."""
NUMBERS = ("ledger_row", "map_index", "try_number")

Rewritten = tuple[tuple[str, str], ...]
SQLITE: Rewritten = (
    (r"\bDATA\((\S+), (\w+)\)", r"CAST(json_extract(\1, '$.\2') AS VARCHAR)"),
    (r"\bCOUNT_OF\((\S+), (\w+)\)", r"json_array_length(\1, '$.\2')"),
    (r"\bITEM_OF\((\S+), (\w+), (\d)\)", r"json_extract(\1, '$.\2[\3]')"),
    (r"\bCAP_OF_7_DAYS\((\S+), ([\w.]+)\)", r"json_extract(\1, '$.contact.caps.' || \2 || '[1]')"),
    (r"\bDAYS_BETWEEN\((\(.+?\)|\S+), (\S+)\)", r"CAST(julianday(\1) - julianday(\2) AS INTEGER)"),
    (r"\b(?:EACH|LIST)_OF\((\S+), (\w+)\) t\b", r"json_each(\1, '$.\2') t"),
    (r"\bCAST\((.+?) AS DAY\)", r"\1"),
)
POSTGRESQL: Rewritten = (
    (r"\bDATA\((\S+), (\w+)\)", r"(CAST(\1 AS json) ->> '\2')"),
    (r"\bCOUNT_OF\((\S+), (\w+)\)", r"json_array_length(CAST(\1 AS json) -> '\2')"),
    (r"\bITEM_OF\((\S+), (\w+), (\d)\)", r"CAST(CAST(\1 AS json) -> '\2' ->> \3 AS integer)"),
    (r"\bCAP_OF_7_DAYS\((\S+), ([\w.]+)\)", r"CAST(CAST(\1 AS json) -> 'contact' -> 'caps' -> \2 ->> 1 AS integer)"),
    (r"\bDAYS_BETWEEN\((\(.+?\)|\S+), (\S+)\)", r"(\1 - \2)"),
    (r"\bEACH_OF\((\S+), (\w+)\) t\b", r"json_each_text(CAST(\1 AS json) -> '\2') AS t(key, value)"),
    (r"\bLIST_OF\((\S+), (\w+)\) t\b", r"json_array_elements_text(CAST(\1 AS json) -> '\2') AS t(value)"),
    (r"\bAS DAY\)", "AS DATE)"),
)
"""The few words in the files that the two databases say differently."""


@cache
def questions() -> dict[str, str]:
    """Return the name of each question's view and the question itself, in order."""
    found = sorted(file.name for file in files(__package__).iterdir() if file.name.endswith(".sql"))
    return {name.removesuffix(".sql"): _read(name).split("\n", 1)[0].removeprefix("-- ") for name in found}


def drop_views(connection: Connection) -> None:
    """Drop the views, so that a migration may change the tables under them."""
    there = set(inspect(connection).get_view_names())
    for name in [*reversed(questions()), LOG]:
        if name in there:
            connection.exec_driver_sql(f"DROP VIEW {name}")


def create_views(connection: Connection) -> None:
    """Make the view of the log, and over it one view for each question."""
    dialect = connection.dialect.name
    connection.exec_driver_sql(f"CREATE VIEW {LOG} AS {_log(dialect)}")
    for name in questions():
        statement = _read(f"{name}.sql")
        for word, said in SQLITE if dialect == "sqlite" else POSTGRESQL:
            statement = re.sub(word, said, statement)
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {statement}")


def _log(dialect: str) -> str:
    if dialect == "sqlite":
        fields = [
            f"json_extract(CAST(e.body AS TEXT), '$.{path.replace(',', '.')}') AS {name}"
            for name, path in FIELDS.items()
        ]
    else:
        said = {name: f"(convert_from(e.body, 'UTF8')::json #>> '{{{path}}}')" for name, path in FIELDS.items()}
        fields = [
            f"{text}::integer AS {name}" if name in NUMBERS else f"{text} AS {name}" for name, text in said.items()
        ]
    return (
        "SELECT i.seq, i.at, i.business_date, i.run_id, i.type, i.key, i.subject_ref, s.account_id, i.action_id, "  # noqa: S608 - our own words
        f"{', '.join(fields)} FROM audit_event_index i JOIN audit_event e ON e.seq = i.seq "
        "LEFT JOIN subject s ON s.subject_ref = i.subject_ref"
    )


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
