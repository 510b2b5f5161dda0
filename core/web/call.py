"""One request at the desk: who asks, from where, in which language, and the doors to data they may open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import msgspec
from litestar import Request, Response
from litestar.datastructures import MultiDict
from sqlalchemy import Connection

from core.accounts.audit import Actor, actor_of, record
from core.accounts.principal import Principal, ServicePrincipal
from core.accounts.service import Accounts
from core.db.engine import Database
from core.domain.addresses import parse_address
from core.domain.events import DomainEvent
from core.problems import Problem, Words, say, trace_of
from core.settings import Settings
from core.web.brake import Brake
from core.web.envelope import OK, CursorPage, Listing, Ok

T = TypeVar("T")


class Media(Protocol):
    """Where evidence bytes are (core.evidence.store.MediaStore)."""

    def append(self, blobs: Sequence[bytes]) -> list[str]: ...
    def read(self, ref: str, offset: int = 0, size: int | None = None) -> bytes: ...


class Previews(Protocol):
    """The cameras' newest pictures (core.streams.preview.PreviewReader)."""

    def want(self, device_id: int) -> None: ...
    def newest(self, device_id: int) -> bytes | None: ...


class Proxies(Protocol):
    """Finds the client behind the operator's reverse proxies (core.ingest.peers.TrustedProxies)."""

    def client(self, peer: str, headers: Mapping[str, str]) -> str: ...


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What the application was made of. `tell` hands an event and the vendor's code to the plugins' observers.

    reports  core.incidents.service.Reports
    """

    settings: Settings
    database: Database
    accounts: Accounts
    proxies: Proxies
    media: Media | None = None
    host: Any = None
    tell: Callable[[DomainEvent, str], None] | None = None
    reports: Any = None
    previews: Previews | None = None
    brake: Brake = msgspec.field(default_factory=Brake)


class Call:
    """A request of a person who may make it (the policy guard has let it through)."""

    def __init__(self, request: Request[Any, Any, Any]) -> None:
        self.request = request
        self.services: Services = request.app.state["services"]
        self.settings = self.services.settings
        self.trace = trace_of(request.scope)
        self.peer = peer_of(request, self.services.proxies)

    @property
    def principal(self) -> Principal:
        """Who asks. Only behind a route whose policy names roles."""
        principal: Principal | None = self.request.scope.get("user")
        if principal is None:
            raise Problem("unauthenticated")
        return principal

    @property
    def program(self) -> ServicePrincipal:
        """Which program asks. Only behind a route whose policy names a service key."""
        principal = self.request.scope.get("user")
        if not isinstance(principal, ServicePrincipal):
            raise Problem("unauthenticated")
        return principal

    @property
    def actor(self) -> Actor:
        """The caller as they stand in the audit log."""
        return actor_of(self.principal, peer=self.peer, trace=self.trace)

    def rows(self) -> AbstractContextManager[Connection]:
        """A transaction that sees the caller's vendors only: PostgreSQL's row-level security does it."""
        rows: AbstractContextManager[Connection] = self.services.database.tenant(self.principal.vendor_ids)
        return rows

    def audit(
        self,
        connection: Connection,
        action: str,
        *,
        vendor_id: int | None = None,
        object_kind: str = "",
        object_id: int | None = None,
        purpose: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Add a row to the audit log; without vendor_id one for each vendor whose rows the caller can see."""
        vendor_ids = self.principal.vendor_ids if vendor_id is None else (vendor_id,)
        record(
            connection, self.actor, action, vendor_ids=vendor_ids, object_kind=object_kind, object_id=object_id,
            purpose=purpose, detail=detail,
        )  # fmt: skip

    def changed(self, vendor_id: int, topics: Sequence[str], **about: Any) -> None:
        """Tell the agency's dashboards, once it has committed, that lists of these topics are old (web/src/live)."""
        who = self.principal
        data = {"topics": list(topics), "by": f"{who.role}-{who.id}", **about}
        self.request.app.state["hub"].changed(vendor_id, data)

    def ok(self, data: T, message: Words = OK) -> Ok[T]:
        """A success in the envelope and in the language of the request."""
        return Ok(data=data, message=say(self.request.scope, message))

    def page(self, rows: list[T], limit: int, next_cursor: str | None) -> Response[Ok[Listing[T]]]:
        """A page of a list with its Link header (RFC 8288)."""
        content = self.ok(Listing(data=rows, pagination=CursorPage(limit=limit, next_cursor=next_cursor)))
        headers = {"Cache-Control": "no-store"}
        if next_cursor is not None:
            url = self.request.url.with_replacements(
                query=_with_cursor(self.request.query_params.multi_items(), next_cursor)
            )
            headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return Response(content, headers=headers)


def _with_cursor(items: Any, cursor: str) -> Any:
    return MultiDict([(key, value) for key, value in items if key != "cursor"] + [("cursor", cursor)])


def peer_of(request: Request[Any, Any, Any], proxies: Proxies) -> str:
    """The client's address for throttle and audit; the direct peer's where the proxies' headers cannot be believed."""
    peer = request.client.host if request.client else ""
    headers = {}
    for name in ("x-forwarded-for", "forwarded"):
        lines = request.headers.getall(name, [])
        if lines:
            headers[name] = ",".join(lines)
    return (proxies.client(peer, headers) or peer)[:64]


def is_loopback(request: Request[Any, Any, Any]) -> bool:
    """True for a process of this machine that speaks for itself: a proxy here forwards for anybody."""
    if any(name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip")):
        return False
    address = parse_address(request.client.host if request.client else "")
    return address is not None and address.is_loopback
