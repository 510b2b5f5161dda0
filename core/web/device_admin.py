"""What an admin does to devices from the pages: register one, give it a new key, look into a payload put aside."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy import func, select

from core.accounts.tables import devices, vendors
from core.evidence.store import MediaMissing
from core.ingest.devices import DeviceError, NewDevice, NewKey, add_device, rotate_key
from core.ingest.tables import payloads, quarantine
from core.problems import FieldError, Problem
from core.web.call import Call
from core.web.envelope import Ok
from core.web.errors import documented
from core.web.params import Id

_TAG = ["Operasi"]
_NO_STORE = {"Cache-Control": "no-store"}
SHOWN_BYTES = 64 * 1024
_Text = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*$")]


class DeviceOrder(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A device to register. `vendor` may be left out by people of one vendor; it is theirs then."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    maker: Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")]
    vendor: _Text = ""
    name: _Text = ""
    location: _Text = ""
    zone: Literal["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"] = "Asia/Jakarta"
    time_rule: Literal["offset", "wall_clock"] = "offset"
    purposes: Annotated[list[_Text], msgspec.Meta(max_length=20)] = []
    speed_limit_kmh: Annotated[float, msgspec.Meta(gt=0, le=300)] | None = None
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None


class KeyOrder(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How long the key so far stays good beside the new one."""

    grace_hours: Annotated[int, msgspec.Meta(ge=0, le=720)] = 168


class DeviceKey(msgspec.Struct, kw_only=True):
    """A key, shown this once. `path` is where the device posts; `path_with_key` for menus that cannot set a header."""

    device_code: str
    maker: str
    key_id: str
    key: str
    header: str
    path: str
    path_with_key: str


class RawPayload(msgspec.Struct, kw_only=True):
    """A request as it came, without credentials. `text` is its beginning; bytes that are no text show as �."""

    quarantine_id: int
    device_code: str | None
    received_at: datetime
    content_type: str
    headers: dict[str, str]
    size: int
    sha256: str
    text: str
    truncated: bool


@post("/api/devices", operation_id="add_device", tags=_TAG, status_code=201, sync_to_thread=True,
      summary="Register a device", responses=documented(401, 403, 409))  # fmt: skip
def register_device(call: NamedDependency[Call], data: JSONBody[DeviceOrder]) -> Response[Ok[DeviceKey]]:
    """Register a camera and give it a key, which is shown in this answer only."""
    code = _vendor_of(call, data.vendor)
    fields = {name: getattr(data, name) for name in DeviceOrder.__struct_fields__}
    new = NewDevice(**(fields | {"vendor": code, "purposes": tuple(data.purposes)}))
    with call.services.database.system() as connection:
        if connection.execute(select(devices.c.id).where(devices.c.device_code == data.code)).first():
            words = (f"Kode {data.code} sudah dipakai", f"The code {data.code} is taken")
            raise Problem("conflict", words, errors=[FieldError("code", words[1])])
    try:
        _, key = add_device(call.services.database, new, by=call.actor)
    except DeviceError as error:
        raise Problem("validation", (str(error), str(error))) from None
    assert key is not None, "devices of the pages always have a key"
    return Response(
        call.ok(_shown(data.code, data.maker, key), ("Perangkat terdaftar", "Device registered")),
        status_code=201, headers=_NO_STORE,
    )  # fmt: skip


@post("/api/devices/{device_id:int}/key", operation_id="rotate_device_key", tags=_TAG, status_code=200,
      sync_to_thread=True, summary="Give a device a new key", responses=documented(401, 403, 404, 409))  # fmt: skip
def new_key(
    call: NamedDependency[Call], device_id: Id, data: JSONBody[KeyOrder | None] = None
) -> Response[Ok[DeviceKey]]:
    """Make a second key, shown in this answer only; the one so far stays good for the time given."""
    with call.rows() as connection:
        row = connection.execute(
            select(devices.c.device_code, devices.c.maker).where(devices.c.id == device_id)
        ).first()
    if row is None:
        raise Problem("not-found")
    grace = timedelta(hours=(data or KeyOrder()).grace_hours)
    try:
        key = rotate_key(call.services.database, row.device_code, grace=grace, by=call.actor)
    except DeviceError as error:
        raise Problem("conflict", (str(error), str(error))) from None
    return Response(call.ok(_shown(row.device_code, row.maker, key)), headers=_NO_STORE)


@get("/api/quarantine/{quarantine_id:int}/payload", operation_id="get_quarantined_payload", tags=_TAG,
     sync_to_thread=True, summary="The raw request", responses=documented(401, 403, 404))  # fmt: skip
def raw_payload(call: NamedDependency[Call], quarantine_id: Id) -> Response[Ok[RawPayload | None]]:
    """What came, as text; `data` is null when the payload is no longer kept. The look is audited."""
    with call.rows() as connection:
        row = connection.execute(
            select(quarantine.c.vendor_id, quarantine.c.payload_id, devices.c.device_code)
            .outerjoin(devices, devices.c.id == quarantine.c.device_id)
            .where(quarantine.c.id == quarantine_id)
        ).first()
        if row is None:
            raise Problem("not-found")
        payload = connection.execute(
            select(
                payloads.c.received_at, payloads.c.content_type, payloads.c.headers, payloads.c.size,
                payloads.c.sha256, payloads.c.body_ref,
                func.substring(payloads.c.body, 1, SHOWN_BYTES).label("body"),
            ).where(payloads.c.id == row.payload_id)
        ).first()  # fmt: skip
        call.audit(
            connection, "payload_viewed", vendor_id=row.vendor_id, object_kind="payload", object_id=row.payload_id,
            detail={"quarantine_id": quarantine_id},
        )  # fmt: skip
    if payload is None:
        return Response(call.ok(None), headers=_NO_STORE)
    data = bytes(payload.body) if payload.body is not None else _stored(call, payload.body_ref)
    view = RawPayload(
        quarantine_id=quarantine_id, device_code=row.device_code, received_at=payload.received_at,
        content_type=payload.content_type, headers={str(k): str(v) for k, v in payload.headers.items()},
        size=payload.size, sha256=bytes(payload.sha256).hex(), text=_readable(data),
        truncated=payload.size > SHOWN_BYTES,
    )  # fmt: skip
    return Response(call.ok(view), headers=_NO_STORE)


def _stored(call: Call, ref: str | None) -> bytes:
    if ref is None or call.services.media is None:
        return b""
    try:
        return call.services.media.read(ref)[:SHOWN_BYTES]
    except (MediaMissing, OSError, KeyError):
        return b""


def _readable(data: bytes) -> str:
    """As text; control bytes but line ends and tabs, and what is no UTF-8, become the replacement character."""
    text = data.decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c in "\n\r\t" else "\ufffd" for c in text)


def _vendor_of(call: Call, wanted: str) -> str:
    with call.rows() as connection:
        codes = list(connection.execute(select(vendors.c.vendor_code).order_by(vendors.c.vendor_code)).scalars())
    if wanted in codes:
        return wanted
    if not wanted and len(codes) == 1:
        return str(codes[0])
    told = "expected one of: " + ", ".join(codes)
    raise Problem("validation", errors=[FieldError("vendor", told)])


def _shown(code: str, maker: str, key: NewKey) -> DeviceKey:
    path = f"/cam/{maker}/{code}"
    return DeviceKey(
        device_code=code, maker=maker, key_id=key.key_id, key=key.key, header=f"X-API-KEY: {key.key}", path=path,
        path_with_key=f"{path}/{key.key}",
    )  # fmt: skip


HANDLERS = [register_device, new_key, raw_payload]
