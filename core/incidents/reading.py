"""What the read sides of owner, officer and police share: who looks, the report's columns, pictures' addresses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, case, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from core.accounts.principal import Principal
from core.accounts.tables import devices, police
from core.incidents.tables import assignments, report_evidence, reports, track_points
from core.notices.tables import notice_recipients, notices
from core.web.pages import Numbered, Wanted, numbered

ON = ("offered", "accepted", "on_the_way", "arrived")
"""States of an assignment that is under way."""
SENT = (*ON, "completed", "recalled")
"""States of an assignment that counts: not declined, not cancelled, not withdrawn."""
NEARBY_M = 100.0


def shown_to_police() -> ColumnElement[bool]:
    """Of `assignments`: those whose police may see the report. One that was withdrawn is shown as a stop until that is
    acknowledged, or until they are sent to the same report again.
    """
    later = assignments.alias()
    again = exists().where(
        later.c.report_id == assignments.c.report_id, later.c.police_id == assignments.c.police_id,
        later.c.id > assignments.c.id,
    )  # fmt: skip
    stops = and_(assignments.c.status == "withdrawn", assignments.c.stop_acknowledged_at.is_(None), ~again)
    return or_(assignments.c.status.in_(SENT), stops)


class Viewer(msgspec.Struct, frozen=True):
    """Who looks, in which language, and how they get a picture: url(vendor_id, sha256) is absolute and signed."""

    principal: Principal
    english: bool
    url: Callable[[int, bytes], str]

    def picture(self, row: Any) -> str | None:
        """The address of the row's `image`, None when it has none."""
        return self.url(row["vendor_id"], row["image"]) if row["image"] is not None else None

    def say(self, indonesian: str, english: str) -> str:
        """The one of the two."""
        return english if self.english else indonesian


def image_column() -> Any:
    """The hash of the picture that shows a report best: annotated before frame before what people sent."""
    rank = case((report_evidence.c.role == "annotated", 0), (report_evidence.c.role == "frame", 1), else_=2)
    return (
        select(report_evidence.c.sha256)
        .where(report_evidence.c.report_id == reports.c.id, report_evidence.c.type == "IMAGE")
        .order_by(rank, report_evidence.c.id)
        .limit(1)
        .correlate(reports)
        .scalar_subquery()
        .label("image")
    )


def select_reports() -> Select[Any]:
    """Reports with picture, camera and whether somebody was sent; the caller says whose."""
    sent = exists(
        select(1)
        .where(assignments.c.report_id == reports.c.id, assignments.c.status.in_(SENT), ~assignments.c.is_backup)
        .correlate(reports)
    )
    return select(
        reports, image_column(), sent.label("is_assigned"), devices.c.device_name.label("cctv_name"),
        devices.c.location.label("cctv_location"),
        func.coalesce(reports.c.latitude, devices.c.latitude).label("place_latitude"),
        func.coalesce(reports.c.longitude, devices.c.longitude).label("place_longitude"),
    ).select_from(reports.outerjoin(devices, devices.c.id == reports.c.device_id))  # fmt: skip


def narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    """Only the statuses asked for, and what the search finds in title, description and place."""
    if wanted.statuses:
        query = query.where(reports.c.status.in_(wanted.statuses))
    if wanted.pattern is not None:
        texts = (reports.c.title, reports.c.description, reports.c.location, devices.c.device_name)
        query = query.where(or_(*(text.ilike(wanted.pattern, escape="\\") for text in texts)))
    return query


class Coordinates(msgspec.Struct, kw_only=True):
    """Degrees WGS84."""

    latitude: float
    longitude: float


class TrackedOfficer(msgspec.Struct, kw_only=True):
    """The police on the way, as the contract calls them."""

    id: int
    name: str
    phone: str
    license_plate: str
    vehicle_type: str
    status: str


class TrackRow(msgspec.Struct, kw_only=True):
    """A point of the way. distance: metres to the incident; estimated_time: minutes until there."""

    id: int
    latitude: float
    longitude: float
    timestamp: datetime
    distance: float | None
    estimated_time: float | None
    status: str
    description: str
    accuracy_m: float | None = None
    is_suspicious: bool = False


class Track(msgspec.Struct, kw_only=True):
    """The way of the police sent to a report; `officer` is null before somebody is sent.

    is_stale  the last point is older than a minute although somebody is on the way
    """

    id: int
    title_report: str
    is_nearby: bool
    officer: TrackedOfficer | None
    tracking: list[TrackRow]
    is_stale: bool = False
    destination: Coordinates | None = None


def minutes(seconds: float | None) -> float | None:
    """Seconds as minutes with one decimal."""
    return None if seconds is None else round(seconds / 60, 1)


def name_of(row: Any) -> str:
    """Never null: the full name, else the user name."""
    return str(row["full_name"] or row["username"])


def main_assignment(connection: Connection, report_id: int) -> Any:
    """The assignment that counts, newest first, with the police's columns (`police_…`); None before there is one."""
    columns = [
        police.c[name].label(f"police_{name}")
        for name in (
            "full_name",
            "username",
            "phone",
            "license_plate",
            "vehicle_type",
            "status",
            "latitude",
            "longitude",
        )
    ]
    query = (
        select(assignments, *columns)
        .join(police, police.c.id == assignments.c.police_id)
        .where(assignments.c.report_id == report_id, assignments.c.status.in_(SENT), ~assignments.c.is_backup)
        .order_by(assignments.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().first()


def points_of(connection: Connection, assignment_id: int, *, limit: int = 500) -> list[TrackRow]:
    """The points of an assignment, oldest first; of a long way the last ones."""
    newest = (
        select(track_points)
        .where(track_points.c.assignment_id == assignment_id)
        .order_by(track_points.c.device_time.desc(), track_points.c.id.desc())
        .limit(limit)
    )
    return [
        TrackRow(
            id=row["id"], latitude=row["latitude"], longitude=row["longitude"], timestamp=row["device_time"],
            distance=None if row["distance_m"] is None else round(row["distance_m"], 1),
            estimated_time=minutes(row["eta_s"]), status=row["status"], description=row["description"],
            accuracy_m=row["accuracy_m"], is_suspicious=row["is_suspicious"],
        )
        for row in reversed(connection.execute(newest).mappings().all())
    ]  # fmt: skip


def read_track(connection: Connection, report: Any, now: datetime) -> Track:
    """The track of a report (a row of `select_reports`) that the caller may see."""
    found = main_assignment(connection, report["id"])
    points = points_of(connection, found["id"]) if found is not None else []
    sound = [point for point in points if not point.is_suspicious]
    last = sound[-1] if sound else None
    on_the_way = found is not None and found["status"] in ("accepted", "on_the_way")
    return Track(
        id=report["id"], title_report=report["title"],
        is_nearby=last is not None and last.distance is not None and last.distance < NEARBY_M,
        officer=None if found is None else tracked_officer(found), tracking=points,
        is_stale=on_the_way and last is not None and (now - last.timestamp).total_seconds() > 60,
        destination=coordinates(report["place_latitude"], report["place_longitude"]),
    )  # fmt: skip


def tracked_officer(found: Any) -> TrackedOfficer:
    """The police of a row of `main_assignment`."""
    return TrackedOfficer(
        id=found["police_id"], name=found["police_full_name"] or found["police_username"],
        phone=found["police_phone"], license_plate=found["police_license_plate"],
        vehicle_type=found["police_vehicle_type"], status=found["police_status"],
    )  # fmt: skip


def coordinates(latitude: float | None, longitude: float | None) -> Coordinates | None:
    """Both, or none."""
    if latitude is None or longitude is None:
        return None
    return Coordinates(latitude=latitude, longitude=longitude)


class NotificationRow(msgspec.Struct, kw_only=True):
    """A notification in somebody's list."""

    id: int
    title: str
    message: str
    type: str
    status: str
    location: str
    created_at: datetime
    is_read: bool
    report_id: int | None = None
    image: str | None = None
    kind: str = ""
    priority: str = "medium"
    is_acknowledged: bool = False


def list_notifications(connection: Connection, viewer: Viewer, wanted: Wanted) -> Numbered[NotificationRow]:
    """The caller's own, newest first; status: read, unread."""
    language = "en" if viewer.english else "id"
    title = notices.c.texts[language]["title"].astext
    message = notices.c.texts[language]["message"].astext
    read = notice_recipients.c.read_at.is_not(None)
    query = (
        select(notice_recipients.c.id, notice_recipients.c.vendor_id, notice_recipients.c.created_at,
               notice_recipients.c.acknowledged_at, read.label("is_read"), notices.c.type, notices.c.kind,
               notices.c.priority, notices.c.report_id, title.label("title"), message.label("message"),
               func.coalesce(reports.c.location, "").label("location"),
               case((reports.c.id.is_not(None), image_column())).label("image"))
        .select_from(
            notice_recipients.join(notices, notices.c.id == notice_recipients.c.notice_id)
            .outerjoin(reports, reports.c.id == notices.c.report_id)
        )
        .where(notice_recipients.c.role == viewer.principal.role,
               notice_recipients.c.person_id == viewer.principal.id)
    )  # fmt: skip
    if wanted.statuses:
        words = {"read": read, "unread": ~read}
        query = query.where(or_(False, *(words[word] for word in wanted.statuses if word in words)))
    if wanted.pattern is not None:
        query = query.where(or_(title.ilike(wanted.pattern, escape="\\"), message.ilike(wanted.pattern, escape="\\")))
    return numbered(
        connection, query, wanted,
        lambda row: NotificationRow(
            id=row["id"], title=row["title"] or "", message=row["message"] or "", type=row["type"],
            status="read" if row["is_read"] else "unread", location=row["location"], created_at=row["created_at"],
            is_read=row["is_read"], report_id=row["report_id"], image=viewer.picture(row), kind=row["kind"],
            priority=row["priority"], is_acknowledged=row["acknowledged_at"] is not None,
        ),
        notice_recipients.c.id.desc(),
    )  # fmt: skip


def count_unread(connection: Connection, principal: Principal) -> int:
    """Of the caller's own notifications."""
    query = select(func.count()).where(
        and_(notice_recipients.c.role == principal.role, notice_recipients.c.person_id == principal.id,
             notice_recipients.c.read_at.is_(None))
    )  # fmt: skip
    return int(connection.execute(query).scalar_one())
