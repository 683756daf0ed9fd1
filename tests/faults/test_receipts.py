"""What comes back: receipts become evidence and end doubts, bounces never count, and a person may end a doubt."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, time
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import Engine, select

from arrears.approvals.questions import list_open
from arrears.cli.receipts import read_address
from arrears.core.clock import PinnedClock, at_local
from arrears.core.errors import BadArguments, PermanentFailure
from arrears.core.runtime import Request, RunKey, Runtime
from arrears.ladder.evidence import record_evidence
from arrears.ladder.layers import load_policy
from arrears.outreach.channels import Channels
from arrears.outreach.dispatch import dispatch
from arrears.outreach.message import Message
from arrears.outreach.receipt_door import keep_receipt, open_door
from arrears.outreach.receipt_seal import Guard, seal, secret_of
from arrears.outreach.receipts import spool_of, take_receipts
from arrears.outreach.sms_http import SmsChannel
from arrears.outreach.verdict import Outcome, Verdict, in_doubt
from arrears.sandbox.sms import SmsSandbox
from arrears.steps import intake, receipts
from arrears.steps.approvals import vote_from_shell
from arrears.store.engine import reading, writing
from arrears.store.tables.audit import audit_pending
from arrears.store.tables.decisions import evidence
from arrears.store.tables.feeds import outcome, staff
from arrears.store.tables.outreach import contact, contact_attempt
from arrears.store.tables.runs import run

DAY, NEXT = date(2026, 11, 12), date(2026, 11, 13)
ZONE = "Asia/Shanghai"
NOON = int(at_local(DAY, time(12), ZONE).timestamp())
RUN = "daily-2026-11-12-1"
SECRET = b"made up for this test"
BOUNCE = """From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: service@lender.example
Subject: Undelivered Mail Returned to Sender
Date: Thu, 12 Nov 2026 12:00:00 +0800
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

I am sorry to have to inform you that your message could not be delivered.

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Thu, 12 Nov 2026 11:59:58 +0800

Final-Recipient: rfc822; someone@example.com
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--cut
Content-Type: text/rfc822-headers

From: service@lender.example
Message-ID: {message_id}

--cut--
"""


class Gateway:
    """A channel that answers as told and keeps what it was given."""

    def __init__(self, name: str, answer: Verdict) -> None:
        self.name, self.answer = name, answer
        self.got: list[Message] = []

    def message_id(self, key: str) -> str | None:
        return f"<{key}@lender.example>" if self.name == "email" else None

    def send(self, message: Message, still_ours: object) -> Verdict:
        self.got.append(message)
        return self.answer

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Desk:
    """A store in which one person with two contracts has a message of each kind planned."""

    rt: Runtime
    engine: Engine

    @property
    def spool(self) -> Path:
        folder = spool_of(self.rt.settings)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def send(self, answer: Verdict) -> tuple[Gateway, Gateway]:
        gateways = Gateway("sms", answer), Gateway("email", answer)
        channels = Channels(load_policy(), {one.name: one for one in gateways})
        morning = replace(self.rt, clock=PinnedClock(at_local(DAY, time(10), ZONE)))
        dispatch(morning, self.engine, RUN, channels, business_date=DAY)
        return gateways

    def contacts(self) -> dict[str, object]:
        with reading(self.engine) as connection:
            return {row.channel: row for row in connection.execute(select(contact))}

    def rows(self, table: object) -> list[object]:
        with reading(self.engine) as connection:
            return list(connection.execute(select(table)))

    def take(self, **more: object) -> dict[str, int]:
        return take_receipts(self.rt, self.engine, RUN, DAY, ZONE, **more)

    def receipt(self, channel: str, kind: str, at: int = NOON) -> None:
        fields = {"contact": self.contacts()[channel].contact_id, "type": kind, "at": str(at)}
        assert keep_receipt(self.spool, fields)

    def bounce(self, action: str = "failed", *, name: str = "a.eml") -> None:
        file = self.spool / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = BOUNCE.format(action=action, message_id=self.contacts()["email"].message_id)
        file.write_bytes(text.replace("\n", "\r\n").encode())


@pytest.fixture
def desk(rt: Runtime, store: Engine, crowd) -> Desk:
    crowd(store, 1)
    return Desk(replace(rt, clock=PinnedClock(at_local(DAY, time(18), ZONE))), store)


SENT = Verdict(Outcome.SENT, "202_0")


def test_a_delivered_receipt_becomes_evidence_for_each_account(desk):
    desk.send(SENT)
    desk.receipt("sms", "8")
    desk.receipt("sms", "1")
    assert desk.take() == {"accepted": 1, "delivered": 1}
    (told,) = desk.rows(outcome)
    assert (told.outcome, told.channel, told.at) == ("delivered", "sms", "2026-11-12T04:00:00Z")
    assert told.evidence_ref == desk.contacts()["sms"].contact_id
    with writing(desk.engine) as connection:
        record_evidence(connection, DAY, load_policy())
    (proof,) = desk.rows(evidence)
    assert (proof.kind, proof.counts, proof.account_id) == ("message_delivered", True, "A0")


def test_a_receipt_that_comes_again_changes_nothing(desk):
    desk.send(SENT)
    for _ in range(2):
        desk.receipt("sms", "1")
        desk.take()
    assert len(desk.rows(outcome)) == 1
    told = [row for row in desk.rows(audit_pending) if row.type == "contact.recorded"]
    assert len(told) == 1
    assert [file.suffix for file in (desk.spool / "taken").iterdir()] == [".json"]
    assert list(desk.spool.glob("*.json")) == []


def test_a_failed_receipt_is_an_outcome_and_never_counts(desk):
    desk.send(SENT)
    desk.receipt("sms", "2")
    assert desk.take() == {"not_delivered": 1}
    with writing(desk.engine) as connection:
        record_evidence(connection, DAY, load_policy())
    assert [(row.kind, row.counts) for row in desk.rows(evidence)] == [("message_failed", False)]
    assert desk.contacts()["sms"].state == "sent", "sent stays sent: it left"


@pytest.mark.parametrize(("kind", "state"), [("1", "sent"), ("8", "sent"), ("2", "rejected"), ("16", "rejected")])
def test_a_receipt_ends_a_doubt_and_nothing_is_sent_again(desk, kind, state):
    desk.send(in_doubt("no_reply"))
    assert desk.contacts()["sms"].state == "in_doubt"
    desk.receipt("sms", kind)
    desk.take()
    row = desk.contacts()["sms"]
    assert row.state == state
    assert [one.outcome for one in desk.rows(contact_attempt) if one.contact_id == row.contact_id] == [state]
    resolved = [json.loads(one.body) for one in desk.rows(audit_pending) if one.type == "action.resolved"]
    assert [(one["data"]["state"], one["actor"]) for one in resolved] == [(state, "system")]
    assert [gateway.got for gateway in desk.send(SENT)] == [[], []]


def test_an_outcome_from_the_feed_that_names_the_contact_ends_its_doubt(desk):
    desk.send(in_doubt("no_reply"))
    told = {"account_id": "A0", "party_id": "P0", "channel": "sms", "at": "2026-11-12T05:00:00Z"}
    with writing(desk.engine) as connection:
        connection.execute(
            outcome.insert().values(
                outcome_key="a" * 64, outcome="delivered", evidence_ref=desk.contacts()["sms"].contact_id, **told
            )
        )
    assert desk.take() == {"resolved": 1}
    assert desk.contacts()["sms"].state == "sent"


@pytest.mark.parametrize("name", ["bounce.eml", "new/1763.V1.mx", "cur/1763.V1.mx:2,S"])
def test_a_bounce_closes_a_doubt_and_is_never_evidence(desk, name):
    desk.send(in_doubt("no_reply"))
    desk.bounce(name=name)
    assert desk.take() == {"bounced": 1, "resolved": 1}
    assert desk.contacts()["email"].state == "rejected"
    (told,) = desk.rows(outcome)
    assert (told.outcome, told.channel, told.at) == ("bounced", "email", "2026-11-12T04:00:00Z")
    with writing(desk.engine) as connection:
        record_evidence(connection, DAY, load_policy())
    assert [row.counts for row in desk.rows(evidence)] == [False]


def test_a_bounce_that_quotes_no_message_is_known_by_its_envelope(desk):
    desk.send(in_doubt("no_reply"))
    key = desk.contacts()["email"].contact_id
    cut = BOUNCE.format(action="failed", message_id="").replace("Message-ID: \n", "")
    cut = cut.replace("Reporting-MTA:", f"Original-Envelope-Id: {key}\nReporting-MTA:")
    (desk.spool / "cut.eml").write_text(cut)
    assert desk.take() == {"bounced": 1, "resolved": 1}
    assert desk.contacts()["email"].state == "rejected"


def test_a_delay_or_a_reply_of_a_person_says_nothing(desk):
    desk.send(in_doubt("no_reply"))
    desk.bounce("delayed")
    reply = EmailMessage()
    reply["In-Reply-To"] = desk.contacts()["email"].message_id
    reply.set_content("action: failed")
    (desk.spool / "reply.eml").write_bytes(reply.as_bytes())
    assert desk.take() == {"refused": 2}
    assert desk.contacts()["email"].state == "in_doubt"
    assert len(list((desk.spool / "refused").iterdir())) == 2


def test_a_receipt_for_nothing_of_ours_changes_nothing(desk):
    desk.send(SENT)
    keep_receipt(desk.spool, {"contact": "b" * 64, "type": "1"})
    (desk.spool / "broken.json").write_text("{")
    (desk.spool / "list.json").write_text("[1]")
    assert desk.take() == {"refused": 2, "unknown": 1}
    assert desk.rows(outcome) == []


def test_a_gateway_whose_clock_is_wrong_moves_no_evidence_to_another_day(desk):
    desk.send(SENT)
    desk.receipt("sms", "1", at=NOON + 40 * 86_400)
    desk.receipt("email", "1", at=NOON - 40 * 86_400)
    desk.take()
    told = {row.channel: row.at for row in desk.rows(outcome)}
    assert told == {"sms": "2026-11-12T10:00:00Z", "email": "2026-11-12T02:00:00Z"}, "between sending and now"


def test_a_morning_leaves_the_receipts_of_its_own_day_for_the_next(desk):
    desk.send(SENT)
    desk.receipt("sms", "1")
    assert desk.take(before=DAY) == {}
    assert desk.take(before=NEXT) == {"delivered": 1}


@pytest.fixture
def door(tmp_path):
    """Open a door onto a spool, and return its address."""
    servers = []

    def opened(sms_url: str | None = None) -> str:
        server = open_door(tmp_path / "spool", "127.0.0.1", 0, Guard(SECRET, sms_url))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/receipts"

    yield opened
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def sealed(contact_id: str = "c" * 64) -> str:
    return f"contact={contact_id}&seal={seal(SECRET, contact_id)}"


def test_the_door_writes_down_only_what_names_a_message_of_ours(tmp_path, door):
    address = door()
    ours = f"{address}?{sealed()}&type=1&at={NOON}&to=13900000000"
    taken = [httpx.get(ours), httpx.get(ours)]
    twilio = {"MessageStatus": "delivered", "MessageSid": "SM1", "To": "+13900000000"}
    taken.append(httpx.post(f"{address}?{sealed()}", data=twilio))
    refused = httpx.get(f"{address}?{sealed('../../etc')}&type=1")
    assert [answer.status_code for answer in (*taken, refused)] == [204, 204, 204, 400]
    kept = [json.loads(file.read_text()) for file in (tmp_path / "spool").iterdir()]
    assert sorted(len(fields) for fields in kept) == [3, 3]
    assert not any("13900000000" in file.read_text() for file in (tmp_path / "spool").iterdir())


@pytest.mark.parametrize(
    "shown", ["", "&seal=", f"&seal={'0' * 32}", f"&seal={seal(SECRET, 'd' * 64)}", "&seal=%C3%A9"]
)
def test_a_receipt_without_the_seal_of_its_message_is_left_outside(tmp_path, door, shown):
    assert httpx.get(f"{door()}?contact={'c' * 64}&type=1{shown}").status_code == 403
    assert not (tmp_path / "spool").exists()


def test_a_receipt_cannot_speak_of_another_message_in_its_body(tmp_path, door):
    other = {"contact": "d" * 64, "MessageStatus": "delivered"}
    assert httpx.post(f"{door()}?{sealed()}", data=other).status_code == 204
    (kept,) = (json.loads(file.read_text()) for file in (tmp_path / "spool").iterdir())
    assert kept["contact"] == "c" * 64


def test_the_signature_of_the_twilio_shape_is_the_documented_one():
    guard = Guard(SECRET, "twilio+https://AC1:12345@api.example?receipts=https://mycompany.com/myapp.php")
    posted = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
              "To": "+18005551212"}  # fmt: skip
    assert guard._is_signed("foo=1&bar=2", urlencode(posted), "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    assert not guard._is_signed("foo=1&bar=3", urlencode(posted), "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
    assert not guard._is_signed("foo=1&bar=2", urlencode(posted | {"Digits": "1235"}), "RSOYDt4T1cUTdK1PDd93/VVr8B8=")


def test_a_gateway_that_signs_is_believed_only_with_its_signature(tmp_path, door):
    account, said = "twilio+https://AC1:t%20oken@api.example?receipts=https://us.example/receipts", b"delivered"
    address, fields = door(account), {"MessageStatus": said.decode(), "MessageSid": "SM1"}
    signed = f"https://us.example/receipts?{sealed()}MessageSidSM1MessageStatusdelivered".encode()
    signature = base64.b64encode(hmac.new(b"t oken", signed, hashlib.sha1).digest()).decode()
    shown = ({}, {"X-Twilio-Signature": signature[::-1]}, {"X-Twilio-Signature": signature})
    answers = [httpx.post(f"{address}?{sealed()}", data=fields, headers=one).status_code for one in shown]
    assert answers == [403, 403, 204]
    assert httpx.post(f"{door(account + '&signature=none')}?{sealed()}", data=fields).status_code == 204


def test_what_the_sender_puts_into_its_receipt_address_opens_the_door(tmp_path, door):
    asked: list[httpx.Request] = []
    address = door()

    def gateway(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(202, text="0: Accepted for delivery")

    channel = SmsChannel(f"kannel+http://gateway/x?receipts={address}", transport=httpx.MockTransport(gateway),
                         seal=partial(seal, SECRET))  # fmt: skip
    assert channel.send(Message("c" * 64, "zh", "13800000001", "", "您好", ""), lambda: True).outcome is Outcome.SENT
    given = asked[0].headers["X-Kannel-DLR-Url"].replace("%d", "1").replace("%T", str(NOON)).replace("%F", "77")
    assert httpx.get(given).status_code == 204


def test_the_secret_of_receipts_is_made_once_for_its_owner_only(rt):
    first, again = (secret_of(rt.settings, rt.entropy) for _ in range(2))
    path = rt.settings.home / "keys" / "receipts.key"
    assert (first, len(first), path.stat().st_mode & 0o777) == (again, 64, 0o600)
    path.chmod(0o644)
    with pytest.raises(PermanentFailure, match="may be read by others"):
        secret_of(rt.settings, rt.entropy)


def test_the_secret_of_receipts_can_be_handed_in_and_never_shows(rt):
    given = rt.settings.model_copy(update={"receipts_secret": "nobody can guess this"})
    assert secret_of(given, rt.entropy) == b"nobody can guess this"
    assert "guess" not in repr(given)
    with pytest.raises(BadArguments, match="too short"):
        secret_of(rt.settings.model_copy(update={"receipts_secret": "short"}), rt.entropy)


@pytest.mark.parametrize("text", ["", "13014", "host:", ":1", "host:99999", "host:x"])
def test_a_door_needs_an_address_and_a_port(text):
    with pytest.raises(BadArguments, match="--listen"):
        read_address(text)


def test_the_command_opens_the_door_onto_the_spool(tmp_path):
    secret = {"ARREARS_RECEIPTS_SECRET": SECRET.decode()}
    environment = os.environ | {"ARREARS_HOME": str(tmp_path), "NO_COLOR": "1"} | secret
    command = [Path(sys.executable).with_name("arrears"), "receive", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        address = process.stderr.readline().split()[-1]
        assert httpx.get(f"{address}?{sealed()}&type=1").status_code == 204
        process.terminate()
        process.communicate(timeout=20)
    assert len(list((tmp_path / "receipts").glob("*.json"))) == 1


# --- the steps of the day ---


@pytest.fixture
def office(desk: Desk) -> Iterator[Desk]:
    people = [("S9", "supervisor"), ("S8", "collector")]
    with writing(desk.engine) as connection:
        connection.execute(
            staff.insert(),
            [
                {"staff_id": name, "name": name, "roles": role, "skills": "", "dialects": "", "branch": "B"}
                for name, role in people
            ],
        )
        connection.execute(run.update().values(rehearsal=True))
    return desk


def test_a_doubt_is_put_before_a_supervisor_once_and_taken_back_when_a_receipt_comes(office):
    office.send(in_doubt("no_reply"))
    assert [receipts.ask_about_doubts(office.rt, RUN) for _ in range(2)] == [2, 0]
    waiting = list_open(office.engine)
    assert {(one.kind, one.missing) for one in waiting} == {("in_doubt", ("supervisor",))}
    assert {one.requested_on for one in waiting} == {DAY}
    office.receipt("sms", "1")
    office.bounce()
    rt = replace(office.rt, attempt=RunKey(run_id="x"))
    opened = intake.open_intake(rt, Request(rt.clock.now()))
    assert intake.import_receipts(rt, opened) == {"bounced": 1, "delivered": 1, "resolved": 2}
    assert list_open(office.engine) == []


@pytest.mark.parametrize(("decision", "state"), [("approve", "sent"), ("refuse", "rejected")])
def test_a_named_supervisor_ends_a_doubt_and_nothing_is_sent_again(office, decision, state):
    office.send(in_doubt("no_reply"))
    receipts.ask_about_doubts(office.rt, RUN)
    question = next(one for one in list_open(office.engine) if one.subject_key == office.contacts()["sms"].contact_id)
    with pytest.raises(BadArguments, match="none of the roles"):
        vote_from_shell(office.rt.settings, question.approval_id, "S8", "looked", decision)
    _, next_step = vote_from_shell(office.rt.settings, question.approval_id, "S9", "called the gateway", decision)
    assert next_step
    assert office.contacts()["sms"].state == state
    resolved = [json.loads(one.body) for one in office.rows(audit_pending) if one.type == "action.resolved"]
    sealed = resolved or _sealed(office)
    assert [(one["actor"], one["data"]["state"]) for one in sealed] == [("S9", state)]
    assert receipts.ask_about_doubts(office.rt, RUN) == 0, "the other is asked about already, this one is closed"
    assert [gateway.got for gateway in office.send(SENT)] == [[], []]


def _sealed(desk: Desk) -> list[dict[str, object]]:
    from arrears.store.tables.audit import audit_event

    return [body for row in desk.rows(audit_event) if (body := json.loads(row.body))["type"] == "action.resolved"]


def test_the_sandbox_says_that_each_message_was_delivered(tmp_path, rt):
    with SmsSandbox(tmp_path / "sms", rt.clock, tmp_path / "receipts") as sandbox:
        channel = SmsChannel(sandbox.url)
        message = Message("c" * 64, "zh", "13800000001", "", "您好", "")
        assert channel.send(message, lambda: True).outcome is Outcome.SENT
        channel.close()
    (kept,) = (tmp_path / "receipts").glob("*.json")
    assert json.loads(kept.read_text()) == {"contact": "c" * 64, "type": "1", "at": "1794448800"}
