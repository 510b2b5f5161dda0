"""Where things are: the nearest station or police by an indexed bounding box."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from core.accounts.tables import police, stations
from core.domain.geo import EARTH_M

FIRST_KM = 20.0
"""How far one looks first for police; then four times as far, and so on, until there is somebody."""
WIDEN = 4.0
HALF_ROUND_KM = 20_100.0
"""No point of the Earth is farther from another."""


class NearStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station with its distance in metres."""

    id: int
    vendor_id: int
    name: str
    phone: str
    latitude: float
    longitude: float
    distance_m: float


class NearPolice(msgspec.Struct, frozen=True, kw_only=True):
    """Police with a known position and its distance in metres; position_at says how old it is."""

    id: int
    vendor_id: int
    full_name: str
    username: str
    phone: str
    status: str
    vehicle_type: str
    license_plate: str
    station_id: int | None
    latitude: float
    longitude: float
    position_at: datetime | None
    distance_m: float


def box(latitude: float, longitude: float, radius_km: float) -> tuple[float, float, list[tuple[float, float]]]:
    """(south, north, [(west, east), …]) in degrees around a circle; two spans where it crosses the date line.

    A circle that holds a pole, or reaches half around, takes all longitudes.
    """
    angle = radius_km * 1000 / EARTH_M
    south, north = latitude - math.degrees(angle), latitude + math.degrees(angle)
    if south <= -90 or north >= 90 or angle >= math.pi / 2:
        return max(south, -90.0), min(north, 90.0), [(-180.0, 180.0)]
    half = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(latitude)))))
    west, east = longitude - half, longitude + half
    if west < -180:
        return south, north, [(west + 360, 180.0), (-180.0, east)]
    if east > 180:
        return south, north, [(west, 180.0), (-180.0, east - 360)]
    return south, north, [(west, east)]


def nearest_stations(
    connection: Connection, latitude: float, longitude: float, limit: int = 1, *,
    vendor_ids: Sequence[int] | None = None,
) -> list[NearStation]:  # fmt: skip
    """The active stations nearest to a point, nearest first.

    vendor_ids  for transactions that see all vendors: only theirs
    """
    wanted: list[ColumnElement[bool]] = [stations.c.is_active]
    if vendor_ids is not None:
        wanted.append(stations.c.vendor_id.in_(vendor_ids))
    rows = _nearest(connection, stations, NearStation, wanted, latitude, longitude, FIRST_KM, limit)
    return [NearStation(**row) for row in rows]


def nearest_police(
    connection: Connection, latitude: float, longitude: float, *, radius_km: float = FIRST_KM, limit: int = 20,
    vendor_ids: Sequence[int] | None = None, statuses: Sequence[str] = ("available",),
) -> list[NearPolice]:  # fmt: skip
    """Police with a known position nearest to a point, nearest first; by default the available ones.

    Looks within radius_km, and wider and wider as long as there is nobody.
    """
    wanted: list[ColumnElement[bool]] = [police.c.is_active, police.c.status.in_(statuses)]
    if vendor_ids is not None:
        wanted.append(police.c.vendor_id.in_(vendor_ids))
    rows = _nearest(connection, police, NearPolice, wanted, latitude, longitude, radius_km, limit)
    return [NearPolice(**row) for row in rows]


def _nearest(
    connection: Connection, table: Any, shape: type[msgspec.Struct], wanted: list[ColumnElement[bool]],
    latitude: float, longitude: float, radius_km: float, limit: int,
) -> Sequence[Any]:  # fmt: skip
    for radius in _radii(radius_km):
        query = within(table, shape.__struct_fields__[:-1], latitude, longitude, radius).where(*wanted).limit(limit)
        found = connection.execute(query).mappings().all()
        if found:
            return found
    return []


def within(table: Any, names: Sequence[str], latitude: float, longitude: float, radius_km: float) -> Select[Any]:
    """The rows of a circle, nearest first, with `distance_m`; the box narrows them down by the index of positions."""
    away = _distance_column(table, latitude, longitude)
    south, north, spans = box(latitude, longitude, radius_km)
    inside = and_(
        table.c.latitude.between(south, north),
        or_(*(table.c.longitude.between(west, east) for west, east in spans)),
    )
    query = select(*(table.c[name] for name in names), away.label("distance_m"))
    return query.where(inside, away <= radius_km * 1000).order_by(away, table.c.id)


def _radii(first_km: float) -> Iterator[float]:
    radius = min(max(first_km, 0.001), HALF_ROUND_KM)
    while radius < HALF_ROUND_KM:
        yield radius
        radius *= WIDEN
    yield HALF_ROUND_KM


def _distance_column(table: Any, latitude: float, longitude: float) -> ColumnElement[float]:
    """As core.domain.geo.distance_m, in SQL."""
    half_height = func.sin(func.radians(table.c.latitude - latitude) / 2)
    half_width = func.sin(func.radians(table.c.longitude - longitude) / 2)
    ring = func.cos(func.radians(table.c.latitude)) * math.cos(math.radians(latitude))
    share = half_height * half_height + ring * half_width * half_width
    return 2 * EARTH_M * func.asin(func.least(1.0, func.sqrt(share)))
