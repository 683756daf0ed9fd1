"""The opening of a digest: a few sentences a colleague would say, seven figures at most before the first table."""

from collections import Counter

from arrears.ladder.policy import Policy
from arrears.reports.figures import Figures
from arrears.reports.money_text import percent, short_all
from arrears.reports.scope import LEGAL_DESK
from arrears.reports.wording import Words

MOST_FIGURES = 7
UNFINISHED = ("held", "failed")

Sentence = tuple[str, int]
"""What is said, and how many figures it holds."""


def opening(figures: Figures, role: str, words: Words, policy: Policy) -> list[str]:
    """Return the sentences of a role in their order, as many as seven figures allow."""
    said: list[str] = []
    used = 0
    for text, count in _SENTENCES[role](figures, words, policy):
        if used + count <= MOST_FIGURES:
            said.append(text)
            used += count
    return said


def _manager(figures: Figures, words: Words, policy: Policy) -> list[Sentence]:
    found = _recovery(figures, words, policy)
    rest = _counted(words, "promises_today", figures.promises_due_count)
    rest += _counted(words, "stopped", figures.stopped_calls)
    rest += _lapsing(figures, words, policy)
    found += _first_calls(figures, words, sum(count for _, count in found + rest) < MOST_FIGURES)
    found += rest
    found += _counted(words, "in_doubt", len(figures.in_doubt))
    found += _counted(words, "exceptions", len(figures.exceptions))
    found += _counted(words, "planned", figures.today.count("planned", "claimed", "sending", "sent"))
    return found


def _first_calls(figures: Figures, words: Words, there_is_room: bool) -> list[Sentence]:
    """Point at the table of first calls, with their number where seven figures leave room for it."""
    if not figures.tasks:
        return []
    if there_is_room:
        return [(words("lead.call_first", n=len(figures.tasks)), 1)]
    return [(words("lead.call_these"), 0)]


def _collector(figures: Figures, words: Words, _policy: Policy) -> list[Sentence]:
    tasks = len(figures.tasks)
    found: list[Sentence] = [(words("lead.call_first", n=tasks), 1)] if tasks else [(words("lead.no_calls"), 0)]
    found += _counted(words, "promises_today", len(figures.promises_due))
    return found + _counted(words, "stopped", figures.stopped_calls)


def _legal(figures: Figures, words: Words, policy: Policy) -> list[Sentence]:
    total = sum(figures.packets.values())
    found: list[Sentence] = []
    if total:
        found.append((words("lead.packets", n=total, ready=figures.packets["ready"]), 2))
    lacking = [len(line.missing) for line in figures.packet_lines if line.missing]
    if lacking:
        found.append((words("lead.nearest", n=min(lacking)), 1))
    found += _counted(words, "approvals", sum(line.count for line in figures.approvals))
    found += _counted(words, "letters", figures.tasks_by_staff.get(LEGAL_DESK, Counter()).total())
    return found + _lapsing(figures, words, policy)


def _auditor(figures: Figures, words: Words, _policy: Policy) -> list[Sentence]:
    found = _counted(words, "runs", len(figures.week.runs))
    found += _counted(words, "held_runs", sum(run.status in UNFINISHED for run in figures.week.runs))
    found += _counted_or_none(words, "overrides", len(figures.week.overrides))
    found += _counted_or_none(words, "in_doubt", len(figures.in_doubt))
    return found + _counted(words, "stopped", figures.stopped_calls)


def _counted_or_none(words: Words, name: str, count: int) -> list[Sentence]:
    """Say also that there is none: what is merely absent from a mail proves nothing to an auditor."""
    return _counted(words, name, count) or [(words(f"lead.no_{name}"), 0)]


_SENTENCES = {"manager": _manager, "collector": _collector, "legal": _legal, "auditor": _auditor}


def _counted(words: Words, name: str, count: int) -> list[Sentence]:
    return [(words(f"lead.{name}", n=count), 1)] if count else []


def _recovery(figures: Figures, words: Words, policy: Policy) -> list[Sentence]:
    main = figures.recovery.get(policy.currency)
    if main is None:
        return [(words("lead.recovery_unknown"), 0)]
    found: list[Sentence] = []
    if main.recovered_yesterday_minor is not None:
        amounts = {currency: line.recovered_yesterday_minor or 0 for currency, line in figures.recovery.items()}
        text = short_all(amounts, policy.currency, words.language)
        found.append((words("lead.recovered_yesterday", amount=text), 1))
    if figures.pace.recovered is None:
        return found
    rate = percent(figures.pace.recovered)
    if not figures.pace.expected and figures.recovered_before is not None:
        before = percent(figures.recovered_before), percent(figures.pace.target)
        found.append((words("lead.recovered_before", rate=before[0], target=before[1]), 2))
    elif main.since.day == 1:
        found.append((words("lead.recovered_month", rate=rate, expected=percent(figures.pace.expected)), 2))
    else:
        found.append((words("lead.recovered_since", rate=rate, date=main.since.isoformat()), 1))
    return found


def _lapsing(figures: Figures, words: Words, policy: Policy) -> list[Sentence]:
    found: list[Sentence] = []
    for name, total in figures.lapsing.items():
        if total.count:
            amount = short_all(total.amount, policy.currency, words.language)
            found.append((words(f"lead.{name}", n=total.count, amount=amount), 2))
    return found
