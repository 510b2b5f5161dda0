"""Police stations: where officers sit, and what "nearest" is measured from."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from core.accounts.audit import Actor, record
from core.accounts.people import AccountError, vendor_id_of
from core.accounts.tables import stations, vendors
from core.db.engine import Database


class StationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A station. Degrees WGS84."""

    id: int
    name: str
    vendor: str
    address: str
    phone: str
    latitude: float
    longitude: float
    is_active: bool


def add_station(
    database: Database, name: str, vendor_code: str, *, latitude: float, longitude: float, address: str = "",
    phone: str = "", by: Actor,
) -> int:  # fmt: skip
    """Add a station and return its id. Raises AccountError."""
    name = name.strip()
    if not 1 <= len(name) <= 150:
        raise AccountError("a station has a name of 1 to 150 characters")
    if not (math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        raise AccountError("expected a latitude of -90 to 90 and a longitude of -180 to 180 degrees")
    with database.system() as connection:
        vendor_id = vendor_id_of(connection, vendor_code)
        values = {"vendor_id": vendor_id, "name": name, "latitude": latitude, "longitude": longitude,
                  "address": address, "phone": phone[:30]}  # fmt: skip
        query = upsert(stations).values(**values).on_conflict_do_nothing().returning(stations.c.id)
        station_id = connection.execute(query).scalar()
        if station_id is None:
            raise AccountError(f"the vendor has a station {name!r} already")
        record(
            connection, by, "station_added", vendor_ids=[vendor_id], object_kind="station", object_id=station_id,
            detail={"name": name},
        )  # fmt: skip
    return int(station_id)


def change_station(connection: Connection, station_id: int, changes: dict[str, Any], *, by: Actor) -> bool:
    """Change a station's columns in the caller's transaction; False when there is none of that id."""
    query = update(stations).where(stations.c.id == station_id)
    vendor_id = connection.execute(
        query.values(**changes, updated_at=func.now()).returning(stations.c.vendor_id)
    ).scalar()
    if vendor_id is None:
        return False
    record(
        connection, by, "station_changed", vendor_ids=[vendor_id], object_kind="station", object_id=station_id,
        detail={"changed": sorted(changes)},
    )  # fmt: skip
    return True


def list_stations(connection: Connection) -> list[StationRow]:
    """The stations that the transaction may see, by name."""
    columns = [stations.c[name] for name in StationRow.__struct_fields__ if name != "vendor"]
    query = (
        select(*columns, vendors.c.vendor_code.label("vendor"))
        .join(vendors, vendors.c.id == stations.c.vendor_id)
        .order_by(stations.c.name)
    )
    return [StationRow(**row) for row in connection.execute(query).mappings()]
