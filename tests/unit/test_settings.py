"""Settings may be variables, or files that variables name; a secret is never shown by what refuses it."""

from pathlib import Path

import pytest

from arrears.audit.checkpoint import key_file, vkey_file
from arrears.core.errors import BadArguments
from arrears.core.settings import Settings


def test_an_address_may_lie_in_a_file_and_the_variable_wins_over_it(tmp_path: Path) -> None:
    secret = tmp_path / "store_url"
    secret.write_text("postgresql+psycopg://day:word@db/arrears\n", encoding="utf-8")
    named = {"ARREARS_STORE_URL_FILE": str(secret)}
    assert Settings.from_environment(named).store_url == "postgresql+psycopg://day:word@db/arrears"
    assert Settings.from_environment(named | {"ARREARS_STORE_URL": "sqlite:///x"}).store_url == "sqlite:///x"


def test_an_empty_file_is_as_good_as_no_variable(tmp_path: Path) -> None:
    (tmp_path / "sms_url").write_text("\n", encoding="utf-8")
    assert Settings.from_environment({"ARREARS_SMS_URL_FILE": str(tmp_path / "sms_url")}).sms_url is None


def test_a_file_that_is_not_there_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    with pytest.raises(BadArguments, match="ARREARS_AGENCY_SECRET_FILE: the file cannot be read"):
        Settings.from_environment({"ARREARS_AGENCY_SECRET_FILE": str(tmp_path / "nowhere")})


def test_a_sandbox_refuses_a_channel_in_a_file_as_it_does_one_in_a_variable(tmp_path: Path) -> None:
    (tmp_path / "smtp_url").write_text("smtp://mail.example:25", encoding="utf-8")
    with pytest.raises(BadArguments, match="leaves this machine"):
        Settings.from_environment({"ARREARS_SMTP_URL_FILE": str(tmp_path / "smtp_url")})


def test_the_signing_key_may_lie_apart_from_its_public_line(tmp_path: Path) -> None:
    apart = {"ARREARS_HOME": str(tmp_path / "home"), "ARREARS_KEYS": str(tmp_path / "keys")}
    settings = Settings.from_environment(apart)
    assert key_file(settings) == tmp_path / "keys" / "audit.key"
    assert vkey_file(settings).parent == tmp_path / "home" / "keys"
