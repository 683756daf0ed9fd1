"""Says in Airflow's own log how each of our runs ended and where to read on; it sends and stores nothing."""

import logging
from typing import Any

from airflow.listeners import hookimpl

from arrears.orchestration.pages import runbook_of

LOG = logging.getLogger(__name__)
OURS = "arrears_"


@hookimpl
def on_dag_run_success(dag_run: Any) -> None:
    """Name the run, its DAG version and its bundle."""
    if dag_run.dag_id.startswith(OURS):
        LOG.info("%s", _line(dag_run, "success"))


@hookimpl
def on_dag_run_failed(dag_run: Any) -> None:
    """Name the run, its DAG version and its bundle, and the page that says what to do."""
    if dag_run.dag_id.startswith(OURS):
        LOG.error("%s; what to do: %s", _line(dag_run, "failed"), runbook_of(dag_run.dag_id))


def _line(dag_run: Any, state: str) -> str:
    version = dag_run.created_dag_version_id or "none"
    return (
        f"{dag_run.dag_id} {dag_run.run_id} {state}; DAG version {version}, bundle {dag_run.bundle_version or 'local'}"
    )
