"""Wherever an SMTP conversation breaks, the verdict is true: never "sent" for what is lost, never "not sent" for
what has gone."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from arrears.core.errors import BadArguments
from arrears.core.runtime import Runtime
from arrears.ladder.layers import load_policy
from arrears.outreach.email_yagmail import EmailChannel
from arrears.outreach.message import Attachment, Message
from arrears.outreach.verdict import Outcome, Verdict

MESSAGE = Message("a" * 64, "zh", "zhang@example.com", "提醒", "您好\n.\n..点开头的行\n再见", "<p>您好</p>")
TIMEOUT = 0.4
DROP, HANG = "drop", "hang"


class FaultyServer:
    """A mail server that misbehaves at one named point, and knows what it took over."""

    def __init__(
        self, point: str, fault: str, *, times: int = 1, context: ssl.SSLContext | None = None, offers: str = ""
    ) -> None:
        self.point, self.fault, self.times, self.context = point, fault, times, context
        self.offers = [*offers.split(), *(["STARTTLS"] if context else [])]
        self.taken: list[bytes] = []
        self.said: list[str] = []
        self.connections = 0
        self._talking: socket.socket | None = None
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "FaultyServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._talking:
            with contextlib.suppress(OSError):
                self._talking.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._talking = connection
            with contextlib.suppress(OSError, EOFError), connection:
                connection.settimeout(5)
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        file = connection.makefile("rwb", buffering=0)
        self._say(file, "greeting", "220 here")
        while line := file.readline():
            word = line.split()[0].upper() if line.split() else b""
            self.said.append(line.decode().strip())
            if word in (b"EHLO", b"HELO"):
                self._say(
                    file, "ehlo", "\r\n".join(["250-here", *(f"250-{offer}" for offer in self.offers), "250 HELP"])
                )
            elif word == b"STARTTLS" and self.context:
                file.write(b"220 go\r\n")
                connection = self._talking = self.context.wrap_socket(connection, server_side=True)
                file = connection.makefile("rwb", buffering=0)
            elif word == b"MAIL":
                self._say(file, "mail", "250 ok")
            elif word == b"RCPT":
                self._say(file, "rcpt", "250 ok")
            elif word == b"DATA":
                self._say(file, "data", "354 go on")
                self._body(file)
            elif word == b"QUIT":
                file.write(b"221 bye\r\n")
                return
            else:
                file.write(b"250 ok\r\n")

    def _body(self, file: object) -> None:
        lines = []
        while (line := file.readline()) != b".\r\n":
            if not line:
                raise EOFError
            lines.append(line)
            self._fault("body")
        self._fault("dot_unqueued")
        if not (self.point == "dot" and self.fault[0] in "45"):
            self.taken.append(b"".join(lines))
        self._say(file, "dot", "250 2.0.0 OK queued as ABC123")
        self._fault("after_reply")

    def _say(self, file: object, point: str, usual: str) -> None:
        answer = self._fault(point) or usual
        file.write(answer.encode() + b"\r\n")

    def _fault(self, point: str) -> str | None:
        if point != self.point or self.times <= 0:
            return None
        self.times -= 1
        if self.fault == DROP:
            raise EOFError
        if self.fault == HANG:
            self._closing.wait(TIMEOUT * 2)
            raise EOFError
        return self.fault


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not happened() and time.monotonic() < end:
        time.sleep(0.01)


@pytest.fixture
def open_channel(rt: Runtime):
    channels = []

    def opened(server: FaultyServer, scheme: str = "smtp", query: str = "") -> EmailChannel:
        channel = EmailChannel(f"{scheme}://127.0.0.1:{server.port}{query}", load_policy(), rt.clock, timeout=TIMEOUT)
        channels.append(channel)
        return channel

    yield opened
    for channel in channels:
        channel.close()


POINTS = [
    ("none", "", Outcome.SENT),
    ("greeting", DROP, Outcome.NOT_SENT),
    ("greeting", "554 no", Outcome.NOT_SENT),
    ("greeting", HANG, Outcome.NOT_SENT),
    ("ehlo", DROP, Outcome.NOT_SENT),
    ("mail", DROP, Outcome.NOT_SENT),
    ("mail", "451 later", Outcome.NOT_SENT),
    ("mail", "550 sender refused", Outcome.NOT_SENT),
    ("rcpt", DROP, Outcome.NOT_SENT),
    ("rcpt", "450 greylisted", Outcome.NOT_SENT),
    ("rcpt", "550 no such user", Outcome.REJECTED),
    ("data", DROP, Outcome.NOT_SENT),
    ("data", "451 later", Outcome.NOT_SENT),
    ("body", DROP, None),
    ("dot", "451 later", Outcome.NOT_SENT),
    ("dot", "554 content refused", Outcome.REJECTED),
    ("dot_unqueued", DROP, Outcome.IN_DOUBT),
    ("dot", DROP, Outcome.IN_DOUBT),
    ("dot", HANG, Outcome.IN_DOUBT),
    ("dot", "199 what", Outcome.IN_DOUBT),
    ("after_reply", DROP, Outcome.SENT),
]


@pytest.mark.parametrize("offers", ["", "PIPELINING"])
@pytest.mark.parametrize(
    ("point", "fault", "expected"), POINTS, ids=[f"{point}-{fault[:4]}" for point, fault, _ in POINTS]
)
def test_the_verdict_at_every_fault_point_is_sound(open_channel, point, fault, expected, offers):
    with FaultyServer(point, fault, times=9, offers=offers) as server:
        verdict = open_channel(server).send(MESSAGE, lambda: True)
        _assert_sound(verdict, server)
    if expected:
        assert verdict.outcome is expected


def _assert_sound(verdict: Verdict, server: FaultyServer) -> None:
    assert len(server.taken) <= 1, "a second copy"
    if verdict.outcome is Outcome.SENT:
        assert len(server.taken) == 1, "said sent, was lost"
    if verdict.outcome in (Outcome.NOT_SENT, Outcome.REJECTED):
        assert server.taken == [], "said not sent, has gone"


def test_a_server_that_pipelines_is_told_all_before_it_answers_and_a_refused_recipient_gets_no_text(open_channel):
    with FaultyServer("rcpt", "550 no such user", offers="PIPELINING") as server:
        assert open_channel(server).send(MESSAGE, lambda: True).outcome is Outcome.REJECTED
        until(lambda: server.said[-1] == "DATA")
    assert server.said[-3:-1] == ["MAIL FROM:<collections@arrears.example>", "RCPT TO:<zhang@example.com>"]
    assert server.taken == []


def test_undeliverable_mail_returns_to_the_bounce_address_under_our_key_and_without_the_text(open_channel):
    with FaultyServer("none", "", offers="DSN") as server:
        channel = open_channel(server, query="?bounces=bounces@arrears.example")
        assert channel.send(MESSAGE, lambda: True).outcome is Outcome.SENT
    assert f"MAIL FROM:<bounces@arrears.example> RET=HDRS ENVID={MESSAGE.key}" in server.said
    assert "RCPT TO:<zhang@example.com> NOTIFY=FAILURE" in server.said


@pytest.mark.parametrize("to", ["", "nobody", "a@b.example\r\nRCPT TO:<c@d.example>", "a@b.example> X", "张@b.example"])
def test_what_is_no_address_reaches_no_server(open_channel, to):
    with FaultyServer("none", "") as server:
        verdict = open_channel(server).send(replace(MESSAGE, to=to), lambda: True)
        assert (verdict.outcome, server.connections) == (Outcome.REJECTED, 0)


def test_a_lost_reply_is_not_followed_by_a_second_copy(open_channel):
    with FaultyServer("dot", DROP) as server:
        channel = open_channel(server)
        assert channel.send(MESSAGE, lambda: True).outcome is Outcome.IN_DOUBT
        assert len(server.taken) == 1
        assert channel.send(MESSAGE, lambda: True).outcome is Outcome.SENT, "the channel recovers for the next message"
        assert len(server.taken) == 2


def test_one_connection_carries_many_messages(open_channel):
    with FaultyServer("none", "") as server:
        channel = open_channel(server)
        assert {channel.send(MESSAGE, lambda: True).outcome for _ in range(5)} == {Outcome.SENT}
        assert (server.connections, len(server.taken)) == (1, 5)


def test_an_idle_connection_that_the_server_closed_is_opened_again(open_channel):
    with FaultyServer("after_reply", DROP) as server:
        channel = open_channel(server)
        assert [channel.send(MESSAGE, lambda: True).outcome for _ in range(2)] == [Outcome.SENT, Outcome.SENT]
        assert (server.connections, len(server.taken)) == (2, 2)


def test_a_refused_sender_stops_the_channel_and_rejects_nobody(open_channel):
    with FaultyServer("mail", "550 sender refused", times=9) as server:
        verdict = open_channel(server).send(MESSAGE, lambda: True)
    assert (verdict.outcome, verdict.channel_down) == (Outcome.NOT_SENT, True)


def test_a_lost_lease_before_the_dot_sends_nothing(open_channel):
    with FaultyServer("none", "") as server:
        verdict = open_channel(server).send(MESSAGE, lambda: False)
        assert (verdict.outcome, verdict.code, server.taken) == (Outcome.NOT_SENT, "lease_over", [])


def test_nobody_listening_is_not_sent(rt):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    verdict = EmailChannel(f"smtp://127.0.0.1:{port}", load_policy(), rt.clock, timeout=TIMEOUT).send(
        MESSAGE, lambda: True
    )
    assert (verdict.outcome, verdict.channel_down) == (Outcome.NOT_SENT, True)


def test_lines_that_begin_with_a_dot_arrive_whole(open_channel):
    with FaultyServer("none", "") as server:
        open_channel(server).send(MESSAGE, lambda: True)
        content = server.taken[0].replace(b"\r\n..", b"\r\n.")
    mail = message_from_bytes(content, policy=default)
    assert mail.get_body(("plain",)).get_content().splitlines() == MESSAGE.text.splitlines()
    assert mail["Message-ID"] == f"<{MESSAGE.key}@arrears.example>"


def test_an_attachment_with_a_chinese_name_arrives_whole(open_channel):
    file = Attachment("工作清单.xlsx", b"\x00\x01" * 500, "application/octet-stream")
    with FaultyServer("none", "") as server:
        open_channel(server).send(
            Message("b" * 64, "en", "a@example.com", "List", "text", "", attachments=(file,)), lambda: True
        )
        (found,) = message_from_bytes(server.taken[0], policy=default).iter_attachments()
    assert (found.get_filename(), found.get_content()) == (file.name, file.content)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            folder / "key.pem",
            "-out",
            folder / "cert.pem",
            "-days",
            "30",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
    )
    return folder


def _tls(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_starttls_with_an_unknown_certificate_sends_nothing(open_channel, certificate):
    with FaultyServer("none", "", context=_tls(certificate)) as server:
        verdict = open_channel(server, "smtp+starttls").send(MESSAGE, lambda: True)
        assert (verdict.outcome, server.taken) == (Outcome.NOT_SENT, [])


def test_starttls_with_a_trusted_certificate_sends(open_channel, certificate):
    with FaultyServer("none", "", context=_tls(certificate)) as server:
        verdict = open_channel(server, "smtp+starttls", f"?cafile={certificate / 'cert.pem'}").send(
            MESSAGE, lambda: True
        )
        assert (verdict.outcome, len(server.taken)) == (Outcome.SENT, 1)


def test_a_server_without_starttls_is_refused_rather_than_spoken_to_in_the_clear(open_channel):
    with FaultyServer("none", "") as server:
        verdict = open_channel(server, "smtp+starttls").send(MESSAGE, lambda: True)
        assert (verdict.outcome, server.taken) == (Outcome.NOT_SENT, [])


@pytest.mark.parametrize("url", ["http://mail", "smtp://", "mail.example.com", "smtp://mail?bounces=nobody"])
def test_an_url_that_is_not_smtp_is_refused(url, rt):
    with pytest.raises(BadArguments):
        EmailChannel(url, load_policy(), rt.clock)
