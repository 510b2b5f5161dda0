"""Keys of programs: an external detector posts with one to /deteksi. Shown once, kept as a hash, revoked at once."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime

import msgspec
from sqlalchemy import func, insert, select, update

from core.accounts.audit import Actor, record
from core.accounts.people import AccountError, vendor_id_of
from core.accounts.principal import ServicePrincipal
from core.accounts.tables import service_keys, vendors
from core.accounts.tokens import TokenRefused
from core.db.engine import Database

SCOPES = ("detection",)
_KEY = re.compile(r"tks_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")


class ServiceKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key as `service-key list` shows it: without its secret, which nobody can show again."""

    id: int
    key_id: str
    name: str
    vendor: str
    scope: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def add_service_key(database: Database, name: str, vendor_code: str, *, scope: str = "detection", by: Actor) -> str:
    """Make a key and return it, the only time. Raises AccountError."""
    if not 1 <= len(name.strip()) <= 100:
        raise AccountError("a service key has a name of 1 to 100 characters: who uses it")
    if scope not in SCOPES:
        raise AccountError(f"{scope!r}: expected one of {', '.join(SCOPES)}")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with database.system() as connection:
        vendor_id = vendor_id_of(connection, vendor_code)
        values = {"vendor_id": vendor_id, "name": name.strip(), "scope": scope, "key_id": key_id,
                  "secret_hash": _hash(secret)}  # fmt: skip
        number = connection.execute(insert(service_keys).values(**values).returning(service_keys.c.id)).scalar_one()
        record(
            connection, by, "service_key_added", vendor_ids=[vendor_id], object_kind="service_key", object_id=number,
            detail={"key_id": key_id, "name": name.strip()},
        )  # fmt: skip
    return f"tks_{key_id}_{secret}"


def revoke_service_key(database: Database, key_id: str, *, by: Actor) -> None:
    """End a key by its id (the middle part); the whole key will do too. Raises AccountError."""
    whole = _KEY.fullmatch(key_id.strip())
    wanted = whole[1] if whole else key_id.strip()
    with database.system() as connection:
        found = connection.execute(
            update(service_keys)
            .where(service_keys.c.key_id == wanted, service_keys.c.revoked_at.is_(None))
            .values(revoked_at=func.now())
            .returning(service_keys.c.id, service_keys.c.vendor_id)
        ).first()
        if found is None:
            raise AccountError("there is no such key in use: `tangkapin service-key list` shows them")
        record(
            connection, by, "service_key_revoked", vendor_ids=[found.vendor_id], object_kind="service_key",
            object_id=found.id, detail={"key_id": wanted},
        )  # fmt: skip


def list_service_keys(database: Database) -> list[ServiceKeyRow]:
    """All keys, newest first."""
    columns = [service_keys.c[name] for name in ServiceKeyRow.__struct_fields__ if name != "vendor"]
    query = (
        select(*columns, vendors.c.vendor_code.label("vendor"))
        .join(vendors, vendors.c.id == service_keys.c.vendor_id)
        .order_by(service_keys.c.id.desc())
    )
    with database.system() as connection:
        return [ServiceKeyRow(**row) for row in connection.execute(query).mappings()]


def authenticate_service(database: Database, text: str) -> ServicePrincipal:
    """Return whose key it is, as the database knows it now. Raises TokenRefused."""
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise TokenRefused
    query = (
        select(service_keys)
        .join(vendors, vendors.c.id == service_keys.c.vendor_id)
        .where(service_keys.c.key_id == match[1], service_keys.c.revoked_at.is_(None), vendors.c.is_active)
    )
    with database.system() as connection:
        found = connection.execute(query).mappings().first()
        if found is None or not hmac.compare_digest(bytes(found["secret_hash"]), _hash(match[2])):
            raise TokenRefused
        connection.execute(update(service_keys).where(service_keys.c.id == found["id"]).values(last_used_at=func.now()))
    return ServicePrincipal(id=found["id"], name=found["name"], vendor_id=found["vendor_id"], scope=found["scope"])


def _hash(secret: str) -> bytes:
    """SHA-256 does: the secret has 256 random bits, there is nothing to guess."""
    return hashlib.sha256(secret.encode()).digest()
