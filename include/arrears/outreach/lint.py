"""What every notice must say and none may: checked on each text before it leaves."""

from html import unescape

from arrears.ladder.policy import Policy
from arrears.outreach.notice import Notice

STATEMENTS = {
    "zh": {
        "part_payment": "部分还款",
        "dispute": "异议",
        "complaint": "投诉",
        "no_fee": "不收取任何催收费用",
        "help": "困难",
    },
    "en": {
        "part_payment": "part of it",
        "dispute": "dispute",
        "complaint": "complain",
        "no_fee": "no fee for collection",
        "help": "difficult",
    },
}
"""The words by which a required statement is recognised, per language."""

SPOKEN = ("call", "visit", "senior_contact")
"""Channels whose text somebody says: the number and the rules of what is said stand in the record, not on the list."""

CONSEQUENCE_WORDS = {
    "zh": {"late_charges": ("罚息", "违约金"), "credit_report": ("征信",), "legal_action": ("诉讼", "起诉", "法院")},
    "en": {
        "late_charges": ("late charges", "default interest"),
        "credit_report": ("credit record", "credit report"),
        "legal_action": ("court", "legal action", "lawsuit"),
    },
}
"""The words by which a named consequence is recognised."""


def lint(text: str, notice: Notice, policy: Policy) -> list[str]:
    """Return what is wrong with a text: missing statements, banned words, consequences that are not true here."""
    said = unescape(text).lower()
    own = said.replace(notice.name.lower(), "") if notice.name else said
    stated = STATEMENTS[notice.language].items()
    missing = [f"missing_{name}" for name, word in stated if word not in said and name not in _moot(notice)]
    missing += [f"missing_{name}" for name, value in _required(notice).items() if value.lower() not in said]
    missing += [
        "missing_amount"
        for line in notice.lines
        if line.account.lower() not in said or (line.amount not in said and not line.is_settled)
    ]
    words = {str(language): banned for language, banned in policy.notices.banned_words.items()}
    banned = ["banned_word" for word in words.get(notice.language, []) if word.lower() in own]
    empty = [
        f"empty_threat_{name}"
        for name, signs in CONSEQUENCE_WORDS[notice.language].items()
        if name not in notice.consequences and any(word in own for word in signs)
    ]
    return sorted(set(missing + banned + empty))


def _moot(notice: Notice) -> tuple[str, ...]:
    """Return what a text need not say: thanks ask for nothing, and nobody reads out a version of the rules."""
    thanks = ("part_payment", "payment") if notice.only_thanks else ()
    return (*thanks, "policy") if notice.channel in SPOKEN else thanks


def _required(notice: Notice) -> dict[str, str]:
    stated = {f"statement_{number}": text for number, text in enumerate(notice.statements, start=1)}
    required = stated | {
        "creditor": notice.creditor,
        "complaint_line": notice.complaint_line,
        "help_line": notice.help_line,
        "payment": notice.pay_link or notice.payment_account,
        "policy": notice.policy_stamp,
    }
    required = {name: value for name, value in required.items() if name not in _moot(notice)}
    return required | {f"total_{currency}": amount for amount, currency in notice.totals}
