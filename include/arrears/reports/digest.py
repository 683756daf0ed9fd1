"""The morning mail: one page a reader, built from the store alone, kept as a file, sent by the steps.

The day's run decides which of three mails it is: the morning digest; the ledger held or late, which says why and
carries over what is still to do; or the run failed.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from sqlalchemy import Engine, func, select

from arrears.audit.user_actions import are_collected
from arrears.core.keys import natural_key, sha256
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy, Recipient
from arrears.reports.artefacts import keep
from arrears.reports.delivery import Attachment, attachments_of
from arrears.reports.figures import Figures, collect
from arrears.reports.load import keep_load
from arrears.reports.months import keep_recovery
from arrears.reports.mornings import Morning, keep_morning
from arrears.reports.opening import opening
from arrears.reports.page import Bar, Page
from arrears.reports.rendering import render
from arrears.reports.sections import CARRIED_OVER, SECTIONS
from arrears.reports.tables import Tables
from arrears.reports.wording import Words, words
from arrears.reports.work import staff_of_mail
from arrears.store.engine import reading, writing
from arrears.store.tables.decisions import decision

Kind = Literal["morning", "held", "failed"]
Seen = dict[tuple[str | None, str | None], tuple[Kind, Figures, date | None]]
"""The morning of each branch and collector, worked out once for all their readers."""


@dataclass(frozen=True)
class DigestMail:
    """One mail to one reader, ready to send once; ``digest_key`` is what makes it once."""

    digest_key: str
    recipient: str
    subject: str
    text: str
    html: str
    attachments: list[Attachment]
    business_date: date
    delivery_no: int
    kind: Kind
    role: str
    language: str
    branch: str
    artefact: str

    @property
    def recipient_sha256(self) -> str:
        """Return the hash under which the recipient is remembered."""
        return sha256(self.recipient.lower().encode())

    @property
    def html_sha256(self) -> str:
        """Return the hash of what was shown."""
        return sha256(self.html.encode())


def build_digests(
    rt: Runtime,
    engine: Engine,
    run_id: str,
    business_date: date,
    policy: Policy,
    checkpoint: str,
    *,
    failure: bool = False,
) -> list[DigestMail]:
    """Build the mail of every recipient the policy names; keep each as a file, and what the desk shows; send nothing.

    ``checkpoint`` is the signed note of the log, printed at the foot. ``failure`` says that the run broke off: the
    failure path calls this itself and depends on no task of the day.
    """
    seen: Seen = {}
    with reading(engine) as connection:
        collected = are_collected(connection)
    mails = []
    _keep_house(rt, engine, run_id, business_date, policy, seen, failure)
    for recipient in policy.digest.recipients:
        key = (recipient.branch, _staff_of(engine, recipient))
        if key not in seen:
            seen[key] = _morning(rt, engine, run_id, business_date, policy, *key, failure)
        if _is_due(recipient, business_date, seen[key][0]):
            mails.append(_mail(rt, engine, recipient, policy, checkpoint, collected, *seen[key]))
    return mails


def _keep_house(rt: Runtime, engine: Engine, run_id: str, day: date, policy: Policy, seen: Seen, failure: bool) -> None:
    """Keep what the morning found over the whole house for the desk; its figures serve the readers of the house too."""
    seen[None, None] = _morning(rt, engine, run_id, day, policy, None, None, failure)
    kind, figures, _ = seen[None, None]
    if kind == "morning":
        with writing(engine) as connection:
            keep_recovery(connection, day, run_id, figures.recovery)
            keep_morning(connection, Morning(day, run_id), figures.exceptions, figures.deadlines)
            keep_load(connection, day)


def _is_due(recipient: Recipient, business_date: date, kind: Kind) -> bool:
    """Say whether a reader gets a mail today: a weekly one on their day only, an alarm whenever it rings."""
    return kind != "morning" or recipient.weekday in (None, business_date.isoweekday())


def digest_key(business_date: date, delivery_no: int, recipient: Recipient, kind: Kind) -> str:
    """Return the key of a digest: date, ledger delivery, reader and branch, and which of the three mails it is."""
    return natural_key(
        "digest",
        business_date.isoformat(),
        delivery_no,
        recipient.mail.lower(),
        recipient.role,
        recipient.branch or "*",
        kind,
    )


def _staff_of(engine: Engine, recipient: Recipient) -> str | None:
    """Return whose lists a collector sees; an address the staff feed does not know sees the branch."""
    if recipient.role != "collector":
        return None
    with reading(engine) as connection:
        found = staff_of_mail(connection, recipient.mail)
    return None if found is None else str(found.staff_id)


def _morning(
    rt: Runtime,
    engine: Engine,
    run_id: str,
    day: date,
    policy: Policy,
    branch: str | None,
    staff_id: str | None,
    failure: bool,
) -> tuple[Kind, Figures, date | None]:
    """Return which mail it is, its figures, and the earlier day whose lists it carries over, if it does."""

    def read(on: date, run: str | None) -> Figures:
        return collect(
            engine, on, policy, branch, artifacts_url=rt.settings.artifacts_url, run_id=run, staff_id=staff_id
        )

    figures = read(day, run_id)
    kind = _kind(figures, failure)
    if kind == "morning" or figures.standing.accounts:
        return kind, figures, None
    last = _last_decided(engine, day)
    if last is None:
        return kind, figures, None
    return kind, replace(figures, tasks=read(last, None).tasks), last


def _kind(figures: Figures, failure: bool) -> Kind:
    if failure or (figures.run is not None and figures.run.status == "failed"):
        return "failed"
    is_held = figures.run is None or figures.run.status == "held" or figures.run.delivery_no == 0
    stopped = any(not line.passed and not line.overridden_by for line in figures.gates)
    return "held" if is_held or stopped else "morning"


def _last_decided(engine: Engine, before: date) -> date | None:
    with reading(engine) as connection:
        return connection.execute(
            select(func.max(decision.c.business_date)).where(decision.c.business_date < before)
        ).scalar_one_or_none()


def _mail(
    rt: Runtime,
    engine: Engine,
    recipient: Recipient,
    policy: Policy,
    checkpoint: str,
    collected: bool,
    kind: Kind,
    figures: Figures,
    stale_from: date | None,
) -> DigestMail:
    attachments: list[Attachment] = []
    where_lists_are = "lists_note"
    if kind == "morning":
        day = figures.business_date
        attachments, where_lists_are = attachments_of(rt.settings, engine, recipient, day, policy)
    page = _page(recipient, policy, checkpoint, collected, kind, figures, stale_from, where_lists_are)
    html, text = render(page)
    delivery_no = figures.run.delivery_no if figures.run else 0
    key = digest_key(figures.business_date, delivery_no, recipient, kind)
    path = keep(rt.settings.artifacts_url, f"digests/{figures.business_date}/{key}.html", html.encode())
    return DigestMail(
        digest_key=key,
        recipient=recipient.mail,
        subject=page.subject,
        text=text,
        html=html,
        attachments=attachments,
        business_date=figures.business_date,
        delivery_no=delivery_no,
        kind=kind,
        role=recipient.role,
        language=recipient.language,
        branch=recipient.branch or "",
        artefact=path,
    )


def _page(
    recipient: Recipient,
    policy: Policy,
    checkpoint: str,
    collected: bool,
    kind: Kind,
    figures: Figures,
    stale_from: date | None,
    where_lists_are: str,
) -> Page:
    say = words(recipient.language)
    creditor = policy.creditor.name if recipient.language == "zh" else policy.creditor.name_en
    scope = say("branch", branch=recipient.branch) if recipient.branch else say("all_branches")
    tables = Tables(figures, say, policy)
    sections = SECTIONS[recipient.role] if kind == "morning" else CARRIED_OVER
    day = figures.business_date.isoformat()
    return Page(
        language=recipient.language,
        subject=say(f"subject.{'late' if _is_late(kind, figures) else kind}", creditor=creditor, date=day),
        title=say.label("title", recipient.role),
        scope=f"{creditor} · {day} · {scope}",
        hello=say("hello"),
        alarm=kind != "morning",
        notices=_notices(kind, figures, say, stale_from),
        lead=opening(figures, recipient.role, say, policy) if kind == "morning" else [],
        bar=_bar(recipient, kind, figures, say),
        tables=[table for table in (section(tables) for section in sections) if table is not None],
        small_print=[
            *([say("gates_passed", n=len(figures.gates))] if figures.all_gates_passed else []),
            say(where_lists_are),
            *([say("not_collected")] if recipient.role == "auditor" and not collected else []),
            *([say("checkpoint")] if checkpoint else []),
        ],
        checkpoint=[line for line in checkpoint.splitlines() if line.strip()],
    )


def _is_late(kind: Kind, figures: Figures) -> bool:
    return kind == "held" and (figures.run is None or figures.run.delivery_no == 0)


def _notices(kind: Kind, figures: Figures, say: Words, stale_from: date | None) -> list[str]:
    found = []
    if kind == "failed":
        found.append(say("notice.failed"))
    elif kind == "held":
        found.append(say("notice.late" if _is_late(kind, figures) else "notice.held"))
    if stale_from is not None:
        found.append(say("notice.stale", date=stale_from.isoformat()))
    if figures.run is not None and figures.run.plan_only and not figures.run.released:
        found.append(say("notice.plan_only"))
    if figures.run is not None and figures.run.rehearsal:
        found.append(say("notice.rehearsal"))
    return found


def _bar(recipient: Recipient, kind: Kind, figures: Figures, say: Words) -> Bar | None:
    pace = figures.pace
    if recipient.role != "manager" or kind != "morning" or pace.recovered is None:
        return None
    if all(line.since.day == 1 for line in figures.recovery.values()):
        return Bar(pace.recovered, pace.expected or 0, say("bar.month"))
    return Bar(pace.recovered, 0, say("bar.since"))
