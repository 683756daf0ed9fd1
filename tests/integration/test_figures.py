"""Our figures leave over Airflow's own metrics, as real datagrams, and speak of no account."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import airflow
import pytest
import yaml
from airflow.sdk.observability import stats
from contact_crowd import fill
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from sqlalchemy import Engine, update
from statsd import StatsClient
from statsd_listener import StatsdListener

from arrears.audit.seal import seal
from arrears.core.clock import PinnedClock, at_local, utc_text
from arrears.core.errors import PermanentFailure
from arrears.core.runtime import Runtime
from arrears.orchestration import figures
from arrears.orchestration.pages import Urgency
from arrears.steps.pulse import pulse, seal_lag
from arrears.store.engine import writing
from arrears.store.tables.outreach import contact
from arrears.store.tables.reports import digest_sent
from arrears.store.tables.runs import run

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "airflow"


@pytest.fixture
def listener() -> Iterator[StatsdListener]:
    from airflow.sdk._shared.observability.metrics.statsd_logger import get_statsd_logger
    from airflow.sdk.observability.metrics import stats_utils

    with StatsdListener() as heard:

        def factory():
            return get_statsd_logger(stats_class=StatsClient, host="127.0.0.1", port=heard.port, prefix=PREFIX)

        stats.initialize(factory=factory, export_legacy_names=False)
        yield heard
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)


def test_a_step_tells_its_counts_and_its_rate(rt: Runtime, store: Engine, listener: StatsdListener) -> None:
    figures.tell(rt, "decide_accounts", 2.0, {"rows": 3000, "new": 10, "root": "abc", "held": True})
    assert listener.heard() == {
        "airflow.arrears.step.decide_accounts.seconds": 2.0,
        "airflow.arrears.step.decide_accounts.rows": 3000.0,
        "airflow.arrears.step.decide_accounts.new": 10.0,
        "airflow.arrears.step.decide_accounts.rows_per_second": 1500.0,
    }


def test_a_step_leaves_one_line_of_json_with_its_run_and_batch_and_no_word_about_anybody(
    rt: Runtime, store: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger=figures.__name__)
    result = {"sent": 3, "root": "abc"}
    figures.tell(rt, "send_batch", 1.5, result, {"rt": rt, "day": "daily-1", "stage": 2, "batch": 7, "name": "王.csv"})
    assert json.loads(caplog.messages[0]) == {
        "step": "send_batch", "run": "daily-1", "stage": 2, "batch": 7, "dag_run": "cli", "try": 1,
        "milliseconds": 1500, "counts": {"sent": 3},
    }  # fmt: skip


def test_around_a_closing_step_the_state_of_the_store_is_told_the_wait_for_the_seal_before_it(
    rt: Runtime, store: Engine, listener: StatsdListener
) -> None:
    keys = fill(rt, store, 5)
    begun = rt.clock.now() - timedelta(hours=3)
    with writing(store) as connection:
        doubtful = update(contact).where(contact.c.contact_id == keys[0])
        connection.execute(doubtful.values(state="in_doubt", intent_at=utc_text(begun), payload_sha256="0" * 64))
    later = replace(rt, clock=PinnedClock(rt.clock.now() + timedelta(minutes=10)))
    with figures.standing_told(later, "close_day"):
        seal(later, store)
    assert seal_lag(later) == {"seal.lag_seconds": 0.0}, "afterwards nobody would see that it ever waited"
    told = listener.heard()
    assert told["airflow.arrears.actions.planned"] == 9
    assert told["airflow.arrears.actions.in_doubt"] == told["airflow.arrears.in_doubt.count"] == 1
    assert told["airflow.arrears.in_doubt.age_seconds"] == 3 * 3600 + 600
    assert told["airflow.arrears.seal.lag_seconds"] == 600
    assert told["airflow.arrears.pulse"] == 1
    assert not [name for name in told if re.search(r"A\d|P\d|daily-", name)]


def test_a_closing_step_that_fails_tells_no_less(rt: Runtime, store: Engine, listener: StatsdListener) -> None:
    fill(rt, store, 1)
    with pytest.raises(PermanentFailure), figures.standing_told(rt, "close_day"):
        raise PermanentFailure("no signing key")
    heard = listener.heard()
    told = {f"airflow.arrears.{name}" for name in (*pulse(rt), "seal.lag_seconds", "pulse")}
    assert heard.keys() == told


def test_other_steps_do_not_count_the_store(rt: Runtime, store: Engine, listener: StatsdListener) -> None:
    with figures.standing_told(rt, "send_batch"):
        pass
    assert listener.heard() == {}


def test_a_figure_that_cannot_be_told_fails_no_task_and_its_beat_is_missing(
    rt: Runtime, listener: StatsdListener
) -> None:
    nowhere = rt.settings.model_copy(update={"store_url": "postgresql+psycopg://nobody@127.0.0.1:1/none"})
    with figures.standing_told(replace(rt, settings=nowhere), "close_day"):
        figures.tell(rt, "close_day", 1.0, {"status": "completed"})
    assert list(listener.heard()) == ["airflow.arrears.step.close_day.seconds"]


YESTERDAY, TODAY = date(2026, 11, 11), date(2026, 11, 12)


@pytest.mark.parametrize(
    ("days", "hour", "red", "missing"),
    [
        ([], time(8, 29), 0, 0),
        ([], time(8, 30), 0, 1),
        ([(YESTERDAY, "completed", False)], time(8, 29), 0, 0),
        ([(YESTERDAY, "completed", False)], time(8, 30), 0, 1),
        ([(YESTERDAY, "completed", True)], time(8, 30), 0, 0),  # a rehearsed store has no today
        ([(TODAY, "running", False)], time(8, 30), 0, 0),
        ([(TODAY, "running", False)], time(22, 29), 0, 0),
        ([(TODAY, "running", False)], time(22, 30), 1, 0),
        ([(TODAY, "held", False)], time(8, 0), 1, 0),
        ([(TODAY, "failed", False)], time(22, 30), 1, 0),
        ([(YESTERDAY, "held", False), (TODAY, "completed", False)], time(22, 30), 0, 0),
    ],
)
def test_a_day_that_never_began_is_missing_and_one_that_does_not_end_is_red(
    rt: Runtime, store: Engine, days: list[tuple[date, str, bool]], hour: time, red: int, missing: int
) -> None:
    with writing(store) as connection:
        for on, status, rehearsal in days:
            connection.execute(run.insert(), a_day(on, status, rehearsal=rehearsal))
    told = pulse(replace(rt, clock=PinnedClock(at_local(TODAY, hour, "Asia/Shanghai"))))
    assert (told["day.red"], told["day.missing"]) == (red, missing)


def a_day(on: date, status: str, *, rehearsal: bool) -> dict[str, object]:
    """Return a daily run as its table has it."""
    return {
        "run_id": f"daily-{on}-1", "origin_key": f"{on:%Y%m%d}" * 8, "kind": "daily", "business_date": on,
        "ordinal": 1, "status": status, "rehearsal": rehearsal, "plan_only": False, "released": True,
        "started_at": f"{on}T02:00:00.000000Z", "policy_sha256": "0" * 64, "code_version": "1", "code_id": "1",
        "attempt": "{}",
    }  # fmt: skip


@pytest.mark.parametrize(("day", "left"), [(TODAY, 1), (YESTERDAY, 0)])
def test_digests_of_the_newest_day_that_the_mail_server_did_not_take_are_told(
    rt: Runtime, store: Engine, day: date, left: int
) -> None:
    with writing(store) as connection:
        for on in (YESTERDAY, TODAY):
            connection.execute(run.insert(), a_day(on, "completed", rehearsal=False))
        for number, state in enumerate(("planned", "sent")):
            connection.execute(digest_sent.insert().values(
                digest_key=str(number) * 64, business_date=day, delivery_no=1, recipient_sha256="0" * 64,
                role="manager", language="zh", branch="", kind="morning", run_id=f"daily-{day}-1", html_sha256="1" * 64,
                artefact="digests/x", state=state, planned_at=utc_text(rt.clock.now())))  # fmt: skip
    assert pulse(rt)["digest.not_sent"] == left
    with writing(store) as connection:
        again = {"run_id": "later", "origin_key": "f" * 64, "ordinal": 2}
        connection.execute(run.insert(), a_day(TODAY, "completed", rehearsal=False) | again)
    assert pulse(rt)["digest.not_sent"] == 0, "a newer run of the day builds its own"


TOLD_BY_A_PROCESS = """
import sys
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils
stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
from arrears.core.clock import SystemClock
from arrears.core.entropy import SeededEntropy
from arrears.core.runtime import RunKey, Runtime
from arrears.core.settings import Settings
from arrears.orchestration import figures
rt = Runtime(Settings.from_environment(), SystemClock(), SeededEntropy(7), RunKey("cli", "x"))
with figures.standing_told(rt, "close_day"):
    figures.tell(rt, "close_day", 1.0, {"status": "completed"})
"""
"""What Airflow does in the process of a task: its own maker of figures, ours, and the end of the process."""


class Collector(BaseHTTPRequestHandler):
    """Takes what OpenTelemetry posts, as a collector on loopback does."""

    names: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        said = ExportMetricsServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.names.update(metric.name for part in said.resource_metrics for scope in part.scope_metrics
                          for metric in scope.metrics)  # fmt: skip
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_same_figures_reach_a_collector_of_opentelemetry(rt: Runtime, store: Engine) -> None:
    fill(rt, store, 1)
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        env = os.environ | {
            "ARREARS_HOME": str(rt.settings.home),
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "NO_PROXY": "127.0.0.1",
        }
        words = [sys.executable, "-c", TOLD_BY_A_PROCESS]
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
        server.shutdown()
        thread.join()
    assert done.returncode == 0, done.stderr
    ours = (*pulse(rt), *seal_lag(rt), "pulse", "step.close_day.seconds")
    told = {f"airflow.arrears.{name}" for name in ours}
    assert Collector.names >= told, done.stderr[-2000:]


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text("utf-8"))["groups"][0][
        "rules"
    ]
    return found


def names_of(text: str) -> set[str]:
    return set(re.findall(r"airflow_arrears_[a-z_]+", text))


def test_dashboard_and_alerts_ask_only_for_figures_that_are_told(rt: Runtime, store: Engine) -> None:
    fill(rt, store, 1)
    told = {f"airflow_arrears_{name.replace('.', '_')}" for name in (*pulse(rt), *seal_lag(rt), "pulse")}
    made = (
        "decide_accounts_rows",
        "decide_accounts_rows_per_second",
        "pull_ledger_accounts_per_second",
        "send_batch_seconds",
    )
    steps = {f"airflow_arrears_step_{name}" for name in made}
    asked = names_of((ROOT / "deploy" / "dashboard.json").read_text("utf-8")) | names_of(
        (ROOT / "deploy" / "alerts.yaml").read_text("utf-8")
    )
    failures = {f"airflow_arrears_failed_{urgency.name.lower()}" for urgency in Urgency}
    assert asked - told - steps - failures == set()
    assert len(asked) > 8


def test_every_alert_has_a_paragraph_in_the_runbook() -> None:
    assert len(rules()) >= 5
    for rule in rules():
        file, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in anchors, rule["alert"]


AIRFLOWS = Path(airflow.__file__).parent / "_shared" / "observability" / "metrics" / "metrics_template.yaml"
"""Every figure that the installed Airflow sends, by its name and by the one with its tags inside."""
SLOTS = {f"airflow_pool_{state}_slots_arrears_" for state in ("open", "queued", "running")}


def test_dashboard_and_alerts_ask_airflow_only_for_figures_that_it_has() -> None:
    known = {
        f"airflow_{one['name']}".replace(".", "_") for one in yaml.safe_load(AIRFLOWS.read_text("utf-8"))["metrics"]
    }
    both = "".join((ROOT / "deploy" / name).read_text("utf-8") for name in ("dashboard.json", "alerts.yaml"))
    asked = {name for name in re.findall(r"airflow_[a-z_]+", both) if not name.startswith("airflow_arrears_")}
    assert asked - known <= SLOTS | {f"{name.removesuffix('arrears_')}" for name in SLOTS}
    board = (ROOT / "deploy" / "dashboard.json").read_text("utf-8")
    for shown in ("scheduler_heartbeat", "pool_open_slots", "ti_failures"):
        assert f"airflow_{shown}" in board


@pytest.mark.parametrize("alert", ["ArrearsSchedulerDead", "ArrearsSilent"])
def test_what_stands_still_rings_and_no_less_what_is_not_there(alert: str) -> None:
    (rule,) = [rule for rule in rules() if rule["alert"] == alert]
    told = re.fullmatch(r"increase\((\w+)\[\w+\]\) == 0 or absent\((\w+)\)", rule["expr"])
    assert told
    assert told[1] == told[2]


def test_every_urgency_that_cannot_wait_has_an_alert() -> None:
    asked = " ".join(rule["expr"] for rule in rules())
    assert [one for one in Urgency if f"airflow_arrears_failed_{one.name.lower()}" not in asked] == [Urgency.LATER]


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    board = json.loads((ROOT / "deploy" / "dashboard.json").read_text("utf-8"))
    assert board["schemaVersion"] >= 38
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 6
    assert all(panel["targets"] and panel["gridPos"] for panel in board["panels"])


@pytest.mark.parametrize(("alert", "urgency"), [("ArrearsGetUp", "now"), ("ArrearsBeforeTheWindow", "morning")])
def test_one_missing_sample_does_not_page_for_an_old_failure_again(alert: str, urgency: str) -> None:
    (told,) = [rule["expr"] for rule in rules() if rule["alert"] == alert]
    before = told.partition(" unless ")[2]
    assert re.fullmatch(rf"max_over_time\(airflow_arrears_failed_{urgency}\[[2-9]h\] offset 30m\)\)", before)
