"""Turn a notice into text: sandboxed templates, escaped HTML, and a lint that refuses what must not be said."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from arrears.core.keys import digest
from arrears.outreach.notice import Notice

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


@dataclass(frozen=True, slots=True)
class Rendered:
    """The texts of one contact."""

    subject: str
    text: str
    html: str


@cache
def _environment(*, escaping: bool) -> ImmutableSandboxedEnvironment:
    """Return the sandbox for plain text or for HTML.

    Two, because shared words must be escaped where they are used: a macro of an unescaped file counts as safe HTML.
    """
    return ImmutableSandboxedEnvironment(
        loader=PackageLoader("arrears.outreach", "templates"),
        undefined=StrictUndefined,
        autoescape=escaping,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(notice: Notice) -> Rendered:
    """Render every form of a contact in its language: plain text always, a subject and HTML for e-mail."""
    texts = {form: _text(f"{notice.language}/{notice.channel}.{form}.j2", notice) for form in FORMS[notice.channel]}
    return Rendered(subject=texts.get("subject.txt", ""), text=texts["txt"], html=texts.get("html", ""))


def _text(name: str, notice: Notice) -> str:
    environment = _environment(escaping=name.endswith(".html.j2"))
    return environment.get_template(name).render(n=notice).strip()


@cache
def template_sha256(language: str, channel: str) -> str:
    """Return the hash of every template file behind a contact, shared words included."""
    folder = files("arrears.outreach").joinpath("templates").joinpath(language)
    names = [f"{channel}.{form}.j2" for form in FORMS[channel]] + list(SHARED)
    return digest({name: folder.joinpath(name).read_text("utf-8") for name in names})
