"""How a work list reaches whoever works it: from the folder, from the desk after login, or encrypted in the mail.

Policy key ``digest.worklist_delivery``. Every list is kept in the folder first; the other two ways hand out that file.
A list leaves by mail only under its reader's own password (ECMA-376 agile encryption: AES-256, SHA-512), which stands
in a file that the store never sees.
"""

import io
import logging
import os
from dataclasses import dataclass
from datetime import date

import yaml
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine, func, select

from arrears.core.errors import BadArguments, CannotTell
from arrears.core.settings import Settings
from arrears.core.yaml_text import read_yaml
from arrears.ladder.policy import Policy
from arrears.ladder.policy_office import Recipient
from arrears.reports.figures import Figures
from arrears.reports.scope import LEGAL_DESK
from arrears.reports.sheet import masked_sheet
from arrears.reports.wording import words
from arrears.reports.worklists import kept_list
from arrears.store.engine import reading
from arrears.store.tables.feeds import staff

LOG = logging.getLogger(__name__)

ENCRYPTED = "application/octet-stream"
"""What an encrypted workbook is in a mail: no longer a sheet that a preview could open."""

SHORTEST = 12
"""A password of fewer characters is refused: the mail may be copied and tried at leisure."""


@dataclass(frozen=True)
class Attachment:
    """A file that travels with a mail."""

    name: str
    content: bytes
    mime: str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def attachments_of(
    settings: Settings, engine: Engine, recipient: Recipient, figures: Figures, policy: Policy
) -> tuple[list[Attachment], str]:
    """Return what goes with a reader's morning mail, and the word of the small print that says where the lists are.

    A manager gets the whole day masked. Under ``encrypted_mail`` a collector and a legal officer get their own list,
    encrypted; without a password on file the list stays in the folder and the mail says so.
    """
    name = f"worklist-{figures.business_date}.xlsx"
    if recipient.role == "manager":
        say = words(recipient.language)
        masked = masked_sheet(figures.list_rows, figures.staff_names, figures.business_date, say)
        return [Attachment(name, masked)], "lists_note"
    way = policy.digest.worklist_delivery
    if recipient.role == "auditor":
        return [], "lists_note"
    if way == "folder":
        return [], "lists_in_folder"
    if way == "desk":
        return [], "lists_on_desk"
    try:
        return _encrypted_list(settings, engine, recipient, name, figures.business_date, policy)
    except BadArguments as problem:
        LOG.warning("no list by mail: %s", problem)
        return [], "lists_without_password"


def list_of(artifacts_url: str, engine: Engine, staff_id: str, business_date: date, policy: Policy) -> bytes | None:
    """Return a member of staff's own list of a day, a legal officer's being the legal desk's; None when there is none.

    Raises:
        CannotTell: nobody of that id is on the staff.
    """
    with reading(engine) as connection:
        roles = connection.execute(select(staff.c.roles).where(staff.c.staff_id == staff_id)).scalar_one_or_none()
        if roles is None:
            raise CannotTell("nobody of that id is on the staff")
        desk = LEGAL_DESK if "legal" in roles.split(";") else staff_id
        return kept_list(connection, artifacts_url, desk, business_date, policy)


def read_passwords(settings: Settings) -> dict[str, str]:
    """Return the passwords of ``ARREARS_LIST_PASSWORDS``, a YAML file of staff id and password, by staff id.

    Raises:
        BadArguments: the file is not named, not there, open to others, or holds something else.
    """
    path = settings.list_passwords
    if path is None:
        raise BadArguments("digest.worklist_delivery is encrypted_mail: name the passwords in ARREARS_LIST_PASSWORDS")
    if not path.is_file():
        raise BadArguments(f"ARREARS_LIST_PASSWORDS: there is no file {path}")
    if open_to_others(path.stat()):
        raise BadArguments(f"ARREARS_LIST_PASSWORDS: others may read {path}: chmod 600 it")
    try:
        found = TypeAdapter(dict[str, str]).validate_python(read_yaml(path.read_text("utf-8")) or {}, strict=True)
    except OSError as error:
        raise BadArguments(f"ARREARS_LIST_PASSWORDS: {path} cannot be read ({error.strerror})") from None
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError):
        raise BadArguments(f"ARREARS_LIST_PASSWORDS: {path} must hold lines such as S01: 'a long password'") from None
    short = sorted(name for name, password in found.items() if len(password) < SHORTEST)
    if short:
        raise BadArguments(f"ARREARS_LIST_PASSWORDS: the password of {short[0]} has fewer than {SHORTEST} characters")
    return found


def open_to_others(found: os.stat_result) -> bool:
    """Say whether a file lets others in; root's group is none of them: Kubernetes hands pods their Secrets by it."""
    return bool(found.st_mode & (0o007 if found.st_gid == 0 else 0o077))


def _encrypted_list(
    settings: Settings, engine: Engine, recipient: Recipient, name: str, business_date: date, policy: Policy
) -> tuple[list[Attachment], str]:
    with reading(engine) as connection:
        query = select(staff.c.staff_id).where(func.lower(staff.c.mail) == recipient.mail.lower())
        staff_id = connection.execute(query).scalar()
    if staff_id is None:
        return [], "lists_note"
    content = list_of(settings.artifacts_url, engine, staff_id, business_date, policy)
    if content is None:
        return [], "lists_note"
    password = read_passwords(settings).get(staff_id)
    if password is None:
        return [], "lists_without_password"
    return [Attachment(name, _encrypted(content, password), ENCRYPTED)], "lists_encrypted"


def _encrypted(content: bytes, password: str) -> bytes:
    from msoffcrypto.format.ooxml import OOXMLFile

    closed = io.BytesIO()
    OOXMLFile(io.BytesIO(content)).encrypt(password, closed)
    return closed.getvalue()
