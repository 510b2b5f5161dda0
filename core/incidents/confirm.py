"""When sightings become an incident: N of M frames, plausible boxes, each camera's own threshold, zones, cooldown.

Pure: no clock but the frames' own times, no I/O. One `Confirmer` for each camera; the detect process feeds it every
frame that a detector looked at, also those with nothing in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from core.domain.frames import Box, Sighting
from core.domain.incidents import IncidentType

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Corner = tuple[Share, Share]
Polygon = Annotated[tuple[Corner, ...], msgspec.Meta(min_length=3, max_length=64)]


class DetectionRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`device.settings["detection"]`: what it takes on this camera until somebody is told.

    score       0..1; a detector's own threshold is asked first, so this one can only ask for more
    scores      the same for single kinds ({"knife": 0.5})
    needed, of  a report opens when the weapon is in `needed` of the last `of` frames that were looked at
    window_s    a frame older than that no longer counts
    min_side    the longer side of a box, as a share of the frame's longer side: smaller ones are noise
    max_area    of a box, as a share of the frame: a "knife" that fills the picture is none
    max_aspect  longer to shorter side of a box, in pixels
    zones       polygons in shares of width and height (0,0 is the upper left corner): only boxes whose middle lies in
                one of them count; none = the whole frame
    masks       polygons where nothing counts (a poster, a shop window with knives)
    cooldown_s  a weapon that was reported and is seen again within that time belongs to the same report
    repeat_s    meanwhile further frames are added to it so often at most
    quiet_s     for so long after an officer called one a false alarm the same type opens no report here; 0: at once
    """

    score: Share = 0.4
    scores: dict[IncidentType, Share] = msgspec.field(default_factory=dict)
    needed: Annotated[int, msgspec.Meta(ge=1, le=50)] = 5
    of: Annotated[int, msgspec.Meta(ge=1, le=50)] = 8
    window_s: Annotated[float, msgspec.Meta(gt=0, le=600)] = 60.0
    min_side: Share = 0.02
    max_area: Share = 0.6
    max_aspect: Annotated[float, msgspec.Meta(ge=1)] = 15.0
    zones: tuple[Polygon, ...] = ()
    masks: tuple[Polygon, ...] = ()
    cooldown_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0
    repeat_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 5.0
    quiet_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 600.0

    def __post_init__(self) -> None:
        if self.needed > self.of:
            raise ValueError(f"needed ({self.needed}) must not be above of ({self.of})")

    def shown(self) -> dict[str, Any]:
        """JSON-able, for reports.detection."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One frame that was looked at.

    frame      the caller's own handle to the picture
    size       width and height in pixels
    sightings  all of them, context included
    """

    at: datetime
    frame: Any
    size: tuple[int, int]
    sightings: tuple[Sighting, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A weapon to report.

    looks         the frames that show it and were not handed on yet, oldest first
    best          the highest score among them
    looked_at, positive  of the last frames
    is_confirmed  False: a single picture
    is_repeat     within the cooldown of the last one: its frames belong to the open report
    """

    incident_type: IncidentType
    looks: tuple[Look, ...]
    best: Sighting
    looked_at: int
    positive: int
    is_confirmed: bool
    is_repeat: bool = False


def counting(rules: DetectionRules, size: tuple[int, int], sightings: Sequence[Sighting]) -> list[Sighting]:
    """The sightings that may be reported on a camera with these rules; context never is."""
    return [s for s in sightings if s.incident_type is not None and not why_not(rules, size, s)]


def why_not(rules: DetectionRules, size: tuple[int, int], sighting: Sighting) -> str:
    """What speaks against a sighting: "score", "size", "aspect", "zone", "mask"; "" when nothing does."""
    box, kind = sighting.box, sighting.incident_type
    # Each is asked so that a NaN of a broken model fails it.
    if not sighting.score >= (rules.scores.get(kind, rules.score) if kind else rules.score):
        return "score"
    width, height = box.width * size[0], box.height * size[1]
    if not (min(width, height) > 0 and max(width, height) >= rules.min_side * max(size)):
        return "size"
    if not box.width * box.height <= rules.max_area:
        return "size"
    if not max(width, height) <= rules.max_aspect * min(width, height):
        return "aspect"
    middle = _middle(box)
    if rules.zones and not any(inside(middle, zone) for zone in rules.zones):
        return "zone"
    if any(inside(middle, mask) for mask in rules.masks):
        return "mask"
    return ""


def single(rules: DetectionRules, look: Look) -> list[Finding]:
    """What one alarm picture alone amounts to: unconfirmed, one finding for each kind."""
    return [
        Finding(incident_type=kind, looks=(look,), best=best, looked_at=1, positive=1, is_confirmed=False)
        for kind, best in _best_of(counting(rules, look.size, look.sightings)).items()
    ]


class Confirmer:
    """One camera's memory: its last `of` looks, and when each kind was last reported and seen."""

    def __init__(self, rules: DetectionRules) -> None:
        self.rules = rules
        self._looks: deque[tuple[Look, dict[IncidentType, Sighting]]] = deque(maxlen=rules.of)
        self._handed: dict[IncidentType, datetime] = {}
        self._seen: dict[IncidentType, datetime] = {}

    def look(self, look: Look) -> list[Finding]:
        """Take the next frame; what is to be reported now. A frame older than the newest one is left out."""
        if self._looks and look.at < self._looks[-1][0].at:
            return []
        best = _best_of(counting(self.rules, look.size, look.sightings))
        # A frame with nothing in it is remembered by its time alone: its picture can go.
        self._looks.append((look if best else msgspec.structs.replace(look, frame=None), best))
        while look.at - self._looks[0][0].at > timedelta(seconds=self.rules.window_s):
            self._looks.popleft()
        return [finding for kind in best if (finding := self._judge(kind, look.at)) is not None]

    def _judge(self, kind: IncidentType, at: datetime) -> Finding | None:
        showing = [(look, best[kind]) for look, best in self._looks if kind in best]
        seen = self._seen.get(kind)
        is_repeat = seen is not None and at - seen <= timedelta(seconds=self.rules.cooldown_s)
        if is_repeat:
            self._seen[kind] = at
        if len(showing) < self.rules.needed:
            return None
        handed = self._handed.get(kind)
        if is_repeat and handed is not None and at - handed < timedelta(seconds=self.rules.repeat_s):
            return None
        self._seen[kind] = self._handed[kind] = at
        new = [(look, sighting) for look, sighting in showing if handed is None or look.at > handed]
        return Finding(
            incident_type=kind,
            looks=tuple(look for look, _ in new),
            best=max((sighting for _, sighting in new), key=lambda s: s.score),
            looked_at=len(self._looks),
            positive=len(showing),
            is_confirmed=True,
            is_repeat=is_repeat,
        )


def inside(point: tuple[float, float], polygon: Sequence[tuple[float, float]]) -> bool:
    """Whether a point lies in a polygon (even-odd rule). Points on its edge may fall either way."""
    x, y = point
    odd = False
    for (x0, y0), (x1, y1) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            odd = not odd
    return odd


def _middle(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2


def _best_of(sightings: Sequence[Sighting]) -> dict[IncidentType, Sighting]:
    best: dict[IncidentType, Sighting] = {}
    for sighting in sightings:
        kind = sighting.incident_type
        if kind is not None and (kind not in best or sighting.score > best[kind].score):
            best[kind] = sighting
    return best
