"""Fixtures of all tests: a store of one's own, a pinned world, and the Debian parts of the real tests."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date, time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from arrears.core.clock import PinnedClock, at_local
from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.store.engine import open_engine

ROOT = Path(__file__).resolve().parent.parent
BUSINESS_DATE = date(2026, 11, 12)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the developer's own settings out, and give each worker an Airflow home before Airflow is imported."""
    for name in [name for name in os.environ if name.startswith(("ARREARS_", "AIRFLOW_"))]:
        del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="arrears-airflow-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skipped `real` test fail: a missing part is a finding, not an excuse."""
    report = yield
    if report.skipped and item.get_closest_marker("real") and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"a real test may not skip: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def store_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One empty SQLite store with the whole schema, copied for each test."""
    file = tmp_path_factory.mktemp("template") / "arrears.sqlite"
    engine = open_engine(f"sqlite:///{file}")
    make_schema(engine)
    engine.dispose()
    return file


def make_schema(engine: Engine) -> None:
    """Make every table, by the migrations that a real store goes through."""
    from arrears.store.migrate import upgrade

    upgrade(engine)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a sandbox that lives and dies with the test."""
    return Settings.from_environment({"ARREARS_HOME": str(tmp_path / "var")})


@pytest.fixture
def rt(settings: Settings) -> Runtime:
    """Thursday 12 November 2026, ten in the morning in Shanghai, with repeatable randomness."""
    return Runtime(settings, PinnedClock(at_local(BUSINESS_DATE, time(10), "Asia/Shanghai")), SeededEntropy(7))


@pytest.fixture
def store(settings: Settings, store_template: Path) -> Iterator[Engine]:
    """The store that ``rt.settings`` names, with the whole schema and no rows."""
    settings.home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(store_template, settings.home / "arrears.sqlite")
    engine = open_engine(settings.store_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The open sample of car loans, where a copy lies beside the project."""
    folder = ROOT.parent / "shared" / "data" / "auto_loans"
    if not folder.is_dir():
        pytest.skip("the open sample of car loans is not beside the project")
    return folder


# --- Debian parts: a test marked `real` fails when its part is missing, it never skips ---


def debian(program: str, package: str, *folders: Path) -> Path:
    """Return the path of a Debian program, or fail with the package that brings it."""
    found = shutil.which(program, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    if found is None:
        pytest.fail(f"{program} is missing: apt-get install {package}", pytrace=False)
    return Path(found)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser of Debian, for pictures of what people see."""
    return debian("chromium", "chromium")


@pytest.fixture(scope="session")
def redis_server() -> Path:
    """The broker of Debian."""
    return debian("redis-server", "redis-server")


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """The folder of the programs of Debian's newest PostgreSQL."""
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))[-1:]
    return debian("initdb", "postgresql", *newest).parent


@pytest.fixture(scope="session")
def postgres_url(postgres_programs: Path) -> Iterator[str]:
    """A private PostgreSQL cluster behind a Unix socket, stopped at the end; the URL of an empty database."""
    initdb, pg_ctl = (postgres_programs / program for program in ("initdb", "pg_ctl"))
    home = Path(tempfile.mkdtemp(prefix="arrears-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(home, "postgres")
        as_user = [str(debian("runuser", "util-linux")), "-u", "postgres", "--"]
    data, log = home / "data", home / "log"

    def call(*command: object) -> None:
        done = subprocess.run([*as_user, *map(str, command)], cwd=home, capture_output=True, text=True, check=False)
        if done.returncode:
            said = log.read_text() if log.exists() else ""
            pytest.fail(f"{command[0]} failed: {done.stdout}{done.stderr}{said}", pytrace=False)

    try:
        call(initdb, "-D", data, "-U", "arrears", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{home}' -c fsync=off -c max_connections=120"
        call(pg_ctl, "-D", data, "-l", log, "-o", options, "-w", "start")
        yield f"postgresql+psycopg://arrears@/postgres?host={home}"
        call(pg_ctl, "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def postgres_database(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database that the tests of one file share."""
    with _database(postgres_url, request.node.nodeid) as url:
        yield url


@pytest.fixture
def postgres_empty(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database of the test's own."""
    with _database(postgres_url, request.node.nodeid) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    """The name of one empty PostgreSQL store with the whole schema, copied for each test."""
    url = postgres_url.replace("/postgres?", "/store_template?")
    with open_engine(postgres_url).execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE DATABASE store_template"))
    engine = open_engine(url)
    make_schema(engine)
    engine.dispose()
    return "store_template"


@pytest.fixture
def postgres_store(postgres_url: str, postgres_template: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A PostgreSQL store of the test's own, with the whole schema and no rows."""
    with _database(postgres_url, request.node.nodeid, postgres_template) as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


@contextmanager
def _database(postgres_url: str, whose: str, template: str = "template1") -> Iterator[str]:
    name = f"store_{os.getpid()}_{abs(hash(whose))}"
    server = open_engine(postgres_url).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    yield postgres_url.replace("/postgres?", f"/{name}?")
    with server.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
