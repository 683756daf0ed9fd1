"""What an SMS gateway answers, or does not, is told truthfully, in the shape of Kannel and of Twilio."""

import base64
import socket
import threading
from urllib.parse import parse_qs

import httpx
import pytest

from arrears.core.errors import BadArguments
from arrears.outreach.message import Message
from arrears.outreach.sms_http import SmsChannel
from arrears.outreach.sms_length import segments
from arrears.outreach.verdict import Outcome
from arrears.sandbox.sms import SmsSandbox

MESSAGE = Message("c" * 64, "zh", "13800000001", "", "您好,请还款 & 致电100%", "")
KANNEL = "kannel+http://tester:s%40cret@gateway:13013/cgi-bin/sendsms?from=1069&receipts=http://us/receipts"
TWILIO = "twilio+https://AC1:token@api.example.com?from=%2B15550001&receipts=https://us/receipts"


def _ask(url: str, status: int, text: str):
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, text=text)

    verdict = SmsChannel(url, transport=httpx.MockTransport(answer)).send(MESSAGE, lambda: True)
    return verdict, asked[0]


@pytest.mark.parametrize(
    ("status", "text", "outcome", "down"),
    [
        (202, "0: Accepted for delivery", Outcome.SENT, False),
        (202, "3: Queued for later delivery", Outcome.SENT, False),
        (202, "what?", Outcome.IN_DOUBT, False),
        (302, "", Outcome.IN_DOUBT, False),
        (400, "Missing receiver number, rejected", Outcome.REJECTED, False),
        (403, "Authorization failed for sendsms", Outcome.NOT_SENT, True),
        (404, "Unknown request", Outcome.NOT_SENT, True),
        (429, "", Outcome.NOT_SENT, False),
        (503, "Temporal failure, try again later.", Outcome.NOT_SENT, False),
        (502, "bad gateway", Outcome.IN_DOUBT, False),
    ],
)
def test_each_answer_of_kannel_has_its_verdict(status, text, outcome, down):
    verdict, _ = _ask(KANNEL, status, text)
    assert (verdict.outcome, verdict.channel_down) == (outcome, down)


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        (201, '{"sid": "SM123", "status": "queued"}', Outcome.SENT),
        (201, "not json", Outcome.IN_DOUBT),
        (201, "[]", Outcome.IN_DOUBT),
        (400, '{"code": 21211}', Outcome.REJECTED),
        (401, "", Outcome.NOT_SENT),
        (500, "", Outcome.IN_DOUBT),
    ],
)
def test_each_answer_of_the_twilio_shape_has_its_verdict(status, text, outcome):
    verdict, _ = _ask(TWILIO, status, text)
    assert verdict.outcome is outcome
    assert verdict.provider_id == ("SM123" if outcome is Outcome.SENT else None)


def test_kannel_is_asked_in_its_own_words_and_gets_our_key_in_the_receipt_address():
    _, request = _ask(KANNEL, 202, "0: Accepted for delivery")
    told = {name.removeprefix("x-kannel-"): value for name, value in request.headers.items() if "kannel" in name}
    assert request.method == "POST"
    assert (told["username"], told["password"]) == ("tester", "s@cret")
    assert (told["to"], told["from"], request.content.decode("utf-8")) == (MESSAGE.to, "1069", MESSAGE.text)
    assert request.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert (told["coding"], told["dlr-mask"]) == ("2", "31")
    assert told["dlr-url"] == f"http://us/receipts?contact={MESSAGE.key}&type=%d&at=%T&id=%F"


@pytest.mark.parametrize("gateway", [KANNEL, TWILIO])
def test_no_address_of_a_call_holds_a_number_a_text_or_a_password(gateway):
    _, request = _ask(gateway, 202, "0: Accepted for delivery")
    assert (request.url.query, request.url.userinfo) == (b"", b"")
    assert MESSAGE.to not in str(request.url)


def test_the_twilio_shape_is_asked_with_basic_login_and_a_callback():
    _, request = _ask(TWILIO, 201, '{"sid": "SM1"}')
    fields = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
    assert str(request.url) == "https://api.example.com/2010-04-01/Accounts/AC1/Messages.json"
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"AC1:token").decode()
    assert fields == {
        "To": MESSAGE.to,
        "From": "+15550001",
        "Body": MESSAGE.text,
        "StatusCallback": f"https://us/receipts?contact={MESSAGE.key}",
    }


def test_a_gateway_with_idempotency_keys_gets_the_key_of_the_contact():
    _, request = _ask(f"{TWILIO}&idempotency=Idempotency-Key", 201, '{"sid": "SM1"}')
    assert request.headers["Idempotency-Key"] == MESSAGE.key
    _, plain = _ask(TWILIO, 201, '{"sid": "SM1"}')
    assert "Idempotency-Key" not in plain.headers


def test_a_number_without_its_country_gets_the_prefix_of_the_gateway():
    _, request = _ask(f"{TWILIO}&prefix=%2B86", 201, '{"sid": "SM1"}')
    assert parse_qs(request.content.decode())["To"] == [f"+86{MESSAGE.to}"]
    _, kannel = _ask(f"{KANNEL}&prefix=%2B86", 202, "0: Accepted for delivery")
    assert kannel.headers["X-Kannel-To"] == f"+86{MESSAGE.to}"


def test_a_messaging_service_of_the_twilio_shape_is_named_as_one():
    _, request = _ask(TWILIO.replace("%2B15550001", "MG7"), 201, '{"sid": "SM1"}')
    fields = parse_qs(request.content.decode())
    assert (fields["MessagingServiceSid"], "From" in fields) == (["MG7"], False)


def _gateway(reply: bytes | None):
    """Listen once, read a request, and reply with these bytes, or hang up without a word."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, listener:
            connection.recv(65536)
            if reply is None:
                stop.wait(2)
            elif reply:
                connection.sendall(reply)

    stop = threading.Event()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/cgi-bin/sendsms", stop, thread


@pytest.mark.parametrize(
    "reply", [b"", None, b"HTTP/1.1 202 Acc", b"HTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\n0: "]
)
def test_silence_after_the_request_is_in_doubt(reply):
    url, stop, thread = _gateway(reply)
    channel = SmsChannel(url, timeout=0.4)
    assert channel.send(MESSAGE, lambda: True).outcome is Outcome.IN_DOUBT
    stop.set()
    thread.join(3)
    channel.close()


def test_a_gateway_that_is_not_there_is_not_sent_and_stops_the_channel():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    verdict = SmsChannel(f"http://127.0.0.1:{port}/x", timeout=0.4).send(MESSAGE, lambda: True)
    assert (verdict.outcome, verdict.channel_down) == (Outcome.NOT_SENT, True)


def test_a_lost_lease_asks_no_gateway(tmp_path):
    with SmsSandbox(tmp_path) as sandbox:
        assert SmsChannel(sandbox.url).send(MESSAGE, lambda: False).outcome is Outcome.NOT_SENT
        assert sandbox.messages() == []


def test_the_sandbox_keeps_every_copy(tmp_path):
    with SmsSandbox(tmp_path) as sandbox:
        channel = SmsChannel(sandbox.url)
        for _ in range(2):
            assert channel.send(MESSAGE, lambda: True).outcome is Outcome.SENT
        channel.close()
    assert [kept["text"] for kept in sandbox.messages()] == [MESSAGE.text] * 2


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("催" * 70, 1),
        ("催" * 71, 2),
        ("催" * 134, 2),
        ("催" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("", 1),
    ],
)
def test_segments_are_counted_as_the_network_counts_them(text, count):
    assert segments(text) == count


@pytest.mark.parametrize("url", ["ftp://gateway", "smpp+http://gateway", "http:///path"])
def test_an_url_that_is_no_gateway_is_refused(url):
    with pytest.raises(BadArguments):
        SmsChannel(url)
