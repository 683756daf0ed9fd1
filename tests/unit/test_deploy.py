"""The values for the Helm chart say what the compose file says; what differs is named here, and why."""

import importlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from arrears.ladder.layers import load_policy

ROOT = Path(__file__).resolve().parents[2]
SCALE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
FROM_THE_CHART = {
    "AIRFLOW__CORE__EXECUTOR": "executor",
    "AIRFLOW__CORE__FERNET_KEY": "fernetKeySecretName",
    "AIRFLOW__API__SECRET_KEY": "apiSecretKeySecretName",
    "AIRFLOW__API_AUTH__JWT_SECRET": "jwtSecretName",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "data",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "apiServer",
    "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "scheduler",
    "AIRFLOW__METRICS__STATSD_ON": "statsd",
    "AIRFLOW__METRICS__STATSD_HOST": "statsd",
    "AIRFLOW__METRICS__STATSD_PORT": "statsd",
}
"""Variables which the chart sets itself, by the key of the values that makes it."""
FROM_THE_SECRET = {
    "ARREARS_STORE_URL",
    "ARREARS_ARTIFACTS_URL",
    "ARREARS_AIRFLOW_URL",
    "ARREARS_SMTP_URL",
    "ARREARS_SMS_URL",
    "ARREARS_AGENCY_URL",
    "ARREARS_AGENCY_SECRET",
    "ARREARS_RECEIPTS_SECRET",
}
"""Variables with a password in them: keys of the Secret ``arrears``, which docs/scale.md lists."""


COMPOSE_SPEC = ROOT / "tests" / "shared" / "compose_spec.json"
"""The schema of the Compose Specification as docker-compose 1.29.2 brings it (Apache License 2.0), unchanged."""


@pytest.mark.parametrize("name", sorted(file.name for file in ROOT.glob("docker-compose*.yaml")))
def test_the_compose_files_are_what_the_specification_of_compose_allows(name: str) -> None:
    schema = jsonschema.Draft201909Validator(json.loads(COMPOSE_SPEC.read_text(encoding="utf-8")))
    given = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    assert [f"{list(wrong.absolute_path)}: {wrong.message}" for wrong in schema.iter_errors(given)] == []
    misspelt = given | {"services": {"desk": {"image": "arrears", "healthchek": {}}}}
    assert not schema.is_valid(misspelt)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "deploy" / "helm-values.yaml").read_text(encoding="utf-8"))


CHART_KEYS = ROOT / "tests" / "shared" / "chart_keys.yaml"
KINDS: dict[str, type] = {"text": str, "number": int, "truth": bool, "list": list, "map": dict}


def strangers(given: dict[str, Any], known: dict[str, Any], path: str = "") -> list[str]:
    """Return the values that the chart does not know, or whose kind is another than the chart takes."""
    found = []
    for name, value in given.items():
        kind = known.get(name)
        if isinstance(kind, dict) and isinstance(value, dict):
            found += strangers(value, kind, f"{path}{name}.")
        elif not isinstance(kind, str) or type(value) is not KINDS[kind]:
            found.append(f"{path}{name}")
    return found


def test_the_signing_key_of_compose_is_mounted_where_it_is_made_and_where_it_signs(compose: Any) -> None:
    having = {name for name, body in compose["services"].items() if "arrears-keys" in json.dumps(body.get("volumes"))}
    assert having == {"airflow-init", "airflow-worker-seal"}


def test_every_value_is_one_that_the_chart_knows(values: Any) -> None:
    known = yaml.safe_load(CHART_KEYS.read_text(encoding="utf-8"))
    assert strangers(values, known) == []
    gone = {"workers": {"resources": {}}, "createUserJob": {"defaultUser": {"enabled": False}}, "webserver": {}}
    assert strangers(gone, known) == ["workers.resources", "createUserJob.defaultUser.enabled", "webserver"]
    assert strangers({"scheduler": {"replicas": "2"}}, known) == ["scheduler.replicas"]


def variables(service: dict[str, Any]) -> dict[str, Any]:
    """Return what a service of compose is told, by the name that a value would have without files and commands."""
    return {name.removesuffix("_CMD").removesuffix("_FILE"): value for name, value in service["environment"].items()}


def test_every_variable_of_compose_reaches_kubernetes_by_a_known_way(compose: Any, values: Any) -> None:
    wanted = variables(compose["services"]["airflow-worker-seal"])
    given = {entry["name"]: entry["value"] for entry in values["env"]}
    celery = {name for name in wanted if name.startswith("AIRFLOW__CELERY__")} | {"DUMB_INIT_SETSID"}
    by_the_hook = {"ARREARS_KEYS_CLAIM"}
    assert set(wanted) - celery == set(given) - by_the_hook | (FROM_THE_CHART.keys() & set(wanted)) | FROM_THE_SECRET
    told = {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)) for name, value in wanted.items()}
    assert {name: value for name, value in given.items() if name in told and told[name] != value} == {
        "ARREARS_LIST_PASSWORDS": f"{PASSWORDS}/list_passwords"
    }


PASSWORDS = "/var/lib/arrears-passwords"
"""Where pods find what compose lays into /run/secrets; there Kubernetes has the token of the pod."""
SERVICES = {
    "airflow-apiserver": ("apiServer",),
    "airflow-scheduler": ("scheduler",),
    "airflow-dag-processor": ("dagProcessor",),
    "airflow-triggerer": ("triggerer",),
    "airflow-worker-default": ("workers", "kubernetes"),
}
"""Services of the compose file, and where the values speak of the same."""


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_handed_the_secrets_and_folders_that_it_has_in_compose(
    compose: Any, values: Any, name: str
) -> None:
    service, here = compose["services"][name], values
    for key in SERVICES[name]:
        here = here[key]
    secrets = {entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in here.get("env", [])}
    assert set(secrets) == FROM_THE_SECRET & set(variables(service))
    assert all(reference == {"name": "arrears", "key": name} for name, reference in secrets.items())
    lines = (line.rpartition("}")[2].split(":") for line in service["volumes"] if "airflow-logs" not in line)
    folders = {parts[1]: parts[2:] == ["ro"] for parts in lines}
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in here.get("extraVolumeMounts", [])}
    assert mounts == folders | ({PASSWORDS: True} if "list_passwords" in service["secrets"] else {})
    named = {volume["name"] for volume in here.get("extraVolumes", [])}
    assert {mount["name"] for mount in here.get("extraVolumeMounts", [])} == named


def test_the_values_hold_no_secret_and_name_where_each_is(values: Any) -> None:
    named = [values["fernetKeySecretName"], values["jwtSecretName"], values["apiSecretKeySecretName"],
             values["data"]["metadataSecretName"], values["dags"]["gitSync"]["credentialsSecret"]]  # fmt: skip
    assert len(set(named)) == len(named)
    assert not values.keys() & {"extraEnv", "extraEnvFrom", "volumes", "volumeMounts"}, "what every container has"
    claims = re.findall(r"claimName: ([\w-]+)", (ROOT / "deploy" / "helm-values.yaml").read_text(encoding="utf-8"))
    wanted = [*named, *FROM_THE_SECRET, *claims, "arrears-preparation", "arrears-policy", "arrears-list-passwords"]
    assert [name for name in wanted if f"`{name}`" not in SCALE] == []


def test_image_version_and_preparation_are_those_of_compose(compose: Any, values: Any) -> None:
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert f"apache-airflow=={values['airflowVersion']}" in pins
    name, _, tag = compose["services"]["airflow-init"]["image"].partition(":")
    assert (values["defaultAirflowRepository"].rpartition("/")[2], values["defaultAirflowTag"]) == (name, tag)
    assert values["dags"]["gitSync"]["ref"] == f"v{tag}"
    assert values["migrateDatabaseJob"]["args"] == compose["services"]["airflow-init"]["entrypoint"][2:]
    assert values["createUserJob"] == {"enabled": False}  # the first users come from init.sh, not as admin with admin
    mounts = {mount["mountPath"] for mount in values["migrateDatabaseJob"]["extraVolumeMounts"]}
    prepared = [text.removesuffix(":ro") for text in compose["services"]["airflow-init"]["volumes"]]
    assert mounts - {PREPARATION} == {text.rpartition(":")[2] for text in prepared} - {"/opt/airflow/logs"}


PREPARATION = "/var/lib/arrears-preparation"


def test_no_secret_is_mounted_where_kubernetes_lays_the_token_of_a_pod(values: Any) -> None:
    """A Secret is read-only, so that no folder for the token could be made in it, and the pod would not start."""
    assert not re.search(r'"mountPath": "(/var)?/run', json.dumps(values))
    assert values["migrateDatabaseJob"]["env"] == [{"name": "ARREARS_SECRETS", "value": PREPARATION}]


def test_what_the_preparation_reads_is_mounted_for_its_job_alone(values: Any) -> None:
    job = values["migrateDatabaseJob"]
    (name,) = [volume["name"] for volume in job["extraVolumes"] if "secret" in volume]
    assert {"name": name, "mountPath": PREPARATION, "readOnly": True} in job["extraVolumeMounts"]
    assert json.dumps(values).count('"secretName": "arrears-preparation"') == 1
    read = re.findall(r"\$secrets/(\w+)", (ROOT / "docker" / "init.sh").read_text(encoding="utf-8"))
    assert [name for name in read if f"`{name}`" not in SCALE] == []


def test_delivery_reports_have_a_door_in_kubernetes_as_in_compose(compose: Any) -> None:
    service, deployment = yaml.safe_load_all((ROOT / "deploy" / "receive.yaml").read_text(encoding="utf-8"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert [*container["args"]] == compose["services"]["receive"]["command"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["containerPort"] == 13014
    variables = {entry["name"] for entry in container["env"]}
    assert variables == {name.removesuffix("_FILE") for name in compose["services"]["receive"]["environment"]}


@pytest.mark.parametrize(
    ("more", "brings"),
    [
        ("requirements-kubernetes.txt", "apache-airflow-providers-cncf-kubernetes"),
        ("requirements-openlineage.txt", "apache-airflow-providers-openlineage"),
    ],
)
def test_an_image_with_more_pins_has_what_they_are_for_and_nothing_twice(more: str, brings: str) -> None:
    lines = (ROOT / more).read_text(encoding="utf-8").splitlines()
    names = {line.partition("==")[0] for line in lines if not line.startswith("#")}
    base = {line.partition("==")[0] for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()}
    assert brings in names
    assert names & base == set()


def test_what_openlineage_needs_is_pinned_alike_for_use_and_for_development() -> None:
    more, dev = (
        set((ROOT / f"requirements-{name}.txt").read_text(encoding="utf-8").splitlines())
        for name in ("openlineage", "dev")
    )
    assert {line for line in more if not line.startswith("#")} <= dev


@pytest.mark.parametrize(
    ("words", "run"),
    [
        (["scheduler"], "airflow scheduler"),
        (["celery", "worker", "--queues", "mail"], "airflow celery worker --queues mail"),
        (["bash", "-c", "exec airflow api-server"], "airflow api-server"),
        (["python", "-m", "a.workload"], "python -m a.workload"),
        ([], "airflow version"),
    ],
)
def test_the_image_starts_what_compose_and_what_the_chart_say(tmp_path: Path, words: list[str], run: str) -> None:
    for name in ("airflow", "python"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\n', encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = ["bash", str(ROOT / "docker" / "entrypoint.sh"), *words]
    assert subprocess.run(script, env=env, capture_output=True, text=True, check=True).stdout.strip() == run


def test_the_development_override_changes_every_airflow_service_and_only_them(compose: Any) -> None:
    override = yaml.safe_load((ROOT / "docker-compose.dev.yaml").read_text(encoding="utf-8"))
    assert set(override["services"]) == {name for name in compose["services"] if name.startswith("airflow-")}
    for mount in override["x-source"]["volumes"]:
        assert (ROOT / mount.split(":")[0]).exists()


def test_three_kinds_of_people_have_a_role_of_their_own() -> None:
    rows = json.loads((ROOT / "include" / "arrears" / "audit" / "airflow_role.json").read_text(encoding="utf-8"))
    may = {name: {(r["resource"], a) for r in rows if r["name"] == name for a in r["action"].split(",")}
           for name in {row["name"] for row in rows}}  # fmt: skip
    assert set(may) == {"Arrears auditor", "Arrears business", "Arrears operator"}
    assert {action for _, action in may["Arrears auditor"]} == {"can_read", "menu_access"}
    assert may["Arrears business"] - may["Arrears auditor"] == {("HITL Detail", "can_edit")}
    assert ("DAG Runs", "can_create") in may["Arrears operator"]
    assert ("HITL Detail", "can_edit") not in may["Arrears operator"]
    closed = ("Connections", "Variables", "Configurations", "Users", "Roles")
    assert [resource for rights in may.values() for resource, _ in rights if resource in closed] == []


def test_the_arithmetic_of_growth_follows_from_its_inputs() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in SCALE[SCALE.index("## Arithmetic") :].splitlines() if " M | " in line][:4]  # fmt: skip
    assert [row[0] for row in rows] == ["1 M", "5 M", "10 M", "50 M"]
    window = load_policy().contact.window
    hours = window.closes.hour - window.opens.hour
    assert f"| hours of sending | {hours} |" in SCALE
    for size, *figures in rows:
        accounts = float(size.removesuffix(" M"))
        decisions, courtesy = 0.2 * accounts, 0.8 * accounts / 30
        events, contacts = 5.15 * decisions + 3 * courtesy, 0.42 * decisions + courtesy
        gigabytes = (decisions * 627 + events * 1290 + contacts * 2781) / 1000
        peak = 0.8 * accounts * 1e6 / (hours * 3600)
        wanted = [decisions, events, contacts, gigabytes, gigabytes * 365 / 1000, peak]
        assert [float(text.replace(",", "")) for text in figures] == pytest.approx(wanted, rel=0.03), size


def test_the_inputs_of_the_arithmetic_are_quotients_of_what_was_counted() -> None:
    counted = {
        627: (704_512, 1_123),
        1290: (16_580_608, 12_854),
        2781: (2_998_272, 1_078),
        5.15: (4_633, 899),
        0.42: (382, 899),
        545: (2_180_598, 4_000),
    }
    for quotient, (whole, parts) in counted.items():
        assert whole / parts == pytest.approx(quotient, abs=0.005 if quotient < 10 else 0.5)
        assert f"{whole:,}" in SCALE, quotient


@pytest.mark.parametrize("millions", [1, pytest.param(5, marks=pytest.mark.long),
                                      pytest.param(10, marks=pytest.mark.long),
                                      pytest.param(50, marks=pytest.mark.long)])  # fmt: skip
def test_the_window_of_the_peak_day_is_what_playing_it_comes_to(monkeypatch: Any, millions: int) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "bench"))
    assert importlib.import_module("send_window").row(millions) in SCALE.splitlines()
