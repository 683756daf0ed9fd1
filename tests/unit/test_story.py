"""The story of an account in business words, and the page that answers a complaint."""

import io
import re
from datetime import date

import pytest
from pypdf import PdfReader

from arrears.core.errors import CannotTell
from arrears.ladder.layers import load_policy
from arrears.proof.prove import CHECKS
from arrears.proof.why import why_page
from arrears.reports.story import tell
from arrears.reports.wording import words

HASH = "ab" * 32
DAY = "2026-11-12"


def contact(step: str, channel: str, state: str, reason: str | None = None, sent_at: str | None = None) -> dict:
    return {
        "step": step,
        "channel": channel,
        "audience": "borrower",
        "state": state,
        "reason": reason,
        "sent_at": sent_at,
    }


@pytest.fixture
def story() -> dict:
    return {
        "account_id": "A7",
        "business_date": DAY,
        "evidence": [
            {"kind": "message_delivered", "counts": True, "local_date": "2026-11-03", "came_later": False},
            {"kind": "message_delivered", "counts": True, "local_date": "2026-11-10", "came_later": False},
            {"kind": "message_failed", "counts": False, "local_date": "2026-11-05", "came_later": False},
            {"kind": "call_answered", "counts": True, "local_date": "2026-11-11", "came_later": True},
            {"kind": "visit_reported", "counts": True, "local_date": "2026-08-11", "came_later": False},
        ],
        "afterwards": {
            "decisions": [
                {"business_date": "2026-11-13", "stage": 3, "rung": 2},
                {"business_date": "2026-11-14", "stage": 3, "rung": 2},
                {"business_date": "2026-11-16", "stage": 3, "rung": 3},
            ],
            "outcomes": [{"at": "2026-11-13T03:00:00Z", "channel": "call", "outcome": "promised"}],
        },
        "standing": {
            "undecided": None,
            "episode_due": "2026-09-03",
            "overdue_instalments": 3,
            "overdue_minor": 12_345_67,
            "days_past_due": 70,
            "currency": "CNY",
        },
        "decision": {
            "rung": 2,
            "entitled_rung": 4,
            "unlocked_rung": 2,
            "reasons": ["stage_3", "held_back_by_evidence"],
            "gates": [
                {"name": "2:reminder_delivered", "passed": True, "detail": "3 of 1"},
                {"name": "3:call_attempts", "passed": False, "detail": "1 of 3"},
                {"name": "4:letter_cure_days", "passed": False, "detail": "-1 of 10 days since it arrived"},
                {"name": "4:no_open_promise", "passed": False, "detail": "an open promise blocks the hand-off"},
            ],
        },
        "lanes": [{"lane": "good_faith", "from_on": "2026-10-02"}, {"lane": "high_risk", "from_on": "2026-11-09"}],
        "contacts": [
            contact("borrower_call", "call", "sent", sent_at="2026-11-12T02:00:00Z"),
            contact("arrears_sms", "sms", "withheld", "daily_cap"),
        ],
        "not_planned": [
            {"step": "visit", "reason": "hold_dispute"},
            {"step": "visit", "reason": "evidence_missing"},
        ],
        "holds": [{"kind": "dispute", "from_on": "2026-11-01", "until_on": None, "came_later": False}],
        "promises": [
            {
                "made_on": "2026-11-02",
                "due_on": "2026-11-20",
                "amount_minor": 500_00,
                "state": "open",
                "became": None,
                "came_later": False,
            }
        ],
        "not_as_told": [],
        "packet": {
            "version": 2,
            "state": "draft",
            "reasons": [],
            "missing": ["demand_served"],
            "chosen_remedy": None,
            "clocks": [],
            "approvals": [],
        },
        "clocks": [
            {
                "name": "guarantee",
                "party_id": "G1",
                "expires_on": "2026-12-02",
                "assumption": "from_last_instalment",
                "preserved_on": "",
            }
        ],
        "orders": [],
        "filings": [],
        "lineage": {
            "policy": {"id": "cn", "version": "1.0", "sha256": HASH},
            "run_id": "daily-2026-11-12-1",
            "ledger_row_sha256": HASH,
            "row_sha256": HASH,
            "as_told": True,
            "code": {"version": "0.1.0", "id": "abc"},
        },
    }


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_check_of_the_proof_has_a_name_and_a_rule_in_words(language: str):
    say = words(language)
    for name, *_ in CHECKS:
        said = f"{say(f'proof.{name}.name')} {say(f'proof.{name}.rule')}"
        assert not re.search(r"[a-z]_[a-z]", said)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_story_is_told_without_a_single_code(story, language: str):
    told = tell(story, words(language), "Asia/Shanghai")
    said = " ".join([told.head, *(line for part in told.sections for line in (part.title, *part.lines))])
    assert not re.search(r"[a-z]_[a-z]", said)
    assert words(language)("unknown") not in said


def test_days_are_not_counted_since_a_letter_that_never_arrived(story):
    told = [line for part in tell(story, words("en"), "Asia/Shanghai").sections for line in part.lines]
    assert "level 4 (court and recovery) lacks: days since the letter arrived (there is none)" in told


def test_what_was_on_record_is_counted_kind_by_kind_as_far_as_it_was_known_and_of_this_episode(story):
    [lines] = [part.lines for part in tell(story, words("en"), "Asia/Shanghai").sections if "on record" in part.title]
    assert lines == (
        "message delivered: 2 times, last on 2026-11-10",
        "message not delivered: once, on 2026-11-05, which counts for nothing",
    )


def test_what_followed_is_told_once_for_each_change_and_result_in_the_order_of_days(story):
    [lines] = [part.lines for part in tell(story, words("en"), "Asia/Shanghai").sections if "followed" in part.title]
    assert [line.split(":")[0] for line in lines] == ["2026-11-13", "2026-11-13", "2026-11-16"]
    assert "Call · promised to pay" in lines[1]


def test_a_hold_that_was_over_is_told_as_that_and_one_the_system_found_itself_is_not_left_out(story):
    over = {"kind": "hardship", "from_on": "2026-10-01", "until_on": "2026-10-20", "came_later": False}
    told = story | {"holds": [over], "decision": story["decision"] | {"facts": {"hard_holds": ["plan"]}}}
    [lines] = [part.lines for part in tell(told, words("en"), "Asia/Shanghai").sections if "Holds" in part.title]
    assert lines[0].endswith("(over by then)")
    assert lines[1].startswith("plan being kept")


@pytest.mark.parametrize("why", ["quiet", "missing", "closed", "no_run"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_day_on_which_nothing_was_decided_says_why(story, language, why):
    standing = {"undecided": why, "currency": "CNY"}
    told = tell(story | {"decision": None, "lineage": None, "standing": standing}, words(language), "Asia/Shanghai")
    assert told.head == words(language)(f"story.undecided.{why}", account="A7", date=DAY)
    assert told.sections, "what is known is told all the same"
    assert not told.sources


def test_a_call_given_to_a_collector_is_not_told_as_made(story):
    done = next(part for part in tell(story, words("zh"), "Asia/Shanghai").sections if part.title == "做了什么")
    assert done.lines == (
        "承租人电话 · 承租人 · 已派给经办人 · 2026-11-12 10:00",
        "逾期短信 · 承租人 · 已拦下 · 今天次数已达上限",
    )


def test_what_was_not_done_stands_once_with_all_its_reasons(story):
    told = tell(story, words("en"), "Asia/Shanghai")
    section = next(part for part in told.sections if part.title == "What was not done, and why")
    assert section.lines == ("visit: on hold: dispute, earlier steps are not yet documented",)


def test_a_day_on_which_nothing_was_done_and_nothing_left_out_says_both(story):
    told = tell(story | {"contacts": [], "not_planned": []}, words("zh"), "Asia/Shanghai")
    said = {part.title: part.lines for part in told.sections}
    assert said["做了什么"] == ("这一天没有联系任何人。",)
    assert said["没有做什么，为什么"] == ("这一天没有该做而没有做的步骤。",)


def test_the_next_level_says_what_was_found_against_what_is_asked(story):
    told = tell(story, words("zh"), "Asia/Shanghai")
    section = next(part for part in told.sections if part.title == "升级还差什么")
    assert section.lines[0] == "第3级（上门与律师函）还差：电话尝试次数（1/3）"


def test_the_page_stays_one_page_however_long_the_story_and_is_the_same_bytes_again(story, tmp_path):
    story["contacts"] = [contact("arrears_sms", "sms", "withheld", "daily_cap")] * 60
    first = why_page(tmp_path, story, load_policy(), "zh")
    reader = PdfReader(io.BytesIO(first))
    assert len(reader.pages) == 1
    assert "另有 46 行" in reader.pages[0].extract_text()
    assert why_page(tmp_path, story, load_policy(), "zh") == first


def test_a_decision_that_is_not_what_the_log_was_told_is_told_with_a_warning_first(story):
    story["lineage"]["as_told"] = False
    assert tell(story, words("zh"), "Asia/Shanghai").head.startswith("与审计日志不符")


def test_a_day_without_a_decision_has_no_page(story, tmp_path):
    story["decision"] = None
    with pytest.raises(CannotTell, match="A7"):
        why_page(tmp_path, story, load_policy(), "zh")
    assert date.fromisoformat(DAY).isoformat() in tell(story, words("en"), "Asia/Shanghai").head


def test_a_contact_that_is_not_as_the_log_was_told_stands_with_what_the_log_says(story):
    story["not_as_told"] = [
        {"what": "contact", "key": HASH, "told": "rejected", "stands": "sent"},
        {"what": "suppression", "key": HASH, "told": "left_out", "stands": None},
    ]
    told = tell(story, words("en"), "Asia/Shanghai")
    assert told.head.startswith("NOT AS THE LOG WAS TOLD")
    section = next(part for part in told.sections if part.title == "Not as the log was told")
    assert section.lines == ("the log: refused; the table: sent", "the log: not planned; the table: no record")
