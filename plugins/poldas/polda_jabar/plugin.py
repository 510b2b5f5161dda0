"""Polda Jawa Barat: by speed, and by the direction that a road allows."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from core.api import CaseDraft, Device, Direction, Passage, PluginConfig, ViolationType, hookimpl
from core.api import Plugin as Base

Speed = Annotated[float, msgspec.Meta(gt=0, le=300)]
_OPPOSITE: dict[Direction, Direction] = {"approach": "depart", "depart": "approach", "in": "out", "out": "in"}


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speeds in km/h.

    default_limit_kmh  for devices without a limit of their own; None = such devices are not judged by measurement
    tolerance_kmh      a speed up to limit + tolerance is no violation, for the error of the measurement
    bands_kmh          rising lower edges of the bands of excess over the limit: (10, 20) = under 10, 10-20, from 20
    plausible_kmh      faster than this is drafted with `implausible`: a person shall look at the measurement
    claims             draft what a camera claims (batas_kecepatan, lawan_arah) without having measured it for us
    without_plate      draft passages without a plate as well
    """

    default_limit_kmh: Speed | None = None
    tolerance_kmh: Annotated[float, msgspec.Meta(ge=0, le=50)] = 5.0
    bands_kmh: tuple[Speed, ...] = (10.0, 20.0, 40.0)
    plausible_kmh: Speed = 250.0
    claims: bool = True
    without_plate: bool = False

    def __post_init__(self) -> None:
        if list(self.bands_kmh) != sorted(set(self.bands_kmh)):
            raise ValueError("bands_kmh: expected rising numbers, like [10, 20, 40]")


class Plugin(Base):
    """Both rules look at every device bound to the instance; what they need of a device decides."""

    Config = Config

    @hookimpl
    def classify_passage(self, passage: Passage, device: Device) -> list[CaseDraft]:
        if passage.plate_number is None and not self.config.without_plate:
            return []
        found = {
            ViolationType.BATAS_KECEPATAN: speeding(passage, device, self.config),
            ViolationType.LAWAN_ARAH: wrong_way(passage, device),
        }
        if self.config.claims:
            # a measurement against a known limit stands against a mere claim
            measured = passage.speed_kmh is not None and _limit(device, self.config) is not None
            for kind in found.keys() & set(passage.offences):
                if found[kind] is None and not (measured and kind is ViolationType.BATAS_KECEPATAN):
                    found[kind] = {"claimed": True}
        return [CaseDraft(violation_type=kind, detail=detail) for kind, detail in found.items() if detail is not None]


def _limit(device: Device, config: Config) -> float | None:
    return device.speed_limit_kmh or config.default_limit_kmh


def speeding(passage: Passage, device: Device, config: Config) -> dict[str, Any] | None:
    """The facts of a speed above limit and tolerance; None when it is not above, not measured, or has no limit."""
    limit = _limit(device, config)
    speed = passage.speed_kmh
    if limit is None or speed is None or speed <= limit + config.tolerance_kmh:
        return None
    over = round(speed - limit, 2)
    detail: dict[str, Any] = {
        "speed_kmh": speed,
        "limit_kmh": limit,
        "limit_of": "device" if device.speed_limit_kmh else "default",
        "tolerance_kmh": config.tolerance_kmh,
        "over_kmh": over,
        "band": band(over, config.bands_kmh),
    }
    if speed > config.plausible_kmh:
        detail["implausible"] = True
    return detail


def band(over_kmh: float, edges: tuple[float, ...]) -> str:
    """The band of an excess: "0-10", "10-20", "40+"; an edge belongs to the band above it."""
    low = max((edge for edge in edges if edge <= over_kmh), default=0)
    high = min((edge for edge in edges if edge > over_kmh), default=None)
    return f"{low:g}+" if high is None else f"{low:g}-{high:g}"


def wrong_way(passage: Passage, device: Device) -> dict[str, Any] | None:
    """The facts of a vehicle that drives against `settings.polda_jabar.allowed_direction` of its device.

    None when the device allows both ways, or either direction is unknown. approach is against depart, in against out.
    """
    settings = device.settings.get("polda_jabar")
    allowed = settings.get("allowed_direction") if isinstance(settings, dict) else None
    if _OPPOSITE.get(passage.direction) != allowed or allowed is None:
        return None
    return {"direction": passage.direction, "allowed_direction": allowed}
