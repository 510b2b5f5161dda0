"""What detectors see and say: frames in, sightings out."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from core.domain.incidents import IncidentType
from core.domain.observations import Device

FrameSource = Literal["pulled", "pushed", "posted"]


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One decoded picture of a camera.

    image     numpy array, uint8, height x width x 3, BGR, C-contiguous; shared with others: never write into it
    taken_at  aware UTC: the camera's time of a pushed picture, the time of reading of a pulled one
    sequence  grows with each frame of this camera in this process; 0 for pushed pictures
    """

    device: Device
    image: Any
    taken_at: datetime
    sequence: int = 0
    source: FrameSource = "pulled"


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A rectangle as shares (0..1) of the frame's width and height; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a detector sees in one frame.

    label          the model's own word ("knife", "baseball bat", "person")
    incident_type  what it would be reported as; None = context only (a person), never reported by itself
    score          0..1
    model          name and version of the model; model_sha256 is of its weights file (hex)
    """

    label: str
    score: float
    box: Box
    incident_type: IncidentType | None = None
    model: str = ""
    model_sha256: str = ""
