"""Evidence pictures: a frame as JPEG, and a copy of it with what the detectors saw drawn over it. Needs OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.domain.errors import TangkapinError
from core.domain.frames import Sighting
from core.domain.incidents import IncidentType

QUALITY = 92
WEAPON, CONTEXT, INK = (0, 0, 230), (110, 110, 110), (255, 255, 255)
"""BGR."""
WORDS = {
    IncidentType.KNIFE: "senjata tajam", IncidentType.GUN: "senjata api", IncidentType.GUNS: "senjata api",
    IncidentType.OTHER: "benda berbahaya",
}  # fmt: skip
"""What courts read on the picture. The model's own word, the exact box and score are kept beside it."""


class NotEncoded(TangkapinError):
    """OpenCV made no JPEG of a frame."""


def to_jpeg(image: Any, quality: int = QUALITY) -> bytes:
    """A frame (BGR, uint8) as JPEG. Raises NotEncoded."""
    import cv2

    made, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not made:
        raise NotEncoded(f"a frame of shape {getattr(image, 'shape', None)} cannot be made a JPEG")
    return bytes(data)


def annotate(image: Any, sightings: Sequence[Sighting]) -> Any:
    """A copy with boxes and scores: weapons red, named and over the context, which is grey. The frame stays as it is.

    A line at the bottom says that this is no original.
    """
    import cv2

    copy = image.copy()
    height, width = copy.shape[:2]
    line = max(1, round(max(height, width) / 400))
    for sighting in sorted(sightings, key=lambda s: (s.incident_type is not None, s.score)):
        color = CONTEXT if sighting.incident_type is None else WEAPON
        box = sighting.box
        left, top = round(box.x * width), round(box.y * height)
        right, bottom = round((box.x + box.width) * width), round((box.y + box.height) * height)
        cv2.rectangle(copy, (left, top), (right, bottom), color, line)
        _label(copy, words_of(sighting), left, top, color, line)
    _label(copy, "salinan bertanda, bukan asli", 0, height, CONTEXT, line)
    return copy


def words_of(sighting: Sighting) -> str:
    """What stands at its box: Indonesian, and ASCII, which is all that OpenCV's strokes have."""
    named = f"{WORDS[sighting.incident_type]} " if sighting.incident_type is not None else ""
    return f"{named}{sighting.score:.0%}"


def _label(image: Any, words: str, left: int, bottom: int, color: tuple[int, int, int], line: int) -> None:
    """Words on a filled strip above `bottom`, moved inwards at the frame's edges."""
    import cv2

    scale = 0.4 * line
    (width, height), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, scale, line)
    left = max(0, min(left, image.shape[1] - width))
    bottom = max(height + below, bottom)
    cv2.rectangle(image, (left, bottom - height - below), (left + width, bottom), color, cv2.FILLED)
    cv2.putText(image, words, (left, bottom - below), cv2.FONT_HERSHEY_SIMPLEX, scale, INK, line, cv2.LINE_AA)
