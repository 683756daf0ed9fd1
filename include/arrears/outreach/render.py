"""Turn a notice into text: sandboxed templates, escaped HTML, and a lint that refuses what must not be said."""

from dataclasses import dataclass, fields
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import PackageLoader, StrictUndefined
from jinja2.environment import TemplateModule
from jinja2.sandbox import ImmutableSandboxedEnvironment

from arrears.core.keys import digest
from arrears.outreach.blanks import Wording, blanked, is_told_apart, wording
from arrears.outreach.notice import Line, Notice

FORMS = {
    "sms": ("txt",),
    "email": ("subject.txt", "txt", "html"),
    "call": ("txt",),
    "visit": ("txt",),
    "letter": ("txt",),
    "senior_contact": ("txt",),
    "credit_notice": ("txt",),
    "debit": ("txt",),
    "asset_search": ("txt",),
    "placement": ("txt",),
}
SHARED = ("words.j2",)
ALIKE = 512
"""So many wordings are remembered: by language, channel, tone, consequences and what each contract is late."""
OPEN = {
    Notice: frozenset(field.name for field in fields(Notice))
    | {"any_overdue", "any_thanks", "only_thanks", "only_promises"},
    Line: frozenset(field.name for field in fields(Line)),
}
"""What a template may read without being looked at each time: plain values of a notice and its lines."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The texts of one contact."""

    subject: str
    text: str
    html: str


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox; what is known to be harmless is not examined anew at each of a hundred uses in a mail."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute: of a notice, a shared word, or what the sandbox allows of anything else."""
        if attribute in OPEN.get(type(obj), ()) or _is_word(obj, attribute):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)


def _is_word(obj: Any, attribute: str) -> bool:
    """Say whether this is a macro of the shared words, which Jinja has compiled under the same sandbox."""
    return type(obj) is TemplateModule and attribute[0] != "_" and attribute in obj.__dict__


@cache
def _environment(*, escaping: bool) -> _Sandbox:
    """Return the sandbox for plain text or for HTML.

    Two, because shared words must be escaped where they are used: a macro of an unescaped file counts as safe HTML.
    Files are read once: a text must be of the version whose hash is written down.
    """
    return _Sandbox(
        loader=PackageLoader("arrears.outreach", "templates"),
        undefined=StrictUndefined,
        autoescape=escaping,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def render(notice: Notice) -> Rendered:
    """Render every form of a contact in its language: plain text always, a subject and HTML for e-mail.

    Notices that differ in the person alone are written once, with blanks.
    """
    alike = blanked(notice)
    wordings = _wordings(alike.notice, len(alike.values))
    if wordings is None:
        texts = _texts(notice)
    else:
        escaped = _escaped(alike.values) if "html" in wordings else []
        texts = {form: one.filled(escaped if form == "html" else alike.values) for form, one in wordings.items()}
    return Rendered(subject=texts.get("subject.txt", ""), text=texts["txt"], html=texts.get("html", ""))


def _escaped(values: list[str]) -> list[str]:
    escape = _environment(escaping=True).filters["e"]
    return [str(escape(value)) for value in values]


@lru_cache(ALIKE)
def _wordings(notice: Notice, values: int) -> dict[str, Wording] | None:
    """Return the texts of all notices that are alike, with their blanks; None where these cannot be told apart."""
    if not is_told_apart(notice, values):
        return None
    return {form: wording(text) for form, text in _texts(notice).items()}


def _texts(notice: Notice) -> dict[str, str]:
    return {form: _text(f"{notice.language}/{notice.channel}.{form}.j2", notice) for form in FORMS[notice.channel]}


def _text(name: str, notice: Notice) -> str:
    environment = _environment(escaping=name.endswith(".html.j2"))
    return environment.get_template(name).render(n=notice).strip()


@cache
def template_sha256(language: str, channel: str) -> str:
    """Return the hash of every template file behind a contact, shared words included."""
    folder = files("arrears.outreach").joinpath("templates").joinpath(language)
    names = [f"{channel}.{form}.j2" for form in FORMS[channel]] + list(SHARED)
    return digest({name: folder.joinpath(name).read_text("utf-8") for name in names})
