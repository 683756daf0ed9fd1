"""Our figures leave over Airflow's own metrics, as real datagrams, and speak of no account."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
import yaml
from airflow.sdk.observability import stats
from contact_crowd import fill
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from sqlalchemy import Engine, update
from statsd import StatsClient
from statsd_listener import StatsdListener

from arrears.core.clock import PinnedClock, utc_text
from arrears.core.runtime import Runtime
from arrears.orchestration import figures
from arrears.orchestration.pages import Urgency
from arrears.steps.pulse import pulse
from arrears.store.engine import writing
from arrears.store.tables.outreach import contact

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


def test_after_a_closing_step_the_state_of_the_store_is_told(
    rt: Runtime, store: Engine, listener: StatsdListener
) -> None:
    keys = fill(rt, store, 5)
    begun = rt.clock.now() - timedelta(hours=3)
    with writing(store) as connection:
        doubtful = update(contact).where(contact.c.contact_id == keys[0])
        connection.execute(doubtful.values(state="in_doubt", intent_at=utc_text(begun), payload_sha256="0" * 64))
    later = replace(rt, clock=PinnedClock(rt.clock.now() + timedelta(minutes=10)))
    figures.tell(later, "close_day", 1.0, {"status": "completed"})
    told = listener.heard()
    assert told["airflow.arrears.actions.planned"] == 9
    assert told["airflow.arrears.actions.in_doubt"] == told["airflow.arrears.in_doubt.count"] == 1
    assert told["airflow.arrears.in_doubt.age_seconds"] == 3 * 3600 + 600
    assert told["airflow.arrears.seal.lag_seconds"] == 600
    assert not [name for name in told if re.search(r"A\d|P\d|daily-", name)]


def test_a_figure_that_cannot_be_told_fails_no_task(rt: Runtime, listener: StatsdListener) -> None:
    nowhere = rt.settings.model_copy(update={"store_url": "postgresql+psycopg://nobody@127.0.0.1:1/none"})
    figures.tell(replace(rt, settings=nowhere), "close_day", 1.0, {"status": "completed"})
    assert list(listener.heard()) == ["airflow.arrears.step.close_day.seconds"]


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
    told = {f"airflow.arrears.{name}" for name in pulse(rt)} | {"airflow.arrears.step.close_day.seconds"}
    assert Collector.names >= told, done.stderr[-2000:]


def names_of(text: str) -> set[str]:
    return set(re.findall(r"airflow_arrears_[a-z_]+", text))


def test_dashboard_and_alerts_ask_only_for_figures_that_are_told(rt: Runtime, store: Engine) -> None:
    fill(rt, store, 1)
    told = {f"airflow_arrears_{name.replace('.', '_')}" for name in pulse(rt)}
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
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
    assert len(rules) >= 5
    for rule in rules:
        file, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, rule["alert"]


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    board = json.loads((ROOT / "deploy" / "dashboard.json").read_text("utf-8"))
    assert board["schemaVersion"] >= 38
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 6
    assert all(panel["targets"] and panel["gridPos"] for panel in board["panels"])


def test_one_missing_sample_does_not_page_for_an_old_failure_again() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
    (told,) = [rule["expr"] for rule in rules if rule["alert"] == "ArrearsGetUp"]
    before = told.partition(" unless ")[2]
    assert re.fullmatch(r"max_over_time\(airflow_arrears_failed_now\[[2-9]h\] offset 30m\)\)", before)
