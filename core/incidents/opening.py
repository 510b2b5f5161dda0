"""How reports come to be: our detectors, detectors elsewhere, owners. Repeating oneself opens nothing new."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import exists, func, insert, select, text

from core.accounts.principal import Principal, ServicePrincipal
from core.accounts.tables import devices, owners
from core.domain.geo import is_position
from core.domain.incidents import IncidentType
from core.incidents.acting import Act, clean, require_role
from core.incidents.detected import Detected, Opened
from core.incidents.errors import Invalid, NotAllowed, NotFound
from core.incidents.evidence import Blobs, check_picture, has_piece
from core.incidents.geo import nearest_stations
from core.incidents.tables import report_events, report_evidence, report_posts, reports
from core.incidents.verdicts import WRONG

EXTERNAL_COOLDOWN_S = 60.0
"""What a detector elsewhere sends of one camera and type within this time is one incident."""
MAX_FRAMES = 60
"""Pictures that one report keeps of its detector; more are counted, not kept."""
FUTURE = timedelta(minutes=5)
_ALIKE = {IncidentType.GUN: ("gun", "guns"), IncidentType.GUNS: ("gun", "guns")}
_TITLES = {
    IncidentType.KNIFE: "Senjata tajam terdeteksi",
    IncidentType.GUN: "Senjata api terdeteksi",
    IncidentType.GUNS: "Senjata api terdeteksi",
    IncidentType.OTHER: "Benda berbahaya terdeteksi",
}


class ExternalReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a detector elsewhere posts. picture: JPEG or PNG bytes; at: aware, None = now."""

    cctv_id: int
    title: str
    incident_type: IncidentType
    description: str = ""
    location: str = ""
    picture: bytes | None = None
    at: datetime | None = None
    client_id: str = ""


class ManualReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an owner reports by hand. cctv_id: one of their own."""

    title: str
    location: str
    incident_type: IncidentType
    description: str = ""
    cctv_id: int | None = None
    picture: bytes | None = None
    at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None
    client_id: str = ""


def open_detected(act: Act, blobs: Blobs, detected: Detected) -> Opened:
    """A weapon seen by our detectors. Within the cooldown the frames go to the open report of that camera and type."""
    device = _device(act, detected.device.id)
    client_id = f"payload:{detected.payload_id}:{detected.incident_type.value}" if detected.payload_id else None
    known = _repeated(act, device["vendor_id"], "detection", client_id)
    if known is not None:
        return Opened(known, False)
    _one_at_a_time(act, device["id"], detected.incident_type)
    found = _open_report(act, device["id"], "detection", detected.incident_type, detected.at, detected.cooldown_s)
    if found is not None:
        _add_frames(act, blobs, found, detected)
        _remember(act, found, client_id)
        return Opened(found["id"], False)
    wrong = _just_rejected(act, device["id"], detected)
    if wrong is not None:
        _say_silenced(act, wrong, detected.quiet_s)
        _remember(act, wrong, client_id)
        return Opened(wrong["id"], False, is_silenced=True)
    report = _insert(
        act, device, source="detection", client_id=client_id, incident_type=detected.incident_type,
        title=f"{_TITLES[detected.incident_type]}: {device['device_name'] or device['device_code']}"[:200],
        description="", location=device["location"] or "", incident_at=detected.at,
        is_confirmed=detected.is_confirmed, frames=detected.positive, last_seen_at=detected.at,
        detection={
            "model": detected.model, "model_sha256": detected.model_sha256, "thresholds": detected.thresholds,
            "best_score": detected.best_score, "looked_at": detected.looked_at, "positive": detected.positive,
        },
    )  # fmt: skip
    _keep_frames(act, blobs, report, detected)
    number = act.write(report, "opened", source="detection", confirmed=detected.is_confirmed, model=detected.model)
    act.tell(report["id"], "weapon_detected", str(number), score=detected.best_score)
    return Opened(report["id"], True)


def open_external(act: Act, blobs: Blobs, principal: ServicePrincipal, given: ExternalReport) -> int:
    """A report of a detector elsewhere, by its service key."""
    require_role(principal, "service")
    if principal.scope != "detection":
        raise NotAllowed
    client_id = clean("client_id", given.client_id, limit=64) or None
    query = select(devices).where(devices.c.id == given.cctv_id, devices.c.vendor_id == principal.vendor_id)
    device = act.connection.execute(query.where(devices.c.is_active)).mappings().first()
    if device is None:
        raise NotFound("cctv", given.cctv_id)
    title = clean("title", given.title, limit=200, least=1)
    at = _moment(act, "timestamp", given.at)
    mime = None if given.picture is None else check_picture("report.report_image", given.picture)
    known = _repeated(act, principal.vendor_id, "external", client_id)
    if known is not None:
        return known
    _one_at_a_time(act, device["id"], given.incident_type)
    found = _open_report(act, device["id"], "external", given.incident_type, at, EXTERNAL_COOLDOWN_S)
    if found is not None:
        _remember(act, found, client_id)
        seen = max(found["last_seen_at"] or at, at)
        if client_id is None and given.picture is not None and has_piece(act, found, given.picture):
            act.change(found, last_seen_at=seen)  # the very same bytes: sent again
            return int(found["id"])
        act.change(found, frames=found["frames"] + 1, last_seen_at=seen)
        if given.picture is not None and mime is not None and found["frames"] < MAX_FRAMES:
            blobs.keep(act, found, given.picture, mime=mime, type="IMAGE", role="frame", taken_at=at)
        act.write(found, "frames_added", frames=found["frames"] + 1)
        return int(found["id"])
    report = _insert(
        act, device, source="external", client_id=client_id, incident_type=given.incident_type, title=title,
        description=clean("description", given.description, limit=4000),
        location=clean("location", given.location, limit=500) or device["location"] or "", incident_at=at,
        frames=1, last_seen_at=at, detection={"model": principal.signature},
    )  # fmt: skip
    if given.picture is not None and mime is not None:
        blobs.keep(act, report, given.picture, mime=mime, type="IMAGE", role="frame", taken_at=at)
    number = act.write(report, "opened", source="external", key=principal.name)
    act.tell(report["id"], "incident_opened", str(number))
    return int(report["id"])


def open_manual(act: Act, blobs: Blobs, principal: Principal, given: ManualReport) -> int:
    """A report that an owner writes."""
    require_role(principal, "owner")
    client_id = clean("client_id", given.client_id, limit=64)
    if client_id:  # one owner's ids never meet another's
        client_id = hashlib.sha256(f"owner {principal.id} {client_id}".encode()).hexdigest()
    device = _own_cctv(act, principal, given.cctv_id)
    title = clean("title", given.title, limit=200, least=1)
    location = clean("location", given.location, limit=500)
    at = _moment(act, "date", given.at)
    mime = None if given.picture is None else check_picture("report_image", given.picture)
    place = (given.latitude, given.longitude)
    if place != (None, None) and not is_position(*place):
        raise Invalid("latitude", "expected a latitude of -90 to 90 and a longitude of -180 to 180 degrees")
    who = act.connection.execute(
        select(owners.c.vendor_id, owners.c.latitude, owners.c.longitude).where(owners.c.id == principal.id)
    ).mappings().one()  # fmt: skip
    known = _repeated(act, who["vendor_id"], "manual", client_id or None)
    if known is not None:
        return known
    if not is_position(*place):
        place = (who["latitude"], who["longitude"]) if device is None else (device["latitude"], device["longitude"])
    report = _insert(
        act, device, source="manual", client_id=client_id or None, incident_type=given.incident_type, title=title,
        description=clean("description", given.description, limit=4000),
        location=location or (device["location"] if device is not None else "") or "", incident_at=at,
        vendor_id=who["vendor_id"], owner_id=principal.id, place=place,
    )  # fmt: skip
    if given.picture is not None and mime is not None:
        blobs.keep(act, report, given.picture, mime=mime, type="IMAGE", role="manual", taken_at=at)
    number = act.write(report, "opened", source="manual")
    act.tell(report["id"], "incident_opened", str(number))
    return int(report["id"])


def _insert(
    act: Act, device: Any, *, incident_type: IncidentType, vendor_id: int | None = None, owner_id: int | None = None,
    place: tuple[float | None, float | None] | None = None, **values: Any,
) -> Any:  # fmt: skip
    if device is not None:
        vendor_id, owner_id = device["vendor_id"], owner_id or device["owner_id"]
        place = place or (device["latitude"], device["longitude"])
    latitude, longitude = place or (None, None)
    station = None
    if latitude is not None and longitude is not None and vendor_id is not None:
        near = nearest_stations(act.connection, latitude, longitude, 1, vendor_ids=[vendor_id])
        station = near[0].id if near else None
    values |= {
        "vendor_id": vendor_id, "owner_id": owner_id, "device_id": None if device is None else device["id"],
        "latitude": latitude, "longitude": longitude, "station_id": station, "incident_type": incident_type.value,
        "announced_at": act.now, "created_at": act.now, "updated_at": act.now,
    }  # fmt: skip
    return act.connection.execute(insert(reports).values(**values).returning(reports)).mappings().one()


def _add_frames(act: Act, blobs: Blobs, report: Any, detected: Detected) -> None:
    newly = detected.is_confirmed and not report["is_confirmed"]
    detection = dict(report["detection"])
    detection["best_score"] = max(detection.get("best_score") or 0.0, detected.best_score)
    act.change(
        report, frames=report["frames"] + detected.positive, is_confirmed=report["is_confirmed"] or newly,
        last_seen_at=max(report["last_seen_at"] or detected.at, detected.at), detection=detection,
    )  # fmt: skip
    _keep_frames(act, blobs, report, detected)
    number = act.write(report, "frames_added", frames=report["frames"] + detected.positive, confirmed=newly or None)
    if newly:
        act.tell(report["id"], "weapon_detected", str(number), score=detected.best_score)


def _keep_frames(act: Act, blobs: Blobs, report: Any, detected: Detected) -> None:
    """The frames with their annotated copies; one that is there already (a hand-over tried again) is not kept twice."""
    query = select(func.count()).where(report_evidence.c.report_id == report["id"], report_evidence.c.role == "frame")
    kept = int(act.connection.execute(query).scalar_one())
    for frame in detected.frames[: max(0, MAX_FRAMES - kept)]:
        seen = {
            "sightings": msgspec.to_builtins(frame.sightings), "model": detected.model,
            "model_sha256": detected.model_sha256,
        }  # fmt: skip
        digest = blobs.keep(
            act, report, frame.original, mime=frame.mime, type="IMAGE", role="frame", taken_at=frame.taken_at,
            detail=seen,
        )  # fmt: skip
        if frame.annotated:
            blobs.keep(
                act, report, frame.annotated, mime="image/jpeg", type="IMAGE", role="annotated",
                taken_at=frame.taken_at, detail={"original": digest.hex()},
            )  # fmt: skip


def _open_report(act: Act, device_id: int, source: str, kind: IncidentType, at: datetime, cooldown_s: float) -> Any:
    """The one that a look at this time belongs to: not long after its last one, and not long before its first."""
    cooldown = timedelta(seconds=cooldown_s)
    query = (
        select(reports)
        .where(
            reports.c.device_id == device_id, reports.c.source == source,
            reports.c.incident_type.in_(_ALIKE.get(kind, (kind.value,))),
            reports.c.status.not_in(("completed", "rejected")),
            reports.c.last_seen_at >= at - cooldown, reports.c.incident_at <= at + cooldown,
        )
        .order_by(reports.c.id.desc())
        .limit(1)
        .with_for_update()
    )  # fmt: skip
    return act.connection.execute(query).mappings().first()


def _just_rejected(act: Act, device_id: int, detected: Detected) -> Any:
    """The report of this camera and type that an officer called a false alarm less than the quiet time ago."""
    kind = detected.incident_type
    query = (
        select(reports)
        .where(
            reports.c.device_id == device_id, reports.c.source == "detection",
            reports.c.incident_type.in_(_ALIKE.get(kind, (kind.value,))),
            reports.c.status == "rejected", reports.c.reason_code.in_(WRONG),
            reports.c.completed_at > act.now - timedelta(seconds=detected.quiet_s),
        )
        .order_by(reports.c.id.desc())
        .limit(1)
    )  # fmt: skip
    return act.connection.execute(query).mappings().first()


def _say_silenced(act: Act, report: Any, quiet_s: float) -> None:
    """One line for each rejected report, however often it is seen again; how often is in detection_stats."""
    told = exists().where(report_events.c.report_id == report["id"], report_events.c.action == "silenced")
    if not act.connection.execute(select(told)).scalar():
        until = report["completed_at"] + timedelta(seconds=quiet_s)
        act.write(report, "silenced", until=until.isoformat())


def _repeated(act: Act, vendor_id: int, source: str, client_id: str | None) -> int | None:
    if client_id is None:
        return None
    _take_turns(act, f"report {vendor_id} {source} {client_id}")
    opened = select(reports.c.id).where(
        reports.c.vendor_id == vendor_id, reports.c.source == source, reports.c.client_id == client_id
    )
    joined = select(report_posts.c.report_id).where(
        report_posts.c.vendor_id == vendor_id, report_posts.c.source == source, report_posts.c.client_id == client_id
    )
    return act.connection.execute(opened.union_all(joined)).scalar()


def _remember(act: Act, report: Any, client_id: str | None) -> None:
    """That this post went to a report, or was let go after one: sent again, however late, it changes nothing."""
    if client_id is not None:
        act.connection.execute(
            insert(report_posts).values(
                vendor_id=report["vendor_id"], source=report["source"], client_id=client_id, report_id=report["id"],
                created_at=act.now,
            )
        )  # fmt: skip


def _one_at_a_time(act: Act, device_id: int, kind: IncidentType) -> None:
    """Two processes that see the same incident take turns: the second finds the first one's report."""
    _take_turns(act, f"incident {device_id} {_ALIKE.get(kind, (kind.value,))[0]}")


def _take_turns(act: Act, key: str) -> None:
    act.connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def _device(act: Act, device_id: int) -> Any:
    row = act.connection.execute(select(devices).where(devices.c.id == device_id)).mappings().first()
    if row is None:
        raise NotFound("cctv", device_id)
    return row


def _own_cctv(act: Act, principal: Principal, cctv_id: int | None) -> Any:
    if cctv_id is None:
        return None
    query = select(devices).where(
        devices.c.id == cctv_id, devices.c.owner_id == principal.id, devices.c.vendor_id.in_(principal.vendor_ids)
    )
    row = act.connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("cctv", cctv_id)
    return row


def _moment(act: Act, field: str, at: datetime | None) -> datetime:
    if at is None:
        return act.now
    if at.tzinfo is None or not math.isfinite(at.timestamp()):
        raise Invalid(field, "expected a time with its zone")
    if at > act.now + FUTURE:
        raise Invalid(field, "the incident is in the future")
    return at
