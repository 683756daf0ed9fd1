"""Turn a notice into text: sandboxed templates, escaped HTML, and a lint that refuses what must not be said."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import BaseLoader, PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from arrears.core.keys import digest
from arrears.outreach.notice import Notice

FORMS = {
    "sms": ("txt",),
    "email": ("subject.txt", "txt", "html"),
    "call": ("txt",),
    "visit": ("txt",),
    "letter": ("txt",),
}
SHARED = ("words.j2",)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The texts of one contact."""

    subject: str
    text: str
    html: str


class _Templates:
    """The package's own templates; a ledger value is only ever data to them."""

    def __init__(self) -> None:
        loader: BaseLoader = PackageLoader("arrears.outreach", "templates")
        self._environment = ImmutableSandboxedEnvironment(
            loader=loader,
            undefined=StrictUndefined,
            autoescape=lambda name: bool(name) and str(name).endswith(".html.j2"),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
        )

    def render(self, name: str, notice: Notice) -> str:
        return self._environment.get_template(name).render(n=notice).strip()


@cache
def _templates() -> _Templates:
    return _Templates()


def render(notice: Notice) -> Rendered:
    """Render every form of a contact in its language: plain text always, a subject and HTML for e-mail."""
    texts = {
        form: _templates().render(f"{notice.language}/{notice.channel}.{form}.j2", notice)
        for form in FORMS[notice.channel]
    }
    return Rendered(subject=texts.get("subject.txt", ""), text=texts["txt"], html=texts.get("html", ""))


@cache
def template_sha256(language: str, channel: str) -> str:
    """Return the hash of every template file behind a contact, shared words included."""
    folder = files("arrears.outreach").joinpath("templates").joinpath(language)
    names = [f"{channel}.{form}.j2" for form in FORMS[channel]] + list(SHARED)
    return digest({name: folder.joinpath(name).read_text("utf-8") for name in names})
