"""What the store replies to who decides or asks on the desk is told in the reader's language, all of it."""

import ast
import inspect
from types import ModuleType

import pytest

from arrears.approvals import remedy, votes
from arrears.desk import evidence, today
from arrears.desk.phrases import phrase
from arrears.ladder import visit_requests
from arrears.proof import ask
from arrears.reports.wording import words
from arrears.steps import approvals, overrides, receipts, visits

REFUSING = (votes, remedy, visits, visit_requests, overrides, ask, evidence, today)
REFUSALS = {"BadArguments", "BadInput", "NotThere"}
REPLYING = (approvals.vote_on_the_desk, approvals._way_out, overrides.apply, receipts.carry_out)


def filled(text: ast.expr) -> list[str]:
    """Return a sentence as it is said, with a stand-in for what is filled in."""
    if isinstance(text, ast.Constant):
        return [text.value] if isinstance(text.value, str) else []
    if isinstance(text, ast.IfExp):
        return [*filled(text.body), *filled(text.orelse)]
    if isinstance(text, ast.BoolOp):
        return [sentence for one in text.values for sentence in filled(one)]
    if not isinstance(text, ast.JoinedStr):
        return []
    parts = [
        part.value if isinstance(part, ast.Constant) else "'x1'" if part.conversion == ord("r") else "x1"
        for part in text.values
    ]
    return ["".join(parts)]


def refusals_of(module: ModuleType) -> list[str]:
    calls = (node.exc for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Raise))
    said = (call.args[0] for call in calls if isinstance(call, ast.Call) and call.func.id in REFUSALS)
    return [sentence for one in said for sentence in filled(one)]


def replies() -> list[str]:
    found = [approvals.VISIT_NEXT, approvals.RECORDED.format(votes.Voted("", "legal", "open", None))]
    for function in REPLYING:
        for node in ast.walk(ast.parse(inspect.getsource(function))):
            if isinstance(node, ast.Return) and node.value is not None:
                found += filled(node.value)
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_refusal_and_every_next_step_of_the_desk_has_its_words(language):
    said = [sentence for module in REFUSING for sentence in refusals_of(module)] + replies()
    assert len(said) > 35
    assert [one for one in said if phrase("reply", one, words(language)) is None] == []


def test_what_is_filled_into_a_reply_is_told_in_words():
    told = phrase("reply", "staff 'X-1' has none of the roles still needed: legal, risk", words("zh"))
    assert told == "X-1 不担任还需要的岗位：法务、风险。"
    assert phrase("reply", "recorded as legal: open", words("zh")) == "已记下法务的意见；还等别人。"
    void = phrase("reply", "approval 0123 is void: hold_dispute; it is asked anew once it may leave", words("zh"))
    assert void is not None
    assert "争议" in void
    back = phrase("reply", "RO-1 does not leave yet: C3 hold_promise; C9 location_too_old", words("en"))
    assert back == "RO-1 does not leave yet: on hold: promise, position too old."
