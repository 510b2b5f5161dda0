"""People of all roles at once: separate tables, one space of names. A user name or e-mail belongs to one person."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, Table, literal, or_, select, text, union_all

from core.accounts.principal import Role
from core.accounts.tables import admins, officers, owners, police, stations, vendors
from core.domain.errors import TangkapinError

TABLES: dict[Role, Table] = {"owner": owners, "officer": officers, "police": police, "admin": admins}
USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{2,99}")
EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtextextended('tangkapin staff names', 0))")
_SHARED = ("id", "username", "full_name", "password_hash", "token_version", "is_active", "vendor_id", "email", "phone",
           "language", "last_login_at", "created_at")  # fmt: skip


class AccountError(TangkapinError):
    """The order cannot be carried out; the text says why and what to do."""


class NameTaken(AccountError):
    """The user name or e-mail belongs to somebody."""


def find(connection: Connection, name: str) -> dict[str, Any] | None:
    """The account with this user name or e-mail, with `role` and `vendor_active`; one query whoever it is."""
    name = name.strip().lower()
    if not name or not name.isprintable():
        return None
    queries = [
        _select(role).where(or_(table.c.username == name, table.c.email == name)) for role, table in TABLES.items()
    ]
    found = connection.execute(union_all(*queries))
    row = found.mappings().first()
    return dict(row) if row is not None else None


def find_by_id(connection: Connection, role: Role, person_id: int) -> dict[str, Any] | None:
    """The account behind (role, id), as `find` shows it."""
    row = connection.execute(_select(role).where(TABLES[role].c.id == person_id)).mappings().first()
    return dict(row) if row is not None else None


def take_names(
    connection: Connection, username: str, email: str | None, *, besides: tuple[str, int] | None = None
) -> None:
    """Hold the space of names until the transaction ends. Raises NameTaken; `besides` (role, id) may have them."""
    connection.execute(_ONE_BY_ONE)
    for name in {username, email} - {None, ""}:
        found = find(connection, str(name))
        if found is not None and (found["role"], found["id"]) != besides:
            raise NameTaken(f"there is an account {name!r} already")


def checked_username(username: str) -> str:
    """The name in its one form. Raises AccountError."""
    username = username.strip().lower()
    if not USERNAME.fullmatch(username):
        raise AccountError("a user name has 3 to 100 of a-z 0-9 . _ @ + - and starts with a letter or digit")
    return username


def checked_email(email: str | None) -> str | None:
    """The address in lower case, None for none. Raises AccountError."""
    email = (email or "").strip().lower()
    if not email:
        return None
    if len(email) > 254 or not EMAIL.fullmatch(email):
        raise AccountError("an e-mail address looks like name@example.id")
    return email


def vendor_id_of(connection: Connection, vendor_code: str) -> int:
    """Raises AccountError for a code that nobody has."""
    vendor_id = connection.execute(select(vendors.c.id).where(vendors.c.vendor_code == vendor_code)).scalar()
    if vendor_id is None:
        raise AccountError(f"there is no vendor {vendor_code!r}: `tangkapin vendor list` shows them")
    return int(vendor_id)


def station_id_of(connection: Connection, vendor_id: int, name: str) -> int:
    """Raises AccountError for a station that the vendor has not."""
    query = select(stations.c.id).where(stations.c.vendor_id == vendor_id, stations.c.name == name)
    station_id = connection.execute(query).scalar()
    if station_id is None:
        raise AccountError(f"the vendor has no station {name!r}: `tangkapin station list` shows them")
    return int(station_id)


def _select(role: Role) -> Any:
    table = TABLES[role]
    return select(
        literal(role).label("role"), *(table.c[name] for name in _SHARED), vendors.c.is_active.label("vendor_active"),
        vendors.c.vendor_code,
    ).select_from(table.outerjoin(vendors, vendors.c.id == table.c.vendor_id))  # fmt: skip
