"""No key of a policy is only decoration: the product reads each of them, or it bounds another key that it reads."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import arrears
from arrears.ladder.policy import Policy

PRODUCT = Path(arrears.__file__).parent
SCHEMA = re.compile(r"ladder/(policy|layer|tighter)\w*\.py$")
BOUNDS = {
    "contact.who_may_be_told": "contact.audience_roles may name nobody else",
    "contact.legal_window.opens": "contact.window lies inside",
    "contact.legal_window.closes": "contact.window lies inside",
    "repossession.remote_lock.allowed": "repossession.remote_lock.enabled needs it",
    "notices.statements.name": "names the sentence for whoever edits the policy",
}
"""Keys that the schema alone reads, and what they are for."""


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _keys(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        below = list(_models(field.annotation))
        for one in below:
            yield from _keys(one, f"{path}{name}.")
        if not below:
            yield f"{path}{name}", model


KEYS = dict(_keys(Policy))
SOURCES = [file.read_text("utf-8") for file in PRODUCT.rglob("*.py") if not SCHEMA.search(file.as_posix())]


def _is_read(key: str, model: type[BaseModel]) -> bool:
    """Say whether a module that knows the key's section, by its name or its class, reads an attribute of that name."""
    *above, name = key.split(".")
    section = rf"\b(?:{above[-1] if above else 'policy'}|{model.__name__})\b"
    return any(re.search(rf"\.{name}\b", text) and re.search(section, text) for text in SOURCES)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_of_a_policy_is_read_by_the_product(key):
    assert key in BOUNDS or _is_read(key, KEYS[key])


def test_what_only_bounds_another_key_is_a_key_and_few():
    assert set(BOUNDS) <= set(KEYS)
    assert not _is_read("contact.no_such_key", KEYS["contact.caps"]), "the test can fail"
