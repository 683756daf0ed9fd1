"""Which way a parameter may be moved by a layer below: declared beside each one, asked when a file is loaded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

NO_LIMIT = float("inf")
"""What an absent figure stands for: a step without a repetition comes back after no number of days."""


class Tighter(Enum):
    """The direction in which a lender binds itself more; the value says it to people."""

    LOWER = "each figure may only fall"
    HIGHER = "each figure may only rise"
    FEWER = "entries may only be taken out"
    MORE = "entries may only be added"
    INSIDE = "the band may only narrow"
    FREE = "any value"
    FIXED = "the jurisdiction says it, no layer below changes it"


@dataclass(frozen=True, slots=True)
class Stricter:
    """A list of words from the loosest to the tightest."""

    words: tuple[str, ...]

    @property
    def value(self) -> str:
        """Return what a layer may do, for people."""
        return "from loose to tight: " + ", ".join(self.words)


Direction = Tighter | Stricter


@dataclass(frozen=True, slots=True)
class Loosened:
    """A parameter that a layer made looser, with both values."""

    key: str
    before: Any
    after: Any
    direction: Direction


def directions_of(model: type[BaseModel]) -> Mapping[str, Direction | None]:
    """Return the declared direction of each field of a model; None for a group, whose fields declare their own."""
    return {
        name: next((each for each in field.metadata if isinstance(each, Tighter | Stricter)), None)
        for name, field in model.model_fields.items()
    }


def parameters_of(group: BaseModel, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield each parameter of a policy with its value, and what a layer below may do to it."""
    for name, direction in directions_of(type(group)).items():
        value = getattr(group, name)
        if direction is not None:
            yield f"{path}{name}", str(value), direction.value
        elif isinstance(value, BaseModel):
            yield from parameters_of(value, f"{path}{name}.")
        else:
            for each in value:
                yield from parameters_of(each, f"{path}{name}.{each.name}.")


def loosened(before: BaseModel, after: BaseModel, path: str = "") -> Iterator[Loosened]:
    """Yield every parameter of ``after`` that is looser than in ``before``, in the order of the schema."""
    for name, direction in directions_of(type(before)).items():
        old, new, key = getattr(before, name), getattr(after, name), f"{path}{name}"
        if direction is not None:
            if is_looser(direction, old, new):
                yield Loosened(key, old, new, direction)
        elif isinstance(old, BaseModel):
            yield from loosened(old, new, f"{key}.")
        else:
            yield from _loosened_list(old, new, key)


def _loosened_list(before: Sequence[Any], after: Sequence[Any], key: str) -> Iterator[Loosened]:
    """Compare lists of named groups, such as the steps, by name; one that is new there would be one more."""
    known = {each.name: each for each in before}
    for each in after:
        if each.name not in known:
            yield Loosened(f"{key}.{each.name}", None, "a new one", Tighter.FEWER)
        else:
            yield from loosened(known[each.name], each, f"{key}.{each.name}.")


def is_looser(direction: Direction, before: Any, after: Any) -> bool:
    """Say whether a value moved the wrong way."""
    if direction is Tighter.FREE or before == after:
        return False
    if direction is Tighter.FIXED:
        return before is not None
    if isinstance(before, dict):
        absent: Any = _absent(direction)
        return any(is_looser(direction, before.get(key, absent), new) for key, new in after.items())
    if isinstance(direction, Stricter):
        return direction.words.index(after) < direction.words.index(before)
    if direction is Tighter.FEWER:
        return not set(after) <= set(before)
    if direction is Tighter.MORE:
        return not set(after) >= set(before)
    if direction is Tighter.INSIDE:
        return bool(after[0] < before[0] or after[1] > before[1])
    return _figures_looser(direction, before, after)


def _figures_looser(direction: Tighter, before: Any, after: Any) -> bool:
    """Compare figures, or rows of figures whose last one goes on for ever."""
    old, new = _figures(before), _figures(after)
    for place in range(max(len(old), len(new))):
        one, other = old[min(place, len(old) - 1)], new[min(place, len(new) - 1)]
        if (other > one) if direction is Tighter.LOWER else (other < one):
            return True
    return False


def _figures(value: Any) -> Sequence[Any]:
    if value is None:
        return (NO_LIMIT,)
    return value if isinstance(value, list | tuple) else (value,)


def _absent(direction: Direction) -> Any:
    """Return what a key of a group stands for that is not there: no entry, no attempt, the loosest word."""
    if isinstance(direction, Stricter):
        return direction.words[0]
    return () if direction in (Tighter.FEWER, Tighter.MORE) else (0,)
