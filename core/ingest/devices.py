"""Registering devices and giving them credentials: for the command line, the API and the demo.

A key or password is returned once, to whoever asked for it, and stored as what verifies it: SHA-256 of a key of 256
random bits, argon2id of a Basic password, encrypted HA1 values for Digest. Running servers take changes up within
seconds (core.ingest.directory).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import Connection, and_, func, insert, or_, select, update

from core.accounts.audit import Actor, record
from core.accounts.tables import device_credentials, device_health, devices, vendors
from core.domain.addresses import parse_networks
from core.domain.errors import TangkapinError
from core.ingest.auth import PASSWORDS, ha1_context
from core.ingest.digest import ha1
from core.outbound import per_device_images
from core.secrets import SecretBox

AUTH_METHODS = ("api_key", "token", "basic", "digest", "ip")
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LETTERS = 43
"""62 ** 43 > 2 ** 256. Letters and digits only: camera menus refuse or mangle the rest."""
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MAKER = re.compile(r"[a-z][a-z0-9_]{0,39}")
_USERNAME = re.compile(r'[^\x00-\x1f\x7f:"\\]{1,100}')


SYSTEM = Actor("system")


class DeviceError(TangkapinError):
    """A device cannot be registered or changed like that; the text says why and what is expected."""


class Database(Protocol):
    """What is needed of core.db.engine.Database: a transaction that sees all vendors."""

    def system(self) -> Any: ...


class NewKey(msgspec.Struct, frozen=True):
    """A key as it is shown once. repr shows only its public half."""

    key: str
    key_id: str
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"NewKey(key_id={self.key_id!r})"

    __str__ = __repr__


class NewDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device to register; fields as in the table `devices`.

    vendor       vendor_code of the reporting agency
    parent       device_code of the recorder that posts for this camera
    image_hosts  CIDR[:port] that picture URLs may be fetched from
    """

    code: str
    maker: str
    vendor: str
    name: str = ""
    location: str = ""
    zone: str = "Asia/Jakarta"
    time_rule: str = "offset"
    purposes: tuple[str, ...] = ()
    speed_limit_kmh: float | None = None
    serial: str = ""
    channel: str = ""
    parent: str = ""
    latitude: float | None = None
    longitude: float | None = None
    auth: tuple[str, ...] = ("api_key", "token")
    ip_allow: tuple[str, ...] = ()
    image_hosts: tuple[str, ...] = ()
    rate_per_s: float = 20.0
    rate_burst: float = 100.0
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


def add_device(database: Database, new: NewDevice, *, by: Actor = SYSTEM) -> tuple[int, NewKey | None]:
    """Register a device; return its id and its first key (None when it accepts neither api_key nor token).

    Raises DeviceError with everything that is wrong.
    """
    problems = _problems(new)
    if problems:
        raise DeviceError("; ".join(problems))
    with database.system() as connection:
        vendor_id = connection.execute(select(vendors.c.id).where(vendors.c.vendor_code == new.vendor)).scalar()
        if vendor_id is None:
            raise DeviceError(f"there is no vendor {new.vendor!r} (tangkapin vendor list shows them)")
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"tangkapin device {new.code}", 0))))
        if connection.execute(select(devices.c.id).where(devices.c.device_code == new.code)).first():
            raise DeviceError(f"there is a device {new.code!r} already")
        device_id = connection.execute(
            insert(devices)
            .values(
                device_code=new.code,
                device_name=new.name or None,
                location=new.location or None,
                vendor_id=vendor_id,
                maker=new.maker,
                zone=new.zone,
                time_rule=new.time_rule,
                purposes=list(new.purposes),
                speed_limit_kmh=new.speed_limit_kmh,
                serial=new.serial or None,
                channel=new.channel or None,
                parent_id=_parent_id(connection, new.parent, vendor_id),
                latitude=new.latitude,
                longitude=new.longitude,
                auth=list(new.auth),
                ip_allow=list(new.ip_allow),
                image_hosts=list(new.image_hosts),
                rate_per_s=new.rate_per_s,
                rate_burst=new.rate_burst,
                settings=new.settings,
            )
            .returning(devices.c.id)
        ).scalar_one()
        wants_key = bool({"api_key", "token"} & set(new.auth))
        key = _insert_key(connection, vendor_id, device_id) if wants_key else None
        detail = {"device_code": new.code, "auth": list(new.auth), **({"key_id": key.key_id} if key else {})}
        _note(connection, by, "device_added", vendor_id, device_id, **detail)
    return device_id, key


def rotate_key(database: Database, code: str, *, grace: timedelta = timedelta(days=7), by: Actor = SYSTEM) -> NewKey:
    """Make a second key; the newest old one stays good for `grace`, older ones end at once. Raises DeviceError."""
    with database.system() as connection:
        device = _find(connection, code)
        if not {"api_key", "token"} & set(device["auth"]):
            raise DeviceError(f"{code} accepts {', '.join(device['auth'])}: it has no key to rotate")
        c = device_credentials.c
        now = datetime.now(UTC)
        live = connection.execute(
            select(c.id, c.expires_at)
            .where(c.device_id == device["id"], c.kind == "api_key", c.revoked_at.is_(None))
            .where(or_(c.expires_at.is_(None), c.expires_at > now))
            .order_by(c.id.desc())
            .with_for_update()
        ).all()
        for nth, (credential_id, expires_at) in enumerate(live):
            if nth:
                change: dict[str, Any] = {"revoked_at": now}
            else:
                change = {"expires_at": min(now + grace, expires_at or datetime.max.replace(tzinfo=UTC))}
            connection.execute(update(device_credentials).where(c.id == credential_id).values(change))
        key = _insert_key(connection, device["vendor_id"], device["id"])
        _note(connection, by, "device_key_rotated", device["vendor_id"], device["id"], key_id=key.key_id)
    return key


def revoke_key(database: Database, code: str, key_id: str = "", *, by: Actor = SYSTEM) -> int:
    """Revoke the key of that id, or every key and password of the device; return how many. Raises DeviceError."""
    with database.system() as connection:
        device = _find(connection, code)
        c = device_credentials.c
        which = and_(c.device_id == device["id"], c.revoked_at.is_(None), *([c.key_id == key_id] if key_id else []))
        revoked = connection.execute(update(device_credentials).where(which).values(revoked_at=func.now())).rowcount
        if key_id and not revoked:
            raise DeviceError(f"{code} has no active key {key_id}")
        _note(connection, by, "device_key_revoked", device["vendor_id"], device["id"], key_id=key_id, n=int(revoked))
    return int(revoked)


def set_password(
    database: Database,
    box: SecretBox,
    code: str,
    password: str,
    *,
    username: str = "",
    allow_md5: bool = False,
    by: Actor = SYSTEM,
) -> str:
    """Set the password for the Basic and Digest methods that the device accepts; return the user name.

    username   "" = the device code
    allow_md5  also keep the MD5 form: for recorders that know nothing newer. Raises DeviceError.
    """
    username = username or code
    check_login(username, password)
    with database.system() as connection:
        device = _find(connection, code)
        kinds = [kind for kind in ("basic", "digest") if kind in device["auth"]]
        if not kinds:
            raise DeviceError(f"{code} accepts {', '.join(device['auth'])}: neither Basic nor Digest")
        c = device_credentials.c
        old = and_(c.device_id == device["id"], c.kind.in_(("basic", "digest")), c.revoked_at.is_(None))
        connection.execute(update(device_credentials).where(old).values(revoked_at=func.now()))
        for kind in kinds:
            values: dict[str, Any] = {"vendor_id": device["vendor_id"], "device_id": device["id"], "kind": kind,
                                      "username": username}  # fmt: skip
            if kind == "basic":
                values["secret_hash"] = PASSWORDS.hash(password).encode()
            else:
                hashes = {name: ha1(name, username, password) for name in ("SHA-256", *(["MD5"] if allow_md5 else []))}
                values["ha1_encrypted"] = box.seal(msgspec.json.encode(hashes), ha1_context(device["id"]))
                values["allow_md5"] = allow_md5
            connection.execute(insert(device_credentials).values(values))
        _note(connection, by, "device_password_set", device["vendor_id"], device["id"], kinds=kinds, md5=allow_md5)
    return username


def check_login(username: str, password: str) -> None:
    """Raise DeviceError for a user name or password that Basic or Digest could not carry, or that is too short."""
    if not _USERNAME.fullmatch(username):
        raise DeviceError("a user name has 1 to 100 characters, none of them a colon, quote or backslash")
    if not 8 <= len(password) <= 128:
        raise DeviceError("a device's password has 8 to 128 characters")


def set_active(database: Database, code: str, active: bool, *, by: Actor = SYSTEM) -> None:
    """Let the device post, or not. Its data stays. Raises DeviceError."""
    with database.system() as connection:
        device = _find(connection, code)
        connection.execute(
            update(devices).where(devices.c.id == device["id"]).values(is_active=active, updated_at=func.now())
        )
        _note(connection, by, "device_enabled" if active else "device_disabled", device["vendor_id"], device["id"])


_CHANGEABLE = {"name": "device_name", "location": "location", "zone": "zone", "time_rule": "time_rule",
               "purposes": "purposes", "speed_limit_kmh": "speed_limit_kmh", "latitude": "latitude",
               "longitude": "longitude", "rate_per_s": "rate_per_s", "rate_burst": "rate_burst"}  # fmt: skip
"""Fields of NewDevice that may change -> their columns. Make, agency and credentials have ways of their own."""


def change_device(
    database: Database, code: str, changes: Mapping[str, Any], plugins: Mapping[str, Mapping[str, Any]], *,
    by: Actor = SYSTEM,
) -> None:  # fmt: skip
    """Give a device other values from now on; what it posted before stays as it was judged. Raises DeviceError.

    changes  fields of NewDevice, of those in _CHANGEABLE
    plugins  plugin folder -> its settings of this device, key by key; None takes a key away
    """
    with database.system() as connection:
        device = _find(connection, code)
        row = connection.execute(select(devices).where(devices.c.id == device["id"])).mappings().one()
        now = {field: row[column] for field, column in _CHANGEABLE.items()} | dict(changes)
        problems = _problems(NewDevice(code=code, maker=row["maker"], vendor="", **now))
        if problems:
            raise DeviceError("; ".join(problems))
        settings = dict(row["settings"])
        for plugin, given in plugins.items():
            kept = {**settings.get(plugin, {}), **given}
            settings[plugin] = {key: value for key, value in kept.items() if value is not None}
        values = {_CHANGEABLE[field]: value for field, value in changes.items()}
        connection.execute(
            update(devices)
            .where(devices.c.id == device["id"])
            .values(**values, settings={k: v for k, v in settings.items() if v}, updated_at=func.now())
        )
        detail = {**changes, **{f"{plugin}.{key}": v for plugin, given in plugins.items() for key, v in given.items()}}
        _note(connection, by, "device_changed", device["vendor_id"], device["id"], **detail)


def list_devices(database: Database, *, vendor: str = "", maker: str = "") -> list[dict[str, Any]]:
    """Devices with vendor_code and when they were last seen, by code; no credential."""
    statement = _ROWS.order_by(devices.c.device_code)
    if vendor:
        statement = statement.where(vendors.c.vendor_code == vendor)
    if maker:
        statement = statement.where(devices.c.maker == maker)
    with database.system() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def show_device(database: Database, code: str) -> dict[str, Any]:
    """One device with its credentials' public halves under "credentials". Raises DeviceError."""
    with database.system() as connection:
        row = connection.execute(_ROWS.where(devices.c.device_code == code)).mappings().first()
        if row is None:
            raise DeviceError(_unknown(code))
        c = device_credentials.c
        credentials = connection.execute(
            select(c.kind, c.key_id, c.username, c.allow_md5, c.created_at, c.expires_at, c.revoked_at, c.last_used_at)
            .where(c.device_id == row["id"])
            .order_by(c.id)
        ).mappings()
        return {**row, "credentials": [dict(credential) for credential in credentials]}


_ROWS = (
    select(devices, vendors.c.vendor_code, device_health.c.last_seen, device_health.c.last_peer)
    .join(vendors, vendors.c.id == devices.c.vendor_id)
    .outerjoin(device_health, device_health.c.device_id == devices.c.id)
)


def make_password() -> str:
    """A password that every camera menu takes: 20 letters and digits, about 119 bits."""
    return _random(20)


def _random(letters: int) -> str:
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(letters))


def _insert_key(connection: Connection, vendor_id: int, device_id: int) -> NewKey:
    key_id = _random(10)
    key = f"tk_{key_id}_{_random(_SECRET_LETTERS)}"
    connection.execute(
        insert(device_credentials).values(
            vendor_id=vendor_id,
            device_id=device_id,
            kind="api_key",
            key_id=key_id,
            secret_hash=hashlib.sha256(key.encode()).digest(),
        )
    )
    return NewKey(key, key_id)


def _note(connection: Connection, by: Actor, action: str, vendor_id: int, device_id: int, **detail: Any) -> None:
    record(
        connection, by, action, vendor_ids=[vendor_id], object_kind="device", object_id=device_id, detail=detail
    )  # fmt: skip


def _find(connection: Connection, code: str) -> Any:
    columns = (devices.c.id, devices.c.vendor_id, devices.c.auth)
    found = connection.execute(select(*columns).where(devices.c.device_code == code).with_for_update()).mappings()
    row = found.first()
    if row is None:
        raise DeviceError(_unknown(code))
    return row


def _parent_id(connection: Connection, parent: str, vendor_id: int) -> int | None:
    if not parent:
        return None
    row = connection.execute(
        select(devices.c.id).where(devices.c.device_code == parent, devices.c.vendor_id == vendor_id)
    ).first()
    if row is None:
        raise DeviceError(f"the vendor has no device {parent!r} that could be its recorder")
    return int(row[0])


def _unknown(code: str) -> str:
    return f"there is no device {code[:100]!r} (tangkapin device list shows them)"


def _problems(new: NewDevice) -> list[str]:
    problems = []
    if not _CODE.fullmatch(new.code) or new.code.startswith("tk_"):
        problems.append(f"{new.code[:100]!r}: a device code has letters, digits and ._- (at most 100), like simpang-5")
    if not _MAKER.fullmatch(new.maker):
        problems.append(f"{new.maker[:40]!r}: a maker is the name of a folder in vendors/")
    unknown = [method for method in new.auth if method not in AUTH_METHODS]
    if unknown or not new.auth:
        problems.append(f"auth takes {', '.join(AUTH_METHODS)}, got {', '.join(unknown) or 'nothing'}")
    if "ip" in new.auth and not new.ip_allow:
        problems.append("auth ip needs ip_allow: who else would it be?")
    try:
        ZoneInfo(new.zone)
    except (ZoneInfoNotFoundError, ValueError):
        problems.append(f"{new.zone!r} is no time zone; Indonesia has Asia/Jakarta, Asia/Makassar, Asia/Jayapura")
    if new.time_rule not in ("offset", "wall_clock"):
        problems.append(f"time_rule is offset or wall_clock, got {new.time_rule!r}")
    if not (0 < new.rate_per_s <= 10_000 and 1 <= new.rate_burst <= 100_000):
        problems.append("rate_per_s lies in 0..10000 and rate_burst in 1..100000")
    problems += _readable("ip_allow", new.ip_allow, parse_networks)
    problems += _readable("image_hosts", new.image_hosts, per_device_images)
    return problems


def _readable(what: str, values: Sequence[str], read: Any) -> list[str]:
    try:
        read(values)
    except ValueError as error:
        return [f"{what}: {error}"]
    return []
