"""What every DAG must be: readable without loading the data libraries, documented, tagged, and small."""

import ast
import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from arrears.outreach.new_contacts import MOST_BATCHES

DAGS = Path(__file__).resolve().parents[2] / "dags"
NAMES = sorted(file.stem for file in DAGS.glob("*.py"))
TAGS = {"arrears", "impact:customer-contact", "impact:legal", "impact:internal", "tier:1", "tier:2", "tier:3"}
HEAVY = ("pandas", "numpy", "pyarrow", "fastapi", "typst", "yagmail")

READ = """
import json, sys
HEAVY = sys.argv[2].split(",")
from airflow.dag_processing.dagbag import DagBag
found = {}
for name in sys.argv[3:]:
    bag = DagBag(f"{sys.argv[1]}/{name}.py")
    dag = bag.dags.get(name)
    found[name] = {
        "errors": list(bag.import_errors.values()),
        "heavy": [m for m in HEAVY if m in sys.modules],
        "doc": dag.doc_md, "tags": sorted(dag.tags), "nodes": len(dag.task_group.children),
        "catchup": dag.catchup, "active": dag.max_active_runs,
        "retries": {task.task_id: task.retries for task in dag.tasks},
        "rules": {task.task_id: task.trigger_rule.value for task in dag.tasks},
        "mapped": [task.task_id for task in dag.tasks if hasattr(task, "partial_kwargs")],
        "fails_run": {task.task_id: bool(getattr(task, "on_failure_fail_dagrun", False)) for task in dag.tasks},
        "schedule": [str(getattr(dag.timetable, name, "none")) for name in ("expression", "timezone")],
        "begins": str(dag.timezone),
        "begins_after": [one.uri for one in getattr(getattr(dag.timetable, "asset_condition", None), "objects", [])],
        "outlets": {task.task_id: [one.name for one in task.outlets] for task in dag.tasks if task.outlets},
        "waits": {task.task_id: task.timeout for task in dag.tasks if hasattr(task, "poke_interval")},
        "answers": {task.task_id: task.partial_kwargs["response_timeout"].days for task in dag.tasks
                    if "response_timeout" in getattr(task, "partial_kwargs", {})},
        "fields": {name: [field.schema.get("title"), field.description] for name, field in dag.params.items()},
        "owners": sorted({task.owner for task in dag.tasks}), "owner_links": dag.owner_links,
        "silent": [task.task_id for task in dag.tasks if not task.has_on_failure_callback],
        "labels": {task.task_id: task.map_index_template for task in dag.tasks if hasattr(task, "partial_kwargs")},
        "blind": sorted(task.task_id for task in dag.tasks
                        if task.retry_policy and task.retry_policy.rules[-1].exception is not Exception),
        "pools": sorted({task.pool for task in dag.tasks}), "queues": sorted({task.queue for task in dag.tasks}),
        "queue_of": {task.task_id: task.queue for task in dag.tasks},
        "waits_for": {task.task_id: sorted(task.get_flat_relative_ids(upstream=True)) for task in dag.tasks},
        "stands_alone": not any(task.depends_on_past or task.wait_for_downstream or task.max_active_tis_per_dag
                                for task in dag.tasks),
        "pool_of": {task.task_id: task.pool for task in dag.tasks},
        "other_dags": [task.task_id for task in dag.tasks if hasattr(task, "external_dag_id")],
        "arguments": {task.task_id: sorted(getattr(task, "op_kwargs", {}) or {}) for task in dag.tasks},
    }
print("FOUND" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def dags() -> dict[str, dict]:
    return read_dags()


def read_dags(**variables: str) -> dict[str, dict]:
    command = [sys.executable, "-c", READ, str(DAGS), ",".join(HEAVY), *NAMES]
    env = os.environ | {"AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "3"} | variables
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return json.loads(done.stdout.split("FOUND")[-1])


def test_there_are_the_five_dags_and_none_fails_to_import(dags):
    assert sorted(dags) == [
        "arrears_assurance",
        "arrears_daily",
        "arrears_dispatch",
        "arrears_intake",
        "arrears_repossession",
    ]
    assert all(not dag["errors"] for dag in dags.values())


def test_reading_a_dag_loads_no_data_library(dags):
    assert {name: dag["heavy"] for name, dag in dags.items()} == {name: [] for name in dags}


def test_the_largest_day_has_no_more_than_150_task_instances(dags):
    daily = dags["arrears_daily"]
    assert sorted(daily["mapped"]) == [f"stage_{stage}.send_batch" for stage in range(4)]
    alone = len(daily["rules"]) - len(daily["mapped"])
    assert alone + len(daily["mapped"]) * MOST_BATCHES <= 150


def test_every_dag_says_what_it_is_for_and_whether_it_may_run_again(dags):
    for name, dag in dags.items():
        assert "Safe to run again" in dag["doc"], name
        assert f"docs/operate.md#{name}" in dag["doc"], name
        assert set(dag["tags"]) <= TAGS
        assert sum(tag.startswith("impact:") for tag in dag["tags"]) == 1
        assert dag["catchup"] is False


def test_every_field_of_a_form_says_what_it_is_for_in_both_languages(dags):
    chinese = re.compile("[一-鿿]")
    for name, dag in dags.items():
        assert {"business_date", "rehearsal"} <= set(dag["fields"]), name
        for field, said in dag["fields"].items():
            assert all(text and chinese.search(text) and re.search("[A-Z][a-z]+", text) for text in said), (name, field)


def test_every_dag_has_an_owner_and_every_red_task_says_who_must_get_up(dags):
    from arrears.orchestration.pages import DAGS as URGENCIES
    from arrears.orchestration.pages import STEPS

    for name, dag in dags.items():
        assert dag["owners"] == ["collections-operations"], name
        assert dag["silent"] == [], name
    assert set(URGENCIES) == set(dags)
    assert set(STEPS) <= {task.rpartition(".")[2] for dag in dags.values() for task in dag["rules"]}


def test_the_runbook_is_a_link_where_its_address_is_known():
    address = "https://wiki.example/arrears/operate"
    for name, dag in read_dags(ARREARS_RUNBOOK_URL=address).items():
        assert f"[docs/operate.md#{name}]({address}#{name})" in dag["doc"]
        assert dag["owner_links"] == {"collections-operations": address}


@pytest.mark.parametrize("base", ["", "https://airflow.example/collections"])
def test_the_runbook_is_on_the_desk_where_no_other_place_is_named(base: str):
    variables = {"AIRFLOW__API__BASE_URL": base} if base else {}
    for name, dag in read_dags(**variables).items():
        assert f"[docs/operate.md#{name}]({base}/arrears/guide/operate.md#{name})" in dag["doc"]
        whole = {"collections-operations": f"{base}/arrears/guide/operate.md"}
        assert dag["owner_links"] == (whole if base else {}), "Airflow takes no owner link without a host"


def test_a_mapped_task_is_called_by_what_it_does_and_not_by_a_number(dags):
    labels = {task: label for dag in dags.values() for task, label in dag["labels"].items()}
    assert len(labels) == 7
    assert [task for task, label in labels.items() if not label] == []
    assert {labels[f"{who}_decides"] for who in ("legal", "risk")} == {"{{ task.body.count('facts `') }} to decide"}


def test_no_step_that_reaches_people_is_tried_again_blindly(dags):
    blind = {task for dag in dags.values() for task in dag["blind"]}
    sends = {"send_digest", "send_batch", "send_due", "settle_orders"}
    assert {task.rpartition(".")[2] for task in blind} & sends == set()
    assert "arrears_daily" in dags
    assert {"ledger.pull_ledger", "close_day"} <= blind, "the others may be"


def test_every_pool_and_queue_is_used_and_there(dags):
    root = DAGS.parent
    pools = json.loads((root / "include" / "arrears" / "orchestration" / "pools.json").read_text(encoding="utf-8"))
    assert {pool for dag in dags.values() for pool in dag["pools"]} == set(pools) | {"default_pool"}
    compose = (root / "docker-compose.yaml").read_text(encoding="utf-8")
    served = set(re.findall(r"worker, --queues, (\w+)", compose))
    assert {queue for dag in dags.values() for queue in dag["queues"]} == served


def test_what_seals_and_what_deletes_runs_where_the_signing_key_is(dags):
    queues = {task: queue for dag in dags.values() for task, queue in dag["queue_of"].items()}
    sealed = {task for task, queue in queues.items() if queue == "seal"}
    closing = {task for task in queues if task.startswith("close_")}
    assert sealed == closing | {"morning.seal_morning", "erase_what_expired"}


def test_no_contact_waits_for_the_digest_and_only_what_was_sealed_is_sent(dags):
    waits_for = dags["arrears_daily"]["waits_for"]
    assert [task for task, before in waits_for.items() if "morning.send_digest" in before] == ["close_day"]
    for stage in range(4):
        assert {"morning.seal_morning", "morning.write_worklists"} <= set(waits_for[f"stage_{stage}.send_batch"])


def test_the_workers_that_mail_are_those_that_reach_the_mail_server_of_the_sandbox(dags):
    mails = {"send_digest", "send_batch", "send_due"}
    queues = {queue for dag in dags.values() for task, queue in dag["queue_of"].items()
              if task.rpartition(".")[2] in mails}  # fmt: skip
    assert queues == {"mail"}
    compose = (DAGS.parent / "docker-compose.yaml").read_text(encoding="utf-8")
    assert "network_mode: service:airflow-worker-mail" in compose


def test_the_daily_graph_fits_a_screen(dags):
    assert dags["arrears_daily"]["nodes"] <= 15


def test_joins_go_on_when_every_stage_is_empty(dags):
    assert dags["arrears_daily"]["rules"]["settle_orders"] == "none_failed"


def test_closing_runs_always_and_its_failure_fails_the_run(dags):
    for name, dag in dags.items():
        (closing,) = (task for task in dag["rules"] if task.startswith("close_"))
        assert dag["fails_run"][closing], name


@pytest.mark.parametrize("name", NAMES)
def test_a_dag_file_wires_and_does_not_decide(name: str):
    tree = ast.parse((DAGS / f"{name}.py").read_text(encoding="utf-8"))
    banned = (ast.If, ast.For, ast.While, ast.Try)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, banned)]
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    allowed = (
        "airflow.sdk",
        "airflow.providers.standard",
        "pendulum",
        "datetime",
        "arrears.steps",
        "arrears.orchestration",
    )
    assert all(module.startswith(allowed) for module in imported), imported


def test_the_clocks_of_the_dags_are_those_of_the_policy_in_its_time_zone(dags, tmp_path):
    own = tmp_path / "own.yaml"
    clocks = 'clocks: {day: "05:15", ledger_by: "07:00", answer_days: 2}'
    own.write_text(f"extends: us\npolicy_id: own\nversion: '1'\n{clocks}\n", encoding="utf-8")
    west = read_dags(ARREARS_POLICY=str(own))
    for found, zone in ((dags, "Asia/Shanghai"), (west, "America/New_York")):
        assert {dag["begins"] for dag in found.values()} == {zone}
        assert {dag["schedule"][1] for dag in found.values()} == {zone, "none"}, "one DAG begins when orders wait"
    told = ("arrears_daily", "arrears_assurance")
    assert [dags[name]["schedule"][0] for name in told] == ["0 6 * * *", "30 22 * * *"]
    assert [west[name]["schedule"][0] for name in told] == ["15 5 * * *", "30 22 * * *"]
    waits = [found["arrears_daily"]["waits"]["ledger_is_there"] for found in (dags, west)]
    assert waits == [150 * 60, 105 * 60]
    answers = [found["arrears_repossession"]["answers"] for found in (dags, west)]
    assert answers == [{"legal_decides": days, "risk_decides": days} for days in (3, 2)]


@pytest.mark.parametrize("waiting", [0, 2])
def test_the_day_starts_a_batch_for_the_orders_it_leaves_waiting_and_none_where_none_waits(dags, waiting):
    from airflow.sdk.execution_time.context import OutletEventAccessors

    from arrears.orchestration.assets import PROPOSED_ORDERS, WAITING_ORDERS, announce

    assert dags["arrears_repossession"]["begins_after"] == [WAITING_ORDERS.uri]
    assert dags["arrears_daily"]["outlets"]["legal.propose_orders"] == [PROPOSED_ORDERS.name]
    events = OutletEventAccessors()
    announce({"outlets": [PROPOSED_ORDERS], "outlet_events": events}, {"proposed": 1, "waiting": waiting})
    told = [(event.dest_asset_key.uri, event.extra["waiting"]) for event in events[PROPOSED_ORDERS].asset_alias_events]
    assert told == [(WAITING_ORDERS.uri, waiting)] * bool(waiting)


def test_a_question_to_a_person_is_put_once_whatever_airflow_retries_by_default(dags):
    retries = dags["arrears_repossession"]["retries"]
    assert (retries["legal_decides"], retries["risk_decides"]) == (0, 0)
    assert retries["record_legal"] == 3


def test_recalls_and_acknowledgements_wait_for_no_question_to_a_person(dags):
    """Nobody is asked in a DAG that recalls, it waits for no earlier run, and a parked question takes no slot."""
    asking = {name for name, dag in dags.items() if dag["answers"]}
    recalling = {name for name, dag in dags.items() if "settle_orders" in dag["rules"]}
    assert (asking, recalling) == ({"arrears_repossession"}, {"arrears_daily", "arrears_dispatch"})
    assert all(dag["stands_alone"] and not dag["other_dags"] for dag in dags.values())
    pools = json.loads(files("arrears.orchestration").joinpath("pools.json").read_text("utf-8"))
    assert not any(pool["include_deferred"] for pool in pools.values())
    asked_in = {dags["arrears_repossession"]["pool_of"][task] for task in ("legal_decides", "risk_decides")}
    settled_in = {dags[name]["pool_of"]["settle_orders"] for name in recalling}
    assert settled_in <= {"default_pool", *pools}
    assert asked_in == {"default_pool"}, "Airflow counts no parked task there"


def test_a_batch_that_waits_for_its_people_does_not_keep_the_next_day_from_asking(dags):
    days = max(days for days in dags["arrears_repossession"]["answers"].values())
    assert dags["arrears_repossession"]["active"] > days
    assert all(dag["active"] == 1 for name, dag in dags.items() if name != "arrears_repossession")


def test_no_step_parameter_is_named_like_an_airflow_context_key():
    import inspect

    from airflow.sdk.definitions.context import Context

    from arrears.steps import assurance, daily, dispatch, intake, repossession

    reserved = set(Context.__annotations__)
    for module in (assurance, daily, dispatch, intake, repossession):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                assert not reserved & set(inspect.signature(function).parameters), f"{module.__name__}.{name}"


def test_a_run_names_its_airflow_its_dag_version_and_its_bundle_where_there_is_one():
    from importlib.metadata import version
    from types import SimpleNamespace

    from arrears.orchestration.step import request_of

    bundle = SimpleNamespace(name="dags-git", version="f00d")
    ti = SimpleNamespace(dag_version_id="v1", bundle_instance=bundle)
    made = request_of({"params": {}, "ti": ti, "dag_run": SimpleNamespace(run_after=None)}).versions
    airflow = version("apache-airflow")
    assert made == {"airflow": airflow, "dag_version": "v1", "bundle": "dags-git", "bundle_version": "f00d"}
