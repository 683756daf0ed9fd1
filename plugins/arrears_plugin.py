"""Register the desk with Airflow; nothing is loaded until somebody opens it."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from arrears.orchestration.desk import PREFIX, VIEW, LazyDesk


class ArrearsPlugin(AirflowPlugin):
    """The desk in Airflow's navigation."""

    name = "arrears"
    fastapi_apps: ClassVar[list[Any]] = [{"app": LazyDesk(), "url_prefix": PREFIX, "name": "arrears desk"}]
    external_views: ClassVar[list[Any]] = [VIEW]
