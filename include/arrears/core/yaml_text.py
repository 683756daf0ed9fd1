"""YAML as people write it, read safely: a key that is written twice is refused, for one of both would be lost."""

from collections.abc import Hashable
from typing import Any

import yaml


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # typed only without libyaml
    """The safe loader, in C where libyaml is there: a tenth of the time."""


def _read_moment(loader: Any, node: Any) -> Any:
    """Read a date or a moment; one that no calendar has stays a text, which a schema refuses by its key."""
    try:
        return yaml.SafeLoader.construct_yaml_timestamp(loader, node)
    except ValueError:
        return loader.construct_scalar(node)


def _read_keys(loader: Any, node: Any) -> Any:
    """Read a mapping in which every key stands once."""
    seen: set[Hashable] = set()
    for key, _ in node.value:
        name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)
        if name in seen:
            line = key.start_mark.line + 1
            raise yaml.constructor.ConstructorError(None, None, f"line {line}: {key.value} is written twice")
        seen.add(name)
    return yaml.SafeLoader.construct_yaml_map(loader, node)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _read_moment)
_Loader.add_constructor("tag:yaml.org,2002:map", _read_keys)


def read_yaml(text: str) -> Any:
    """Return what a YAML text says.

    Raises:
        yaml.YAMLError: no YAML, or a key is written twice; the first line of its text names the line and the key.
    """
    return yaml.load(text, _Loader)  # noqa: S506 - the safe loader
