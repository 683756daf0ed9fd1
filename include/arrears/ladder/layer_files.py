"""The files in which the layers of a policy are written: built-in profiles by name, others by path."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from arrears.core.errors import BadArguments
from arrears.core.yaml_text import read_yaml

PROFILES = ("base", "cn", "us", "uk", "eu")


Values = dict[str, Any]


def beside(place: str, above: str) -> str:
    """Return where the layer lies that a file names as the one above it."""
    return above if above in PROFILES else str(Path(place).parent / above)


def shown(place: str) -> str:
    """Return a layer's name for people."""
    return f"{place}.yaml" if place in PROFILES else Path(place).name


def file_values(place: str) -> Values:
    """Return what one layer says, as its file has it.

    Raises:
        BadArguments: no such file, or not YAML with keys and values, each key once.
    """
    name = shown(place)
    try:
        if place in PROFILES:
            text = files("arrears.ladder").joinpath(f"profiles/{name}").read_text("utf-8")
        else:
            text = Path(place).read_text(encoding="utf-8")
        found = read_yaml(text)
    except IsADirectoryError:
        raise BadArguments(f"policy {place}: is a folder, name a file") from None
    except OSError:
        raise BadArguments(f"policy {place}: no such file, and no profile ({', '.join(PROFILES[1:])})") from None
    except UnicodeDecodeError:
        raise BadArguments(f"policy {name}: not UTF-8") from None
    except yaml.YAMLError as error:
        raise BadArguments(f"policy {name}: not YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(found, dict):
        raise BadArguments(f"policy {name}: write keys and values, as in the profile cn")
    return found
