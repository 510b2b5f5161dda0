"""The API as an application factory. Importing this module does nothing; `create_app` is called by `serve`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme, Server, Tag
from sqlalchemy import select

from core import metrics
from core.accounts import contract_routes
from core.accounts import routes as account_routes
from core.accounts.guard import enforce_policy, operation_of
from core.accounts.policy import check_policy
from core.accounts.service import Accounts
from core.db.engine import Database
from core.domain.events import Health
from core.evidence.store import MediaMissing, MediaStore
from core.incidents import (
    routes_admin,
    routes_external,
    routes_media,
    routes_notices,
    routes_officer,
    routes_owner,
    routes_police,
    routes_shared,
)
from core.incidents.service import Reports
from core.ingest.peers import TrustedProxies
from core.ingest.tables import payloads
from core.problems import EXCEPTION_HANDLERS, Problem
from core.realtime.sockets import Sockets
from core.settings import Settings
from core.traffic import routes as review_routes
from core.traffic import search_routes
from core.web import (
    client,
    device_admin,
    device_help,
    health,
    live,
    notice_desk,
    operations,
    overview,
    plugin_desk,
    sessions,
    tiles,
)
from core.web.announcer import Announcer
from core.web.call import Call, Media, Previews, Services
from core.web.docs import Description, OfflineSwagger, with_optional_bodies
from core.web.prefixes import under_both
from core.web.security import complete_answer

MAX_BODY = 256 * 1024
"""Of the API; cameras post elsewhere, with their own limits."""

_DESCRIPTION = """Review of violations, search of plate reads and passages, evidence, devices and deliveries.

Every success is `{success, status, message, data}`; every error is an RFC 9457 document
(`application/problem+json`) whose stable `type`s are listed at `/problems`. Texts are Indonesian, or English with
`Accept-Language: en`. Lists are paged by an opaque cursor (`limit` up to 200, `Link: rel="next"`). Decisions name the
version that was read, by `If-Match` or the field `version`.
"""
_TAGS = [
    Tag("Akun", "Log in and out."),
    Tag("Pelanggaran", "The review of violations: claim, decide, correct, take back."),
    Tag("Pencarian", "Plate reads, passages, pictures. Personal data: each access is logged with its purpose."),
    Tag("Pemilik CCTV", "Owners: their cameras, reports and notifications, the police on the way."),
    Tag("Petugas polsek", "Officers: figures, map, alerts, reports; verify and send."),
    Tag("Polisi lapangan", "Police: where they are sent, where they are, what they answer."),
    Tag("Laporan", "What everybody with a part in a report may use: messages, evidence, export, pictures."),
    Tag("Notifikasi", "Notifications and where people are reached."),
    Tag("Detektor luar", "Programs with a service key."),
    Tag("Pengelola", "Admins: stream addresses, stations, keys, accounts."),
    Tag("Peta", "What lies beneath the map."),
    Tag("Waktu nyata", "Tickets of the websocket, signatures of private channels."),
    Tag("Operasi", "Devices, quarantine, deliveries, audit."),
    Tag("Mesin", "For machines: health, readiness, metrics."),
]

_API = (
    *health.HANDLERS, *metrics.HANDLERS, *account_routes.HANDLERS, *review_routes.HANDLERS, *search_routes.HANDLERS,
    *operations.HANDLERS, *overview.HANDLERS, *device_admin.HANDLERS, *device_help.HANDLERS, *sessions.HANDLERS,
    *notice_desk.HANDLERS, *plugin_desk.HANDLERS, *tiles.HANDLERS,
    *under_both([
        *contract_routes.HANDLERS, *routes_owner.HANDLERS, *routes_officer.HANDLERS, *routes_police.HANDLERS,
        *routes_shared.HANDLERS, *routes_external.HANDLERS, *routes_notices.HANDLERS, *routes_media.HANDLERS,
        *routes_admin.HANDLERS, *live.HANDLERS,
    ]),
)  # fmt: skip


def create_app(
    settings: Settings,
    database: Database,
    *,
    host: Any = None,
    media: Media | None = None,
    previews: Previews | None = None,
    extra_health: Mapping[str, Callable[[], Health]] | None = None,
) -> Litestar:
    """Make the API. Raises PolicyGap when routes and the policy table do not agree.

    host          plugin host: told of events, shown in /readyz and /metrics
    media         where evidence bytes are read from; default: the media store under settings.home
    previews      the cameras' newest pictures; default: those in Redis, none without it
    extra_health  further checks of /readyz by name; "broker" never does more than degrade
    """
    return furnish(
        bare_app(docs=settings.docs_enabled), settings, database, host=host, media=media, previews=previews,
        extra_health=extra_health,
    )  # fmt: skip


def bare_app(*, docs: bool) -> Litestar:
    """The routes with nothing behind them, which is what costs: each process does this once. Raises PolicyGap."""
    app = Litestar(
        route_handlers=[_together(*_API, *client.HANDLERS)],
        guards=[enforce_policy],
        middleware=[sessions.PageSessions()],
        dependencies={"call": Provide(_call, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
        before_request=_begin,
        before_send=[complete_answer],
        openapi_config=_description() if docs else None,
        request_max_body_size=MAX_BODY,
        lifespan=[_lifespan],
        debug=False,
        logging_config=None,  # core.log has set logging up; Litestar would set it up again
    )  # fmt: skip
    check_policy(_operations(app))
    return app


def furnish(
    app: Litestar,
    settings: Settings,
    database: Database,
    *,
    host: Any = None,
    media: Media | None = None,
    previews: Previews | None = None,
    extra_health: Mapping[str, Callable[[], Health]] | None = None,
) -> Litestar:
    """Put what the routes work with behind a bare app; parameters as in `create_app`. Returns the same app."""
    own_media = None
    if media is None:
        media = own_media = MediaStore(settings.home / "media", read_payload=_payload_reader(database))
    announcer = Announcer(host) if host is not None else None
    reports = Reports(database, media, announcer, settings=settings)
    services = Services(
        settings=settings, database=database, media=media, host=host, tell=announcer.tell if announcer else None,
        proxies=TrustedProxies(settings.trusted_proxies),
        reports=reports,
        previews=previews if previews is not None else _previews(settings),
        accounts=Accounts(database, settings.signing_key().reveal(), reports.release),
    )  # fmt: skip
    probe = health.Probe(services, extra_health)
    closing = [probe.close, *([announcer.close] if announcer else []), *([own_media.close] if own_media else [])]
    app.state.update({
        "services": services, "readiness": probe, "live": live.LiveDesk(services), "hub": live.make_hub(services),
        "closing": closing, "tiles": tiles.open_tiles(settings),
    })  # fmt: skip
    return app


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    app.state["hub"].start()
    yield
    await app.state["hub"].stop()
    if app.state["tiles"] is not None:
        await app.state["tiles"].close()
    for close in app.state["closing"]:
        close()


def with_sockets(app: Litestar) -> Sockets:
    """The application with its websocket in front: what a server serves."""
    services: Services = app.state["services"]
    return Sockets(app, app.state["hub"], app.state["live"], origins=services.settings.cors_origins)


def describe() -> dict[str, Any]:
    """The OpenAPI 3.1 document, without a database or a secret key: for `tangkapin openapi` and its test."""
    app = Litestar(
        route_handlers=[_together(*_API)],
        dependencies={"call": Provide(_call, sync_to_thread=False)},
        openapi_config=_description(),
    )  # fmt: skip
    return with_optional_bodies(app.openapi_schema.to_schema())


def _together(*handlers: Any) -> Router:
    """One router for all: Litestar 2.25 registers a handler once more for each further method on its path, which wraps
    a `sync_to_thread` one twice, and then answers with a coroutine. Routes of a router are registered once.
    """
    return Router("/", route_handlers=list(handlers))


def _previews(settings: Settings) -> Previews | None:
    if not settings.redis_url:
        return None
    import redis

    from core.streams.preview import PreviewReader

    return PreviewReader(redis.Redis.from_url(settings.redis_url, socket_timeout=1, socket_connect_timeout=1))


def _payload_reader(database: Database) -> Callable[[int], bytes]:
    """Small bodies live in their row. Asked only for a picture that the caller's tenant was found to have."""

    def read(payload_id: int) -> bytes:
        with database.system() as connection:
            body = connection.execute(select(payloads.c.body).where(payloads.c.id == payload_id)).scalar()
        if body is None:
            raise MediaMissing(f"payload {payload_id} has no body in its row")
        return bytes(body)

    return read


def _call(request: Request[Any, Any, Any]) -> Call:
    return Call(request)


def _begin(request: Request[Any, Any, Any]) -> None:
    request.scope.setdefault("state", {})["begun"] = time.monotonic()


def _description() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Tangkapin",
        version=health.package_version(),
        description=_DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[Server(url="/")],
        tags=_TAGS,
        security=[{"token": []}],
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
                "service_key": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
            }
        ),
        use_handler_docstrings=True,
        render_plugins=[OfflineSwagger(), Description()],
        openapi_router=Router(
            "/schema",
            route_handlers=[],
            include_in_schema=False,
            after_request=_no_html_errors,
        ),
    )


async def _no_html_errors(response: Response[Any]) -> Response[Any]:
    """Litestar answers unknown paths under the description's with an HTML page; here every error is a problem."""
    if response.status_code == 404:
        raise Problem("not-found")
    return response


def _operations(app: Litestar) -> set[str]:
    """Keys of all routes, as the policy names them; pages outside the description get "METHOD path" as theirs."""
    keys: set[str] = set()
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if not isinstance(handler, HTTPRouteHandler) or handler.http_methods == {"OPTIONS"}:
                continue
            if not operation_of(handler):
                handler.opt["operation"] = f"{min(handler.http_methods - {'HEAD'})} {route.path_format}"
            keys.add(operation_of(handler))
    return keys
