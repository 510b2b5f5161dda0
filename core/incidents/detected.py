"""What the detect process hands to `Reports.open_detected`: one incident with its evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from core.domain.frames import Sighting
from core.domain.incidents import IncidentType
from core.domain.observations import Device


class EvidenceFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One frame that counts towards the incident.

    original   the picture: a pulled frame as JPEG (quality 92), a pushed picture exactly as the camera sent it
    annotated  JPEG with boxes, labels and scores drawn over it
    taken_at   aware UTC
    sightings  all of the frame, context included
    """

    original: bytes
    annotated: bytes
    taken_at: datetime
    sightings: tuple[Sighting, ...] = ()
    mime: str = "image/jpeg"


class Detected(msgspec.Struct, frozen=True, kw_only=True):
    """A weapon seen by our own detectors.

    is_confirmed  False: one alarm picture alone; a person looks first
    at            of the newest frame
    frames        the confirming frames, oldest first, a handful at most
    looked_at, positive   how many of the last frames were looked at, and how many of them showed it
    thresholds    what the decision rested on: score, n of m, sizes (goes to reports.detection as it is)
    cooldown_s    an open report of this camera and type that is not older takes the frames instead of a new report
    quiet_s       so long after such a report was rejected as a false alarm nothing new opens
    payload_id    of a pushed picture, else None
    """

    device: Device
    incident_type: IncidentType
    is_confirmed: bool
    at: datetime
    frames: tuple[EvidenceFrame, ...]
    best_score: float
    looked_at: int
    positive: int
    model: str
    model_sha256: str
    thresholds: dict[str, Any] = msgspec.field(default_factory=dict)
    cooldown_s: float = 60.0
    quiet_s: float = 600.0
    payload_id: int | None = None


class Opened(msgspec.Struct, frozen=True):
    """What came of it. created False: the frames went to the open report, or, is_silenced, were let go: an officer had
    just said of that report that it was a false alarm.
    """

    report_id: int
    created: bool
    is_silenced: bool = False
