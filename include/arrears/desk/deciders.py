"""Who may answer a question of the desk: they get its form, everybody else reads whose answer it waits for."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from arrears.approvals.questions import OpenApproval, votes_of
from arrears.ladder.staff import collected_by, roles_of
from arrears.reports.wording import Words
from arrears.store.tables.feeds import visit_request


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page: the user id, and whether their login may decide anything at all."""

    user: str
    decides: bool


def kept_from(
    connection: Connection, visitor: Visitor, asked: Sequence[OpenApproval], on: date, say: Words
) -> dict[str, str]:
    """Return, by question, what a visitor reads in the place of a form; a question that is theirs has no entry."""
    held = roles_of(connection, visitor.user)
    mine = collected_by(connection, visitor.user, [one.account_id for one in asked if one.account_id], on)
    spoken = _spoken(connection, visitor.user, [one.approval_id for one in asked])
    told: dict[str, str] = {}
    for one in asked:
        who = named(one.missing, say)
        if one.approval_id in spoken:
            told[one.approval_id] = say("desk.you_answered", who=who)
        elif one.account_id in mine:
            told[one.approval_id] = say("desk.you_collect", who=who)
        elif not visitor.decides or held.isdisjoint(one.missing):
            told[one.approval_id] = say("desk.they_answer", who=who)
    return told


def kept_from_choosing(
    connection: Connection, visitor: Visitor, account_id: str, roles: Collection[str], on: date, say: Words
) -> str | None:
    """Return what a visitor reads in the place of the form that chooses a remedy; None for who may choose."""
    if collected_by(connection, visitor.user, [account_id], on):
        return say("desk.you_collect", who=named(roles, say))
    return None if may_choose(connection, visitor, roles) else say("desk.they_choose", who=named(roles, say))


def may_choose(connection: Connection, visitor: Visitor, roles: Iterable[str]) -> bool:
    """Say whether a visitor has one of the roles that choose a remedy, and a login that may decide."""
    return visitor.decides and not roles_of(connection, visitor.user).isdisjoint(roles)


def named(roles: Iterable[str], say: Words) -> str:
    """Return roles in words."""
    return say("list_mark").join(say.label("role", role) for role in roles)


def _spoken(connection: Connection, user: str, ids: Sequence[str]) -> set[str]:
    """Return the questions that somebody has answered already, or asked: another pair of eyes must look."""
    votes = votes_of(connection, ids)
    answered = {name for name, given in votes.items() if any(vote.staff_id == user for vote in given)}
    asked = select(visit_request.c.visit_request_key).where(
        visit_request.c.visit_request_key.in_(ids), visit_request.c.asked_by == user
    )
    return answered | set(connection.execute(asked).scalars())
