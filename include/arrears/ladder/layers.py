"""Read a policy with the layers it stands on: base, jurisdiction, lender, and within it products and accounts.

A layer may only tighten what stands above it. Source: the layering rule of the domain, strictest wins.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from arrears.core.calendar import read_overrides
from arrears.core.errors import BadArguments
from arrears.core.keys import natural_key
from arrears.ladder.layer_files import PROFILES, Values, beside, file_values, shown
from arrears.ladder.policy import Policy
from arrears.ladder.tighter import Loosened, Tighter, loosened

LAYERS = ("base", "jurisdiction", "lender")
BELOW = (
    "staging.grace_days", "staging.holiday_shift", "staging.tolerance_minor", "staging.tolerance_percent", "steps",
    "evidence.failed_visits", "evidence.unlock_rung_2", "evidence.unlock_rung_3", "evidence.unlock_rung_4",
    "visit_triggers.no_effect_attempts", "visit_triggers.no_effect_days", "visit_triggers.habitual_count",
    "visit_triggers.lost_contact_attempts", "visit_triggers.lost_contact_days", "lanes",
    "contact.weekly_calls_by_week", "contact.quiet_after_conversation_days", "contact.quiet_after_refusal_days",
)  # fmt: skip
"""What a product or an account may tighten: what the decision of one account asks. The rest is asked per person."""


class _File(NamedTuple):
    """One layer as it was read: its name for people, what it says, and what it leaves to the next one."""

    name: str
    layer: str
    values: Values
    to_fill: tuple[str, ...]


def account_key(account_id: str) -> str:
    """Return how a policy names an account: by a hash, for the policy goes into bundles and the account does not."""
    return natural_key("policy_account", account_id)


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy file with the layers it stands on, a built-in profile by its name, or the profile ``cn``.

    Raises:
        BadArguments: a file is missing, is not YAML, a value is not allowed, or a layer loosens one above it; names
            file, key, value and what is allowed.
    """
    return read_policy(str(path) if path else "cn")


@lru_cache(maxsize=16)
def read_policy(name: str) -> Policy:
    """Read a built-in profile by name, or a file by path, with every layer above it.

    Raises:
        BadArguments: see :func:`load_policy`.
    """
    first, *others = _chain(name)
    values, names, to_fill = first.values, [_edition(first.values)], set(first.to_fill)
    policy = _checked(first.name, values)
    for each in others:
        to_fill = {key for key in to_fill if _given(each.values, key) is None} | set(each.to_fill)
        values = merged(values, each.values, patch_steps=each.layer != "jurisdiction")
        names.append(_edition(values))
        before, policy = policy, _checked(each.name, values | {"layers": names})
        for found in loosened(before, policy):
            if each.layer != "jurisdiction" or not _is_for_the_jurisdiction(found):
                raise _refused(each.name, found, _above(each, others, first))
    if to_fill:
        raise BadArguments(
            f"policy {Path(name).name} is a template: fill in {', '.join(sorted(to_fill))} in a file that extends it, "
            "as the operator's own lawyer says"
        )
    _check_sections(others[-1].name if others else first.name, policy)
    return policy


def refuse_before_its_day(policy_file: Path | None, on: date) -> None:
    """Refuse a day before the one from which a lender's file holds; the built-in profiles hold for the past as well.

    Raises:
        BadArguments: names file, key and date.
    """
    built_in = {shown(profile) for profile in PROFILES}
    for each in _chain(str(policy_file) if policy_file else "cn"):
        first = each.values["effective_from"]
        if (each.layer == "lender" or each.name not in built_in) and isinstance(first, date) and first > on:
            raise BadArguments(
                f"policy {each.name}, effective_from: {first} is after the business date {on}: "
                "set ARREARS_POLICY to the edition of that day"
            )


def _chain(name: str) -> list[_File]:
    """Return the layers from the outermost to the named one."""
    found: list[_File] = []
    place: str | None = name
    seen: set[str] = set()
    while place is not None:
        if place in seen:
            raise BadArguments(f"policy {Path(place).name}: extends itself")
        seen.add(place)
        values = file_values(place)
        above = None if place == "base" else str(values.pop("extends", "base"))
        layer = str(values.pop("layer", "base" if above is None else "jurisdiction" if above == "base" else "lender"))
        _check_layer(place, layer, found[-1].layer if found else None)
        to_fill = tuple(values.pop("to_fill", ()))
        unnamed = [key for key in ("policy_id", "version", "effective_from") if key not in values]
        if unnamed:
            raise BadArguments(f"policy {shown(place)}, {unnamed[0]}: is missing; each layer has a name of its own")
        _read_override_file(place, values)
        found.append(_File(shown(place), layer, _with_hashed_accounts(values), to_fill))
        place = beside(place, above) if above is not None else None
    return found[::-1]


def _read_override_file(place: str, values: Values) -> None:
    """Put the dates of the override file that a layer names beside itself into its values, so that they are hashed."""
    calendar = values.get("calendar")
    name = calendar.pop("override_file", None) if isinstance(calendar, dict) else None
    if name is None:
        return
    path = Path(place).parent / str(name)
    if not path.is_file():
        raise BadArguments(f"policy {shown(place)}, calendar.override_file: {name}: no such file")
    values["calendar"] = {**(calendar or {}), "overrides": read_overrides(path)}


def _check_layer(place: str, layer: str, below: str | None) -> None:
    if layer not in LAYERS:
        raise BadArguments(f"policy {shown(place)}, layer: {layer!r} is not allowed: use one of {', '.join(LAYERS)}")
    if below is not None and LAYERS.index(layer) > LAYERS.index(below):
        raise BadArguments(f"policy {shown(place)}, layer: a {below} layer cannot stand on a {layer} layer")


def _with_hashed_accounts(values: Values) -> Values:
    accounts = values.get("accounts")
    if not isinstance(accounts, dict):
        return values
    return values | {"accounts": {account_key(str(account)): given for account, given in accounts.items()}}


def _edition(values: Values) -> str:
    return f"{values.get('policy_id')} {values.get('version')}"


def merged(above: Mapping[str, Any], below: Mapping[str, Any], *, patch_steps: bool = True) -> Values:
    """Lay one layer over another: groups key by key, lists whole; steps by name, ``drop: true`` ends one."""
    result = dict(above)
    for key, value in below.items():
        standing = result.get(key)
        if key == "steps" and patch_steps and isinstance(standing, list) and isinstance(value, list):
            result[key] = _patched(standing, value)
        elif isinstance(standing, Mapping) and isinstance(value, Mapping):
            result[key] = merged(standing, value)
        else:
            result[key] = value
    return result


def _patched(steps: Sequence[Any], patches: Sequence[Any]) -> list[Any]:
    changes = {patch.get("name"): patch for patch in patches if isinstance(patch, Mapping)}
    dropped = {name for name, patch in changes.items() if patch.get("drop") is True}
    found = [{**step, **changes.pop(step["name"], {})} for step in steps if step["name"] not in dropped]
    return found + [patch for name, patch in changes.items() if name not in dropped]


def _given(values: Mapping[str, Any], key: str) -> Any:
    found: Any = values
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _is_for_the_jurisdiction(found: Loosened) -> bool:
    return found.direction is Tighter.FIXED or found.key.startswith("steps.")


def _above(each: _File, others: Sequence[_File], first: _File) -> str:
    return ([first, *others])[others.index(each)].name


def _refused(name: str, found: Loosened, above: str) -> BadArguments:
    return BadArguments(
        f"policy {name}, {found.key}: {_text(found.after)} is looser than {_text(found.before)} of {above}: "
        f"{found.direction.value}"
    )


def _text(value: Any) -> str:
    return "none" if value is None else str(value)[:80]


def _checked(name: str, values: Values) -> Policy:
    try:
        return Policy.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BadArguments(f"policy {name}, {_problem(found[0], values)}{more}") from None


def _problem(error: Any, values: Values) -> str:
    """Say what is wrong: the key, the value, and what is allowed."""
    key = ".".join(_names(error["loc"], values))
    reason = str(error["msg"]).removeprefix("Value error, ").replace("Input should", "it should", 1)
    if error["type"] == "missing":
        return f"{key}: is missing"
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(error["loc"][-1]), _keys_at(error["loc"][:-1]), 1)
        return f"{key}: there is no such key" + (f"; did you mean {near[0]}?" if near else "")
    if error["type"] == "value_error":
        return f"{key}: {reason}" if key else reason
    return f"{key}: {repr(error['input'])[:60]} is not allowed: {reason}"


def _names(loc: Sequence[Any], values: Any) -> Iterator[str]:
    """Yield the parts of a key; a step goes by its name instead of its place."""
    for part in loc:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            values = None
        named = isinstance(part, int) and isinstance(values, Mapping) and "name" in values
        yield str(values["name"] if named else part)


def _keys_at(loc: Sequence[Any]) -> list[str]:
    model: Any = Policy
    for part in loc:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = field.annotation if field is not None else getattr(model, "__args__", (Policy,))[0]
        if not (isinstance(model, type) and issubclass(model, BaseModel)) and not hasattr(model, "__args__"):
            return []
    return list(model.model_fields) if hasattr(model, "model_fields") else []


def for_account(policy: Policy, contract_type: str, account_id: str) -> Policy:
    """Return the policy of one account: with what its product and the account itself tighten."""
    product: Values = next((v for name, v in policy.products.items() if name == contract_type), {})
    own = policy.accounts.get(account_key(account_id), {}) if policy.accounts else {}
    return _narrowed(policy, product, own) if product or own else policy


def _narrowed(policy: Policy, *overlays: Values) -> Policy:
    values = policy.model_dump() | {"products": {}, "accounts": {}}
    for overlay in overlays:
        values = merged(values, overlay)
    return Policy.model_validate(values)


def _check_sections(name: str, policy: Policy) -> None:
    """Refuse a product that loosens the lender's policy, and an account that loosens any product's."""
    above = {"the lender": policy}
    for product, overlay in policy.products.items():
        above[f"products.{product}"] = _section(name, f"products.{product}", policy, overlay, above={"": policy})
    for account, overlay in policy.accounts.items():
        _section(name, f"accounts.{account[:8]}", policy, overlay, above)


def _section(name: str, key: str, policy: Policy, overlay: Values, above: Mapping[str, Policy]) -> Policy:
    foreign = [each for each in _leaves(overlay) if not each.startswith(BELOW)]
    if foreign:
        raise BadArguments(f"policy {name}, {key}.{foreign[0]}: belongs to the lender; here only {', '.join(BELOW)}")
    result = policy
    for whose, standing in above.items():
        try:
            result = _narrowed(standing, overlay)
        except ValidationError as error:
            raise BadArguments(f"policy {name}, {key}.{_problem(error.errors()[0], overlay)}") from None
        for found in loosened(standing, result):
            raise _refused(f"{name}, {key}", found, whose or "the lender")
    return result


def _leaves(values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"
