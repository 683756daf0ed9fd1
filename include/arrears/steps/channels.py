"""The one place that names adapters: real channels where they are configured, loopback servers in a sandbox."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Engine

from arrears.core.errors import BadArguments
from arrears.core.runtime import Runtime
from arrears.core.settings import Settings
from arrears.steps.world import policy_of, store_of
from arrears.store.engine import writing
from arrears.store.identity import stamp_mode


@contextmanager
def contact_channels(rt: Runtime) -> Iterator[Any]:
    """Open the mail and SMS channels, and stamp the store with the mode of its first effect.

    Raises:
        BadArguments: the store is of the other mode, or a live channel is not configured.
    """
    from arrears.outreach.channels import open_channels

    _stamp(rt, store_of(rt))
    with ExitStack() as stack:
        settings = _with_sandbox(rt, stack)
        yield stack.enter_context(open_channels(settings, policy_of(rt.settings), rt.clock))


@contextmanager
def agency_channel(rt: Runtime) -> Iterator[Any]:
    """Open the way to the tow agencies, and stamp the store with the mode of its first effect.

    Raises:
        BadArguments: the store is of the other mode, no agency is configured in live mode, or its orders would travel
            by HTTP without a signature.
    """
    from arrears.repossession.agencies import open_agency

    _stamp(rt, store_of(rt))
    with ExitStack() as stack:
        url, secret = _agency_url(rt.settings, stack), rt.settings.agency_secret
        if rt.settings.mode == "live" and url.startswith("http") and not secret:
            raise BadArguments("live mode without ARREARS_AGENCY_SECRET: an agency must be able to check who orders")
        yield open_agency(url, secret.encode() if secret else None)


def _stamp(rt: Runtime, engine: Engine) -> None:
    with writing(engine) as connection:
        stamp_mode(connection, rt)


def _with_sandbox(rt: Runtime, stack: ExitStack) -> Settings:
    """Complete a sandbox's settings with loopback servers that really speak SMTP and HTTP, and deliver receipts."""
    settings = rt.settings
    if settings.mode == "live":
        missing = [name for name in ("smtp_url", "sms_url") if not getattr(settings, name)]
        if missing:
            raise BadArguments(f"live mode without ARREARS_{missing[0].upper()}: set it, or the Airflow connection")
        return settings
    from arrears.outreach.receipts import spool_of
    from arrears.sandbox.mail import MailSandbox
    from arrears.sandbox.sms import SmsSandbox

    folder, found = settings.home / "sandbox", {}
    if not settings.smtp_url:
        found["smtp_url"] = stack.enter_context(MailSandbox(folder / "mail")).url
    if not settings.sms_url:
        found["sms_url"] = stack.enter_context(SmsSandbox(folder / "sms", rt.clock, spool_of(settings))).url
    return settings.model_copy(update=found)


def _agency_url(settings: Settings, stack: ExitStack) -> str:
    if settings.agency_url:
        return settings.agency_url
    if settings.mode == "live":
        raise BadArguments("live mode without ARREARS_AGENCY_URL: set it, or the Airflow connection arrears_agency")
    from arrears.sandbox.agency import AgencySandbox

    return stack.enter_context(AgencySandbox(settings.home / "sandbox" / "agency")).url
