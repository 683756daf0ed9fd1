"""Airflow's own event log, read over its REST API: who cleared, marked, triggered, paused or answered what."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from arrears.core.clock import utc_text
from arrears.core.errors import BadArguments, TemporaryFailure

if TYPE_CHECKING:
    import httpx

PAGE = 100
TIMEOUT_SECONDS = 20
OURS = "arrears_"
MACHINE = (
    "deferred", "failed", "fail task", "failed to map partition_key", "heartbeat timeout", "missing partition key",
    "paused", "queued", "removed", "restarting", "running", "scheduled", "skip task", "skipped", "state mismatch",
    "stuck in queued reschedule", "stuck in queued tries exceeded", "success", "up_for_reschedule", "up_for_retry",
    "upstream_failed", "cli_api_server", "cli_celery_worker", "cli_dag_processor", "cli_scheduler", "cli_triggerer",
    "cli_worker",
)  # fmt: skip
"""What Airflow writes of itself; everything else was somebody's doing, also what this list has never heard of."""

TOLD = ("chosen_options", "dry_run", "include_downstream", "include_future", "include_past", "include_upstream",
        "is_paused", "new_state", "only_failed", "only_running", "reset_dag_runs", "slots", "state")  # fmt: skip
"""What is kept of an entry's free part: switches and states. Notes, conf and commands may speak of people."""


@dataclass(frozen=True)
class Entry:
    """One thing that a user did in Airflow."""

    event_log_id: int
    happened_at: str
    event: str
    owner: str
    said: dict[str, str]
    where: dict[str, str | int]
    """DAG, run, task, map index and try, as far as the entry names them."""


class AirflowLog:
    """The event log behind ``http(s)://user:password@host:port``; the user only needs to read audit logs."""

    def __init__(self, url: str, transport: "httpx.BaseTransport | None" = None) -> None:
        """Read the address.

        Raises:
            BadArguments: not an http(s) address with a user and a password.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not parts.username or not parts.password:
            raise BadArguments("ARREARS_AIRFLOW_URL: use http(s)://user:password@host:port of Airflow's API")
        port = f":{parts.port}" if parts.port else ""
        self._base = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
        self._login = {"username": unquote(parts.username), "password": unquote(parts.password)}
        self._transport = transport

    def since(self, moment: datetime | None) -> Iterator[Entry]:
        """Yield what users did after a moment (all there is without one), oldest first, machine entries left out.

        Raises:
            TemporaryFailure: Airflow does not answer, or refuses; names the status, never the login.
        """
        import httpx

        wanted: dict[str, Any] = {"limit": PAGE, "order_by": "event_log_id", "excluded_events": list(MACHINE)}
        if moment is not None:
            wanted["after"] = moment.isoformat()
        try:
            with httpx.Client(base_url=self._base, timeout=TIMEOUT_SECONDS, transport=self._transport) as client:
                token = _answer(client.post("/auth/token", json=self._login))["access_token"]
                client.headers["Authorization"] = f"Bearer {token}"
                offset = 0
                while rows := _answer(client.get("/api/v2/eventLogs", params=wanted | {"offset": offset}))[
                    "event_logs"
                ]:
                    yield from (entry_of(row) for row in rows if (row["dag_id"] or OURS).startswith(OURS))
                    offset += len(rows)
        except httpx.HTTPError as failure:
            raise TemporaryFailure(f"Airflow's API does not answer: {type(failure).__name__}") from None


def _answer(response: "httpx.Response") -> dict[str, Any]:
    if response.is_error:
        raise TemporaryFailure(f"Airflow's API answered {response.status_code} to {response.request.url.path}")
    found: dict[str, Any] = response.json()
    return found


def entry_of(row: dict[str, Any]) -> Entry:
    """Return an entry of the API without anything that may speak of a person but the user's own login."""
    where = {"dag_id": row["dag_id"], "airflow_run_id": row["run_id"], "task_id": row["task_id"],
             "map_index": row["map_index"], "try_number": row["try_number"]}  # fmt: skip
    return Entry(
        event_log_id=row["event_log_id"],
        happened_at=utc_text(datetime.fromisoformat(row["when"])),
        event=row["event"][:100],
        owner=row["owner"] or "unknown",
        said=_said(row["extra"]),
        where={name: value for name, value in where.items() if value is not None},
    )


def _said(extra: str | None) -> dict[str, str]:
    try:
        found = json.loads(extra or "{}")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: found[name] if isinstance(found[name], str) else json.dumps(found[name], sort_keys=True)
            for name in TOLD if found.get(name) is not None}  # fmt: skip
