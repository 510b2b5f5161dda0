"""The own account: what a person may see and change of it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import func, select, update

from core.accounts.audit import Actor, record
from core.accounts.people import TABLES, AccountError, checked_email, take_names
from core.accounts.principal import INSTALLATION, Principal, Role
from core.accounts.tables import stations, vendors
from core.db.engine import Database

DUTY: frozenset[Role] = frozenset({"officer", "police"})


class UnderWay(AccountError):
    """Police who are sent somewhere are busy until that ends."""


class Profile(msgspec.Struct, kw_only=True):
    """The person, in the contract's words: `status` is the duty of officers and police, "active" for others.

    latitude, longitude  home of an owner, last position of police, station of an officer; degrees WGS84
    """

    id: int
    name: str
    email: str
    phone: str
    address: str
    latitude: float | None
    longitude: float | None
    status: str
    role: Literal["OWNER", "OFFICER", "POLICE", "ADMIN"]
    username: str
    language: str
    vendor_code: str | None
    office_name: str | None = None
    badge_no: str | None = None
    vehicle_type: str | None = None
    license_plate: str | None = None


class NotificationSettings(msgspec.Struct, kw_only=True):
    """What a person wants to be told of outside the app. Recalls and emergencies are told in any case."""

    report: bool = True
    cctv: bool = True
    assignment: bool = True
    tracking: bool = True
    push: bool = True


def load_profile(database: Database, role: Role, person_id: int) -> Profile:
    """The account as it is now."""
    table = TABLES[role]
    columns: list[Any] = [table, vendors.c.vendor_code]
    source: Any = table.outerjoin(vendors, vendors.c.id == table.c.vendor_id)
    if role in DUTY:
        source = source.outerjoin(stations, stations.c.id == table.c.station_id)
        columns += [stations.c[name].label(f"office_{name}") for name in ("name", "address", "latitude", "longitude")]
    with database.system() as connection:
        query = select(*columns).select_from(source).where(table.c.id == person_id)
        row = dict(connection.execute(query).mappings().one())
    return Profile(
        id=row["id"], name=row["full_name"] or row["username"], email=row["email"] or "", phone=row["phone"],
        address=row.get("address") or row.get("office_address") or "",
        latitude=row.get("latitude", row.get("office_latitude")),
        longitude=row.get("longitude", row.get("office_longitude")),
        status=row.get("status", "active"), role=role.upper(),  # type: ignore[arg-type]
        username=row["username"], language=row["language"], vendor_code=row["vendor_code"],
        office_name=row.get("office_name"), badge_no=row.get("badge_no"), vehicle_type=row.get("vehicle_type"),
        license_plate=row.get("license_plate"),
    )  # fmt: skip


def change_profile(database: Database, principal: Principal, changes: dict[str, Any], *, by: Actor) -> None:
    """Change columns of the own row; what the role has not is left out. Raises AccountError (NameTaken, UnderWay).

    Where police are is no line in the audit log: their phone says it again and again.
    """
    table = TABLES[principal.role]
    values = {name: value for name, value in changes.items() if name in table.c}
    told = sorted(values)
    with database.system() as connection:
        if principal.role == "police" and {"latitude", "longitude"} & set(values):
            is_known = values.get("latitude") is not None and values.get("longitude") is not None
            values |= {"accuracy_m": None, "position_at": func.now() if is_known else None}
            told = sorted(set(told) - {"latitude", "longitude"})
        if "email" in values:
            values["email"] = checked_email(values["email"])
            take_names(connection, "", values["email"], besides=(principal.role, principal.id))
        if not values:
            return
        query = update(table).where(table.c.id == principal.id)
        if "status" in values:
            query = query.where(table.c.status != "busy")
        if not connection.execute(query.values(**values, updated_at=func.now())).rowcount:
            raise UnderWay("busy follows from assignments")
        if told:
            detail = {"changed": told} | ({"status": values["status"]} if "status" in values else {})
            record(
                connection, by, "profile_changed", vendor_ids=[principal.vendor_id or INSTALLATION],
                object_kind=principal.role, object_id=principal.id, detail=detail,
            )  # fmt: skip


def load_settings(database: Database, principal: Principal) -> NotificationSettings:
    """What the person chose, defaults filled in."""
    table = TABLES[principal.role]
    with database.system() as connection:
        stored = connection.execute(select(table.c.notify).where(table.c.id == principal.id)).scalar_one()
    known = {name: value for name, value in stored.items() if name in NotificationSettings.__struct_fields__}
    return NotificationSettings(**known)


def change_settings(database: Database, principal: Principal, changes: dict[str, bool]) -> None:
    """Set some of the choices; the others stay."""
    table = TABLES[principal.role]
    with database.system() as connection:
        connection.execute(
            update(table)
            .where(table.c.id == principal.id)
            .values(notify=table.c.notify.op("||")(changes), updated_at=func.now())
        )
