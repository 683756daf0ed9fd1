"""The loopback servers are witnesses: they keep every copy, and nothing they kept is ever overwritten."""

import logging

import pytest

from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.outreach.email_yagmail import EmailChannel
from arrears.outreach.message import Message
from arrears.outreach.verdict import Outcome
from arrears.sandbox.mail import MailSandbox

MESSAGE = Message("d" * 64, "en", "a@example.com", "Hello", "Text", "")


def _send(url: str, rt: Runtime, times: int = 1) -> list[str | None]:
    channel = EmailChannel(url, load_policy(), rt.clock)
    verdicts = [channel.send(MESSAGE, lambda: True) for _ in range(times)]
    channel.close()
    assert {verdict.outcome for verdict in verdicts} == {Outcome.SENT}
    return [verdict.provider_id for verdict in verdicts]


def test_copies_are_kept_and_numbered_on_after_a_restart(tmp_path, rt):
    with MailSandbox(tmp_path, rt.clock) as first:
        assert _send(first.url, rt, 2) == ["000001", "000002"]
    with MailSandbox(tmp_path, rt.clock) as second:
        assert _send(second.url, rt) == ["000003"]
        assert [kept["message_id"] for kept in second.messages()] == [f"<{MESSAGE.key}@arrears.example>"] * 3
        assert {kept["received_at"] for kept in second.messages()} == {"2026-11-12T02:00:00Z"}
    assert sorted(file.name for file in tmp_path.glob("*.eml")) == ["000001.eml", "000002.eml", "000003.eml"]


def test_two_servers_on_one_folder_never_overwrite_each_other(tmp_path, rt):
    with MailSandbox(tmp_path) as one, MailSandbox(tmp_path) as other:
        names = [name for url in (one.url, other.url, one.url) for name in _send(url, rt)]
    assert len(set(names)) == len(list(tmp_path.glob("*.eml"))) == 3


def test_the_mail_server_logs_no_recipient(tmp_path, rt, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with MailSandbox(tmp_path) as sandbox:
        _send(sandbox.url, rt)
    assert "example.com" not in caplog.text
