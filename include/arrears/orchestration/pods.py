"""Under KubernetesExecutor only the pods of tasks that seal get the signing key, and may write all of the feeds.

Pods come from one template and Airflow tells no template what a task's queue is. It asks this hook in the scheduler
about each pod before it is made; ``deploy/helm-values.yaml`` names the hook. What Airflow hands over as the task's
work names the queue: where it did not, no pod would get the key, and sealing would fail and say so.
"""

import json
import os
from typing import Any

FEEDS = "arrears-feeds"
"""The name of the feeds' volume in the template."""


def pod_mutation_hook(pod: Any) -> None:
    """Give a pod the signing key when its task is one for the sealing workers; leave every other pod as it is."""
    from arrears.orchestration.step import SEAL_QUEUE  # not above: Airflow reads its settings while it is imported

    base = next((container for container in pod.spec.containers if container.name == "base"), None)
    if base is None or _queue(base.args or []) != SEAL_QUEUE:
        return
    claim = os.environ["ARREARS_KEYS_CLAIM"]
    volume = {"name": claim, "persistentVolumeClaim": {"claimName": claim}}
    mount = {"name": claim, "mountPath": os.environ["ARREARS_KEYS"]}
    pod.spec.volumes = [*(pod.spec.volumes or []), volume]
    base.volume_mounts = [*map(_writable, base.volume_mounts or []), mount]


def _writable(mount: Any) -> Any:
    if mount.name == FEEDS:
        mount.read_only = False
    return mount


def _queue(arguments: list[str]) -> str | None:
    """Return the queue of the task that a pod's command works off, None where it is no command of that kind."""
    try:
        return str(json.loads(arguments[-1])["ti"]["queue"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None
