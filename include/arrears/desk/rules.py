"""The policy in force, key by key, and the versions that decisions were made under."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select

from arrears.core.runtime import Runtime
from arrears.steps.world import policy_of
from arrears.store.engine import reading
from arrears.store.migrate import existing_store
from arrears.store.tables.runs import policy_text, run


def policy(rt: Runtime) -> dict[str, Any]:
    """Return every key with its value, and each version with the days it was used on."""
    now = policy_of(rt.settings)
    versions = (
        select(
            policy_text.c.policy_id,
            policy_text.c.version,
            policy_text.c.policy_sha256,
            func.min(run.c.business_date).label("first"),
            func.max(run.c.business_date).label("last"),
        )
        .outerjoin(run, run.c.policy_sha256 == policy_text.c.policy_sha256)
        .group_by(policy_text.c.policy_id, policy_text.c.version, policy_text.c.policy_sha256)
    )
    with reading(existing_store(rt)) as connection:
        used = connection.execute(versions.order_by(func.max(run.c.business_date).desc())).all()
    body = json.loads(now.canonical())
    return {"policy": now, "keys": list(_flat("", body)), "versions": used}


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Walk the policy; the readers of the digest are people and are left out."""
    if path == "digest.recipients":
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for place, inner in enumerate(value):
            yield from _flat(f"{path}.{inner.get('name', place)}", inner)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
