"""Settings from the environment, completed by Airflow connections of the same names."""

import os

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from arrears.core.settings import CHANNEL_URLS, Settings, read_variable

CONNECTIONS = {
    name: f"arrears_{name.removesuffix('_url')}" for name in (*CHANNEL_URLS, "ledger_url", "store_url", "airflow_url")
}


def settings_from_airflow() -> Settings:
    """Return the settings; ``ARREARS_STORE_URL`` wins over the connection ``arrears_store``, and so on.

    Raises:
        BadArguments: a sandbox whose connection leaves this machine.
    """
    settings = Settings.from_environment()
    found = {}
    for name, connection_id in CONNECTIONS.items():
        if not read_variable(os.environ, f"ARREARS_{name.upper()}") and (url := _url(connection_id)):
            found[name] = url
    settings = settings.model_copy(update=found)
    settings.refuse_foreign_sandbox()
    return settings


def _url(connection_id: str) -> str | None:
    try:
        return str(BaseHook.get_connection(connection_id).get_uri())
    except AirflowNotFoundException:
        return None
