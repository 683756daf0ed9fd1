"""What Airflow's pages say of our DAGs: whose they are, what they are for, where the runbook is, who must get up.

The runbook is ``docs/operate.md``. People read it at ``ARREARS_RUNBOOK_URL``, or else on the desk where the
documentation lies beside the DAGs; either makes links of the places in it. A failure tells names of DAG and step and
counts of tries, never the error: it may quote a cell.
"""

import logging
import os
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from arrears.orchestration.desk import PREFIX

LOG = logging.getLogger(__name__)
OWNER = "collections-operations"
RUNBOOK = "docs/operate.md"
_PLACE = re.compile(rf"`{re.escape(RUNBOOK)}(#[a-z_]+)`")


class Urgency(Enum):
    """Whether anybody must get up for a red task, in words for whoever reads the alarm."""

    NOW = "yes, now: somebody may be wronged within hours"
    MORNING = "no, but before the contact window opens"
    LATER = "no: the next run makes up for it, look in working hours"


STEPS = {
    "settle_orders": Urgency.NOW,  # a recall that nobody acknowledged: a machine may be fetched from who has paid
    "verify_log": Urgency.NOW,  # a changed log is evidence: everything stops until the auditor has seen it
    "send_batch": Urgency.LATER,
    "window_opens_at": Urgency.LATER,
    "wait_for_window": Urgency.LATER,
}
"""The steps that weigh otherwise than their DAG."""
DAGS = {
    "arrears_daily": Urgency.MORNING,
    "arrears_assurance": Urgency.MORNING,
    "arrears_dispatch": Urgency.LATER,
    "arrears_intake": Urgency.LATER,
    "arrears_repossession": Urgency.LATER,
}


def about(text: str | None) -> dict[str, Any]:
    """Return what every DAG is given: its page, its owner, and whom a failure wakes."""
    address = _address()
    linked = _PLACE.sub(rf"[{RUNBOOK}\1]({address}\1)", text or "") if address else text
    return {
        "doc_md": linked,
        "owner_links": {OWNER: address} if _is_whole(address) else {},
        "default_args": {"owner": OWNER, "on_failure_callback": tell_failure},
    }


def runbook_of(dag_id: str) -> str:
    """Return where the runbook speaks of a DAG."""
    address = _address()
    return f"{address if _is_whole(address) else RUNBOOK}#{dag_id}"


def guide_folder() -> Path | None:
    """Return the folder of the documentation, or None where the DAGs lie without it."""
    from airflow.sdk import conf

    docs = Path(str(conf.get("core", "dags_folder"))).parent / "docs"
    return docs if (docs / Path(RUNBOOK).name).is_file() else None


def _address() -> str:
    """Return where people read the runbook; empty where they cannot, without a host where Airflow names none."""
    if own := os.environ.get("ARREARS_RUNBOOK_URL"):
        return own
    if guide_folder() is None:
        return ""
    return desk_page(f"/guide/{Path(RUNBOOK).name}")


def desk_page(path: str) -> str:
    """Return the address of a page of the desk, without a host where Airflow names none."""
    from airflow.sdk import conf

    return f"{str(conf.get('api', 'base_url', fallback='') or '').rstrip('/')}{PREFIX}{path}"


def _is_whole(address: str) -> bool:
    return "://" in address


def urgency_of(dag_id: str, task_id: str) -> Urgency:
    """Return how much a red task of ours hurries; of a grouped task the name of its step counts."""
    return STEPS.get(task_id.rpartition(".")[2], DAGS.get(dag_id, Urgency.MORNING))


def tell_failure(context: Mapping[str, Any]) -> None:
    """Say in the task's log, and as a figure for the alarms, whether anybody must get up."""
    from airflow.sdk.observability import stats

    ti = context["ti"]
    urgency = urgency_of(ti.dag_id, ti.task_id)
    LOG.error("%s.%s failed. Must anybody get up? %s. What to do: %s", ti.dag_id, ti.task_id, urgency.value,
              runbook_of(ti.dag_id))  # fmt: skip
    stats.incr(f"arrears.failed.{urgency.name.lower()}")
