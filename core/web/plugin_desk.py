"""What plugins add to the API and the client: their routes, and their pages as documents that can reach nothing else.

A page is one document made here: the plugin's body, style and script, and the bridge through which it asks the page
around it for its own routes. Its policy gives it an origin of its own (`sandbox`), no connection, no form, no picture
from anywhere; the client's `frame-src 'self'` keeps the frame from going elsewhere. It never has a token or cookie.
"""

from __future__ import annotations

import html
import re
import secrets as entropy
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import select

from core.accounts.tables import vendors
from core.domain.errors import Refused, Transient
from core.domain.extensions import PluginPage, PluginRoute, RouteRequest
from core.hooks.bounded import HookHung, bounded
from core.hooks.errors import PluginFailed, UnknownInstance
from core.problems import Problem, speaks_english
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented

T = TypeVar("T")
_TAG = ["Operasi"]
MAX_ANSWER = 1024 * 1024
MAX_PAGES = 2 * 1024 * 1024
MAX_BODY = 64 * 1024
MAX_QUERY = 20
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,40}$")]

BRIDGE = """
const tangkapin = (() => {
  const waiting = new Map();
  let last = 0;
  addEventListener("message", (event) => {
    if (event.source !== parent) return;
    const { id, data, error } = event.data ?? {};
    const asked = waiting.get(id);
    waiting.delete(id);
    if (asked) error ? asked.refuse(new Error(error)) : asked.answer(data);
  });
  const ask = (route, { query = {}, body } = {}) =>
    new Promise((answer, refuse) => {
      waiting.set(++last, { answer, refuse });
      parent.postMessage({ tangkapin: 1, id: last, route, query, body }, "*");
    });
  return Object.freeze({ ask, language: document.documentElement.lang });
})();
"""


class AddedPage(msgspec.Struct, kw_only=True):
    """A page that a plugin adds; `address` is the document for its frame."""

    instance: str
    name: str
    title: str
    address: str


@get("/api/plugin-pages", operation_id="list_plugin_pages", tags=_TAG, sync_to_thread=True,
     summary="Pages that plugins add for the caller", responses=documented(401, 403))  # fmt: skip
def list_plugin_pages(call: NamedDependency[Call]) -> Response[Ok[list[AddedPage]]]:
    """Those that name the caller's role, of plugins that serve an agency of the caller. One that fails has none."""
    host = call.services.host
    found = []
    for instance in host.extended("pages", _agencies(call)) if hasattr(host, "extended") else ():
        try:
            pages = _within(partial(host.pages, instance))
        except Problem:
            continue
        found += [
            AddedPage(
                instance=instance, name=page.name, title=_title(call, page),
                address=f"/api/plugins/{instance}/pages/{page.name}",
            )
            for page in pages
            if call.principal.role in page.roles
        ]  # fmt: skip
    return Response(call.ok(found))


@get("/api/plugins/{instance:str}/pages/{name:str}", operation_id="get_plugin_page", tags=_TAG, sync_to_thread=True,
     summary="The document of a plugin's page", media_type="text/html",
     responses=documented(401, 403, 404, 503))  # fmt: skip
def get_plugin_page(
    request: Request[Any, Any, Any], call: NamedDependency[Call], instance: FromPath[_Name], name: FromPath[_Name]
) -> Response[bytes]:
    """For a frame only: opened as a page of its own, nothing would keep it from going elsewhere."""
    if request.headers.get("sec-fetch-dest", "iframe") != "iframe":
        raise Problem("not-found")
    pages = _asked(call, instance, "pages", lambda: call.services.host.pages(instance))
    page = next((one for one in pages if one.name == name and call.principal.role in one.roles), None)
    if page is None or sum(len(one.html) + len(one.style) + len(one.script) for one in pages) > MAX_PAGES:
        raise Problem("not-found")
    nonce = entropy.token_urlsafe(18)
    return Response(
        document(page, _language(call), nonce), media_type="text/html; charset=utf-8", headers=headers(nonce)
    )


@get("/api/plugins/{instance:str}/routes/{name:str}", operation_id="ask_plugin", tags=_TAG, sync_to_thread=True,
     summary="Ask a plugin's route", responses=documented(401, 403, 404, 422, 503))  # fmt: skip
def ask_plugin(
    request: Request[Any, Any, Any], call: NamedDependency[Call], instance: FromPath[_Name], name: FromPath[_Name]
) -> Response[Ok[dict[str, Any]]]:
    """What the route answers is the plugin's; the query goes to it as it is."""
    return _answer(request, call, instance, name, "GET", None)


@post("/api/plugins/{instance:str}/routes/{name:str}", operation_id="tell_plugin", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Send something to a plugin's route",
      responses=documented(401, 403, 404, 422, 503))  # fmt: skip
def tell_plugin(
    request: Request[Any, Any, Any], call: NamedDependency[Call], data: JSONBody[Any], instance: FromPath[_Name],
    name: FromPath[_Name],
) -> Response[Ok[dict[str, Any]]]:  # fmt: skip
    """Any JSON of at most 64 KiB."""
    return _answer(request, call, instance, name, "POST", data)


def document(page: PluginPage, language: str, nonce: str) -> bytes:
    """The whole document. The script cannot end its element; markup in `html` can run nothing without the nonce."""
    style = re.sub(r"</(style)", r"<\\/\1", page.style, flags=re.IGNORECASE)
    script = re.sub(r"<(/script|!--|script)", r"\\x3c\1", page.script, flags=re.IGNORECASE)
    title = page.title_id if language == "id" and page.title_id else page.title
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="color-scheme" content="light dark"><style nonce="{nonce}">{style}</style>'
        f'<body>{page.html}<script nonce="{nonce}">{BRIDGE}</script><script nonce="{nonce}">{script}</script>'
    ).encode()


def headers(nonce: str) -> dict[str, str]:
    """What keeps the document in its place."""
    policy = (
        f"sandbox allow-scripts; default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "img-src data:; font-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'; frame-src 'none'; "
        "frame-ancestors 'self'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "SAMEORIGIN",
        "X-DNS-Prefetch-Control": "off",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), clipboard-read=(), clipboard-write=()",
    }


def _answer(
    request: Request[Any, Any, Any], call: Call, instance: str, name: str, method: Literal["GET", "POST"], body: Any
) -> Response[Ok[dict[str, Any]]]:
    if len(request.query_params) > MAX_QUERY or (body is not None and len(msgspec.json.encode(body)) > MAX_BODY):
        raise Problem("validation", ("Permintaan terlalu besar", "The request is too large"))
    host = call.services.host
    routes: list[PluginRoute] = _asked(call, instance, "routes", lambda: host.routes(instance))
    if not any(
        (one.name, one.method) == (name, method) and call.principal.role in one.roles for one in routes
    ):  # fmt: skip
        raise Problem("not-found")
    asked = RouteRequest(
        route=name, method=method, query={key: str(request.query_params[key]) for key in request.query_params},
        body=body, role=call.principal.role, person_id=call.principal.id, vendors=_agencies(call),
        language=_language(call),
    )  # fmt: skip
    answer = _within(lambda: host.answer_route(instance, asked))
    if len(msgspec.json.encode(answer)) > MAX_ANSWER:
        raise Problem("not-available", ("Jawaban plugin terlalu besar", "The plugin's answer is too large"))
    return Response(call.ok(answer))


def _asked(call: Call, instance: str, hook: str, ask: Callable[[], T]) -> T:
    """Ask an instance that serves an agency of the caller; for all others there is nothing here."""
    host = call.services.host
    if not hasattr(host, "extended") or instance not in host.extended(hook, _agencies(call)):
        raise Problem("not-found")
    return _within(ask)


def _within(ask: Callable[[], T]) -> T:
    """The plugin's answer, while somebody still waits for it. Raises Problem."""
    try:
        return bounded(ask)
    except Refused as error:
        text = str(error)[:500]
        raise Problem("validation", (text, text)) from None
    except (HookHung, Transient, PluginFailed, UnknownInstance):
        words = ("Plugin ini sedang tidak menjawab", "This plugin does not answer now")
        raise Problem("not-available", words) from None


def _agencies(call: Call) -> tuple[str, ...]:
    with call.services.database.system() as connection:
        query = select(vendors.c.vendor_code).where(vendors.c.id.in_(call.principal.vendor_ids)).order_by(vendors.c.id)
        return tuple(connection.execute(query).scalars().all())


def _language(call: Call) -> Literal["id", "en"]:
    return "en" if speaks_english(call.request.scope) else "id"


def _title(call: Call, page: PluginPage) -> str:
    return page.title_id if not speaks_english(call.request.scope) and page.title_id else page.title


HANDLERS = [list_plugin_pages, get_plugin_page, ask_plugin, tell_plugin]
