"""The signing key under KubernetesExecutor: in pods of tasks that seal, and in no other container of the chart."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import yaml
from airflow.executors.workloads import ExecuteTask
from airflow.executors.workloads.base import BundleInfo
from airflow.executors.workloads.task import TaskInstanceDTO

from arrears.orchestration.pods import pod_mutation_hook
from arrears.orchestration.step import SEAL_QUEUE

ROOT = Path(__file__).resolve().parents[2]
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "helm-values.yaml").read_text(encoding="utf-8"))
KEYS = {"name": "arrears-keys", "mountPath": "/var/lib/arrears-keys"}


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in VALUES["env"]:
        monkeypatch.setenv(entry["name"], entry["value"])


def command(queue: str) -> list[str]:
    """Return what KubernetesExecutor writes into a pod as its command: Airflow's own words for a task's work."""
    task = TaskInstanceDTO(
        id=UUID(int=1), dag_version_id=UUID(int=2), task_id="a_task", dag_id="a_dag", run_id="r", try_number=1,
        map_index=-1, pool_slots=1, queue=queue, priority_weight=1,
    )  # fmt: skip
    bundle = BundleInfo(name="dags-folder")
    work = ExecuteTask(ti=task, dag_rel_path="a_dag.py", bundle_info=bundle, token="t", log_path="a.log")
    return ["python", "-m", "airflow.sdk.execution_time.execute_workload", "--json-string", work.model_dump_json()]


def pod_of(args: list[str] | None) -> Any:
    """Return a pod as the chart's template makes it of our values, beside the container that fetches the DAGs."""
    tasks = VALUES["workers"]["kubernetes"]
    mounts = [SimpleNamespace(name=one["name"], read_only=one.get("readOnly")) for one in tasks["extraVolumeMounts"]]
    base = SimpleNamespace(name="base", args=args, volume_mounts=mounts)
    helper = SimpleNamespace(name="helper", args=None, volume_mounts=[])
    return SimpleNamespace(spec=SimpleNamespace(containers=[helper, base], volumes=list(tasks["extraVolumes"])))


def test_a_task_that_seals_gets_the_key_and_may_delete_old_feeds() -> None:
    pod = pod_of(command(SEAL_QUEUE))
    pod_mutation_hook(pod)
    helper, base = pod.spec.containers
    assert base.volume_mounts[-1] == KEYS
    assert [mount.read_only for mount in base.volume_mounts[:-1] if mount.name == "arrears-feeds"] == [False, False]
    claimed = [volume for volume in pod.spec.volumes if volume["name"] == KEYS["name"]]
    assert claimed == [{"name": "arrears-keys", "persistentVolumeClaim": {"claimName": "arrears-keys"}}]
    assert helper.volume_mounts == []


@pytest.mark.parametrize("args", [command("default"), command("mail"), ["bash", "-c", "sleep 1"], ["{}"], [], None])
def test_every_other_pod_stays_as_it_is(args: list[str] | None) -> None:
    pod, untouched = pod_of(args), pod_of(args)
    pod_mutation_hook(pod)
    assert pod == untouched


def test_the_chart_names_the_hook_and_gives_the_key_to_the_job_that_makes_it_alone() -> None:
    hook = f"{pod_mutation_hook.__module__} import {pod_mutation_hook.__name__}"
    assert VALUES["airflowLocalSettings"].strip() == f"from {hook}"
    having = [name for name, part in VALUES.items() if json.dumps(part).count(KEYS["mountPath"]) and name != "env"]
    assert having == ["migrateDatabaseJob"]
