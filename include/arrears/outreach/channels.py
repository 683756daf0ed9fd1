"""The channels that are open to a dispatcher, built from settings and closed together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from arrears.core.clock import Clock, SystemClock
from arrears.core.entropy import Entropy, SystemEntropy
from arrears.core.settings import Settings
from arrears.ladder.policy import Policy
from arrears.outreach.message import Channel
from arrears.outreach.slots import WORK_LIST


@dataclass(frozen=True)
class Channels:
    """The open message channels by name; work lists are always open."""

    policy: Policy
    messages: dict[str, Channel]

    @property
    def names(self) -> tuple[str, ...]:
        """Return every channel a dispatcher may use, work lists first."""
        return (*sorted(WORK_LIST), *sorted(self.messages))


@contextmanager
def open_channels(
    settings: Settings, policy: Policy, clock: Clock | None = None, entropy: Entropy | None = None
) -> Iterator[Channels]:
    """Open the channels that have a URL (``smtp_url``, ``sms_url``); connections are made when first used.

    Raises:
        BadArguments: a URL cannot be read, or a sandbox's leaves this machine.
    """
    settings.refuse_foreign_sandbox()
    messages: dict[str, Channel] = {}
    if settings.sms_url:
        from arrears.outreach.receipt_seal import seal, secret_of
        from arrears.outreach.sms_http import SmsChannel

        secret = secret_of(settings, entropy or SystemEntropy())
        messages["sms"] = SmsChannel(settings.sms_url, seal=partial(seal, secret))
    if settings.smtp_url:
        from arrears.outreach.email_yagmail import EmailChannel

        messages["email"] = EmailChannel(settings.smtp_url, policy, clock or SystemClock())
    try:
        yield Channels(policy, messages)
    finally:
        for channel in messages.values():
            channel.close()
