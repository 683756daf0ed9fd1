"""What is shipped is pinned, complete and free of secrets."""

import json
import os
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from arrears.outreach.new_contacts import MOST_BATCHES

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "include" / "arrears"
ENV_EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
COUNTED_PEAK = 22
"""The most connections that tests/real/test_many_servers.py counted at once, the whole of the compose file running."""
FIRST = ["apache-airflow", "pandas", "sqlalchemy", "yagmail"]


def plain_name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def lock_lines(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))


def test_the_lock_names_the_four_first_and_the_project_last() -> None:
    lines = lock_lines("requirements.txt")
    assert [plain_name(line) for line in lines[:4]] == FIRST
    assert lines[-1] == "-e ."


def test_the_development_lock_only_adds_to_the_first() -> None:
    lines = lock_lines("requirements-dev.txt")
    assert lines[0] == "-r requirements.txt"
    base = {plain_name(line) for line in lock_lines("requirements.txt")[:-1]}
    assert base & {plain_name(line) for line in lines[1:]} == set()


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "requirements-kubernetes.txt", "requirements-openlineage.txt"]
)
def test_every_line_of_a_lock_is_one_exact_version_and_names_no_host(name: str) -> None:
    pinned = re.compile(r"[a-z0-9._-]+==[A-Za-z0-9.+!]+( ; [a-z_]+ .+)?")
    loose = [line for line in lock_lines(name) if not line.startswith("-") and not pinned.fullmatch(line)]
    assert loose == []
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_every_direct_dependency_is_pinned_and_its_licence_is_told(project: dict[str, Any]) -> None:
    direct = {plain_name(line) for line in project["project"]["dependencies"]}
    pinned = {plain_name(line) for line in lock_lines("requirements.txt")[:-1]}
    told = set(re.findall(r"^\| `([a-z0-9-]+)`", (ROOT / "docs" / "licences.md").read_text("utf-8"), re.MULTILINE))
    assert (direct - pinned, direct - told) == (set(), set())


def test_what_the_code_imports_is_declared_by_name(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"].values()
    declared = {plain_name(line) for lines in (project["project"]["dependencies"], *extras) for line in lines}
    carried = {"apache-airflow-core", "apache-airflow-task-sdk", "pendulum", "starlette", "typing-extensions"}
    owners = packages_distributions()
    used = {
        plain_name(owner)
        for path in PACKAGE.rglob("*.py")
        for module in re.findall(r"^\s*(?:import|from) ([a-z_0-9]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for owner in owners.get(module, [])[:1]
    }
    assert used - declared - carried - {"arrears"} == set()


def test_every_file_of_the_package_is_shipped_with_it(project: dict[str, Any]) -> None:
    patterns = [p.removeprefix("**/") for p in project["tool"]["setuptools"]["package-data"]["arrears"]]
    left_behind = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*")
        if path.is_file()
        and path.suffix not in {".py", ".pyc"}
        and not any(fnmatch(path.name, pattern) for pattern in patterns)
    ]
    assert left_behind == []


def test_every_queue_of_the_project_has_a_worker(compose: dict[str, Any]) -> None:
    workers = {name: service for name, service in compose["services"].items() if "-worker-" in name}
    served = {service["command"][service["command"].index("--queues") + 1] for service in workers.values()}
    assert served == {"default", "mail", "legal", "seal"}
    assert {name.rsplit("-", 1)[1] for name in workers} == served


def test_every_service_says_when_it_is_healthy(compose: dict[str, Any]) -> None:
    silent = {name for name, service in compose["services"].items() if "healthcheck" not in service}
    assert silent == {"airflow-init", "mailpit"}


def test_every_service_that_reads_the_policy_sees_the_folder_of_the_lenders_own(compose: dict[str, Any]) -> None:
    reading = {name for name, body in compose["services"].items() if "ARREARS_POLICY" in body.get("environment", {})}
    mounted = "${ARREARS_POLICIES:-./var/policy}:/var/lib/arrears-policy:ro"
    assert {name for name, body in compose["services"].items() if mounted in body.get("volumes", [])} == reading
    assert reading == {name for name in compose["services"] if name.startswith("airflow-")}
    assert "\nARREARS_POLICIES=./var/policy\n" in ENV_EXAMPLE
    assert "/var/lib/arrears-policy/" in ENV_EXAMPLE


def test_every_variable_of_the_environment_file_reaches_the_compose_files() -> None:
    offered = set(re.findall(r"^#?([A-Z_]+)=", ENV_EXAMPLE, re.MULTILINE))
    texts = "".join(file.read_text(encoding="utf-8") for file in ROOT.glob("docker-compose*.yaml"))
    taken = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)[:}]", texts))
    assert offered - {"COMPOSE_PROFILES"} == taken


def test_the_image_is_named_after_the_commit_it_is_built_of(compose: dict[str, Any], tmp_path: Path) -> None:
    args = {json.dumps(body["build"]["args"]) for body in compose["services"].values() if "build" in body}
    assert len(args) == 1
    (told,) = map(json.loads, args)
    assert told["ARREARS_CODE_ID"] == "${ARREARS_CODE_ID:-unreleased}"
    declared = re.findall(r"^ARG (\w+)", (ROOT / "docker" / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert set(told) == set(declared)
    (tmp_path / "docker").write_text('#!/bin/sh\necho "$@ $ARREARS_CODE_ID"\n', encoding="utf-8")
    (tmp_path / "docker").chmod(0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ARREARS_", "MAKE"))}
    env["PATH"] = f"{tmp_path}:{env['PATH']}"
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unreleased"
    made = subprocess.run(["make", "-s", "-C", ROOT, "image"], env=env, capture_output=True, text=True, check=True)
    assert made.stdout.splitlines()[-1] == f"compose build {commit}"


def test_airflow_lets_as_many_tasks_of_a_run_work_at_once_as_a_stage_has_batches(compose: dict[str, Any]) -> None:
    told = compose["services"]["airflow-scheduler"]["environment"]["AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG"]
    assert int(told) == MOST_BATCHES


def test_postgresql_has_the_memory_and_connections_that_the_services_ask_of_it(compose: dict[str, Any]) -> None:
    server = compose["services"]["postgres"]
    told = dict(re.findall(r"(\w+)=(?:\$\{\w+:-)?(\w+)", " ".join(server["command"])))
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    assert f"{COUNTED_PEAK} connections" in page
    found = re.search(r"(\d+) × 6 \+ 2 × 15 \+ 4 × 15 = (\d+)", page)
    assert found is not None
    slots, most = map(int, found.groups())
    commands = [body["command"] for name, body in compose["services"].items() if "-worker-" in name]
    assert slots == sum(int(words[-1]) for words in commands)
    assert slots * 6 + 90 == most
    assert int(told["max_connections"]) > max(most, 2 * COUNTED_PEAK)
    assert server["shm_size"] == "1gb", "parallel workers share one hash table of twice work_mem each"
    assert server["image"] == "postgres:15-bookworm", "the version of Debian that the real tests run on"


def test_nothing_is_published_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_secret_stands_in_the_compose_file_or_in_an_environment(compose: dict[str, Any]) -> None:
    plain = re.compile(r"(PASSWORD|SECRET|KEY|CONN|BROKER_URL|_URL)$")
    harmless = {"ARREARS_LEDGER_URL", "ARREARS_RUNBOOK_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"}
    named = {name for service in compose["services"].values() for name in service.get("environment", {})}
    assert len([name for name in named if name.endswith(("_FILE", "_CMD"))]) >= 12
    assert {name for name in named if plain.search(name)} == harmless
    assert re.findall(r"://[a-z]*:([^@\n]+)@", (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")) == []


def test_every_service_is_handed_the_secrets_it_reads_and_no_other(compose: dict[str, Any]) -> None:
    scripts = {"airflow-init": "docker/init.sh", "postgres": "docker/postgres.sh"}
    for name, service in compose["services"].items():
        script = (ROOT / scripts[name]).read_text(encoding="utf-8") if name in scripts else ""
        read = set(re.findall(r"(?:/run/secrets|\$secrets)/(\w+)", json.dumps(service) + script))
        assert set(service.get("secrets", [])) == read, name
    drawn = {name: body["file"] for name, body in compose["secrets"].items()}
    assert drawn == {name: f"./var/secrets/{name}" for name in drawn}


def test_only_the_worker_that_seals_and_the_preparation_mount_the_signing_key(compose: dict[str, Any]) -> None:
    mounted = {name: " ".join(service.get("volumes", [])) for name, service in compose["services"].items()}
    assert {name for name, text in mounted.items() if "arrears-keys" in text} == {"airflow-init", "airflow-worker-seal"}


def test_the_ledger_is_read_only_but_for_its_intake_and_the_worker_that_deletes_old_files(
    compose: dict[str, Any],
) -> None:
    feeds = {
        (name, volume.partition("}")[2])
        for name, service in compose["services"].items()
        for volume in service.get("volumes", [])
        if "ARREARS_FEEDS" in volume
    }
    assert feeds == {
        ("airflow-worker-default", ":/var/lib/arrears-feeds:ro"),
        ("airflow-worker-default", "/intake:/var/lib/arrears-feeds/intake"),
        ("airflow-worker-seal", ":/var/lib/arrears-feeds"),
    }


def test_the_image_installs_the_pins_and_not_the_working_tree() -> None:
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert "grep -hvE '^(-e |#)' requirements.txt $MORE_PINS" in text
    assert "pip install --no-cache-dir --no-deps ." in text
    assert re.search(r"^USER airflow$", text, re.MULTILINE)


def test_the_pools_are_written_as_airflow_imports_them() -> None:
    pools = json.loads((PACKAGE / "orchestration" / "pools.json").read_text(encoding="utf-8"))
    assert set(pools) == {"arrears_legal", "arrears_mail"}
    for pool in pools.values():
        assert set(pool) == {"slots", "description", "include_deferred"}
        assert pool["slots"] > 0


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == set(re.findall(r"^([a-z-]+):[^#\n]*## \S", text, re.MULTILINE))


def test_secrets_are_drawn_once_and_never_overwritten(tmp_path: Path, compose: dict[str, Any]) -> None:
    (tmp_path / "docker").mkdir()
    for name in (".env.example", "docker/new_env.py"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    draw = [sys.executable, tmp_path / "docker" / "new_env.py"]
    folder = tmp_path / "var" / "secrets"
    subprocess.run(draw, check=True, capture_output=True)
    first = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    subprocess.run(draw, check=True, capture_output=True)
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} == first
    assert set(first) == set(compose["secrets"])
    assert folder.stat().st_mode & 0o777 == 0o700
    drawn = [text for name, text in first.items() if not name.endswith("_url") and name != "list_passwords"]
    assert len(drawn) == len(set(drawn)) >= 12
    assert all(re.fullmatch(r"[0-9a-f]{48}|[0-9a-f]{64}|[A-Za-z0-9_-]{43}=", text) for text in drawn)
    assert len(first["airflow_jwt_secret"]) == 64, "a shorter key is weaker than the SHA-512 it signs with"
    assert first["store_password"] in first["store_url"], "an address carries the password of its login"
    assert not re.search(r"(PASSWORD|SECRET|KEY)\w*=", (tmp_path / ".env").read_text(encoding="utf-8"))
