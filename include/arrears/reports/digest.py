"""The morning mail: one page a reader, built from the store alone, kept as a file, sent by the steps.

The day's run decides which of three mails it is: the morning digest; the ledger held or late, which says why and
carries over what is still to do; or the run failed.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from sqlalchemy import Connection, Engine

from arrears.audit.user_actions import are_collected
from arrears.core.keys import natural_key, sha256
from arrears.core.runtime import Runtime
from arrears.ladder.policy import Policy
from arrears.ladder.policy_office import Recipient
from arrears.reports.artefacts import keep
from arrears.reports.delivery import Attachment, attachments_of
from arrears.reports.figures import Figures
from arrears.reports.house import House
from arrears.reports.opening import opening
from arrears.reports.page import Bar, Page
from arrears.reports.rendering import render
from arrears.reports.scope import last_decided
from arrears.reports.sections import CARRIED_OVER, SECTIONS, blocks_of
from arrears.reports.tables import Tables
from arrears.reports.wording import Words, words
from arrears.reports.work import staff_of_mail
from arrears.store.engine import reading_widely

Kind = Literal["morning", "held", "failed"]


@dataclass(frozen=True)
class _Seen:
    """The morning of one branch or collector: which mail it is, its figures, the earlier day whose lists it shows."""

    kind: Kind
    figures: Figures
    stale_from: date | None


@dataclass
class _Look:
    """One view of the store for all readers; the morning of each branch and collector is looked at once."""

    connection: Connection
    house: House
    artifacts_url: str
    run_id: str
    business_date: date
    policy: Policy
    failure: bool
    _seen: dict[tuple[str | None, str | None], _Seen] = field(default_factory=dict)

    def at(self, branch: str | None, staff_id: str | None) -> _Seen:
        """Return a reader's morning; a day without decisions carries over the lists of the last that had some."""
        if (branch, staff_id) not in self._seen:
            figures = Figures(self.connection, self.business_date, self.policy, branch,
                              artifacts_url=self.artifacts_url, run_id=self.run_id, staff_id=staff_id,
                              recovered=self.house.recovered)  # fmt: skip
            kind, stale_from = _kind(figures, self.failure), None
            if kind != "morning" and not figures.standing.accounts:
                stale_from = last_decided(self.connection, self.business_date)
                figures.lists_of = stale_from or self.business_date
            self._seen[branch, staff_id] = _Seen(kind, figures, stale_from)
        return self._seen[branch, staff_id]


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
    with reading_widely(engine) as connection, ThreadPoolExecutor(1, "beside") as beside:
        house = House(engine, beside, rt.settings.artifacts_url, run_id, business_date)
        look = _Look(connection, house, rt.settings.artifacts_url, run_id, business_date, policy, failure)
        collected = are_collected(connection)
        kept = _keep_house(look)
        mails = []
        for recipient in policy.digest.recipients:
            morning = look.at(recipient.branch, _staff_of(connection, recipient))
            if _is_due(recipient, business_date, morning.kind):
                mails.append(_mail(rt, engine, recipient, policy, checkpoint, collected, morning))
        if kept is not None:
            kept.result()
    return mails


def _keep_house(look: _Look) -> Future[None] | None:
    """Begin to keep what the morning found over the whole house; its figures serve the readers of the house too."""
    morning = look.at(None, None)
    if morning.kind != "morning":
        return None
    look.house.begin()
    return look.house.keep(morning.figures, look.policy.time_zone)


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


def _staff_of(connection: Connection, recipient: Recipient) -> str | None:
    """Return whose lists a collector sees; an address the staff feed does not know sees the branch."""
    if recipient.role != "collector":
        return None
    found = staff_of_mail(connection, recipient.mail)
    return None if found is None else str(found.staff_id)


def _kind(figures: Figures, failure: bool) -> Kind:
    if failure or (figures.run is not None and figures.run.status == "failed"):
        return "failed"
    is_held = figures.run is None or figures.run.status == "held" or figures.run.delivery_no == 0
    stopped = any(not line.passed and not line.overridden_by for line in figures.gates)
    return "held" if is_held or stopped else "morning"


def _mail(
    rt: Runtime,
    engine: Engine,
    recipient: Recipient,
    policy: Policy,
    checkpoint: str,
    collected: bool,
    morning: _Seen,
) -> DigestMail:
    kind, figures = morning.kind, morning.figures
    attachments: list[Attachment] = []
    where_lists_are = "lists_note"
    if kind == "morning":
        attachments, where_lists_are = attachments_of(rt.settings, engine, recipient, figures, policy)
    page = _page(recipient, policy, checkpoint, collected, morning, where_lists_are)
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
    morning: _Seen,
    where_lists_are: str,
) -> Page:
    kind, figures = morning.kind, morning.figures
    say = words(recipient.language)
    creditor = policy.creditor.name if recipient.language == "zh" else policy.creditor.name_en
    scope = _scope(recipient, figures, say)
    tables = Tables(figures, say, policy)
    sections = SECTIONS[recipient.role] if kind == "morning" else CARRIED_OVER
    day = figures.business_date.isoformat()
    return Page(
        language=recipient.language,
        subject=say(f"subject.{'late' if _is_late(kind, figures) else kind}", creditor=creditor, date=day),
        title=say.label("title" if recipient.weekday is None else "title_weekly", recipient.role),
        scope=f"{creditor} · {day} · {scope}",
        hello=say("hello"),
        alarm=kind != "morning",
        notices=_notices(kind, figures, say, morning.stale_from),
        lead=opening(figures, recipient.role, say, policy) if kind == "morning" else [],
        bar=_bar(recipient, kind, figures, say),
        blocks=blocks_of(sections, tables),
        small_print=[
            *([say("gates_passed", n=len(figures.gates))] if figures.all_gates_passed else []),
            say(where_lists_are),
            *([say("not_collected")] if recipient.role == "auditor" and not collected else []),
            *([say("checkpoint")] if checkpoint else []),
            *([say("checkpoint_how")] if checkpoint and recipient.role == "auditor" else []),
        ],
        checkpoint=[line for line in checkpoint.splitlines() if line.strip()],
    )


def _scope(recipient: Recipient, figures: Figures, say: Words) -> str:
    """Say what a mail speaks of: a collector's own list, a branch, or the whole house."""
    if figures.staff_id is not None:
        return say("list_of", name=figures.staff_names[figures.staff_id])
    return say("branch", branch=recipient.branch) if recipient.branch else say("all_branches")


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
    if recipient.role != "manager" or kind != "morning" or figures.pace.recovered is None:
        return None
    if all(line.since.day == 1 for line in figures.recovery.values()):
        return Bar(figures.pace.recovered, figures.pace.expected or 0, say("bar.month"))
    return Bar(figures.pace.recovered, 0, say("bar.since"))
