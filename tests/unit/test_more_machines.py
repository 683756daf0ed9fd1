"""Workers on other machines are those of the first one: same image, variables, secrets, folders, and no signing key."""

import re
from pathlib import Path
from typing import Any

import pytest
from compose_files import MAIN, SHARED, WORKER, compose

ROOT = Path(__file__).resolve().parents[2]
SCALE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
ALONE = ("extra_hosts", "depends_on", "ports")
"""What a second machine needs in the place of a network with the others, and what it cannot wait for or show."""
WORKERS = {"airflow-worker-default", "airflow-worker-mail", "airflow-worker-legal"}


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def test_a_second_machine_runs_workers_alone_and_none_that_seals() -> None:
    assert set(compose(WORKER)["services"]) == WORKERS
    assert "arrears-keys:" not in (ROOT / WORKER).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(WORKERS))
def test_a_worker_is_the_same_on_every_machine(name: str) -> None:
    here, there = compose(MAIN)["services"][name], compose(WORKER)["services"][name]
    assert without(there, *ALONE) == without(here, *ALONE)


def test_the_names_in_the_addresses_of_the_secrets_lead_to_the_first_machine() -> None:
    hosts = set(re.findall(r"@([a-z-]+)[:/]", (ROOT / "docker" / "new_env.py").read_text(encoding="utf-8")))
    hosts.add("airflow-apiserver")
    for body in compose(WORKER)["services"].values():
        led = dict(line.partition(":")[::2] for line in body["extra_hosts"])
        assert set(led) == hosts | {"statsd"}
        assert {re.sub(r":\?[^}]*", "", value) for value in led.values()} == {"${ARREARS_FIRST_MACHINE}"}


def test_what_workers_reach_is_published_on_the_one_address_that_is_named_and_on_no_other() -> None:
    published = {name: body["ports"] for name, body in compose(SHARED)["services"].items()}
    led = {line.partition(":")[0] for line in compose(WORKER)["services"]["airflow-worker-mail"]["extra_hosts"]}
    assert set(published) == led
    listens = re.compile(r"\$\{ARREARS_LISTEN:\?[^}]+\}:(\d+):\1(/udp)?")
    assert all(listens.fullmatch(port) for ports in published.values() for port in ports)


def test_home_and_logs_are_the_same_folders_on_every_machine() -> None:
    named = {line.partition(":")[0] for body in compose(WORKER)["services"].values() for line in body["volumes"]
             if not line.startswith("$")}  # fmt: skip
    assert set(compose(SHARED)["volumes"]) == named == {"arrears-home", "airflow-logs"}
    assert compose(SHARED)["volumes"] == compose(WORKER)["volumes"]


def test_the_page_names_each_secret_that_is_copied_and_the_ports_that_are_opened() -> None:
    page = SCALE[SCALE.index("**More machines.**") : SCALE.index("**Kubernetes.**")]
    main, there = compose(MAIN)["secrets"], compose(WORKER)["secrets"]
    assert there == {name: main[name] for name in there}
    assert set(re.findall(r"`([a-z_]+)`", page)) & set(main) == set(there)
    ports = {port.split(":")[-1].removesuffix("/udp") for body in compose(SHARED)["services"].values()
             for port in body["ports"]}  # fmt: skip
    assert set(re.findall(r"\b\d{4}\b", page)) >= ports
