"""What the documentation says is there: commands, options, links, files, parameters and keys."""

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from doc_commands import CALLS, FENCE, PAGES, ROOT, named
from pydantic import BaseModel

from arrears.approvals.questions import OpenApproval
from arrears.audit.verdict import Verdict
from arrears.cli import app
from arrears.ladder import policy_terms
from arrears.ladder.layers import load_policy
from arrears.ladder.policy import Policy
from arrears.proof import explain, then

LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:dags|docs|include|plugins|tests|docker)/[\w./-]*)`")


def refusal(call: str) -> str | None:
    """Return why the command line would not take a call; words in capitals stand for a value."""
    words = [word for word in shlex.split(call.replace("…", "")) if word not in ("|", ">")]
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return f"no command {words[0]}"
        command = command.commands[words.pop(0)]
    known = {name: one for one in command.params for name in one.opts if one.param_type_name == "option"}
    values = 0
    while words:
        word = words.pop(0).strip("[]")
        if not word.startswith("-"):
            values += 1
        elif word not in known and word not in ("--help", "-h"):
            return f"no option {word}"
        elif word in known and not known[word].is_flag:
            words = words[1:]
    arguments = sum(one.param_type_name == "argument" for one in command.params)
    return f"{values} arguments, {arguments} are known" if values > arguments else None


def test_the_documentation_shows_commands_at_all() -> None:
    assert len(CALLS) > 20


@pytest.mark.parametrize("call", ["explore A1", "explain A1 --why", "runs A1", "approvals listen"])
def test_a_call_that_does_not_exist_is_noticed(call: str) -> None:
    assert refusal(call)


def test_every_command_that_is_shown_exists_with_its_options() -> None:
    assert {(page, call): why for page, call in CALLS if (why := refusal(call))} == {}


def test_every_link_leads_somewhere() -> None:
    broken = [
        (named(page), target)
        for page in PAGES
        for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
        if not target.startswith(("http", "mailto:", "#")) and not (page.parent / target.split("#")[0]).exists()
    ]
    assert broken == []


def anchors_of(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_link_to_a_heading_finds_it() -> None:
    lost = [
        (named(page), target)
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if ".md#" in target and target.split("#")[1] not in anchors_of(page.parent / target.split("#")[0])
    ]
    assert lost == []


RUNBOOK = re.compile(r"docs/(\w+\.md)#([\w-]+)")
WITH_A_RUNBOOK = [*sorted((ROOT / "dags").glob("*.py")), ROOT / "deploy" / "alerts.yaml"]


@pytest.mark.parametrize("file", WITH_A_RUNBOOK, ids=lambda file: file.name)
def test_every_dag_and_every_alert_leads_to_a_place_in_the_runbook_that_is_there(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    led = RUNBOOK.findall(text)
    assert len(led) >= max(1, text.count("alert: "))
    assert [(page, place) for page, place in led if place not in anchors_of(ROOT / "docs" / page)] == []


def test_every_file_and_folder_that_is_named_exists() -> None:
    absent = [
        (named(page), path)
        for page in PAGES
        for path in PATH.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    ]
    assert absent == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {
        (named(page), target)
        for page in PAGES
        for target in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {(page, target) for page, target in shown if target not in targets} == set()
    assert len(shown) > 3


def test_every_picture_is_small_enough_to_load_at_once() -> None:
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    assert [p.name for p in pictures if p.stat().st_size > 300_000] == []


def parameters_of(value: object, path: str = "") -> Iterator[str]:
    """Yield the full names of a policy's parameters; the lines of a list share one name each."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from parameters_of(getattr(value, name), f"{path}.{name}".strip("."))
    elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
        yield from parameters_of(value[0], path)
    else:
        yield path


def is_told(parameter: str, told: set[str], text: str) -> bool:
    """Say whether a page names a parameter in full, or names its group and then itself."""
    group, _, leaf = parameter.rpartition(".")
    leaf_is_there = re.search(rf"\b{re.escape(leaf)}\b", text) is not None
    section = group.split(".")[0]
    return parameter in told or (leaf_is_there and (group in told or section in told or section == "steps"))


def test_every_parameter_of_the_policy_is_explained() -> None:
    text = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z_0-9.]+)`", text))
    found = list(parameters_of(load_policy()))
    assert len(found) > 80
    assert [name for name in found if not is_told(name, told, text)] == []


@pytest.mark.parametrize("page", ["policy.md", "policy.zh.md"])
def test_every_parameter_that_is_told_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = set(parameters_of(load_policy()))
    known = found | {".".join(name.split(".")[:n]) for name in found for n in (1, 2)}
    told = {name for name in re.findall(r"`([a-z_]+\.[a-z_0-9]+)`", text) if not name.endswith(("yaml", "md"))}
    assert told - known == set()


def test_every_parameter_told_in_english_is_told_in_chinese() -> None:
    told = {
        page: set(re.findall(r"`([a-z_]+\.[a-z_0-9.]+)`", (ROOT / "docs" / page).read_text(encoding="utf-8")))
        for page in ("policy.md", "policy.zh.md")
    }
    keys = {name for name in told["policy.md"] if not name.endswith((".yaml", ".md"))}
    assert len(keys) > 80
    assert sorted(keys - told["policy.zh.md"]) == []


MARKS = (policy_terms.When, policy_terms.EvidenceKind, policy_terms.LetterDocument, policy_terms.Late)


def keys_of(annotation: Any) -> Iterator[str]:
    """Yield the name of every key of a section, and of the sections within it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield name
            yield from keys_of(field.annotation)
    for part in get_args(annotation):
        yield from keys_of(part)


@pytest.mark.parametrize("page", ["policy.md", "policy.zh.md"])
def test_every_key_and_mark_of_the_schema_stands_on_both_policy_pages(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    told = set(re.findall(r"\w+", " ".join([*re.findall(r"`([^`\n]+)`", text), *FENCE.findall(text)])))
    named_there = {*keys_of(Policy), *(mark for marks in MARKS for mark in get_args(marks))}
    assert {"known_days", "unlock_rung_3", "to_court", "demand_served"} <= named_there
    assert sorted(named_there - told) == []


def keys_of_explain() -> set[str]:
    groups = (then.EVIDENCE, then.HOLD, then.PROMISE, then.CASE, then.PACKET, explain.CONTACT, explain.STANDING)
    return {key for group in groups for key in group}


def test_the_keys_of_the_documents_are_told() -> None:
    told = set(re.findall(r"`([a-z_0-9]+)`", (ROOT / "docs" / "json.md").read_text(encoding="utf-8")))
    keys = keys_of_explain() | {f.name for kind in (OpenApproval, Verdict) for f in dataclasses.fields(kind)}
    assert keys - told == set()


MODEL = ("ledger.received", "ledger.accepted", "ledger.rejected", "ledger.superseded", "row.quarantined",
         "account.staged", "account.cured", "account.missing", "action.planned", "action.suppressed",
         "approval.requested", "approval.given", "approval.refused", "action.attempted", "action.sent",
         "action.rejected", "action.in_doubt", "action.resolved", "packet.built", "handoff.offered",
         "handoff.acknowledged", "handoff.withdrawn", "contact.recorded", "promise.recorded", "promise.kept",
         "promise.broken", "erasure.performed", "key.rotated", "airflow.user_action", "run.started", "run.sealed",
         "access.explained", "role.snapshot")  # fmt: skip


def events_told() -> set[str]:
    """Return the events in the table of the page about the log."""
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    table = page[page.index("## The events") : page.index("## The questions")]
    return set(re.findall(r"`([a-z]+\.[a-z_]+)`", table))


def test_every_event_that_the_code_writes_by_name_is_told() -> None:
    written: set[str] = set()
    for path in (ROOT / "include").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        if "from arrears.audit.record import" in code or "from arrears.audit.columns import" in code:
            written |= set(re.findall(r'"([a-z]+\.[a-z_]+)"', code))
    events = {name for name in written if not name.endswith((".typ", ".pdf", ".json"))}
    assert len(events) > 50
    assert events - events_told() == set()


def test_every_event_that_is_told_is_written_somewhere_and_the_whole_model_is_told() -> None:
    told = events_told()
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "include").rglob("*.py"))
    written = set(re.findall(r'"([a-z]+\.[a-z_]+)"', code))
    families = set(re.findall(r'f"([a-z]+)\.\{[^}]*\}"', code))
    lost = {event for event in told if event not in written and event.split(".")[0] not in families}
    assert (lost, set(MODEL) - told) == (set(), set())
