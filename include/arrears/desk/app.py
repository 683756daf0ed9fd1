"""The desk as a web application; whoever mounts it hands in the login, and no route is without it."""

from collections.abc import Callable
from importlib.resources import files
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from arrears.core.errors import ArrearsError, CannotTell
from arrears.core.runtime import Runtime
from arrears.desk import pages

SAFE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create_desk(login: Callable[..., Any], world: Callable[[], Runtime]) -> FastAPI:
    """Return the desk; ``login`` is the dependency that refuses strangers, ``world`` gives the runtime of a request.

    Every page only reads. Accounts appear in addresses under their random ``subject_ref``, never under a name.
    """
    app = FastAPI(dependencies=[Depends(login)], docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_harden)
    desk = _Desk(world)
    for path, page in (("/", desk.today), ("/runs", desk.runs), ("/legal", desk.legal), ("/audit", desk.audit)):
        app.add_api_route(path, page, response_class=HTMLResponse)
    app.add_api_route("/style.css", _style)
    app.add_api_route("/search", desk.search, methods=["POST"])
    app.add_api_route("/account/{subject_ref}", desk.account, response_class=HTMLResponse)
    app.add_api_route("/account/{subject_ref}/receipt/{business_date}", desk.receipt)
    return app


async def _harden(request: Request, proceed: Callable[[Request], Any]) -> Response:
    response: Response = await proceed(request)
    response.headers.update(SAFE_HEADERS)
    return response


def _style() -> Response:
    text = files("arrears.desk").joinpath("templates/style.css").read_text("utf-8")
    return Response(text, media_type="text/css")


class _Desk:
    """The routes: each asks for a page's data and renders it."""

    def __init__(self, world: Callable[[], Runtime]) -> None:
        self._world = world
        self._templates = Environment(
            loader=PackageLoader("arrears.desk", "templates"), autoescape=True, undefined=StrictUndefined
        )

    def today(self, request: Request) -> str:
        return self._show(request, "today", pages.today(self._world()))

    def runs(self, request: Request) -> str:
        return self._show(request, "runs", pages.runs(self._world()))

    def legal(self, request: Request) -> str:
        return self._show(request, "legal", pages.legal(self._world()))

    def audit(self, request: Request) -> str:
        return self._show(request, "audit", pages.audit(self._world()))

    def search(self, request: Request, account: Annotated[str, Form(max_length=64)]) -> RedirectResponse:
        """Find an account by its number, which travels in the body and never in an address."""
        found = pages.subject_of(self._world(), account.strip())
        target = f"/account/{found}" if found else "/?unknown=1"
        return RedirectResponse(_base(request) + target, status_code=303)

    def account(self, request: Request, subject_ref: str) -> str:
        try:
            return self._show(request, "account", pages.account(self._world(), subject_ref))
        except CannotTell:
            raise HTTPException(404, "no such account") from None

    def receipt(self, subject_ref: str, business_date: str) -> Response:
        try:
            text = pages.receipt(self._world(), subject_ref, business_date)
        except ArrearsError:
            raise HTTPException(404, "no sealed decision of that day") from None
        return Response(
            text, media_type="text/plain", headers={"Content-Disposition": 'attachment; filename="receipt.txt"'}
        )

    def _show(self, request: Request, name: str, page: dict[str, Any]) -> str:
        """Render one template with the address the desk is mounted at; everything is escaped."""
        unknown = "unknown" in request.query_params
        return self._templates.get_template(f"{name}.html.j2").render(
            page=page, base=_base(request), here=name, unknown=unknown
        )


def _base(request: Request) -> str:
    return str(request.scope.get("root_path", ""))
