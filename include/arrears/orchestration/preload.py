"""What tasks need, loaded once: a process that makes the processes of tasks imports this module before it does.

Airflow gives each task a process of its own, forked from one of its own: what stands in the memory of that one a task
need not load anew. LocalExecutor: ``[scheduler] mp_start_method = forkserver`` and this module as
``mp_forkserver_preload``. Celery: ``celery_config.py``. In Kubernetes each task is a pod, and loads what it uses.
"""

import logging
import pkgutil
from importlib import import_module
from types import ModuleType

LOG = logging.getLogger(__name__)

ROOMS = ("approvals", "audit", "ladder", "ledger", "legal", "outreach", "proof", "reports", "repossession", "sandbox",
         "steps")  # fmt: skip
"""The packages that steps are made of; they bring what of core and store they use, and the libraries of data."""
TASK = (
    "airflow.dag_processing.dagbag",
    "airflow.executors.local_executor",
    "airflow.providers.standard.decorators.branch_python",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.decorators.sensor",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.hitl",
    "airflow.providers.standard.sensors.date_time",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "arrears.orchestration.forms",
    "arrears.orchestration.listener",
    "arrears.orchestration.step",
    "arrears.orchestration.timetable",
    "jinja2.ext",
)
"""What the process of a task loads to read its DAG and to run it."""
LIBRARIES = (
    "fsspec.core",
    "fsspec.implementations.local",
    "holidays.countries",  # two hundred modules, which the first question for a working day would load
    "httpx",
    "phonenumbers.timezone",
    "pyarrow.compute",
    "pyarrow.parquet",
    "segno",
    "typst",
    "xlsxwriter",
    "yagmail",
)
"""What steps load no sooner than they use it."""


def load() -> None:
    """Import all of it; what is missing is told and left out, for a forkserver would drop the whole without a word."""
    for name in TASK + LIBRARIES:
        _bring(name)
    for room in ROOMS:
        package = _bring(f"arrears.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.") if package else ():
            _bring(module.name)


def _bring(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError as error:
        LOG.warning("%s is not loaded ahead, each task does it anew: %s", name, error)
        return None


load()
