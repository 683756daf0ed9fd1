"""A real Kannel with its fake SMSC: our SMS goes through it, and its delivery report comes back through our door."""

import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from arrears.outreach.message import Message
from arrears.outreach.receipt import read_json
from arrears.outreach.receipt_door import open_door
from arrears.outreach.receipt_seal import Guard, seal
from arrears.outreach.sms_http import SmsChannel
from arrears.outreach.verdict import Outcome

pytestmark = pytest.mark.real

CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = made-up
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal
log-level = 1

group = smsc
smsc = fake
smsc-id = fake
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = arrears
password = made-up
concatenation = true
max-messages = 5

group = sms-service
keyword = default
text = "no"
max-messages = 0
"""
SECONDS = 30
SECRET = b"made up for this test"


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        doors = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [door.getsockname()[1] for door in doors]


def until(found: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if result := found():
            return result
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen within {SECONDS} s")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(folder: Path, *command: object) -> Iterator[Path]:
    """Run a program until the block ends; return the file of what it says."""
    said = folder / f"{Path(str(command[0])).name}.log"
    with said.open("wb") as log, subprocess.Popen([*map(str, command)], cwd=folder, stdout=log, stderr=log) as process:
        try:
            yield said
        finally:
            process.kill()


def program(name: str, package: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/lib/kannel/test")
    if found is None:
        pytest.fail(f"{name} is missing: apt-get install {package}", pytrace=False)
    return found


@dataclass
class Kannel:
    """A gateway with one SMSC behind it, and the door for its reports."""

    address: str
    smsc_log: Path
    spool: Path

    def reports(self) -> list[dict[str, str]]:
        return [json.loads(file.read_text()) for file in self.spool.glob("*.json")]


@pytest.fixture
def kannel(tmp_path: Path) -> Iterator[Kannel]:
    bearerbox, smsbox = program("bearerbox", "kannel"), program("smsbox", "kannel")
    fakesmsc = program("fakesmsc", "kannel-extras")
    names = ("admin", "box", "smsc", "sendsms")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    configuration = tmp_path / "kannel.conf"
    configuration.write_text(CONFIGURATION.format(**ports))
    spool = tmp_path / "receipts"
    door = open_door(spool, "127.0.0.1", 0, Guard(SECRET))
    thread = threading.Thread(target=door.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    receipts = f"http://127.0.0.1:{door.server_address[1]}/receipts"
    with ExitStack() as stack:
        stack.enter_context(running(tmp_path, bearerbox, configuration))
        until(lambda: listens(ports["smsc"]) and listens(ports["box"]), "the start of bearerbox")
        stack.enter_context(running(tmp_path, smsbox, configuration))
        until(lambda: listens(ports["sendsms"]), "the start of smsbox")
        smsc = stack.enter_context(
            running(tmp_path, fakesmsc, "-H", "127.0.0.1", "-r", ports["smsc"], "-i", "3600", "-m", "100",
                    "100 200 text nop")
        )  # fmt: skip
        user = f"kannel+http://arrears:made-up@127.0.0.1:{ports['sendsms']}/cgi-bin/sendsms"
        yield Kannel(f"{user}?from=1069&receipts={receipts}", smsc, spool)
    door.shutdown()
    thread.join()
    door.server_close()


def test_an_sms_goes_through_kannel_and_its_report_comes_back_under_our_key(kannel: Kannel) -> None:
    message = Message("c" * 64, "zh", "13900000001", "", "您好,合同A1逾期,请还款", "")
    channel = SmsChannel(kannel.address, seal=partial(seal, SECRET))
    verdict = channel.send(message, lambda: True)
    channel.close()
    assert (verdict.outcome, verdict.code) in [(Outcome.SENT, "202_0"), (Outcome.SENT, "202_3")]
    until(lambda: any(one["type"] == "1" for one in kannel.reports()), "the delivery report")
    read = [read_json(json.dumps(one).encode()) for one in kannel.reports()]
    assert {(one.contact_id, one.result) for one in read} <= {("c" * 64, "delivered"), ("c" * 64, "accepted")}
    assert all(one.at and one.at.startswith("20") for one in read), "Kannel says when"
    assert "13900000001" in kannel.smsc_log.read_text(errors="replace"), "the fake SMSC really had it"
    assert "13900000001" not in "".join(file.read_text() for file in kannel.spool.iterdir())


@pytest.mark.parametrize(("text", "charset"), [("Pay £5 today, Mr Ö", "gsm"), ("您好,请还款 €5", "utf-16-be")])
def test_what_is_posted_arrives_letter_by_letter_in_both_alphabets(kannel: Kannel, text: str, charset: str) -> None:
    channel = SmsChannel(kannel.address)
    channel.send(Message("c" * 64, "en", "13900000001", "", text, ""), lambda: True)
    channel.close()
    log = partial(kannel.smsc_log.read_text, errors="replace")
    until(lambda: "Got message 1" in log(), "the message at the fake SMSC")
    (got,) = re.findall(r"Got message 1: <1069 13900000001 (?:ucs-2|text) (.*)>", log())
    arrived = unquote_to_bytes(got.replace("+", " "))
    read = arrived.decode("utf-8" if charset == "gsm" else charset, errors="replace")
    assert read == text


def test_kannel_refuses_as_its_adapter_reads_it(kannel: Kannel) -> None:
    def answer(address: str, to: str) -> tuple[Outcome, bool]:
        channel = SmsChannel(address)
        verdict = channel.send(Message("d" * 64, "en", to, "", "Hello", ""), lambda: True)
        channel.close()
        return verdict.outcome, verdict.channel_down

    assert answer(kannel.address.replace("made-up", "wrong"), "13900000001") == (Outcome.NOT_SENT, True)
    assert answer(kannel.address, "") == (Outcome.REJECTED, False)
