"""``mapping.yaml``: what a feed's own file calls things; without an entry nothing is guessed."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from arrears.core.errors import BadArguments
from arrears.core.yaml_text import read_yaml
from arrears.ledger.catalogue import FEEDS

FILE_NAME = "mapping.yaml"


class Dialect(BaseModel):
    """How one feed's file is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    delimiter: Annotated[str, Field(pattern=r"^[,;|\t]$")] = ","
    dates: str | None = None
    moments: str | None = None
    time_zone: str | None = None
    thousands: Literal[",", " ", "'"] | None = None
    trim: bool = False
    sheet: str | None = None
    skip_when_empty: list[str] = []
    columns: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}


class Mapping(BaseModel):
    """The dialects of a folder, by feed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feeds: dict[str, Dialect] = {}

    @model_validator(mode="after")
    def _known(self) -> "Mapping":
        for name, dialect in self.feeds.items():
            if name not in FEEDS:
                raise ValueError(f"there is no feed {name!r}")
            for column in (*dialect.columns.values(), *dialect.values, *dialect.skip_when_empty):
                if column not in FEEDS[name].columns:
                    raise ValueError(f"{name} has no column {column!r}")
            if len(set(dialect.columns.values())) < len(dialect.columns):
                raise ValueError(f"{name}: two headers are mapped to one column")
        return self

    def of(self, feed: str) -> Dialect:
        """Return the dialect of a feed; the plain one when none is given."""
        return self.feeds.get(feed, Dialect())


def read_mapping(path: Path | None) -> Mapping:
    """Read a mapping file; None or a missing file is the plain dialect for every feed.

    Raises:
        BadArguments: not YAML, an unknown key, feed or column; names the key and the reason.
    """
    if path is None or not path.exists():
        return Mapping()
    try:
        return Mapping(feeds=read_yaml(path.read_text(encoding="utf-8")) or {})
    except ValidationError as error:
        raise BadArguments(f"{path.name}, {_problem(error.errors(include_url=False)[0])}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadArguments(f"{path.name}: not readable as UTF-8 YAML ({_why(error)})") from None


def _why(error: Exception) -> str:
    return str(error).splitlines()[0] if isinstance(error, yaml.YAMLError) else type(error).__name__


def _problem(error: Any) -> str:
    """Say what is wrong: the key, and what is allowed there."""
    key = ".".join(str(part) for part in error["loc"] if part != "feeds")
    reason = str(error["msg"]).removeprefix("Value error, ").replace("Input should", "it should", 1)
    if error["type"] == "extra_forbidden":
        reason = f"there is no such key; use {', '.join(Dialect.model_fields)}"
    elif error["type"] == "model_type":
        reason = f"write keys and values: {', '.join(Dialect.model_fields)}"
    elif error["type"] == "dict_type":
        reason = "write keys and values" if key else "write the names of feeds, each with its keys"
    return f"{key}: {reason}" if key else reason
