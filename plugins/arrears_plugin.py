"""Register the desk and the run listener with Airflow; of the desk nothing is loaded until somebody opens it."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from arrears.orchestration import listener
from arrears.orchestration.desk import PREFIX, VIEW, LazyDesk


class ArrearsPlugin(AirflowPlugin):
    """The desk in Airflow's navigation, and a line in its log at the end of each run."""

    name = "arrears"
    fastapi_apps: ClassVar[list[Any]] = [{"app": LazyDesk(), "url_prefix": PREFIX, "name": "arrears desk"}]
    external_views: ClassVar[list[Any]] = [VIEW]
    listeners: ClassVar[list[Any]] = [listener]
