"""What somebody gets to see: a page in their language, a file, or one sentence why not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from arrears.core.errors import ArrearsError, BadInput, CannotTell, NotThere
from arrears.core.runtime import Runtime
from arrears.desk.flow import Flow
from arrears.desk.phrases import phrase
from arrears.reports.wording import LANGUAGES, Words, words

COOKIE = "arrears_language"
NOT_FOUND = (CannotTell, NotThere)
"""What does not exist and what is none of the reader's business: both are told alike."""


class Paper:
    """Renders what the routes find; everything is escaped, an error is one sentence in the reader's language."""

    def __init__(self, world: Callable[[], Runtime], *, has_guide: bool) -> None:
        self._world = world
        self._templates = Environment(
            loader=PackageLoader("arrears.desk", "templates"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.globals["has_guide"] = has_guide

    def page(
        self,
        request: Request,
        name: str,
        build: Callable[[Runtime, Words], dict[str, Any]],
        nothing: str = "desk.not_there",
    ) -> Response:
        """Return a page with what ``build`` finds, or the page that says why not, or ``nothing``."""
        say = words_of(request)
        try:
            return self._rendered(request, name, build(self._world(), say), 200)
        except ArrearsError as error:
            return self._refused(request, error, nothing)

    def flow(self, request: Request, name: str, build: Callable[[Runtime, Words], dict[str, Any]]) -> Response:
        """Return a page of which the ``lines`` take long, sent as they come; whoever leaves ends the work.

        What compresses answers would hold them back.
        """
        say = words_of(request)
        try:
            page = build(self._world(), say)
        except ArrearsError as error:
            return self._refused(request, error, "desk.not_there")
        return Flow(self._template(name).generate(self._about(request, name, page)), page["lines"])

    def file(
        self, request: Request, build: Callable[[Runtime, Words], str | bytes], media_type: str, name: str, nothing: str
    ) -> Response:
        """Return a file to keep, or the page that says ``nothing``, an entry of the vocabulary."""
        try:
            content = build(self._world(), words_of(request))
        except ArrearsError as error:
            return self._refused(request, error, nothing)
        return Response(
            content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    def picture(self, request: Request, find: Callable[[], Path]) -> Response:
        """Return a picture, or the page that says that there is none."""
        try:
            return FileResponse(find())
        except ArrearsError as error:
            return self._refused(request, error, "desk.not_there")

    def _refused(self, request: Request, error: ArrearsError, nothing: str) -> Response:
        say, sentence = words_of(request), str(error)
        if isinstance(error, NOT_FOUND):
            return self._rendered(request, "refused", {"reason": say(nothing)}, 404)
        told = phrase("reply", sentence, say) or sentence
        return self._rendered(request, "refused", {"reason": told}, 400 if isinstance(error, BadInput) else 403)

    def _rendered(self, request: Request, name: str, page: dict[str, Any], status: int) -> Response:
        return HTMLResponse(self._template(name).render(self._about(request, name, page)), status)

    def _template(self, name: str) -> Template:
        return self._templates.get_template(f"{name}.html.j2")

    def _about(self, request: Request, name: str, page: dict[str, Any]) -> dict[str, Any]:
        return {"page": page, "base": base_of(request), "here": name, "say": words_of(request),
                "unknown": "unknown" in request.query_params}  # fmt: skip


def words_of(request: Request) -> Words:
    """Return the vocabulary of the language a reader asked for, now or before."""
    asked = request.query_params.get("lang") or request.cookies.get(COOKIE)
    return words(asked if asked in LANGUAGES else "zh")


def base_of(request: Request) -> str:
    """Return the address under which the desk is mounted."""
    return str(request.scope.get("root_path", ""))
