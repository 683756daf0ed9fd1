"""The desk as a web application; whoever mounts it hands in the login, and no route is without it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Table

from arrears.core.errors import ArrearsError, CannotTell
from arrears.core.runtime import Runtime
from arrears.desk import accounts, cases, evidence, exceptions, guide, history, rules, team
from arrears.desk import today as day
from arrears.desk.paging import Number
from arrears.reports.wording import LANGUAGES, Words, words
from arrears.steps.approvals import vote_on_the_desk
from arrears.store.tables.legal import emergency_packet, packet

SAFE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
COOKIE = "arrears_language"
PDF = "application/pdf"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Text = Annotated[str, Form(max_length=400)]


@dataclass(frozen=True)
class Door:
    """Who may come in: ``reader`` returns the user id of who is logged in, ``writer`` refuses who may only read."""

    reader: Callable[..., Any]
    writer: Callable[..., Any]


def create_desk(door: Door, world: Callable[[], Runtime], docs: Path | None = None) -> FastAPI:
    """Return the desk; ``world`` gives the runtime of a request, ``docs`` is the folder of the documentation.

    Accounts appear in addresses under their random ``subject_ref``, never under a number or name. Forms are taken from
    the desk's own pages only.
    """
    app = FastAPI(dependencies=[Depends(door.reader)], docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_harden)
    desk = _Desk(door, world, docs)
    for path, page in desk.pages().items():
        app.add_api_route(path, page, response_class=HTMLResponse)
    app.add_api_route("/style.css", _style)
    app.add_api_route("/exceptions/{kind}", desk.exceptions(), response_class=HTMLResponse)
    app.add_api_route("/guide/{name}", desk.guide(), response_class=HTMLResponse)
    app.add_api_route("/guide/images/{name}", desk.picture())
    app.add_api_route("/account/{subject_ref}/receipt/{business_date}", desk.receipt())
    app.add_api_route("/account/{subject_ref}/why/{business_date}", desk.why())
    app.add_api_route("/packet/{subject_ref}", desk.packet(packet))
    app.add_api_route("/preservation/{subject_ref}", desk.packet(emergency_packet))
    app.add_api_route("/list/{business_date}", desk.own_list())
    for path, form in desk.forms().items():
        app.add_api_route(path, form, methods=["POST"], response_class=HTMLResponse)
    return app


async def _harden(request: Request, proceed: Callable[[Request], Any]) -> Response:
    """Refuse a form that another site sent, remember the language, and close every page to scripts."""
    if request.method not in ("GET", "HEAD") and not _is_ours(request):
        refused: Response = PlainTextResponse("this form did not come from the desk", status_code=403)
        return refused
    response: Response = await proceed(request)
    response.headers.update(SAFE_HEADERS)
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(COOKIE, request.query_params["lang"], samesite="lax", httponly=True)
    return response


def _is_ours(request: Request) -> bool:
    """Say whether a browser vouches that the form came from this very site (Fetch Metadata, or else the origin)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "-")


def _style() -> Response:
    text = files("arrears.desk").joinpath("templates/style.css").read_text("utf-8")
    return Response(text, media_type="text/css")


class _Desk:
    """The routes: each asks for a page's data and renders it."""

    def __init__(self, door: Door, world: Callable[[], Runtime], docs: Path | None) -> None:
        self._world, self._docs = world, docs
        self._reader, self._writer = Depends(door.reader), Depends(door.writer)
        self._templates = Environment(
            loader=PackageLoader("arrears.desk", "templates"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.globals["has_guide"] = docs is not None

    def pages(self) -> dict[str, Callable[..., Any]]:
        """Return what is read, by its address."""
        reader = self._reader

        def today(request: Request) -> str:
            return self._show(request, "today", day.today)

        def legal(
            request: Request,
            approvals: Number = 1,
            deadlines: Number = 1,
            packets: Number = 1,
            orders: Number = 1,
            user: str = reader,
        ) -> str:
            asked = cases.Asked(approvals, deadlines, packets, orders)
            return self._show(request, "legal", lambda rt, say: cases.legal(rt, say, asked, user))

        def runs(request: Request) -> str:
            return self._show(request, "runs", history.runs)

        def compare(request: Request, first: str, second: str) -> str:
            return self._show(request, "compare", lambda rt, _: history.compare(rt, first, second))

        def audit(request: Request) -> str:
            return self._show(request, "audit", evidence.audit)

        def question(request: Request, number: int) -> str:
            return self._show(request, "question", lambda _, say: evidence.blank(number, say))

        def policy(request: Request) -> str:
            return self._show(request, "policy", lambda rt, _: rules.policy(rt))

        def month(request: Request) -> str:
            return self._show(request, "month", team.month)

        def account(request: Request, subject_ref: str, on: str | None = None, user: str = reader) -> str:
            return self._show(request, "account", lambda rt, say: accounts.account(rt, subject_ref, on, user, say))

        return {
            "/": today, "/legal": legal, "/month": month, "/runs": runs, "/runs/compare": compare, "/audit": audit,
            "/audit/question/{number}": question, "/policy": policy, "/account/{subject_ref}": account,
        }  # fmt: skip

    def forms(self) -> dict[str, Callable[..., Any]]:
        """Return what is sent in, by its address; numbers of accounts travel in the body, never in an address."""
        reader, writer = self._reader, self._writer

        def search(request: Request, account: Text, user: str = reader) -> Response:
            found = accounts.subject_of(self._world(), account.strip(), user)
            target = f"/account/{found}" if found else "/?unknown=1"
            return RedirectResponse(_base(request) + target, status_code=303)

        def verify(request: Request) -> str:
            return self._show(request, "audit", evidence.verify)

        def question(
            request: Request, number: int, account: Text = "", on: Text = "", run: Text = "", user: str = reader
        ) -> str:
            asked = evidence.Asked(number, account.strip(), on.strip(), run.strip())
            return self._show(request, "question", lambda rt, say: evidence.question(rt, asked, user, say))

        def vote(request: Request, approval_id: str, decision: Text, note: Text = "", user: str = writer) -> str:
            return self._show(
                request, "voted", lambda rt, _: {"next": vote_on_the_desk(rt, approval_id, user, decision, note)}
            )

        def remedy(
            request: Request, subject_ref: str, remedy: Text, facts: Text, note: Text = "", user: str = writer
        ) -> str:
            return self._show(
                request,
                "voted",
                lambda rt, say: {"next": accounts.choose(rt, subject_ref, remedy, facts, user, note, say)},
            )

        return {
            "/search": search,
            "/audit/verify": verify,
            "/audit/question/{number}": question,
            "/approvals/{approval_id}": vote,
            "/account/{subject_ref}/remedy": remedy,
        }

    def exceptions(self) -> Callable[..., str]:
        """Return the route of the accounts behind an exception."""
        reader = self._reader

        def page(request: Request, kind: str, number: Number = 1, user: str = reader) -> str:
            return self._show(request, "exceptions", lambda rt, say: exceptions.exceptions(rt, kind, number, user, say))

        return page

    def guide(self) -> Callable[..., str]:
        """Return the route of the documentation."""

        def page(request: Request, name: str) -> str:
            return self._show(request, "guide", lambda _rt, _say: guide.guide(self._docs, name))

        return page

    def picture(self) -> Callable[..., Response]:
        """Return the route that hands out a picture of the documentation."""

        def download(name: str) -> Response:
            try:
                return FileResponse(guide.picture(self._docs, name))
            except ArrearsError:
                raise HTTPException(404, "no such picture") from None

        return download

    def receipt(self) -> Callable[..., Response]:
        """Return the route that hands out the proof of one decision."""
        reader = self._reader

        def download(subject_ref: str, business_date: str, user: str = reader) -> Response:
            try:
                text = accounts.receipt(self._world(), subject_ref, business_date, user)
            except ArrearsError:
                raise HTTPException(404, "no sealed decision of that day") from None
            return Response(text, media_type="text/plain", headers=_file("receipt.txt"))

        return download

    def why(self) -> Callable[..., Response]:
        """Return the route that hands out the page which answers a complaint."""
        reader = self._reader

        def download(request: Request, subject_ref: str, business_date: str, user: str = reader) -> Response:
            rt = self._world()
            try:
                page = accounts.why(rt, subject_ref, business_date, user, _words(request))
            except ArrearsError:
                raise HTTPException(404, "no decision of that day") from None
            return Response(page, media_type=PDF, headers=_file("why.pdf"))

        return download

    def own_list(self) -> Callable[..., Response]:
        """Return the route that hands collectors and legal officers their own list, and nobody another's."""
        reader = self._reader

        def download(business_date: str, user: str = reader) -> Response:
            try:
                content = day.own_list(self._world(), business_date, user)
            except ArrearsError as error:
                raise HTTPException(404, str(error)) from None
            return Response(content, media_type=SHEET, headers=_file("worklist.xlsx"))

        return download

    def packet(self, table: Table) -> Callable[..., Response]:
        """Return the route that hands a current packet, or application, to the people who decide on it."""
        reader = self._reader

        def download(subject_ref: str, user: str = reader) -> Response:
            try:
                content = cases.packet_pdf(self._world(), subject_ref, user, table)
            except ArrearsError as error:
                raise HTTPException(404, str(error)) from None
            return Response(content, media_type=PDF, headers=_file("packet.pdf"))

        return download

    def _show(self, request: Request, name: str, build: Callable[[Runtime, Words], dict[str, Any]]) -> str:
        """Render one template in the reader's language; everything is escaped, an error is one line."""
        say = _words(request)
        try:
            page = build(self._world(), say)
        except CannotTell:
            raise HTTPException(404, "no such page") from None
        except ArrearsError as error:
            name, page = "refused", {"reason": str(error)}
        return self._templates.get_template(f"{name}.html.j2").render(
            page=page, base=_base(request), here=name, say=say, unknown="unknown" in request.query_params
        )


def _words(request: Request) -> Words:
    asked = request.query_params.get("lang") or request.cookies.get(COOKIE)
    return words(asked if asked in LANGUAGES else "zh")


def _file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _base(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
