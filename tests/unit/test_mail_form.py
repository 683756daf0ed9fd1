"""A mail is the one the standard library would write, whatever is done faster here."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from arrears.core.clock import PinnedClock
from arrears.ladder.layers import load_policy
from arrears.outreach import mail_form
from arrears.outreach.mail_form import BOUNDARY, LONGEST_LINE, SEVEN_BIT, MailForm
from arrears.outreach.message import Message

KEY = "a" * 64
CHINESE = Message(KEY, "zh", "zhang@example.com", "提醒", "您好\n.\n..点\n\n再见", "<p>您好</p>\r\n<p>𠮷</p>")
PART = b"MIME-Version"


@pytest.fixture
def form() -> MailForm:
    return MailForm(load_policy(), PinnedClock(datetime(2026, 11, 12, 2, tzinfo=UTC)))


@pytest.mark.parametrize("text", [CHINESE.text, "长" * 500, "点。\n" * 200, "\n", "é\r\nb\rc"])
def test_a_chinese_mail_is_byte_for_byte_what_the_library_writes(form, text):
    message = replace(CHINESE, text=text + "字", html=f"<p>{text}字</p>")
    library = EmailMessage(policy=SEVEN_BIT)
    mail_form._add_parts(library, message)
    written = form.write(message)
    assert written[written.index(PART) :] == library.as_bytes()


@pytest.mark.parametrize("subject", ["提醒", "逾" * 70, "a" * 30 + "𠮷" * 30, "é" * 10 + " b " * 20, "plain " * 30])
def test_a_subject_arrives_whole_on_lines_that_every_server_takes(form, subject):
    written = form.write(replace(CHINESE, subject=subject.strip()))
    head = written[written.index(b"Subject") : written.index(b"\r\nDate")].decode("ascii")
    assert max(map(len, head.split("\r\n"))) <= LONGEST_LINE
    assert message_from_bytes(written, policy=default)["Subject"] == subject.strip()


def test_a_line_break_in_a_subject_is_refused(form):
    with pytest.raises(ValueError, match="linefeed"):
        form.write(replace(CHINESE, subject="提醒\r\nBcc: everybody@example.com"))


@pytest.mark.parametrize("text", [f"Dear\n--{BOUNDARY}\nContent-Type: text/html\n\n<a>", f"您好\n--{BOUNDARY}--\n再见"])
def test_a_text_that_holds_the_line_between_the_parts_still_arrives_whole(form, text):
    mail = message_from_bytes(form.write(replace(CHINESE, text=text)), policy=default)
    parts = [part.get_content_type() for part in mail.iter_parts()]
    assert parts == ["text/plain", "text/html"]
    assert mail.get_body(("plain",)).get_content().splitlines() == text.splitlines()
