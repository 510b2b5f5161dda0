"""Sessions of pages: the token in a cookie that scripts cannot read, and a second secret against forged requests.

The cookie holds the very token that the API gives as Bearer, so logging out, disabling, a new role or password end it
the same way. It counts only for requests of our own pages:

- `SameSite=Strict`, `HttpOnly`, `Secure`, `__Host-` (browsers take 127.0.0.1 and localhost for secure without TLS);
- a request that the browser itself calls cross-site or same-site (another port is the same site) is anonymous;
- one that changes something must come from our origin and carry the session's CSRF token in `X-CSRF-Token`;
- it never opens a websocket: those want a ticket.

A request with `Authorization` is the API's, whatever cookies come along.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie, Headers
from litestar.di import NamedDependency
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.params import JSONBody
from litestar.types import ASGIApp, Receive, Scope, Send

from core.accounts.principal import Principal
from core.accounts.routes import NO_STORE, Credentials, Me, NewPassword, me_of, renewed_session, session_of
from core.accounts.service import Session
from core.accounts.tokens import LIFETIME, TokenKey, TokenRefused
from core.problems import Problem, Words
from core.web.call import Call, Services
from core.web.envelope import Ok
from core.web.errors import documented

COOKIE = "__Host-tangkapin"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TAG = ["Akun"]
_FORGED: Words = (
    "Permintaan ini tidak berasal dari halaman Tangkapin; muat ulang halaman",
    "This request does not come from a page of Tangkapin; load the page again",
)


class MapTiles(msgspec.Struct, kw_only=True):
    """Tiles at /api/map/tiles/{z}/{x}/{y}: the closest zoom that there is, and what the map says of their source."""

    max_zoom: int
    credit: str


class PageSession(msgspec.Struct, kw_only=True):
    """Who uses the page. `csrf_token` goes into `X-CSRF-Token` of every request that changes something.

    map_tiles  None: the maps have coasts and provinces only
    """

    user: Me
    csrf_token: str
    expires_at: datetime
    map_tiles: MapTiles | None


class PageSessions(ASGIMiddleware):
    """Lets the cookie of a session stand for the Authorization header, on requests of our own pages."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Raises Problem("forbidden") for a change without a valid CSRF token or from another origin."""
        headers = Headers(scope["headers"])  # from_scope() would keep what it saw, and hide the line added below
        token = _cookie(headers)
        if token is not None and "authorization" not in headers and is_own_page(headers):
            method = str(scope.get("method"))
            logging_in = (method, scope["path"]) == ("POST", "/api/session")
            if method not in _SAFE and not logging_in:
                services: Services = scope["litestar_app"].state["services"]
                if not is_own_origin(headers) or not _csrf_fits(services, token, headers.get(CSRF_HEADER, "")):
                    raise Problem("forbidden", _FORGED)
            line = (b"authorization", b"Bearer " + token.encode("latin-1", "replace"))
            scope["headers"] = [*scope["headers"], line]
        await next_app(scope, receive, send)


def is_own_page(headers: Headers) -> bool:
    """False when the browser says that another site, or another origin of this site, makes the request."""
    return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def is_own_origin(headers: Headers) -> bool:
    """True when the browser names our own origin, or no origin at all (no browser of today leaves it out of a POST)."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""


def csrf_token(secret: str, jti: str) -> str:
    """The second secret of a session: known to whoever may read our answers, and bound to this one token."""
    key = hmac.new(secret.encode(), b"tangkapin csrf 1", hashlib.sha256).digest()
    return hmac.new(key, jti.encode(), hashlib.sha256).hexdigest()


def _csrf_fits(services: Services, token: str, given: str) -> bool:
    secret = services.settings.signing_key().reveal()
    try:
        jti = TokenKey(secret).read(token).jti
    except TokenRefused:
        return True  # the guard behind says 401: log in again
    wanted = csrf_token(secret, jti)
    return hmac.compare_digest(wanted.encode(), given.encode("latin-1", "replace"))


def _cookie(headers: Headers) -> str | None:
    try:
        morsel = SimpleCookie("; ".join(headers.getall("cookie", []))).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None and morsel.value else None


@post("/api/session", operation_id="open_session", tags=_TAG, status_code=200, sync_to_thread=True,
      summary="Log in to the pages", responses=documented(401, 403, 429), security=[{}])  # fmt: skip
def open_session(
    request: Request[Any, Any, Any], data: JSONBody[Credentials], call: NamedDependency[Call]
) -> Response[Ok[PageSession]]:
    """As `log_in`, for pages: the token goes into a cookie that scripts cannot read, the answer has the CSRF token."""
    if not is_own_page(request.headers) or not is_own_origin(request.headers):
        raise Problem("forbidden", _FORGED)
    return _answer(call, session_of(call, data))


@get("/api/session", operation_id="get_session", tags=_TAG, sync_to_thread=True, security=[{}],
     summary="Who uses this page", responses=documented())  # fmt: skip
def get_session(request: Request[Any, Any, Any], call: NamedDependency[Call]) -> Response[Ok[PageSession | None]]:
    """The session of the cookie with its CSRF token; `data` is null when there is none (any more)."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    data = None
    if token:
        try:
            data = _page_session(call, call.services.accounts.authenticate(token))
        except TokenRefused:
            data = None
    return Response(call.ok(data), headers=NO_STORE)


@delete("/api/session", operation_id="close_session", tags=_TAG, status_code=200, sync_to_thread=True,
        summary="Log out of the pages", responses=documented(401, 403))  # fmt: skip
def close_session(call: NamedDependency[Call]) -> Response[Ok[None]]:
    """Revoke the token and take the cookie away."""
    call.services.accounts.logout(call.principal, peer=call.peer, trace=call.trace)
    body = call.ok(None, ("Anda telah keluar", "Logged out"))
    return Response(body, headers=NO_STORE, cookies=[_cookie_of("", 0)])


@post("/api/session/password", operation_id="change_session_password", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Change the own password on a page",
      responses=documented(401, 403, 429))  # fmt: skip
def change_session_password(data: JSONBody[NewPassword], call: NamedDependency[Call]) -> Response[Ok[PageSession]]:
    """As `change_password`: all other sessions end, this page goes on with a new cookie."""
    return _answer(call, renewed_session(call, data))


def _answer(call: Call, session: Session) -> Response[Ok[PageSession]]:
    body = call.ok(_page_session(call, session.principal))
    cookie = _cookie_of(session.token, int(LIFETIME.total_seconds()))
    return Response(body, headers=NO_STORE, cookies=[cookie])


def _page_session(call: Call, principal: Principal) -> PageSession:
    secret = call.settings.signing_key().reveal()
    tiles = call.request.app.state["tiles"]
    return PageSession(
        user=me_of(call, principal), csrf_token=csrf_token(secret, principal.jti), expires_at=principal.expires_at,
        map_tiles=MapTiles(max_zoom=tiles.max_zoom, credit=tiles.credit) if tiles is not None else None,
    )  # fmt: skip


def _cookie_of(value: str, max_age: int) -> Cookie:
    return Cookie(key=COOKIE, value=value, path="/", max_age=max_age, secure=True, httponly=True, samesite="strict")


HANDLERS = [open_session, get_session, close_session, change_session_password]
