"""From a finding to what the reports take: frames that show it, as they were and annotated, and what it rests on."""

from __future__ import annotations

from typing import Any

import msgspec

from core.domain.observations import Device
from core.incidents.confirm import DetectionRules, Finding, Look
from core.incidents.detected import Detected, EvidenceFrame
from core.streams.pictures import annotate, to_jpeg

AT_MOST = 5
"""Frames of one hand-over."""


class Picture(msgspec.Struct, frozen=True):
    """The picture behind a look: decoded, and, if a camera pushed it, the very bytes."""

    image: Any
    original: bytes | None = None
    mime: str = "image/jpeg"


def detected(device: Device, rules: DetectionRules, finding: Finding, *, payload_id: int | None = None) -> Detected:
    """Make the hand-over: the newest frames, and the best one among them. Raises NotEncoded."""
    looks = list(finding.looks[-AT_MOST:])
    best = next(look for look in finding.looks if finding.best in look.sightings)
    if best not in looks:
        looks[0] = best
    return Detected(
        device=device,
        incident_type=finding.incident_type,
        is_confirmed=finding.is_confirmed,
        at=finding.looks[-1].at,
        frames=tuple(_frame(look) for look in looks),
        best_score=finding.best.score,
        looked_at=finding.looked_at,
        positive=finding.positive,
        model=finding.best.model,
        model_sha256=finding.best.model_sha256,
        thresholds=rules.shown(),
        cooldown_s=rules.cooldown_s,
        quiet_s=rules.quiet_s,
        payload_id=payload_id,
    )


def _frame(look: Look) -> EvidenceFrame:
    picture: Picture = look.frame
    return EvidenceFrame(
        original=picture.original if picture.original is not None else to_jpeg(picture.image),
        annotated=to_jpeg(annotate(picture.image, look.sightings)),
        taken_at=look.at,
        sightings=look.sightings,
        mime=picture.mime,
    )
