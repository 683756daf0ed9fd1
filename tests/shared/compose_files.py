"""What the compose files say, for tests: read as YAML, with the defaults of their variables taken."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MAIN, SHARED, WORKER = "docker-compose.yaml", "docker-compose.shared.yaml", "docker-compose.worker.yaml"
PREPARING = "airflow-init"
NOT_OURS = {"postgres", "redis", "mailpit", "statsd", PREPARING}
"""Database, broker, the pages and figures of others, and the service that prepares and ends."""


def compose(file: str = MAIN) -> dict[str, Any]:
    """Return a compose file as YAML reads it."""
    found: dict[str, Any] = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    return found


def services(file: str = MAIN) -> dict[str, dict[str, Any]]:
    """Return the long-running services of our image."""
    found: dict[str, dict[str, Any]] = compose(file)["services"]
    return {name: body for name, body in found.items() if name not in NOT_OURS}


def mounts(body: dict[str, Any]) -> dict[str, str]:
    """Return what a service mounts: the folder in the container, and the whole line."""
    return {text.removesuffix(":ro").rpartition(":")[2]: text for text in body.get("volumes", [])}


def filled(value: object) -> str:
    """Return a value of a compose file with its defaults taken."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", lambda found: found[1], str(value))


def health_words(body: dict[str, Any], at: dict[str, str]) -> list[str]:
    """Return the command by which a service says that it is well, with words of this machine for those ``at``."""
    kind, *words = body["healthcheck"]["test"]
    for before, after in at.items():
        words = [word.replace(before, after) for word in words]
    words = [word.replace("$$", "$") for word in words]
    return ["sh", "-c", *words] if kind == "CMD-SHELL" else words
