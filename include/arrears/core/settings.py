"""Settings come from ``ARREARS_*`` variables (or Airflow connections of the same names), never from code."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from arrears.core.errors import BadArguments

Mode = Literal["sandbox", "live"]
CHANNEL_URLS = ("smtp_url", "sms_url", "agency_url")
UNRELEASED = "unreleased"
"""What code is called whose build named no commit."""
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Settings(BaseModel):
    """Where the store, the artefacts and the channels are, and whether effects are real."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path
    keys: Path | None = None
    store_url: str
    artifacts_url: str
    mode: Mode = "sandbox"
    ledger_url: str | None = None
    smtp_url: str | None = None
    sms_url: str | None = None
    agency_url: str | None = None
    agency_secret: str | None = Field(default=None, repr=False)
    receipts_url: str | None = None
    receipts_secret: str | None = Field(default=None, repr=False)
    airflow_url: str | None = None
    list_passwords: Path | None = None
    policy_file: Path | None = None
    code_id: str = UNRELEASED

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> "Settings":
        """Read the ``ARREARS_*`` variables; everything has a default under ``ARREARS_HOME`` (``./var``).

        Raises:
            BadArguments: an unknown mode, a file of a secret that cannot be read, or a sandbox pointed at a channel
                outside loopback.
        """
        env = os.environ if variables is None else variables
        home = Path(env.get("ARREARS_HOME") or "var").absolute()
        mode = env.get("ARREARS_MODE") or "sandbox"
        if mode not in ("sandbox", "live"):
            raise BadArguments(f"ARREARS_MODE={mode!r}: use sandbox or live")
        passwords = env.get("ARREARS_LIST_PASSWORDS")
        settings = cls(
            home=home,
            keys=Path(env["ARREARS_KEYS"]).absolute() if env.get("ARREARS_KEYS") else None,
            store_url=read_variable(env, "ARREARS_STORE_URL") or f"sqlite:///{home / 'arrears.sqlite'}",
            artifacts_url=read_variable(env, "ARREARS_ARTIFACTS_URL") or f"file://{home / 'artifacts'}",
            mode="live" if mode == "live" else "sandbox",
            ledger_url=read_variable(env, "ARREARS_LEDGER_URL"),
            smtp_url=read_variable(env, "ARREARS_SMTP_URL"),
            sms_url=read_variable(env, "ARREARS_SMS_URL"),
            agency_url=read_variable(env, "ARREARS_AGENCY_URL"),
            agency_secret=read_variable(env, "ARREARS_AGENCY_SECRET"),
            receipts_url=read_variable(env, "ARREARS_RECEIPTS_URL"),
            receipts_secret=read_variable(env, "ARREARS_RECEIPTS_SECRET"),
            airflow_url=read_variable(env, "ARREARS_AIRFLOW_URL"),
            list_passwords=Path(passwords).absolute() if passwords else None,
            policy_file=policy_file_of(env),
            code_id=env.get("ARREARS_CODE_ID") or UNRELEASED,
        )
        settings.refuse_foreign_sandbox()
        return settings

    def refuse_foreign_sandbox(self) -> None:
        """Refuse a sandbox whose channel would reach a real customer.

        Raises:
            BadArguments: a channel URL of a sandbox does not point to loopback.
        """
        if self.mode != "sandbox":
            return
        for name in CHANNEL_URLS:
            url = getattr(self, name)
            if url and urlsplit(url).scheme != "file" and urlsplit(url).hostname not in LOOPBACK:
                raise BadArguments(
                    f"ARREARS_{name.upper()} leaves this machine, but the mode is sandbox: "
                    "use a loopback address, or ARREARS_MODE=live"
                )


def read_variable(variables: Mapping[str, str], name: str) -> str | None:
    """Return a variable, or what the file holds that ``<name>_FILE`` names: how containers are handed secrets.

    Raises:
        BadArguments: the file cannot be read.
    """
    if variables.get(name) or not variables.get(f"{name}_FILE"):
        return variables.get(name) or None
    try:
        return Path(variables[f"{name}_FILE"]).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise BadArguments(f"{name}_FILE: the file cannot be read ({error.strerror})") from None


def policy_file_of(variables: Mapping[str, str]) -> Path | None:
    """Return the file of the policy; a bare word such as ``uk`` names a built-in profile and stays as it is."""
    name = variables.get("ARREARS_POLICY")
    if not name:
        return None
    return Path(name) if name.isalpha() else Path(name).absolute()
