"""Admins: which stream addresses may be opened, stations, keys of programs, accounts of the own agency."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import exists, func, select

from core.accounts.contract_routes import given, refused, weak
from core.accounts.passwords import MAX_LENGTH, MIN_LENGTH, WeakPassword
from core.accounts.people import TABLES, AccountError
from core.accounts.principal import Role
from core.accounts.service import UserRow, select_users
from core.accounts.service_keys import add_service_key, list_service_keys, revoke_service_key
from core.accounts.stations import StationRow, add_station, change_station, list_stations
from core.accounts.tables import devices, stations, vendors
from core.domain.addresses import parse_address
from core.domain.stream_urls import read_stream_url
from core.incidents import cctv
from core.incidents.desk import TAG_ADMIN, Latitude, Longitude, Made, missing, wanted, wrong
from core.outbound import per_device_images
from core.problems import FieldError, Problem
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented
from core.web.pages import Numbered, PageLimit, PageNumber, SearchText, numbered
from core.web.params import Id

Words = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Meta(min_length=1, max_length=150, pattern=r"^[^\x00]*$")]
Network = Annotated[str, Meta(min_length=3, max_length=80, description="address or CIDR with :port")]
NewWord = Annotated[str, Meta(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
Waiting = Annotated[bool | None, QueryParameter(name="waiting", description="only those that wait for approval")]


class StreamRow(msgspec.Struct, kw_only=True):
    """A camera's stream and whether it may be opened. The login is never shown."""

    id: int
    name: str
    owner_name: str | None
    location: str
    stream_url: str
    stream_kind: str
    has_login: bool
    allow: list[str]
    approved_by: str | None
    approved_at: datetime | None
    status: str
    status_detail: str


class Approval(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """allow: the networks that the address may lead to; left out: exactly the numeric address in it."""

    allow: Annotated[list[Network], Meta(min_length=1, max_length=20)] | None = None


class StationOrder(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A police station. `vendor` may be left out by people of one vendor."""

    name: Name
    latitude: Latitude
    longitude: Longitude
    address: Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")] = ""
    phone: Annotated[str, Meta(max_length=30, pattern=r"^[^\x00]*$")] = ""
    vendor: Words = ""


class StationChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays."""

    name: Name | UnsetType = UNSET
    latitude: Latitude | UnsetType = UNSET
    longitude: Longitude | UnsetType = UNSET
    address: Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")] | UnsetType = UNSET
    phone: Annotated[str, Meta(max_length=30, pattern=r"^[^\x00]*$")] | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class ServiceKeyOrder(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who uses the key. `vendor` may be left out by people of one vendor."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
    vendor: Words = ""


class NewServiceKey(msgspec.Struct, kw_only=True):
    """The key, shown this once."""

    key: str


class ServiceKeyView(msgspec.Struct, kw_only=True):
    """A key without its secret."""

    id: int
    key_id: str
    name: str
    vendor: str
    scope: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class UserOrder(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An account of the agency. Owners register themselves."""

    username: Annotated[str, Meta(min_length=3, max_length=100)]
    password: NewWord
    role: Literal["officer", "police", "admin"]
    full_name: Words = ""
    email: Annotated[str, Meta(max_length=254)] | None = None
    phone: Annotated[str, Meta(max_length=30)] | None = None
    badge_no: Annotated[str, Meta(max_length=50)] | None = None
    station: Words | None = None
    vehicle_type: Annotated[str, Meta(max_length=50)] | None = None
    license_plate: Annotated[str, Meta(max_length=20)] | None = None
    vendor: Words = ""


class UserChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Disable or enable, or a new password; either ends the account's tokens at once."""

    is_active: bool | UnsetType = UNSET
    password: NewWord | UnsetType = UNSET


@get("/admin/streams", operation_id="list_streams", tags=TAG_ADMIN, sync_to_thread=True,
     summary="Stream addresses", responses=documented(401, 403))  # fmt: skip
def list_streams(
    call: NamedDependency[Call], waiting: Waiting = None, page: PageNumber = 1, limit: PageLimit = 20,
    search: SearchText = None,
) -> Ok[Numbered[StreamRow]]:  # fmt: skip
    """Cameras with an address to open, newest first."""
    query = cctv.select_cctv().where(devices.c.stream_url.is_not(None), devices.c.stream_kind != "file")
    if waiting is not None:
        empty = func.cardinality(devices.c.stream_allow) == 0
        query = query.where(empty if waiting else ~empty)
    asked = wanted(page, limit, None, search)
    if asked.pattern is not None:
        query = query.where(devices.c.device_name.ilike(asked.pattern, escape="\\"))
    with call.rows() as connection:
        return call.ok(numbered(connection, query, asked, _stream, devices.c.id.desc()))


@post("/admin/streams/{cctv_id:int}/approve", operation_id="approve_stream", tags=TAG_ADMIN, status_code=200,
      sync_to_thread=True, summary="Let a stream be opened", responses=documented(401, 403, 404))  # fmt: skip
def approve(
    call: NamedDependency[Call], cctv_id: Id, data: JSONBody[Approval | None] = None
) -> Ok[list[str]]:  # fmt: skip
    """At these addresses only; loopback, link-local and metadata addresses only when named one by one."""
    _visible(call, devices, cctv_id, "cctv")
    if data is None or data.allow is None:
        _refuse_special(call, cctv_id)
    with call.services.database.system() as connection:
        try:
            allow = cctv.approve_stream(connection, cctv_id, data.allow if data else None, by=call.actor)
        except cctv.CctvRefused as error:
            raise wrong(error.field, str(error)) from None
    if allow is None:
        raise missing("cctv", cctv_id)
    return call.ok(allow, ("Alamat disetujui", "Address approved"))


@post("/admin/streams/{cctv_id:int}/withdraw", operation_id="withdraw_stream", tags=TAG_ADMIN, status_code=200,
      sync_to_thread=True, summary="Close a stream", responses=documented(401, 403, 404))  # fmt: skip
def withdraw(call: NamedDependency[Call], cctv_id: Id) -> Ok[None]:
    """Take the approval back."""
    _visible(call, devices, cctv_id, "cctv")
    with call.services.database.system() as connection:
        if not cctv.withdraw_stream(connection, cctv_id, by=call.actor):
            raise missing("cctv", cctv_id)
    return call.ok(None)


@get("/stations", operation_id="list_stations", tags=TAG_ADMIN, sync_to_thread=True,
     summary="Stations", responses=documented(401, 403))  # fmt: skip
def get_stations(call: NamedDependency[Call]) -> Ok[list[StationRow]]:
    """By name."""
    with call.rows() as connection:
        return call.ok(list_stations(connection))


@post("/stations", operation_id="add_station", tags=TAG_ADMIN, status_code=201, sync_to_thread=True,
      summary="Add a station", responses=documented(401, 403, 409))  # fmt: skip
def new_station(call: NamedDependency[Call], data: JSONBody[StationOrder]) -> Response[Ok[Made]]:
    """Officers belong to one; reports are told to the nearest."""
    try:
        number = add_station(
            call.services.database, data.name, _vendor_of(call, data.vendor), latitude=data.latitude,
            longitude=data.longitude, address=data.address, phone=data.phone, by=call.actor,
        )  # fmt: skip
    except AccountError as error:
        raise Problem("conflict", (str(error), str(error)), errors=[FieldError("name", str(error))]) from None
    return Response(call.ok(Made(id=number)), status_code=201)


@patch("/stations/{station_id:int}", operation_id="change_station", tags=TAG_ADMIN, sync_to_thread=True,
       summary="Change a station", responses=documented(401, 403, 404))  # fmt: skip
def edit_station(call: NamedDependency[Call], station_id: Id, data: JSONBody[StationChange]) -> Ok[None]:
    """Set what is named."""
    _visible(call, stations, station_id, "station")
    changes = given(data)
    if changes:
        with call.services.database.system() as connection:
            change_station(connection, station_id, changes, by=call.actor)
    return call.ok(None)


@get("/admin/service-keys", operation_id="list_service_keys", tags=TAG_ADMIN, sync_to_thread=True,
     summary="Keys of programs", responses=documented(401, 403))  # fmt: skip
def get_keys(call: NamedDependency[Call]) -> Ok[list[ServiceKeyView]]:
    """Newest first, without their secrets."""
    mine = set(_codes(call))
    rows = [row for row in list_service_keys(call.services.database) if row.vendor in mine]
    return call.ok([ServiceKeyView(**msgspec.structs.asdict(row)) for row in rows])


@post("/admin/service-keys", operation_id="add_service_key", tags=TAG_ADMIN, status_code=201, sync_to_thread=True,
      summary="Make a key for a program", responses=documented(401, 403))  # fmt: skip
def new_key(call: NamedDependency[Call], data: JSONBody[ServiceKeyOrder]) -> Response[Ok[NewServiceKey]]:
    """For POST /deteksi. The key is in this answer only."""
    key = add_service_key(call.services.database, data.name, _vendor_of(call, data.vendor), by=call.actor)
    return Response(call.ok(NewServiceKey(key=key)), status_code=201, headers={"Cache-Control": "no-store"})


@delete("/admin/service-keys/{key_number:int}", operation_id="revoke_service_key", tags=TAG_ADMIN, status_code=200,
        sync_to_thread=True, summary="Revoke a key", responses=documented(401, 403, 404))  # fmt: skip
def end_key(call: NamedDependency[Call], key_number: Id) -> Ok[None]:
    """It stops working at once."""
    mine = set(_codes(call))
    rows = [row for row in list_service_keys(call.services.database) if row.vendor in mine and row.id == key_number]
    if not rows:
        raise missing("key", key_number)
    if rows[0].revoked_at is None:
        revoke_service_key(call.services.database, rows[0].key_id, by=call.actor)
    return call.ok(None)


@get("/admin/users", operation_id="list_users", tags=TAG_ADMIN, sync_to_thread=True,
     summary="Accounts", responses=documented(401, 403))  # fmt: skip
def get_users(
    call: NamedDependency[Call],
    role: Annotated[Role | None, QueryParameter(name="role")] = None,
    page: PageNumber = 1,
    limit: PageLimit = 20,
    search: SearchText = None,
) -> Ok[Numbered[UserRow]]:
    """Of one role (by default officers), by id."""
    asked = wanted(page, limit, None, search)
    table = TABLES[role or "officer"]
    query: Any = select_users(role or "officer")
    if asked.pattern is not None:
        query = query.where(
            table.c.username.ilike(asked.pattern, escape="\\") | table.c.full_name.ilike(asked.pattern, escape="\\")
        )
    with call.rows() as connection:
        return call.ok(numbered(connection, query, asked, lambda row: UserRow(**row), table.c.id))


@post("/admin/users", operation_id="add_user", tags=TAG_ADMIN, status_code=201, sync_to_thread=True,
      summary="Add an account", responses=documented(401, 403, 409))  # fmt: skip
def new_user(call: NamedDependency[Call], data: JSONBody[UserOrder]) -> Response[Ok[Made]]:
    """Officer, police or admin of the own agency."""
    fields = {name: getattr(data, name) for name in UserOrder.__struct_fields__}
    username, password, vendor = fields.pop("username"), fields.pop("password"), fields.pop("vendor")
    try:
        number = call.services.accounts.add_user(
            username, password, vendor_code=_vendor_of(call, vendor), by=call.actor, **fields
        )  # fmt: skip
    except WeakPassword as error:
        raise weak(error, "password") from None
    except AccountError as error:
        raise refused(error, "username") from None
    return Response(call.ok(Made(id=number)), status_code=201)


@patch("/admin/users/{role:str}/{user_id:int}", operation_id="change_user", tags=TAG_ADMIN, sync_to_thread=True,
       summary="Disable, enable, new password", responses=documented(401, 403, 404, 409))  # fmt: skip
def change_user(
    call: NamedDependency[Call], role: FromPath[str], user_id: Id, data: JSONBody[UserChange]
) -> Ok[None]:  # fmt: skip
    """Nobody disables their own account here."""
    table = TABLES.get(role)  # type: ignore[call-overload]
    if table is None:
        raise missing("account", user_id)
    with call.rows() as connection:
        username = connection.execute(select(table.c.username).where(table.c.id == user_id)).scalar()
    if username is None:
        raise missing("account", user_id)
    if (role, user_id) == (call.principal.role, call.principal.id):
        words = ("Akun sendiri tidak diubah di sini", "One's own account is not changed here")
        raise Problem("conflict", words)
    try:
        if data.password is not UNSET:
            call.services.accounts.set_password(username, data.password, by=call.actor)
    except WeakPassword as error:
        raise weak(error, "password") from None
    if data.is_active is not UNSET:
        call.services.accounts.set_active(username, data.is_active, by=call.actor)
    return call.ok(None)


def _stream(row: Any) -> StreamRow:
    return StreamRow(
        id=row["id"], name=row["device_name"] or row["device_code"], owner_name=row["owner_name"],
        location=row["location"] or "", stream_url=row["stream_url"], stream_kind=row["stream_kind"] or "",
        has_login=row["stream_login"] is not None, allow=list(row["stream_allow"]),
        approved_by=row["stream_approved_by"], approved_at=row["stream_approved_at"], status=row["status"],
        status_detail=row["health_detail"] or "",
    )  # fmt: skip


def _visible(call: Call, table: Any, number: int, what: str) -> None:
    """The caller's vendors have such a row: the acts themselves run as the system."""
    with call.rows() as connection:
        if not connection.execute(select(exists().where(table.c.id == number))).scalar():
            raise missing(what, number)


def _refuse_special(call: Call, cctv_id: int) -> None:
    """An owner's address that leads to this machine or to a cloud's metadata is not approved by a mere click."""
    with call.rows() as connection:
        url = connection.execute(select(devices.c.stream_url).where(devices.c.id == cctv_id)).scalar()
    if url is None:
        raise missing("cctv", cctv_id)
    read = read_stream_url(url)
    address = parse_address(read.host)
    if address is not None and not per_device_images(["0.0.0.0/0", "::/0"]).allows(address, read.port):
        raise wrong("allow", "the address leads to this machine, its own network or a cloud's metadata: name it here")


def _codes(call: Call) -> list[str]:
    with call.rows() as connection:
        return list(connection.execute(select(vendors.c.vendor_code).order_by(vendors.c.vendor_code)).scalars())


def _vendor_of(call: Call, named: str) -> str:
    codes = _codes(call)
    if named in codes:
        return named
    if not named and len(codes) == 1:
        return codes[0]
    raise wrong("vendor", "expected one of: " + ", ".join(codes))


HANDLERS = [
    list_streams, approve, withdraw, get_stations, new_station, edit_station, get_keys, new_key, end_key, get_users,
    new_user, change_user,
]  # fmt: skip
