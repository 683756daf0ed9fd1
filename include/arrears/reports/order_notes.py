"""Why an order came back, was closed or is kept back, in words: a state alone leaves people guessing."""

from arrears.reports.wording import Words


def why_ended(reason: str, words: Words) -> str:
    """Say why an approval or order ended: a hold by its kind, anything else by its own word."""
    return words.reason(reason) if reason.startswith("hold_") else words.label("order_note", reason)


def note_of(recalled: str | None, closed: str | None, blocked_by: str | None, words: Words) -> str:
    """Say why an order came back or was closed, or else what keeps one back that has not left."""
    reason = recalled or closed
    return why_ended(reason, words) if reason else blocked(blocked_by or "", words)


def blocked(failed: str, words: Words) -> str:
    """Say failed checks (``C3 hold_promise, hold_dispute; C9 location_too_old``) in words, without their numbers."""
    return words("list_mark").join(_check(one, words) for one in failed.split("; "))


def _check(said: str, words: Words) -> str:
    details = [part for part in said.partition(" ")[2].split(", ") if part]
    return words("list_mark").join(
        words.reason(part) if part.startswith("hold_") else words.label("check", part) for part in details
    )
