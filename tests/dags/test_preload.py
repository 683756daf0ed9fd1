"""A process that makes the processes of tasks has loaded what they need: a task loads little anew."""

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LOADED = """
import json, os, sys
import arrears.orchestration.preload
before = set(sys.modules)
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
assert len(bag.dags) == 5, bag.import_errors
print("FOUND" + json.dumps([sorted(before), sorted(set(sys.modules) - before)]))
"""


@pytest.fixture(scope="module")
def loaded() -> tuple[set[str], set[str]]:
    command = [sys.executable, "-c", LOADED, str(ROOT / "dags")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, anew = json.loads(done.stdout.split("FOUND")[-1])
    return set(before), set(anew)


def loaded_in_functions(file: Path) -> set[str]:
    """Return the modules of ours that the functions of a file import when they run."""
    functions = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    imports = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.ImportFrom)]
    return {node.module for node in imports if node.module and node.module.startswith("arrears.")}


def test_what_steps_import_when_they_run_is_there_already(loaded) -> None:
    before, _ = loaded
    wanted = {
        name for file in (ROOT / "include" / "arrears" / "steps").glob("*.py") for name in loaded_in_functions(file)
    }
    assert len(wanted) > 50
    assert wanted - before == set()
    assert {"numpy", "pyarrow", "typst", "yagmail", "holidays.countries.china"} <= before


def test_a_task_that_reads_its_dag_loads_nothing_more_of_airflow_or_of_ours(loaded) -> None:
    _, anew = loaded
    assert {
        name for name in anew if name.startswith(("airflow.providers.standard", "airflow.sdk", "arrears."))
    } == set()


def test_the_desk_is_no_part_of_it(loaded) -> None:
    before, _ = loaded
    assert [name for name in before if name.startswith("arrears.desk")] == []


def test_workers_of_compose_load_it_and_are_else_as_the_provider_makes_them() -> None:
    from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG

    services = yaml.safe_load((ROOT / "docker-compose.yaml").read_text("utf-8"))["services"]
    named = services["airflow-worker-mail"]["environment"]["AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS"]
    module, _, name = named.rpartition(".")
    config = getattr(import_module(module), name)
    assert config == {**DEFAULT_CELERY_CONFIG, "imports": ["arrears.orchestration.preload"]}


def test_an_airflow_on_one_machine_forks_its_tasks_from_what_has_loaded_it(tmp_path: Path) -> None:
    from arrears.orchestration.embedded import airflow_environment

    told = airflow_environment(tmp_path, ROOT)
    assert told["AIRFLOW__SCHEDULER__MP_START_METHOD"] == "forkserver"
    assert import_module(told["AIRFLOW__SCHEDULER__MP_FORKSERVER_PRELOAD"]).load


def test_a_module_that_is_missing_is_told_and_the_others_are_loaded(monkeypatch, caplog) -> None:
    preload = import_module("arrears.orchestration.preload")
    asked = []

    def bring(name: str):
        asked.append(name)
        if name == preload.TASK[0]:
            raise ModuleNotFoundError(f"No module named {name!r}")
        return import_module(name)

    monkeypatch.setattr(preload, "import_module", bring)
    preload.load()
    assert set(preload.TASK + preload.LIBRARIES) <= set(asked)
    assert [record.levelname for record in caplog.records if preload.TASK[0] in record.getMessage()] == ["WARNING"]
