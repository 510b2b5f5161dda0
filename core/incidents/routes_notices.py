"""Notifications in somebody's list, and where their phone or browser is reached."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta
from sqlalchemy import delete as sql_delete
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from core.accounts.principal import Principal
from core.accounts.tables import vendors
from core.domain.addresses import parse_address
from core.incidents.desk import PAGES_OF_20, TAG_NOTICE, TAG_OWNER, missing, viewer_of, wrong
from core.incidents.reading import NotificationRow, count_unread, list_notifications
from core.notices.tables import notice_recipients, push_addresses
from core.problems import Problem
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented
from core.web.pages import Numbered, Wanted
from core.web.params import Id

ADDRESSES_MOST = 10
"""Phones and browsers of one person; the one that is unused for longest makes room."""


class Unread(msgspec.Struct, kw_only=True):
    """How many are unread now."""

    unread: int


class WebPushKeys(msgspec.Struct, kw_only=True):
    """As the browser's PushSubscription gives them."""

    p256dh: Annotated[str, Meta(min_length=20, max_length=200, pattern=r"^[A-Za-z0-9_+/=-]+$")]
    auth: Annotated[str, Meta(min_length=8, max_length=100, pattern=r"^[A-Za-z0-9_+/=-]+$")]


class PushAddressOrder(msgspec.Struct, kw_only=True):
    """fcm: a phone's registration `token`; webpush: a browser's PushSubscription.toJSON() (`endpoint` and `keys`)."""

    channel: Literal["fcm", "webpush"]
    token: Annotated[str, Meta(min_length=20, max_length=4096, pattern=r"^[A-Za-z0-9_:.-]+$")] | None = None
    endpoint: Annotated[str, Meta(min_length=12, max_length=1000)] | None = None
    keys: WebPushKeys | None = None


class PushAddressRow(msgspec.Struct, kw_only=True):
    """A registered phone or browser; its secret part is not shown."""

    id: int
    channel: Literal["fcm", "webpush"]
    created_at: datetime
    last_used_at: datetime | None


class PushKey(msgspec.Struct, kw_only=True):
    """`applicationServerKey` of a browser's subscription, base64url; empty where Web Push is not switched on."""

    application_key: str


@get("/notification", operation_id="list_own_notifications", tags=TAG_OWNER, sync_to_thread=True,
     summary="Own notifications", responses=documented(401, 403), dependencies=PAGES_OF_20)  # fmt: skip
def list_own(call: NamedDependency[Call], asked: NamedDependency[Wanted]) -> Ok[Numbered[NotificationRow]]:
    """Of an owner, newest first; status: read, unread. Officers and police have lists of their own."""
    with call.rows() as connection:
        return call.ok(list_notifications(connection, viewer_of(call), asked))


@patch("/notification/{notification_id:int}/read", operation_id="read_notification", tags=TAG_NOTICE,
       sync_to_thread=True, summary="Mark as read", responses=documented(401, 403, 404))  # fmt: skip
def mark_read(call: NamedDependency[Call], notification_id: Id) -> Ok[Unread]:
    """One of the own; a second time changes nothing."""
    me = call.principal
    with call.services.database.system() as connection:
        found = connection.execute(
            update(notice_recipients)
            .where(notice_recipients.c.id == notification_id, *_mine(me))
            .values(read_at=func.coalesce(notice_recipients.c.read_at, func.now()))
            .returning(notice_recipients.c.id)
        ).first()
        if found is None:
            raise missing("notification", notification_id)
        return call.ok(Unread(unread=count_unread(connection, me)))


@post("/notification/read", operation_id="read_all_notifications", tags=TAG_NOTICE, status_code=200,
      sync_to_thread=True, summary="Mark all as read", responses=documented(401, 403))  # fmt: skip
def mark_all_read(call: NamedDependency[Call]) -> Ok[Unread]:
    """All of the own."""
    with call.services.database.system() as connection:
        connection.execute(
            update(notice_recipients)
            .where(*_mine(call.principal), notice_recipients.c.read_at.is_(None))
            .values(read_at=func.now())
        )
    return call.ok(Unread(unread=0))


@get("/push-addresses", operation_id="list_push_addresses", tags=TAG_NOTICE, sync_to_thread=True,
     summary="Own phones and browsers", responses=documented(401, 403))  # fmt: skip
def list_addresses(call: NamedDependency[Call]) -> Ok[list[PushAddressRow]]:
    """Newest first."""
    columns = [push_addresses.c[name] for name in PushAddressRow.__struct_fields__]
    with call.services.database.system() as connection:
        query = select(*columns).where(*_owned(call.principal)).order_by(push_addresses.c.id.desc())
        rows = [PushAddressRow(**row) for row in connection.execute(query).mappings()]
    return call.ok(rows)


@get("/push-addresses/key", operation_id="get_push_key", tags=TAG_NOTICE, sync_to_thread=True,
     summary="What browsers subscribe with", responses=documented(401, 403))  # fmt: skip
def get_push_key(call: NamedDependency[Call]) -> Ok[PushKey]:
    """The public key of the agency's Web Push channel."""
    vendor_code = ""
    if call.principal.vendor_id is not None:
        with call.services.database.system() as connection:
            query = select(vendors.c.vendor_code).where(vendors.c.id == call.principal.vendor_id)
            vendor_code = connection.execute(query).scalar_one()
    host = call.services.host
    return call.ok(PushKey(application_key=host.application_key(vendor_code) if host is not None else ""))


@post("/push-addresses", operation_id="add_push_address", tags=TAG_NOTICE, status_code=201, sync_to_thread=True,
      summary="Register a phone or browser", responses=documented(401, 403))  # fmt: skip
def add_address(call: NamedDependency[Call], data: JSONBody[PushAddressOrder]) -> Response[Ok[PushAddressRow]]:
    """A phone that changes hands belongs to who registers it last."""
    me = call.principal
    if me.vendor_id is None:
        words = ("Admin nasional tidak menerima notifikasi", "National admins are not notified")
        raise Problem("forbidden", words)
    if data.channel == "webpush":
        value = _subscription(data.endpoint, data.keys)
    elif data.token is not None:
        value = data.token
    else:
        raise wrong("token", "expected the phone's registration token")
    row = {"vendor_id": me.vendor_id, "role": me.role, "person_id": me.id, "channel": data.channel, "value": value}
    statement = upsert(push_addresses).values(**row, value_sha256=hashlib.sha256(value.encode()).digest())
    statement = statement.on_conflict_do_update(
        index_elements=["channel", "value_sha256"],
        set_={name: statement.excluded[name] for name in ("vendor_id", "role", "person_id")},
    )
    with call.services.database.system() as connection:
        columns = [push_addresses.c[name] for name in PushAddressRow.__struct_fields__]
        made = connection.execute(statement.returning(*columns)).mappings().one()
        old = (
            select(push_addresses.c.id)
            .where(*_owned(me), push_addresses.c.id != made["id"])
            .order_by(func.coalesce(push_addresses.c.last_used_at, push_addresses.c.created_at).desc())
            .offset(ADDRESSES_MOST - 1)
        )
        connection.execute(sql_delete(push_addresses).where(push_addresses.c.id.in_(old)))
    return Response(call.ok(PushAddressRow(**made)), status_code=201)


@delete("/push-addresses/{address_id:int}", operation_id="remove_push_address", tags=TAG_NOTICE, status_code=200,
        sync_to_thread=True, summary="Forget a phone or browser", responses=documented(401, 403, 404))  # fmt: skip
def remove_address(call: NamedDependency[Call], address_id: Id) -> Ok[None]:
    """One of the own."""
    with call.services.database.system() as connection:
        query = sql_delete(push_addresses).where(push_addresses.c.id == address_id, *_owned(call.principal))
        if connection.execute(query.returning(push_addresses.c.id)).first() is None:
            raise missing("push address", address_id)
    return call.ok(None)


def _mine(me: Principal) -> tuple[Any, ...]:
    return notice_recipients.c.role == me.role, notice_recipients.c.person_id == me.id


def _owned(me: Principal) -> tuple[Any, ...]:
    return push_addresses.c.role == me.role, push_addresses.c.person_id == me.id


def _subscription(endpoint: str | None, keys: WebPushKeys | None) -> str:
    """The subscription as JSON. Its endpoint is called by us: https to a named host only."""
    if endpoint is None or keys is None:
        raise wrong("endpoint", "expected endpoint and keys of a PushSubscription")
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        raise wrong("endpoint", "expected an https address") from None
    host = parts.hostname or ""
    numeric = parse_address(host) is not None or host.rpartition(".")[2].isdigit()
    if parts.scheme != "https" or "." not in host or numeric or parts.username is not None or port not in (None, 443):
        raise wrong("endpoint", "expected an https address of a push service")
    return msgspec.json.encode({"endpoint": endpoint, "keys": msgspec.structs.asdict(keys)}).decode()


HANDLERS = [list_own, mark_read, mark_all_read, list_addresses, get_push_key, add_address, remove_address]
