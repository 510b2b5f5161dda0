"""CCTV cameras of owners: rows of `devices` with an owner.

An owner's stream address is opened by nobody before an admin approved it; changing it takes the approval away. Its user
name and password are split off and sealed, and never shown again.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, insert, literal, or_, select, text, update

from core.accounts.audit import Actor, record
from core.accounts.tables import device_health, devices, owners
from core.domain.addresses import parse_address
from core.domain.errors import TangkapinError
from core.domain.incidents import CctvStatus
from core.domain.stream_urls import StreamUrl, StreamUrlRefused, read_stream_url
from core.incidents.tables import camera_health
from core.outbound import per_device_images
from core.secrets import SecretBox

HEARD_WITHIN = text("interval '15 minutes'")
FRAME_WITHIN = text("interval '2 minutes'")
_PICTURES = (".jpg", ".jpeg", ".png")


class CctvRefused(TangkapinError):
    """A field does not do: `field` says which, the text why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def status_column() -> Any:
    """What a person set, else online when frames or events came lately, else offline."""
    seen = or_(
        and_(camera_health.c.state == "online", camera_health.c.updated_at > func.now() - FRAME_WITHIN),
        device_health.c.last_seen > func.now() - HEARD_WITHIN,
    )
    return case(
        (devices.c.cctv_status.is_not(None), devices.c.cctv_status),
        (func.coalesce(seen, literal(False)), CctvStatus.ONLINE.value),
        else_=CctvStatus.OFFLINE.value,
    )


def select_cctv() -> Select[Any]:
    """Cameras with their status and owner's name; the caller says whose. Switched-off ones are left out."""
    return (
        select(devices, status_column().label("status"), owners.c.full_name.label("owner_name"),
               camera_health.c.detail.label("health_detail"), camera_health.c.last_frame_at)
        .select_from(
            devices.outerjoin(camera_health, camera_health.c.device_id == devices.c.id)
            .outerjoin(device_health, device_health.c.device_id == devices.c.id)
            .outerjoin(owners, owners.c.id == devices.c.owner_id)
        )
        .where(devices.c.is_active)
    )  # fmt: skip


def add_cctv(
    connection: Connection, box: SecretBox, vendor_id: int, owner_id: int, fields: dict[str, Any], *, by: Actor
) -> int:
    """Add a camera and return its id. `fields` as `change_cctv` takes them. Raises CctvRefused."""
    code = f"cctv-{secrets.token_hex(6)}"
    values = {"device_code": code, "maker": "generic", "vendor_id": vendor_id, "owner_id": owner_id, "detect": True}
    device_id = int(connection.execute(insert(devices).values(**values).returning(devices.c.id)).scalar_one())
    _write(connection, box, device_id, fields)
    record(
        connection, by, "cctv_added", vendor_ids=[vendor_id], object_kind="device", object_id=device_id,
        detail={"device_code": code},
    )  # fmt: skip
    return device_id


def change_cctv(
    connection: Connection, box: SecretBox, device_id: int, owner_id: int, fields: dict[str, Any], *, by: Actor
) -> bool:
    """Change what is named: name, location, description, ip, camera_type, maker, stream_url (with it stream_kind),
    status, latitude, longitude. False when the owner has no such camera. Raises CctvRefused.
    """
    vendor_id = _own(connection, device_id, owner_id)
    if vendor_id is None:
        return False
    _write(connection, box, device_id, fields)
    record(
        connection, by, "cctv_changed", vendor_ids=[vendor_id], object_kind="device", object_id=device_id,
        detail={"changed": sorted(fields)},
    )  # fmt: skip
    return True


def remove_cctv(connection: Connection, device_id: int, owner_id: int, *, by: Actor) -> bool:
    """Switch the owner's camera off for good: its reports stay, its address and login go. False when there is none."""
    vendor_id = _own(connection, device_id, owner_id)
    if vendor_id is None:
        return False
    gone = {"is_active": False, "detect": False, "updated_at": func.now()} | _stream(None)
    connection.execute(update(devices).where(devices.c.id == device_id).values(**gone))
    record(connection, by, "cctv_removed", vendor_ids=[vendor_id], object_kind="device", object_id=device_id)
    return True


def approve_stream(connection: Connection, device_id: int, allow: list[str] | None, *, by: Actor) -> list[str] | None:
    """Let the camera's stream be opened at these addresses (CIDR or address, with :port); return them.

    allow  None = exactly the address that the owner gave, if that is a numeric one
    None when there is no such camera with a stream. Raises CctvRefused.
    """
    row = connection.execute(
        select(devices.c.vendor_id, devices.c.stream_url)
        .where(devices.c.id == device_id, devices.c.is_active, devices.c.stream_url.is_not(None))
        .with_for_update()
    ).first()
    if row is None:
        return None
    if allow is None:
        url = read_stream_url(row.stream_url)
        if parse_address(url.host) is None:
            raise CctvRefused("allow", "the address has a host name: say which networks it may lead to (CIDR:port)")
        host = f"[{url.host}]" if ":" in url.host else url.host
        allow = [f"{host}:{url.port}"]
    try:
        per_device_images(allow)
    except ValueError as error:
        raise CctvRefused("allow", str(error)) from None
    connection.execute(
        update(devices)
        .where(devices.c.id == device_id)
        .values(stream_allow=allow, stream_approved_by=by.name[:150], stream_approved_at=func.now(),
                updated_at=func.now())
    )  # fmt: skip
    record(
        connection, by, "stream_approved", vendor_ids=[row.vendor_id], object_kind="device", object_id=device_id,
        detail={"allow": allow},
    )  # fmt: skip
    return allow


def withdraw_stream(connection: Connection, device_id: int, *, by: Actor) -> bool:
    """Take an approval back: the stream is closed. False when there is no such camera."""
    query = update(devices).where(devices.c.id == device_id, devices.c.is_active).values(**_UNAPPROVED)
    vendor_id = connection.execute(query.returning(devices.c.vendor_id)).scalar()
    if vendor_id is None:
        return False
    record(connection, by, "stream_withdrawn", vendor_ids=[vendor_id], object_kind="device", object_id=device_id)
    return True


def login_context(device_id: int) -> bytes:
    """What a sealed stream login is bound to (core.streams.cameras opens it)."""
    return b"devices.stream_login:%d" % device_id


_UNAPPROVED: dict[str, Any] = {"stream_allow": [], "stream_approved_by": None, "stream_approved_at": None}


def _own(connection: Connection, device_id: int, owner_id: int) -> int | None:
    query = select(devices.c.vendor_id).where(
        devices.c.id == device_id, devices.c.owner_id == owner_id, devices.c.is_active
    )
    return connection.execute(query.with_for_update()).scalar()


def _write(connection: Connection, box: SecretBox, device_id: int, fields: dict[str, Any]) -> None:
    names = {"name": "device_name", "ip": "ip_address", "location": "location", "description": "description",
             "camera_type": "camera_type", "maker": "maker", "latitude": "latitude",
             "longitude": "longitude"}  # fmt: skip
    values = {names[name]: value for name, value in fields.items() if name in names}
    if "device_name" in values:
        values["device_name"] = values["device_name"].strip()
        if not values["device_name"]:
            raise CctvRefused("name", "expected 1 to 100 characters")
    if "status" in fields:
        by_hand = fields["status"] in (CctvStatus.INACTIVE, CctvStatus.MAINTENANCE)
        values["cctv_status"] = fields["status"] if by_hand else None
    if "stream_url" in fields or fields.get("stream_kind"):
        values |= _changed_stream(connection, box, device_id, fields)
    if values:
        connection.execute(update(devices).where(devices.c.id == device_id).values(**values, updated_at=func.now()))


def _changed_stream(connection: Connection, box: SecretBox, device_id: int, fields: dict[str, Any]) -> dict[str, Any]:
    """The columns of an address; the approval, the login and the kind stay where the address stays the same."""
    old = connection.execute(select(devices.c.stream_url).where(devices.c.id == device_id)).scalar()
    given, kind = fields.get("stream_url", old), fields.get("stream_kind")
    if not given or not given.strip():
        return _stream(None)
    try:
        url = read_stream_url(given)
    except StreamUrlRefused as error:
        raise CctvRefused("stream_url", str(error)) from None
    values = _stream(url, kind)
    if old == url.shown:
        # The client sends back what it was shown: without the password, which is kept.
        for name in (*_UNAPPROVED, "stream_login", *(["stream_kind"] if kind is None else [])):
            del values[name]
    if url.login is not None:
        if ":" in url.login[0]:
            raise CctvRefused("stream_url", "a user name has no colon in it")
        values["stream_login"] = box.seal(":".join(url.login).encode(), login_context(device_id))
    return values


def _stream(url: StreamUrl | None, kind: str | None = None) -> dict[str, Any]:
    if url is None:
        return {"stream_url": None, "stream_kind": None, "stream_login": None} | _UNAPPROVED
    if kind is None:
        path = url.target.partition("?")[0].lower()
        kind = "rtsp" if url.scheme == "rtsp" else "snapshot" if path.endswith(_PICTURES) else "mjpeg"
    if (kind == "rtsp") != (url.scheme == "rtsp"):
        raise CctvRefused("stream_kind", "rtsp goes with rtsp:// addresses; mjpeg and snapshot with http(s)://")
    return {"stream_url": url.shown, "stream_kind": kind, "stream_login": None} | _UNAPPROVED
