"""What a camera told us, in the words of this house: the Structs that parsers return.

All are frozen msgspec Structs. Times are aware UTC. Confidence of a plate is 0..100, because every device says
percent; a vendor's dialect converts at its edge.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

Direction = Literal["approach", "depart", "in", "out", "unknown"]
ImageRole = Literal["plate", "vehicle", "scene", "face", "other"]
TimeSource = Literal["offset", "epoch", "wall_clock", "receive"]
Phase = Literal["single", "start", "update", "stop"]


class ViolationType(StrEnum):
    """The kinds of violation a rule plugin may draft (REQUIREMENTS V2)."""

    GANJIL_GENAP = "ganjil_genap"
    MARKA_JALAN = "marka_jalan"
    LAMPU_MERAH = "lampu_merah"
    BATAS_KECEPATAN = "batas_kecepatan"
    SABUK_KESELAMATAN = "sabuk_keselamatan"
    PONSEL = "ponsel"
    BUSWAY = "busway"
    HELM = "helm"
    LAWAN_ARAH = "lawan_arah"
    ODOL = "odol"
    OTHER = "other"


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A registered camera or NVR, as plugins may see it. Never holds a credential.

    zone        IANA name of the camera's wall clock ("Asia/Jakarta")
    time_rule   "offset": trust the offset or epoch that the device sends;
                "wall_clock": ignore a sent offset and read the digits in `zone` (cameras left at factory +08:00)
    purposes    violation types this camera was installed for ("lampu_merah", "batas_kecepatan")
    detect      its pictures go to the detectors
    settings    free per-device settings of plugins, by plugin folder name ({"anpr_filter": {"accept": 90}})
    """

    id: int
    code: str
    maker: str
    vendor_id: int
    vendor_code: str
    name: str = ""
    location: str = ""
    zone: str = "Asia/Jakarta"
    time_rule: Literal["offset", "wall_clock"] = "offset"
    purposes: tuple[str, ...] = ()
    speed_limit_kmh: float | None = None
    serial: str = ""
    channel: str = ""
    latitude: float | None = None
    longitude: float | None = None
    detect: bool = False
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a device, exactly as it came (Content-Encoding already undone).

    headers      lower-case names; credentials are never in it
    path         the path of the request ("/cam/hikvision/simpang-5"), "" when a capture file is parsed
    received_at  aware UTC
    """

    body: bytes
    device: Device
    received_at: datetime
    content_type: str = ""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    path: str = ""
    query: str = ""
    id: int = 0


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that belongs to the very observation it hangs on.

    data     the picture's bytes, or None when only `url` is known
    offset   where `data` starts in Payload.body when it stands there verbatim (a multipart part): core then
             refers to the stored body and copies nothing. None for decoded base64.
    url      as the device gave it; core fetches it by its SSRF-safe client, plugins never do
    """

    role: ImageRole
    data: bytes | memoryview | None = None
    offset: int | None = None
    url: str = ""
    mime: str = ""


class DeviceHint(msgspec.Struct, frozen=True, kw_only=True):
    """What the body says about who sent it: an NVR posts for many cameras."""

    serial: str = ""
    channel: str = ""
    ip: str = ""
    mac: str = ""
    name: str = ""


class Observation(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What all observations share.

    event             the device's own word for it ("ANPR", "TrafficJunction", "VMD")
    capture_time      aware UTC; None when the device said nothing usable (core then uses the receive time)
    capture_time_raw  what the device wrote
    time_source       which rule gave capture_time: the sent offset, an epoch, the camera's wall clock, or "receive"
    event_id          the device's own id of this event, "" if it has none that is unique ("x" is none)
    phase             start/stop of one incident, or NEW/UPDATE/LOST of one vehicle: only with "update" and "stop" may
                      reads of clearly different plates under one event_id become one passage
    retransmitted     kept by the device during an outage and sent late: old on purpose, no sign of a wrong clock
    lane_no           as text, "" if unknown
    extra             further fields worth keeping, JSON-able; lands in plate_reads.raw_payload
    """

    event: str
    capture_time: datetime | None = None
    capture_time_raw: str = ""
    time_source: TimeSource = "receive"
    event_id: str = ""
    phase: Phase = "single"
    retransmitted: bool = False
    hint: DeviceHint = DeviceHint()
    images: tuple[Image, ...] = ()
    direction: Direction = "unknown"
    lane_no: str = ""
    vehicle_type: str = ""
    vehicle_color: str = ""
    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class PlateRead(Observation, frozen=True, kw_only=True, tag="plate_read"):
    """One reading of one vehicle's plate.

    plate_number  normalised (core.api.normalise_plate); None = a vehicle whose plate was not read: still evidence
    plate_raw     as the device wrote it
    confidence    0..100, None when the device gave none (never 0 for "not reported")
    speed_kmh     measured by the device, None if not
    offences      violation types that the device itself claims ("TrafficRunRedLight" -> LAMPU_MERAH)
    """

    plate_number: str | None = None
    plate_raw: str = ""
    confidence: float | None = None
    plate_color: str = ""
    speed_kmh: float | None = None
    vehicle_brand: str = ""
    country: str = ""
    offences: tuple[ViolationType, ...] = ()


class FrameCapture(Observation, frozen=True, kw_only=True, tag="frame"):
    """A picture without a plate reading, for the detectors (a motion alarm's snapshot)."""

    target: str = ""


class Alarm(Observation, frozen=True, kw_only=True, tag="alarm"):
    """An alarm of the device without a picture worth detecting on (line crossing, tamper, traffic jam)."""

    target: str = ""
    region: str = ""


class Status(Observation, frozen=True, kw_only=True, tag="status"):
    """News about the device itself (disk full, video loss, clock)."""

    detail: str = ""


AnyObservation = PlateRead | FrameCapture | Alarm | Status
