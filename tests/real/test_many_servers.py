"""The profile "many servers": what docker/init.sh prepares, and a day that loses a worker and a scheduler as it sends.

The services are those of docker-compose.yaml, as processes on loopback with Debian's PostgreSQL and Redis; the worker
that is lost comes back as docker-compose.worker.yaml starts it on a second machine. What runs is read from the system.
"""

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import psutil
import pytest
import yaml
from compose_data import at_home, drawn, is_well, postgres, redis
from compose_files import ROOT, WORKER, compose, filled, services
from compose_servers import ComposeServers
from connection_count import ConnectionCount
from slow_sms import SlowSms
from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from statsd_listener import StatsdListener

from arrears.core.clock import PinnedClock, SystemClock
from arrears.core.settings import Settings
from arrears.ladder.layers import load_policy
from arrears.orchestration.pages import Urgency
from arrears.outreach.channels import open_channels
from arrears.outreach.dispatch import dispatch
from arrears.rehearsal.portfolio import write_sample
from arrears.sandbox.mail import MailSandbox
from arrears.steps import runs, world
from arrears.store.engine import reading
from arrears.store.tables.outreach import contact

pytestmark = pytest.mark.real
DAY = date(2026, 11, 12)
DAG, MAIL_WORKER, FIRST_SCHEDULER = "arrears_daily", "airflow-worker-mail", "airflow-scheduler"
AFTER_THE_LEASE = timedelta(minutes=15)
MOST_IN_DOUBT = 16
"""One group of messages for the one task that the dead worker ran."""
KILLED_AFTER = 12
"""SMS that left before the worker dies: far fewer than the day has, so that it dies in the middle."""


@dataclass
class Day:
    """The services after a day on which one worker died."""

    servers: ComposeServers
    sms: SlowSms
    mail: MailSandbox
    figures: StatsdListener
    connections: ConnectionCount
    ports: dict[str, int]
    run: str
    killed: int


LENDER = "extends: cn\nlayer: lender\npolicy_id: lender\nversion: '7'\neffective_from: 2026-01-01\n"
"""A lender's own policy, in the folder that every service sees."""


@pytest.fixture(scope="module")
def day(postgres_programs: Path, redis_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    home, secrets = tmp_path_factory.mktemp("many"), drawn()
    feeds, policy = home / "feeds", home / "policy" / "lender.yaml"
    write_sample(feeds, on=DAY)
    policy.parent.mkdir()
    policy.write_text(LENDER, encoding="utf-8")
    with (
        postgres(postgres_programs, secrets, home) as database_port,
        redis(redis_server, secrets, home) as broker_port,
        MailSandbox(home / "mail") as mail,
        SlowSms(home / "sms") as sms,
        StatsdListener() as figures,
    ):
        ports = {"postgres": database_port, "redis": broker_port}
        secrets = at_home(secrets, ports) | {"smtp_url": mail.url, "sms_url": sms.url}
        here = {"ARREARS_HOME": str(home / "var"), "ARREARS_KEYS": str(home / "keys"), "ARREARS_LEDGER_URL": str(feeds),
                "ARREARS_POLICY": str(policy), **told_to(figures)}  # fmt: skip
        watch = f"postgresql+psycopg://postgres:{secrets['postgres_password']}@127.0.0.1:{database_port}/postgres"
        with (
            ComposeServers(home / "airflow", here, secrets) as servers,
            ConnectionCount(watch, servers) as connections,
        ):
            servers.start_all()
            servers.unpause(DAG)
            servers.until(servers.workers_are_up, "every worker")
            run = servers.trigger(DAG, {"business_date": DAY.isoformat(), "feeds": str(feeds), "rehearsal": True})
            servers.until(lambda: sms.taken >= KILLED_AFTER, f"the SMS number {KILLED_AFTER}")
            killed = servers.kill_service(MAIL_WORKER)
            servers.kill_service(FIRST_SCHEDULER)
            servers.start_service(MAIL_WORKER, WORKER)
            servers.until(lambda: servers.state(DAG, run) in ("success", "failed"), "the end of the day")
            yield Day(servers, sms, mail, figures, connections, ports, run, killed)


def told_to(figures: StatsdListener) -> dict[str, str]:
    """Return what docs/operate.md says to set for the figures."""
    return {
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(figures.port),
    }


HERE = {"AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "ARREARS_HOME", "ARREARS_KEYS", "ARREARS_LEDGER_URL",
        "ARREARS_POLICY", "AIRFLOW__METRICS__STATSD_ON", "AIRFLOW__METRICS__STATSD_HOST",
        "AIRFLOW__METRICS__STATSD_PORT"}  # fmt: skip
"""Variables that name a place of this machine; every other one has the compose file's value to the letter."""


def environment_of(day: Day, name: str) -> dict[str, str]:
    """Return the environment that a running service has, as the system tells it."""
    return psutil.Process(day.servers.running[name].pid).environ()


def test_what_runs_has_the_variables_and_the_command_of_its_compose_file(day: Day) -> None:
    assert set(day.servers.running) == set(services()) - {FIRST_SCHEDULER}
    assert day.servers.file_of[MAIL_WORKER] == WORKER
    for name in day.servers.running:
        body, found = services(day.servers.file_of[name])[name], environment_of(day, name)
        for key, written in body["environment"].items():
            if "/run/secrets/" in str(written):
                place = Path(found[key].split()[-1])
                assert (place.parts[-2], place.name) == (name, str(written).rpartition("/")[2]), key
                assert place.read_text(encoding="utf-8") == day.servers.secrets[place.name]
            elif key not in HERE:
                assert found[key] == filled(written), (name, key)
        assert found.keys() >= body["environment"].keys(), name
        told = [word for word in map(str, body["command"]) if word != "arrears" and ":" not in word]
        assert all(word in day.servers.words[name] for word in told), name


def test_no_secret_stands_in_the_environment_or_the_command_of_what_runs(day: Day) -> None:
    secret = {text for text in day.servers.secrets.values() if len(text) >= 16 and "127.0.0.1" not in text}
    assert len(secret) >= 13, "a password, key or address each"
    for name in day.servers.running:
        told = " ".join([*environment_of(day, name).values(), *day.servers.words[name]])
        assert [text for text in secret if text in told] == [], name


def test_what_runs_has_the_values_of_the_chart(day: Day) -> None:
    values = yaml.safe_load((ROOT / "deploy" / "helm-values.yaml").read_text(encoding="utf-8"))
    found = environment_of(day, "airflow-worker-default")
    elsewhere = HERE | {"ARREARS_KEYS_CLAIM", "ARREARS_LIST_PASSWORDS"}
    assert {entry["name"]: entry["value"] for entry in values["env"] if entry["name"] not in elsewhere} == {
        entry["name"]: found[entry["name"]] for entry in values["env"] if entry["name"] not in elsewhere
    }


def test_each_health_check_of_the_compose_files_finds_what_lives_and_misses_what_is_dead(day: Day) -> None:
    ended = day.servers.health([*day.servers.running, FIRST_SCHEDULER])
    assert ended.pop(FIRST_SCHEDULER) != 0
    assert ended == dict.fromkeys(day.servers.running, 0)
    for name, port in day.ports.items():
        assert is_well(name, port, day.servers.home.parent) == 0, name
        assert is_well(name, 9, day.servers.home.parent) != 0, name


def test_the_passwords_that_were_drawn_open_each_login_and_no_other_does(day: Day) -> None:
    for name in ("airflow_database_url", "store_owner_url", "store_url"):
        url = make_url(day.servers.secrets[name])
        assert rows(url.render_as_string(hide_password=False), "SELECT 1") == [(1,)]
        with pytest.raises(OperationalError, match="password authentication failed"):
            rows(url.set(password="x").render_as_string(hide_password=False), "SELECT 1")


def test_the_server_has_room_for_twice_the_connections_that_the_day_had(
    day: Day, record_testsuite_property: Callable[[str, object], None]
) -> None:
    record_testsuite_property("connections", f"{day.connections.most}: {sorted(day.connections.of_service.items())}")
    assert {"airflow-worker-mail arrears", "airflow-apiserver airflow"} <= day.connections.of_service.keys()
    (allowed,) = rows(day.servers.secrets["store_url"], "SHOW max_connections")
    assert f"max_connections={allowed[0]}" in map(filled, compose()["services"]["postgres"]["command"])
    assert 2 * day.connections.most <= int(str(allowed[0]))


def test_the_day_was_decided_by_the_lenders_own_policy_and_the_dags_keep_its_hours(day: Day) -> None:
    found = rows(day.servers.secrets["store_url"], "SELECT DISTINCT policy_id, version FROM policy_text")
    assert found == [("lender", "7")]


def test_the_day_goes_on_under_the_second_scheduler_when_the_first_is_lost(day: Day) -> None:
    assert FIRST_SCHEDULER not in day.servers.running
    assert day.servers.running["airflow-scheduler-2"].poll() is None
    assert day.servers.state(DAG, day.run) == "success"


def test_only_the_worker_that_seals_finds_the_signing_key(day: Day) -> None:
    for name in services():
        told = day.servers.environment_of(name, day.servers.file_of[name])
        found = Path(told.get("ARREARS_KEYS", "/nowhere")) / "audit.key"
        assert found.exists() == (name == "airflow-worker-seal"), name


def test_the_day_works_under_a_login_that_can_neither_change_the_log_nor_the_tables(day: Day) -> None:
    engine = create_engine(day.servers.secrets["store_url"])
    for statement in ("DELETE FROM audit_event", "ALTER TABLE contact ADD COLUMN more text", "DROP TABLE decision"):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()
    owners = rows(day.servers.secrets["store_url"], "SELECT DISTINCT tableowner FROM pg_tables"
                                                    " WHERE schemaname = 'public'")  # fmt: skip
    assert owners == [("arrears_owner",)]


def test_the_receipts_door_stands_and_takes_no_call_without_its_seal(day: Day) -> None:
    asked = day.servers.until(lambda: answer_of(day.servers.receipts_at), "the door for receipts")
    assert asked == 403


def answer_of(address: str) -> int | None:
    try:
        return httpx.get(f"http://{address}/receipts?contact=x&status=1", trust_env=False).status_code
    except httpx.HTTPError:
        return None


def test_a_worker_that_dies_while_it_sends_makes_a_try_and_not_a_red_day(day: Day) -> None:
    assert day.killed > 1, "the worker had children"
    assert day.servers.state(DAG, day.run) == "success"
    assert day.servers.tries(DAG, "send_batch") > 1, "the task of the dead worker was tried again"
    assert day.sms.taken > KILLED_AFTER, "and went on sending"


def test_nobody_is_reached_twice_and_every_contact_comes_to_an_end(day: Day) -> None:
    settings = Settings.from_environment(day.servers.environment)
    now = SystemClock().now() + AFTER_THE_LEASE
    rt = world.build_runtime(settings, world.shell_attempt("judge"), rehearsal_of=DAY)
    run_id = runs.newest_daily(rt)
    assert run_id
    store = world.store_of(rt)
    with open_channels(settings, load_policy(settings.policy_file), rt.clock) as channels:
        dispatch(rt, store, run_id, channels, business_date=DAY, lease_clock=PinnedClock(now))
    went = Counter(parse_qs(urlsplit(kept["dlr-url"]).query)["contact"][0] for kept in day.sms.messages())
    went.update(kept["message_id"].strip("<>").partition("@")[0] for kept in day.mail.messages())
    with reading(store) as connection:
        states = {
            row.contact_id: row.state for row in connection.execute(select(contact.c.contact_id, contact.c.state))
        }
    assert {key: count for key, count in went.items() if count > 1} == {}, "nobody is reached twice"
    messages = {key for key, state in states.items() if state == "sent"}
    assert went.keys() - {key for key in went if key not in states} <= messages | in_doubt(states)
    assert len(in_doubt(states)) <= MOST_IN_DOUBT, "what was being sent when the worker died, and no more"
    assert "sending" not in states.values()


def in_doubt(states: dict[str, str]) -> set[str]:
    return {key for key, state in states.items() if state == "in_doubt"}


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def started_again(day: Day) -> dict[str, str]:
    """The secrets after docker/init.sh ran once more, as at every start: it finds everything there."""
    day.servers.prepare()
    return day.servers.secrets


def test_the_pools_are_there_before_the_first_task(started_again: dict[str, str]) -> None:
    query = "SELECT pool, slots FROM slot_pool WHERE pool LIKE 'arrears_%' ORDER BY pool"
    found = rows(started_again["airflow_database_url"], query)
    assert found == [("arrears_legal", 2), ("arrears_mail", 4)]


def test_there_is_one_administrator_and_a_login_that_only_reads(started_again: dict[str, str]) -> None:
    query = """SELECT u.username, r.name FROM ab_user u JOIN ab_user_role m ON m.user_id = u.id
               JOIN ab_role r ON r.id = m.role_id ORDER BY u.username"""
    found = rows(started_again["airflow_database_url"], query)
    assert found == [("admin", "Admin"), ("collector", "Arrears auditor")]


def test_the_store_is_made_once_and_apart_from_airflow(started_again: dict[str, str]) -> None:
    assert rows(started_again["store_url"], "SELECT count(*) FROM store_identity") == [(1,)]
    airflow = started_again["airflow_database_url"]
    assert rows(airflow, "SELECT to_regclass('store_identity')") == [(None,)]


FAILURES = {f"airflow.arrears.failed.{urgency.name.lower()}" for urgency in Urgency}
"""Counters of red tasks: a day without one tells none of them."""


def test_every_figure_of_the_dashboard_and_the_alerts_arrived_from_the_workers(day: Day) -> None:
    heard = day.figures.heard()
    ours = {name for name in heard if name.startswith("airflow.arrears.")}
    deploy = ROOT / "deploy"
    asked = {
        name
        for file in ("dashboard.json", "alerts.yaml")
        for name in re.findall(r"airflow_arrears_[a-z_]+", (deploy / file).read_text(encoding="utf-8"))
    }
    arrived = {re.sub(r"[.-]", "_", name) for name in ours | FAILURES}
    assert asked - arrived == set()
    assert heard["airflow.arrears.actions.sent"] > 0
    assert heard["airflow.arrears.seal.lag_seconds"] == heard["airflow.arrears.gates.failed"] == 0
    beats = {f"airflow.{service}_heartbeat" for service in ("scheduler", "dag_processor", "triggerer")}
    slots = {f"airflow.pool.{state}_slots.arrears_mail" for state in ("open", "queued", "running")}
    assert beats | slots <= heard.keys(), "and Airflow's own"
    assert [name for name in ours if re.search(r"\d", name)] == [], "no account, run or batch is part of a name"


@pytest.mark.parametrize("command", ["prove", "verify"])
def test_the_store_proves_itself_afterwards(day: Day, command: str) -> None:
    done = subprocess.run(
        ["arrears", command], env=day.servers.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
