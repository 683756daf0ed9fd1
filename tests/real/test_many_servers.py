"""The start of the profile "many servers": what docker/init.sh does, on a real PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

ROOT = Path(__file__).resolve().parents[2]
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def servers(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, Engine]:
    """Airflow's database and the store after two starts: the second finds everything there."""
    with create_engine(postgres_url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE DATABASE airflow"))
        connection.execute(text("CREATE DATABASE arrears"))
    airflow, arrears = (
        make_url(postgres_url).set(drivername=driver, database=name)
        for driver, name in (("postgresql+psycopg2", "airflow"), ("postgresql+psycopg", "arrears"))
    )
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__AUTH_MANAGER": FAB,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow.render_as_string(hide_password=False),
        "ARREARS_HOME": str(tmp_path_factory.mktemp("arrears")),
        "ARREARS_STORE_URL": arrears.render_as_string(hide_password=False),
        "ARREARS_ADMIN_PASSWORD": "made up for this test",
        "ARREARS_COLLECTOR_PASSWORD": "another one",
    }
    for _start in range(2):
        done = subprocess.run(
            ["bash", ROOT / "docker" / "init.sh"], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return create_engine(airflow), create_engine(arrears)


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_the_pools_are_there_before_the_first_task(servers: tuple[Engine, Engine]) -> None:
    pools = rows(servers[0], "SELECT pool, slots FROM slot_pool WHERE pool LIKE 'arrears_%' ORDER BY pool")
    assert pools == [("arrears_default", 8), ("arrears_legal", 2), ("arrears_mail", 4)]


def test_there_is_one_administrator_and_a_login_that_only_reads(servers: tuple[Engine, Engine]) -> None:
    query = """SELECT u.username, r.name FROM ab_user u JOIN ab_user_role m ON m.user_id = u.id
               JOIN ab_role r ON r.id = m.role_id ORDER BY u.username"""
    assert rows(servers[0], query) == [("admin", "Admin"), ("collector", "Arrears auditor")]


def test_the_store_is_made_once_and_apart_from_airflow(servers: tuple[Engine, Engine]) -> None:
    assert rows(servers[1], "SELECT count(*) FROM store_identity") == [(1,)]
    assert rows(servers[0], "SELECT to_regclass('store_identity')") == [(None,)]
