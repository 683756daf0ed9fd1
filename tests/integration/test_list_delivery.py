"""How a work list reaches its reader: from the folder, from the desk after login, or encrypted in the mail."""

import io
import os
import stat
from dataclasses import replace
from pathlib import Path

import msoffcrypto
import openpyxl
import pytest
from outreach_world import CALL, DAY, World, one_customer
from sqlalchemy import select

import arrears.desk.today as desk
from arrears.core.errors import BadArguments, BadInput, CannotTell
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.policy_office import Recipient
from arrears.reports import delivery
from arrears.reports.delivery import attachments_of, list_of, read_passwords
from arrears.reports.figures import Figures
from arrears.reports.worklists import write_worklists
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.feeds import staff

RUN = "daily-2026-11-12-1"
PASSWORD = "清单 口令 2026 long"
PERSON = "张三"


@pytest.fixture
def morning(world: World) -> World:
    """One collector with one call on the list, one with none, and a legal officer."""
    people = [("S1", "collector", "one@arrears.example"), ("S2", "collector", "two@arrears.example"),
              ("L1", "legal", "law@arrears.example")]  # fmt: skip
    row = {"name": "员工", "skills": "", "dialects": "", "branch": "B", "language": "zh"}
    with writing(world.engine) as connection:
        for staff_id, roles, mail in people:
            connection.execute(staff.insert().values(staff_id=staff_id, roles=roles, mail=mail, **row))
    one_customer(world, CALL)
    world.plan()
    write_worklists(world.rt, world.engine, RUN, DAY, world.policy)
    return world


def by(policy: Policy, way: str) -> Policy:
    return policy.model_copy(update={"digest": policy.digest.model_copy(update={"worklist_delivery": way})})


def with_passwords(rt: Runtime, text: str, mode: int = 0o600) -> Runtime:
    path = rt.settings.home / "passwords.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return replace(rt, settings=rt.settings.model_copy(update={"list_passwords": path}))


def attached(world: World, way: str, mail: str, role: str = "collector", rt: Runtime | None = None):
    reader = Recipient(role=role, mail=mail, language="zh")
    with reading(world.engine) as connection:
        figures = Figures(connection, DAY, world.policy)
        return attachments_of((rt or world.rt).settings, world.engine, reader, figures, by(world.policy, way))


def test_a_mailed_list_opens_with_its_readers_password_alone(morning: World):
    rt = with_passwords(morning.rt, f"S1: '{PASSWORD}'\nS2: 'another long password'\n")
    [file], note = attached(morning, "encrypted_mail", "One@arrears.example", rt=rt)
    assert note == "lists_encrypted"
    assert PERSON.encode() not in file.content
    closed, opened = msoffcrypto.OfficeFile(io.BytesIO(file.content)), io.BytesIO()
    closed.load_key(password=PASSWORD, verify_password=True)
    closed.decrypt(opened)
    assert opened.getvalue() == list_of(rt.settings.artifacts_url, morning.engine, "S1", DAY, morning.policy)
    assert PERSON in str(list(openpyxl.load_workbook(opened).worksheets[0].values))
    with pytest.raises(msoffcrypto.exceptions.InvalidKeyError):
        msoffcrypto.OfficeFile(io.BytesIO(file.content)).load_key(
            password="another long password", verify_password=True
        )


def test_a_list_never_travels_without_a_password(morning: World):
    for rt in (morning.rt, with_passwords(morning.rt, "S2: 'another long password'\n")):
        assert attached(morning, "encrypted_mail", "one@arrears.example", rt=rt) == ([], "lists_without_password")


def test_who_has_no_list_gets_no_attachment(morning: World):
    rt = with_passwords(morning.rt, f"S2: '{PASSWORD}'\n")
    for mail in ("two@arrears.example", "law@arrears.example", "stranger@arrears.example"):
        assert attached(morning, "encrypted_mail", mail, rt=rt) == ([], "lists_note")


def test_a_manager_gets_the_day_masked_whatever_the_way(morning: World):
    for way in ("folder", "desk", "encrypted_mail"):
        [file], note = attached(morning, way, "boss@arrears.example", "manager")
        assert note == "lists_note"
        assert PERSON not in str([list(sheet.values) for sheet in openpyxl.load_workbook(io.BytesIO(file.content))])


def test_lists_of_the_folder_and_the_desk_do_not_travel(morning: World):
    rt = with_passwords(morning.rt, f"S1: '{PASSWORD}'\n")
    assert attached(morning, "folder", "one@arrears.example", rt=rt) == ([], "lists_in_folder")
    assert attached(morning, "desk", "one@arrears.example", rt=rt) == ([], "lists_on_desk")


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("S1: short", 0o600, "the password of S1 has fewer than 12 characters"),
        ("- a list", 0o600, "must hold lines"),
        ("S1: 123456789012", 0o600, "must hold lines"),
        ("{", 0o600, "must hold lines"),
        (f"S1: '{PASSWORD}'", 0o644, "others may read"),
    ],
)
def test_a_file_of_passwords_that_cannot_be_used_is_refused_in_one_line(rt: Runtime, text, mode, said):
    with pytest.raises(BadArguments, match=said) as refused:
        read_passwords(with_passwords(rt, text, mode).settings)
    assert "\n" not in str(refused.value)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(("group", "allowed"), [(0, True), (1000, False)])
def test_a_secret_of_kubernetes_is_readable_for_the_group_of_root_and_for_no_other(group: int, allowed: bool):
    given = os.stat_result((stat.S_IFREG | 0o440, 1, 1, 1, 0, group, 1, 0, 0, 0))
    assert delivery.open_to_others(given) is not allowed


def test_passwords_of_somebody_else_are_refused_in_one_line(rt: Runtime, monkeypatch: pytest.MonkeyPatch):
    """As a container whose user is not the file's owner finds them."""
    ours = with_passwords(rt, f"S1: '{PASSWORD}'").settings

    def refuse(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(BadArguments, match=r"cannot be read \(Permission denied\)"):
        read_passwords(ours)


def test_passwords_that_are_not_there_are_named(rt: Runtime, tmp_path: Path):
    with pytest.raises(BadArguments, match="name the passwords in ARREARS_LIST_PASSWORDS"):
        read_passwords(rt.settings)
    with pytest.raises(BadArguments, match="there is no file"):
        read_passwords(rt.settings.model_copy(update={"list_passwords": tmp_path / "none.yaml"}))


def test_the_desk_hands_everybody_their_own_list_and_records_it(morning: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(desk, "policy_of", lambda _settings: by(morning.policy, "desk"))
    own = desk.own_list(morning.rt, DAY.isoformat(), "S1")
    assert PERSON in str(list(openpyxl.load_workbook(io.BytesIO(own)).worksheets[0].values))
    with reading(morning.engine) as connection:
        types = connection.execute(select(audit_pending.c.type)).scalars().all()
    assert types.count("access.worklist") == 1
    for user, day in (("S2", DAY.isoformat()), ("stranger", DAY.isoformat()), ("S1", "2026-11-11")):
        with pytest.raises(CannotTell):
            desk.own_list(morning.rt, day, user)
    with pytest.raises(BadInput):
        desk.own_list(morning.rt, "today", "S1")


def test_the_desk_hands_out_nothing_when_the_policy_delivers_otherwise(morning: World):
    with pytest.raises(CannotTell, match="worklist_delivery"):
        desk.own_list(morning.rt, DAY.isoformat(), "S1")
