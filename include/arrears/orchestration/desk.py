"""Mount the desk in Airflow's pages without loading it until somebody opens it."""

from collections.abc import Awaitable, Callable, MutableMapping
from threading import Lock
from typing import Any

PREFIX = "/arrears"
APPROVALS = "arrears_repossession"
VIEW = {
    "name": "Arrears 催收",
    "href": f"{PREFIX}/",
    "destination": "nav",
    "url_route": "arrears",
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class LazyDesk:
    """An ASGI application that becomes the desk on its first request."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._desk: Any = None
        self._lock = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app()(scope, receive, send)

    def _app(self) -> Any:
        with self._lock:
            if self._desk is None:
                self._desk = _create()
            return self._desk


def _create() -> Any:
    """Return the desk behind Airflow's login: 401 without one, 403 without the right to see it.

    Who may answer a required action of ``arrears_repossession`` may vote here; everybody else only reads.
    """
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import Depends, HTTPException

    from arrears.desk.app import Door, create_desk
    from arrears.orchestration.pages import guide_folder

    logged_in = Depends(get_user)

    def reader(user: Any = logged_in) -> str:
        if not get_auth_manager().is_authorized_view(access_view=AccessView.PLUGINS, user=user):
            raise HTTPException(403, "you may not see the desk")
        return str(user.get_name())

    def decides(user: Any = logged_in) -> bool:
        return bool(
            get_auth_manager().is_authorized_dag(
                method="PUT", access_entity=DagAccessEntity.HITL_DETAIL, details=DagDetails(id=APPROVALS), user=user
            )
        )

    return create_desk(Door(reader, decides), world_of_desk(), guide_folder())


def world_of_desk() -> Callable[[], Any]:
    """Return what makes the world of each request, on the settings of the tasks, connections included, read once."""
    from arrears.orchestration.connections import settings_from_airflow
    from arrears.steps.world import build_runtime, shell_attempt

    settings = settings_from_airflow()
    return lambda: build_runtime(settings, shell_attempt("desk"))
