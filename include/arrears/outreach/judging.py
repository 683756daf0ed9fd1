"""What becomes of a claimed contact at its gates: refused, or ready with the words it will say."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arrears.ladder.contact_days import INTERNAL
from arrears.ladder.policy import Policy
from arrears.outreach.claims import Claim, Intent
from arrears.outreach.gates import SendFacts, check
from arrears.outreach.lint import lint
from arrears.outreach.message import Message
from arrears.outreach.notice import notice_of, payload_sha256
from arrears.outreach.render import render, template_sha256
from arrears.outreach.slots import WORK_LIST
from arrears.outreach.sms_length import segments

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed contact that passed its gates; a work-list item is issued, so it carries no message."""

    claim: Claim
    facts: SendFacts
    dropped: Mapping[str, str]
    message: Message | None
    payload_sha256: str

    def intent(self, message_id: str | None = None) -> Intent:
        """Return what is written down before it leaves."""
        return Intent(self.claim, self.payload_sha256, message_id, self.said())

    def said(self) -> dict[str, Any]:
        """Return what the event of an intent tells: subjects, items that stay behind, restated amounts, SMS parts."""
        subjects = {one.subject_ref for one in self.facts.items if one.item_key not in self.dropped}
        dropped = {"dropped": dict(sorted(self.dropped.items()))} if self.dropped else {}
        restated = {"amounts": dict(sorted(amounts.items()))} if (amounts := self.amounts()) else {}
        text = self.message.text if self.message is not None and self.facts.channel == "sms" else ""
        parts = {"segments": segments(text)} if text else {}
        return {"subjects": sorted(subjects)} | dropped | restated | parts

    def amounts(self) -> dict[str, int]:
        """Return what items say now instead of what was planned: a part was paid, or a newer ledger says otherwise."""
        items = (one for one in self.facts.items if one.item_key not in self.dropped)
        return {one.item_key: one.amount_minor for one in items if one.amount_minor != one.planned_minor}


@dataclass(frozen=True, slots=True)
class Refused:
    """A claimed contact that a gate refused."""

    claim: Claim
    reason: str
    dropped: Mapping[str, str]


def judge(claim: Claim, facts: SendFacts, policy: Policy, now: datetime) -> Ready | Refused:
    """Ask every gate of a contact and write its message, unless the lint refuses the words."""
    checked = check(facts, policy, now)
    if checked.reason:
        return Refused(claim, checked.reason, checked.dropped)
    row = claim.row
    notice = notice_of(facts, checked.dropped, row.language, policy)
    template = template_sha256(row.language, row.channel)
    payload = payload_sha256(facts, checked.dropped, notice, template, policy.sha256)
    if row.channel in INTERNAL:
        return Ready(claim, facts, checked.dropped, None, payload)
    texts = render(notice)
    findings = [lint(text, notice, policy) for text in (texts.text, texts.html) if text]
    if any(findings):
        LOG.error("contact %s refused by the lint: %s", claim.contact_id[:12], findings)
        return Refused(claim, "text_refused", checked.dropped)
    if row.channel in WORK_LIST:  # the script is read from the list, with the amounts of that moment
        return Ready(claim, facts, checked.dropped, None, payload)
    to = re.sub(r"[ -]", "", facts.point) if row.channel == "sms" else facts.point
    message = Message(claim.contact_id, row.language, to, texts.subject, texts.text, texts.html, notice.may_opt_out)
    return Ready(claim, facts, checked.dropped, message, payload)
