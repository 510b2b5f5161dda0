"""What clients send: the contract's bodies, and their odd forms of pictures, dates and times read strictly."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, UnsetType

from core.domain.incidents import CctvStatus, IncidentType, TrackingStatus
from core.incidents.desk import ClientId, IdNumber, IdText, Latitude, Longitude, Note, Title, wrong
from core.incidents.fieldwork import MAX_FINAL, Kind

_DATA_URL = re.compile(r"data:image/[a-z+.-]{1,20};base64,", re.IGNORECASE)
Picture = Annotated[str, Meta(max_length=64 * 1024 * 1024, description="base64 of a JPEG or PNG, or a data: URL of it")]
Place = Annotated[str, Meta(max_length=500)]


class DetectedReport(msgspec.Struct, kw_only=True):
    """What the detector saw."""

    title: Title
    incident_type: IncidentType
    report_image: Picture
    description: Annotated[str, Meta(max_length=4000)] = ""
    location: Place = ""


class Detection(msgspec.Struct, kw_only=True):
    """A detection of a program outside. `timestamp` is local to the camera; without it: now."""

    cctv_id: IdNumber | Annotated[str, Meta(min_length=1, max_length=100)]
    report: DetectedReport
    timestamp: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}(:\d{2})?$")] | None = None
    client_id: ClientId = ""


class ReportOrder(msgspec.Struct, kw_only=True):
    """A report that an owner writes. Date and time are local to the camera; without them: now."""

    title: Title
    incident_type: IncidentType
    description: Annotated[str, Meta(max_length=4000)] = ""
    location: Place = ""
    cctv_id: IdNumber | Annotated[str, Meta(pattern=r"^[0-9]{0,18}$")] | None = None
    report_image: Picture | None = None
    date: Annotated[str, Meta(pattern=r"^(\d{2}:\d{2}:\d{4})?$", description="DD:MM:YYYY")] | None = None
    time: Annotated[str, Meta(pattern=r"^(\d{2}:\d{2})?$", description="HH:MM")] | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    client_id: ClientId = ""


class CctvOrder(msgspec.Struct, kw_only=True):
    """A camera to add. `stream_url` is opened once an admin approved it; user and password in it are kept sealed."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    location: Place = ""
    description: Annotated[str, Meta(max_length=2000)] = ""
    ip: Annotated[str, Meta(max_length=50)] = msgspec.field(default="", name="IP")
    camera_type: Annotated[str, Meta(max_length=50)] = ""
    stream_url: Annotated[str, Meta(max_length=1000)] | None = None
    stream_kind: Literal["rtsp", "mjpeg", "snapshot"] | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None


class CctvChange(msgspec.Struct, kw_only=True):
    """What is left out stays. Of `status` only inactive and maintenance are set; online means: derive it again."""

    name: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    location: Place | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    ip: Annotated[str, Meta(max_length=50)] | UnsetType = msgspec.field(default=UNSET, name="IP")
    camera_type: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    stream_url: Annotated[str, Meta(max_length=1000)] | UnsetType | None = UNSET
    stream_kind: Literal["rtsp", "mjpeg", "snapshot"] | UnsetType | None = UNSET
    status: CctvStatus | UnsetType = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET


class Verification(msgspec.Struct, kw_only=True):
    """What an officer says of a report. `rejected` needs a reason_code or a reason; `version` is what was read."""

    status: Literal["verified", "in_progress", "completed", "rejected"]
    reason_code: Annotated[str, Meta(max_length=40)] = ""
    reason: Note = ""
    note: Note = ""
    version: Annotated[int, Meta(ge=1)] | None = None


class AssignOrder(msgspec.Struct, kw_only=True):
    """Whom to send: `officer_id` is the id of police."""

    officer_id: IdNumber | IdText
    backup: bool = False


class WithdrawOrder(msgspec.Struct, kw_only=True):
    """Why police are taken off a report. `officer_id`: whom; left out: who was sent first."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    officer_id: IdNumber | IdText | None = None


class StatusOrder(msgspec.Struct, kw_only=True):
    """Where the police officer stands."""

    status: TrackingStatus
    description: Note = ""
    client_id: ClientId = ""


class TrackOrder(msgspec.Struct, kw_only=True):
    """A position. `device_time` of the phone (with zone), so that points sent later fall into their place."""

    latitude: Latitude
    longitude: Longitude
    status: TrackingStatus
    description: Note = ""
    accuracy_m: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    device_time: Annotated[datetime, Meta(tz=True)] | None = None
    client_id: ClientId = ""


class Answer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Accept or decline what one is sent to; declining needs a reason."""

    accept: bool
    reason: Note = ""


class AnnouncementOrder(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Told to all officers and police of the agency. The same client_id is told once."""

    title: Annotated[str, Meta(min_length=1, max_length=100)]
    message: Annotated[str, Meta(min_length=1, max_length=500)]
    client_id: ClientId = ""


class MessageOrder(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """chat with dispatch; note, backup, emergency, draft and final (the field report) are the police's to write.

    A back-up or an emergency may come without words. latitude, longitude: where the phone is then; left out, its last
    position counts.
    """

    body: Annotated[str, Meta(max_length=MAX_FINAL)] = ""
    kind: Kind = "chat"
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    client_id: ClientId = ""


def read_picture(field: str, text: str, limit: int) -> bytes:
    """Base64, with or without the head of a data URL. Raises Problem(validation, too-large)."""
    head = _DATA_URL.match(text)
    try:
        data = base64.b64decode(text[head.end() :] if head else text, validate=True)
    except (binascii.Error, ValueError):
        try:  # some clients break lines
            data = base64.b64decode("".join(text[head.end() if head else 0 :].split()), validate=True)
        except (binascii.Error, ValueError):
            raise wrong(field, "expected base64 of a JPEG or PNG") from None
    if not data:
        raise wrong(field, "expected base64 of a JPEG or PNG, got nothing")
    if len(data) > limit:
        raise wrong(field, f"expected at most {limit} bytes, got {len(data)}")
    return data


def read_timestamp(text: str | None, zone: str) -> datetime | None:
    """`YYYY-MM-DD HH:MM` in the camera's zone as aware UTC; None for None. Raises Problem(validation)."""
    return None if text is None else _local("timestamp", text, ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"), zone)


def read_date_time(date: str | None, time: str | None, zone: str) -> datetime | None:
    """`DD:MM:YYYY` and `HH:MM` in the camera's zone as aware UTC; None without a date and a time.

    A time without a date is today's. Raises Problem(validation).
    """
    if not date and not time:
        return None
    day = date or datetime.now(ZoneInfo(zone)).strftime("%d:%m:%Y")
    return _local("date", f"{day} {time or '00:00'}", ("%d:%m:%Y %H:%M",), zone)


def _local(field: str, text: str, forms: tuple[str, ...], zone: str) -> datetime:
    for form in forms:
        try:
            return datetime.strptime(text, form).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    raise wrong(field, f"there is no such date or time: {text}")
