"""Realtime for people: tickets for the websocket, what each may hear, signatures for Pusher's private channels."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets as entropy
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import structlog
from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import PathParameter
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from core.accounts.principal import Principal
from core.accounts.routes import NO_STORE
from core.accounts.tables import devices, revoked_tokens, vendors
from core.accounts.tokens import TokenRefused
from core.evidence.links import MediaLinks
from core.notices import outbox
from core.notices.drain import Link
from core.notices.replay import missed
from core.problems import Problem
from core.realtime.hub import Hub
from core.realtime.sockets import PATH
from core.realtime.topics import Channel, parse_channel, topic
from core.secrets import SecretBox, Unsealable
from core.web.call import Call, Services
from core.web.envelope import Ok
from core.web.errors import documented

log = structlog.get_logger(__name__)

_TAG = ["Waktu nyata"]
TICKET_S = 30
_CONTEXT = b"realtime ticket"


class Ticket(msgspec.Struct, kw_only=True):
    """Opens one websocket, once, within `expires_in_s`: connect to `path`?ticket=…"""

    ticket: str
    expires_in_s: int
    path: str


class RealtimeChannel(msgspec.Struct, kw_only=True):
    """One way to be told. `settings`: what its client library wants to know, by the channel's own manual."""

    name: str
    in_app: bool
    settings: dict[str, str | int | bool]


class RealtimeConfig(msgspec.Struct, kw_only=True):
    """`channels` in the order of fallback. `application_key`: of Web Push (VAPID), "" without it."""

    channels: list[RealtimeChannel]
    application_key: str


class WebhookRead(msgspec.Struct, kw_only=True):
    """How many events were in it."""

    events: int


class _Inside(msgspec.Struct):
    token: str
    nonce: str
    expires: float


class LiveDesk:
    """What the sockets ask of the house (core.realtime.sockets.Desk). A session is the person's access token."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.database
        self._box = SecretBox(services.settings.signing_key())

    def issue(self, token: str) -> str:
        """A ticket for the bearer of this token; it tells nobody the token."""
        inside = _Inside(token, entropy.token_hex(16), time.time() + TICKET_S)
        return base64.urlsafe_b64encode(self._box.seal(msgspec.json.encode(inside), _CONTEXT)).decode().rstrip("=")

    def open(self, ticket: str) -> str | None:
        """The token behind a ticket that is ours, fresh and was not used; None otherwise."""
        try:
            sealed = base64.urlsafe_b64decode(ticket.encode() + b"=" * (-len(ticket) % 4))
            inside = msgspec.json.decode(self._box.open(sealed, _CONTEXT), type=_Inside)
        except (ValueError, binascii.Error, Unsealable, msgspec.DecodeError):
            return None
        person = self._person(inside.token)
        if person is None or inside.expires < time.time() or not self._use_up(inside, person):
            return None
        return inside.token

    def _use_up(self, inside: _Inside, person: Principal) -> bool:
        """One row for each ticket, shared by all processes; it stands beside revoked tokens until it would be over."""
        row = {"jti": f"ws:{inside.nonce}", "actor_role": person.role, "actor_id": person.id,
               "expires_at": datetime.fromtimestamp(inside.expires, UTC)}  # fmt: skip
        with self._database.system() as connection:
            over = revoked_tokens.c.jti.startswith("ws:") & (revoked_tokens.c.expires_at < func.now())
            connection.execute(delete(revoked_tokens).where(over))
            query = upsert(revoked_tokens).values(**row).on_conflict_do_nothing().returning(revoked_tokens.c.jti)
            return connection.execute(query).first() is not None

    def still_valid(self, session: str) -> bool:
        """Whether the token still counts: logout, a new password, another role and a locked account all end it."""
        return self._person(session) is not None

    def may_hear(self, session: str, channel: str) -> list[str]:
        """Topics behind a channel's name that this person may hear right now."""
        person, wanted = self._person(session), parse_channel(channel)
        return [] if person is None or wanted is None else self.topics(person, wanted)

    def topics(self, person: Principal, wanted: Channel) -> list[str]:
        """The rule: one's own channel; cameras of one's own or one's agency; the agency's dashboard for its staff."""
        staff = person.role in ("officer", "admin")
        if wanted.kind == "dashboard":
            mine = [one for one in person.vendor_ids if wanted.id in (None, one)]
            return [topic(vendor_id, "dashboard") for vendor_id in mine] if staff else []
        if wanted.kind == "detection":
            if not staff and person.role != "owner":
                return []
            query = select(devices.c.vendor_id).where(
                devices.c.id == wanted.id, devices.c.vendor_id.in_(person.vendor_ids)
            )
            if not staff:
                query = query.where(devices.c.owner_id == person.id)
            with self._database.system() as connection:
                vendor_id = connection.execute(query).scalar()
            return [] if vendor_id is None else [topic(vendor_id, "detection", wanted.id)]
        if (wanted.kind, wanted.id) != (person.role, person.id):
            return []
        return [topic(vendor_id, wanted.kind, wanted.id) for vendor_id in person.vendor_ids]

    def acknowledge(self, session: str, ids: list[int]) -> list[int]:
        """Note that the person has these notices."""
        person = self._person(session)
        if person is None:
            return []
        with self._database.system() as connection:
            return outbox.acknowledge(connection, person.role, person.id, ids)

    def _person(self, token: str) -> Principal | None:
        try:
            return self._services.accounts.authenticate(token)
        except TokenRefused:
            return None


def make_hub(services: Services) -> Hub:
    """The sockets' hub of this process; it reads rows with addresses of pictures made for their reader."""
    settings = services.settings
    links = MediaLinks(settings.signing_key(), settings.media_url_s)
    base = settings.public_url or f"http://{settings.host}:{settings.port}"

    def link(vendor_id: int, sha256: bytes, holder: str) -> str:
        return links.url(base, vendor_id, sha256, holder)

    return Hub(settings.redis_url, _replay(services, link))


def _replay(services: Services, link: Link) -> Any:
    def read(name: str, after: int | None) -> list[dict[str, Any]]:
        with services.database.system() as connection:
            return missed(connection, name, after, link)

    async def replay(name: str, after: int | None) -> list[dict[str, Any]]:
        return await asyncio.to_thread(read, name, after)

    return replay


@post("/realtime/ticket", operation_id="create_realtime_ticket", tags=_TAG, status_code=201, sync_to_thread=True,
      summary="Get a ticket for the websocket", responses=documented(401, 403))  # fmt: skip
def create_realtime_ticket(request: Request[Any, Any, Any], call: NamedDependency[Call]) -> Response[Ok[Ticket]]:
    """A websocket cannot carry a token in a header, and must not in its address: it opens with this instead."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    desk: LiveDesk = request.app.state["live"]
    ticket = Ticket(ticket=desk.issue(token), expires_in_s=TICKET_S, path=PATH)
    return Response(call.ok(ticket), status_code=201, headers=NO_STORE)


@post("/broadcasting/auth", operation_id="sign_private_channel", tags=_TAG, status_code=200,
      summary="Sign a subscription to a private channel",
      description="For clients of the Pusher protocol: a form with `socket_id` and `channel_name`. The answer is as "
      "that protocol wants it, without the envelope.",
      responses=documented(401, 403))  # fmt: skip
async def sign_private_channel(request: Request[Any, Any, Any], call: NamedDependency[Call]) -> Response[Any]:
    """Signed only for a channel that the caller may hear."""
    form = await request.form()
    socket_id, channel = str(form.get("socket_id", "")), str(form.get("channel_name", ""))
    answer = await sync_to_thread(_sign, call, request.app.state["live"], socket_id, channel)
    return Response(answer, headers=NO_STORE)


@get("/realtime/config", operation_id="get_realtime_config", tags=_TAG, sync_to_thread=True,
     summary="How to listen", responses=documented(401, 403))  # fmt: skip
def get_realtime_config(call: NamedDependency[Call]) -> Ok[RealtimeConfig]:
    """The notice channels of the caller's agency with the public keys that their clients want; national admins get
    those that are bound to no agency.
    """
    host, code = call.services.host, ""
    if host is None:
        return call.ok(RealtimeConfig(channels=[], application_key=""))
    if call.principal.vendor_id is not None:
        with call.services.database.system() as connection:
            query = select(vendors.c.vendor_code).where(vendors.c.id == call.principal.vendor_id)
            code = connection.execute(query).scalar_one()
    channels = [
        RealtimeChannel(name=name, in_app=host.is_in_app(name), settings=settings)
        for name, settings in host.client_settings(code).items()
    ]
    return call.ok(RealtimeConfig(channels=channels, application_key=host.application_key(code)))


@post("/realtime/webhooks/{channel:str}", operation_id="receive_channel_webhook", tags=_TAG, status_code=200,
      security=[{}], summary="A webhook of a notice channel", responses=documented(401, 404))  # fmt: skip
async def receive_channel_webhook(
    request: Request[Any, Any, Any],
    call: NamedDependency[Call],
    channel: Annotated[str, PathParameter(description="the notifier's instance", max_length=60)],
) -> Ok[WebhookRead]:
    """For the service behind the channel. What is forged, old, or was read before is refused; the rest is logged."""
    host = call.services.host
    reader = host.webhook_reader(channel) if host is not None else None
    if reader is None:
        raise Problem("not-found")
    headers = {name.lower(): value for name, value in request.headers.items()}
    events = await sync_to_thread(reader, headers, await request.body())
    if events is None:
        raise Problem("unauthenticated", ("Tanda tangan tidak sah", "The signature is not valid"))
    for event in events[:100]:
        log.info(
            "channel_webhook", channel=channel, name=str(event.get("name"))[:40], on=str(event.get("channel"))[:80]
        )
    return call.ok(WebhookRead(events=len(events)))


def _sign(call: Call, desk: LiveDesk, socket_id: str, channel: str) -> dict[str, str]:
    if not socket_id or not channel.startswith("private-"):
        words = (
            "socket_id dan channel_name (private-…) wajib diisi",
            "socket_id and channel_name (private-…) expected",
        )
        raise Problem("validation", words)
    person, wanted = call.principal, parse_channel(channel)
    if wanted is None or not desk.topics(person, wanted):
        raise Problem("forbidden", ("Saluran ini bukan untuk Anda", "This channel is not for you"))
    with call.services.database.system() as connection:
        query = select(vendors.c.vendor_code).where(vendors.c.id.in_(person.vendor_ids)).order_by(vendors.c.id)
        codes = connection.execute(query).scalars().all()
    host = call.services.host
    for code in codes if host is not None else ():
        for sign in host.signers(code):
            try:
                signed: dict[str, str] = sign(socket_id, channel)
            except ValueError:
                words = ("socket_id tidak sah", "socket_id is not one")
                raise Problem("validation", words) from None
            return signed
    raise Problem("not-available", ("Tidak ada layanan Pusher di sini", "There is no Pusher service here"))


HANDLERS = [create_realtime_ticket, sign_private_channel, get_realtime_config, receive_channel_webhook]
"""Without a prefix: they stand under both (core.web.prefixes)."""
