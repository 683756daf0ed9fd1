"""Where the store is may be said by an Airflow connection: tasks and the desk read it alike."""

import json

import pytest
from sqlalchemy import make_url

from arrears.orchestration.connections import settings_from_airflow
from arrears.orchestration.desk import world_of_desk
from arrears.store.engine import open_engine

STORE = {"conn_type": "postgres", "host": "db.example", "port": 5432, "schema": "arrears", "login": "arrears_day",
         "password": "made/up?@", "extra": {"sslmode": "require"}}  # fmt: skip


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ARREARS_STORE", json.dumps(STORE))


def test_a_connection_of_airflows_type_postgres_opens_the_store(connected: None) -> None:
    url = open_engine(settings_from_airflow().store_url).url
    assert (url.drivername, url.host, url.database) == ("postgresql+psycopg", "db.example", "arrears")
    assert (url.username, url.password, url.query) == ("arrears_day", STORE["password"], {"sslmode": "require"})


def test_the_desk_shows_the_store_of_the_tasks(connected: None) -> None:
    shown = world_of_desk()().settings
    assert shown == settings_from_airflow()
    assert make_url(shown.store_url).host == "db.example"


def test_the_variable_wins_over_the_connection(connected: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARREARS_STORE_URL", "sqlite:///nearer.sqlite")
    assert settings_from_airflow().store_url == "sqlite:///nearer.sqlite"
