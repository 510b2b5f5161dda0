"""The reporting agencies: adding and listing them. Their keys stand elsewhere; a row holds a reference only."""

from __future__ import annotations

import re

import msgspec
from sqlalchemy import func, insert, select, text

from core.accounts.audit import Actor, record
from core.accounts.service import AccountError
from core.accounts.tables import devices, vendors
from core.db.engine import Database

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,49}")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/.+")


class VendorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor as `vendor list` shows it. `api_key` is the reference (env:NAME, file:/path), never the key."""

    id: int
    vendor_code: str
    vendor_name: str | None
    region: str | None
    etnas_url: str | None
    api_key: str | None
    is_active: bool
    devices: int


def add_vendor(
    database: Database,
    vendor_code: str,
    *,
    name: str | None = None,
    region: str | None = None,
    etnas_url: str | None = None,
    api_key: str | None = None,
    by: Actor,
) -> int:
    """Add a vendor and return its id. Raises AccountError.

    api_key  env:NAME or file:/path. A key itself is refused, and not repeated in the error.
    """
    if not _CODE.fullmatch(vendor_code):
        raise AccountError(f"{vendor_code!r}: expected a code like polda-banten (a-z, 0-9, -; at most 50)")
    if api_key is not None and not _REFERENCE.fullmatch(api_key):
        raise AccountError("--api-key takes env:NAME or file:/path, never the key itself; keys do not belong in tables")
    if etnas_url is not None and not re.fullmatch(r"https?://[^\s@]+", etnas_url):
        raise AccountError("--etnas-url: expected http(s)://host/path without user name and password")
    with database.system() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('tangkapin vendors', 0))"))
        if connection.execute(select(vendors.c.id).where(vendors.c.vendor_code == vendor_code)).first():
            raise AccountError(f"there is a vendor {vendor_code!r} already")
        vendor_id = int(
            connection.execute(
                insert(vendors)
                .values(vendor_code=vendor_code, vendor_name=name, region=region, etnas_url=etnas_url, api_key=api_key)
                .returning(vendors.c.id)
            ).scalar_one()
        )
        record(
            connection, by, "vendor_added", vendor_ids=[vendor_id], object_kind="vendor", object_id=vendor_id,
            detail={"vendor_code": vendor_code},
        )  # fmt: skip
    return vendor_id


def list_vendors(database: Database) -> list[VendorRow]:
    """All vendors by code."""
    count = (
        select(func.count()).select_from(devices).where(devices.c.vendor_id == vendors.c.id).scalar_subquery()
    ).label("devices")
    columns = [vendors.c[name] for name in VendorRow.__struct_fields__ if name != "devices"]
    with database.system() as connection:
        rows = connection.execute(select(*columns, count).order_by(vendors.c.vendor_code)).mappings()
        return [VendorRow(**row) for row in rows]
