"""The desk as a web application; whoever mounts it hands in the login, and no route is without it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from sqlalchemy import Table

from arrears.core.runtime import Runtime
from arrears.desk import accounts, cases, evidence, exceptions, guide, history, order_papers, rules, team
from arrears.desk import today as day
from arrears.desk.deciders import Visitor
from arrears.desk.paging import Number
from arrears.desk.reach import refuse_reader
from arrears.desk.rendering import COOKIE, Paper, base_of
from arrears.reports.wording import LANGUAGES
from arrears.store.tables.legal import emergency_packet, packet

SAFE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
PDF = "application/pdf"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Text = Annotated[str, Form(max_length=400)]


@dataclass(frozen=True)
class Door:
    """Who may come in: ``reader`` returns the user id of who is logged in, ``decides`` whether they may decide here."""

    reader: Callable[..., str]
    decides: Callable[..., bool]


def create_desk(door: Door, world: Callable[[], Runtime], docs: Path | None = None) -> FastAPI:
    """Return the desk; ``world`` gives the runtime of a request, ``docs`` is the folder of the documentation.

    Accounts appear in addresses under their random ``subject_ref``, never under a number or name. Forms are taken from
    the desk's own pages only.
    """
    app = FastAPI(dependencies=[Depends(door.reader)], docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_harden)
    desk = _Desk(door, world, docs)
    app.add_api_route("/style.css", _style)
    for path, page in (desk.pages() | desk.cases() | desk.files()).items():
        app.add_api_route(path, page, response_class=Response)
    for path, form in desk.forms().items():
        app.add_api_route(path, form, methods=["POST"], response_class=Response)
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
    """The routes: each asks for what it shows and hands it to the paper it is shown on."""

    def __init__(self, door: Door, world: Callable[[], Runtime], docs: Path | None) -> None:
        self._world, self._docs = world, docs
        self._paper = Paper(world, has_guide=docs is not None)
        self._reader = reader = Depends(door.reader)
        decides = Depends(door.decides)

        def visitor(user: str = reader, may: bool = decides) -> Visitor:
            return Visitor(user, may)

        self._visitor = Depends(visitor)

    def pages(self) -> dict[str, Callable[..., Response]]:
        """Return what is told of the house, by its address."""
        show, reader = self._paper.page, self._reader

        def today(request: Request) -> Response:
            return show(request, "today", day.today)

        def runs(request: Request) -> Response:
            return show(request, "runs", history.runs)

        def compare(request: Request, first: str, second: str) -> Response:
            return show(request, "compare", lambda rt, say: history.compare(rt, first, second, say))

        def audit(request: Request, user: str = reader) -> Response:
            return show(request, "audit", lambda rt, say: evidence.audit(rt, user, say))

        def question(request: Request, number: int) -> Response:
            return show(request, "question", lambda _, say: evidence.blank(number, say))

        def policy(request: Request) -> Response:
            return show(request, "policy", lambda rt, _: rules.policy(rt))

        def month(request: Request) -> Response:
            return show(request, "month", team.month)

        def guide_page(request: Request, name: str) -> Response:
            return show(request, "guide", lambda _rt, _say: guide.guide(self._docs, name))

        return {
            "/": today, "/month": month, "/runs": runs, "/runs/compare": compare, "/audit": audit,
            "/audit/question/{number}": question, "/policy": policy, "/guide/{name}": guide_page,
        }  # fmt: skip

    def cases(self) -> dict[str, Callable[..., Response]]:
        """Return what is told of single cases, by its address: to everybody of those within their reach."""
        show, reader, visitor = self._paper.page, self._reader, self._visitor

        def legal(
            request: Request,
            approvals: Number = 1,
            visits: Number = 1,
            deadlines: Number = 1,
            packets: Number = 1,
            orders: Number = 1,
            who: Visitor = visitor,
        ) -> Response:
            asked = cases.Asked(approvals, visits, deadlines, packets, orders)
            return show(request, "legal", lambda rt, say: cases.legal(rt, say, asked, who))

        def account(
            request: Request, subject_ref: str, on: str | None = None, events: Number = 1, who: Visitor = visitor
        ) -> Response:
            asked = accounts.Asked(subject_ref, on or None, events)
            return show(request, "account", lambda rt, say: accounts.account(rt, asked, who, say), "desk.no_story")

        def behind(request: Request, kind: str, number: Number = 1, user: str = reader) -> Response:
            return show(request, "exceptions", lambda rt, say: exceptions.exceptions(rt, kind, number, user, say))

        return {"/legal": legal, "/account/{subject_ref}": account, "/exceptions/{kind}": behind}

    def files(self) -> dict[str, Callable[..., Response]]:
        """Return what is handed out as a file, by its address."""
        give, reader = self._paper.file, self._reader

        def picture(request: Request, name: str) -> Response:
            return self._paper.picture(request, lambda: guide.picture(self._docs, name))

        def receipt(request: Request, subject_ref: str, business_date: str, user: str = reader) -> Response:
            return give(request, lambda rt, _: accounts.receipt(rt, subject_ref, business_date, user),
                        "text/plain", "receipt.txt", "desk.no_receipt")  # fmt: skip

        def why(request: Request, subject_ref: str, business_date: str, user: str = reader) -> Response:
            return give(request, lambda rt, say: accounts.why(rt, subject_ref, business_date, user, say),
                        PDF, "why.pdf", "desk.no_decision")  # fmt: skip

        def own_list(request: Request, business_date: str, user: str = reader) -> Response:
            return give(request, lambda rt, _: day.own_list(rt, business_date, user),
                        SHEET, "worklist.xlsx", "desk.no_list")  # fmt: skip

        def papers(table: Table) -> Callable[..., Response]:
            def download(request: Request, subject_ref: str, user: str = reader) -> Response:
                return give(request, lambda rt, _: cases.packet_pdf(rt, subject_ref, user, table),
                            PDF, "packet.pdf", "desk.no_packet")  # fmt: skip

            return download

        def order_sheet(request: Request, order_no: str, user: str = reader) -> Response:
            return give(request, lambda rt, _: order_papers.order_sheet(rt, order_no, user),
                        PDF, "order.pdf", "desk.no_order")  # fmt: skip

        def order_data(request: Request, order_no: str, user: str = reader) -> Response:
            return give(request, lambda rt, _: order_papers.order_document(rt, order_no, user),
                        "application/json", "order.json", "desk.no_order")  # fmt: skip

        return {
            "/guide/images/{name}": picture, "/account/{subject_ref}/receipt/{business_date}": receipt,
            "/account/{subject_ref}/why/{business_date}": why, "/list/{business_date}": own_list,
            "/packet/{subject_ref}": papers(packet), "/preservation/{subject_ref}": papers(emergency_packet),
            "/order/{order_no}": order_sheet, "/order/{order_no}/data": order_data,
        }  # fmt: skip

    def forms(self) -> dict[str, Callable[..., Response]]:
        """Return what is sent in, by its address; numbers of accounts travel in the body, never in an address."""
        show, reader, visitor = self._paper.page, self._reader, self._visitor

        def search(request: Request, account: Text, user: str = reader) -> Response:
            found = accounts.subject_of(self._world(), account.strip(), user)
            target = f"/account/{found}" if found else "/?unknown=1"
            return RedirectResponse(base_of(request) + target, status_code=303)

        def verify(request: Request, user: str = reader) -> Response:
            return self._paper.flow(request, "audit", lambda rt, say: evidence.verify(rt, user, say))

        def question(
            request: Request, number: int, account: Text = "", on: Text = "", run: Text = "", user: str = reader
        ) -> Response:
            asked = evidence.Asked(number, account.strip(), on.strip(), run.strip())
            return show(request, "question", lambda rt, say: evidence.question(rt, asked, user, say))

        def vote(
            request: Request, approval_id: str, decision: Text, note: Text = "", who: Visitor = visitor
        ) -> Response:
            def answer(rt: Runtime, say: Any) -> dict[str, Any]:
                refuse_reader(who, say)
                return cases.answer(rt, approval_id, who.user, decision, note, say)

            return show(request, "voted", answer)

        def remedy(
            request: Request, subject_ref: str, remedy: Text, facts: Text, note: Text = "", who: Visitor = visitor
        ) -> Response:
            def choose(rt: Runtime, say: Any) -> dict[str, Any]:
                refuse_reader(who, say)
                return accounts.choose(rt, subject_ref, remedy, facts, who.user, note, say)

            return show(request, "voted", choose)

        return {
            "/search": search,
            "/audit/verify": verify,
            "/audit/question/{number}": question,
            "/approvals/{approval_id}": vote,
            "/account/{subject_ref}/remedy": remedy,
        }
