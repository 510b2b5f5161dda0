"""Polda Metro Jaya: odd-even (ganjil genap) by the date and the hours of Jakarta.

On an odd day of the month only plates with an odd last digit may enter, on an even day even ones; 0 is even.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec

from core.api import (
    CaseDraft,
    Device,
    Passage,
    PluginConfig,
    PluginContext,
    ViolationType,
    hookimpl,
    read_indonesian_plate,
)
from core.api import Plugin as Base

Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
_PURPOSE = ViolationType.GANJIL_GENAP.value
_MIDNIGHT = "24:00"


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When and for whom the rule holds.

    hours      "HH:MM-HH:MM" of the day in `zone`: from the first minute on, until just before the last ("24:00" ends
               the day); hours over midnight are two entries, since each belongs to the date of its own day
    weekdays   1 = Monday … 7 = Sunday
    holidays   dates on which the rule rests
    exempt_plate_colors, exempt_vehicle_types  the device's words, lower case; any of them inside its text is enough
    every_device  judge devices that were not installed for ganjil_genap too
    """

    hours: tuple[str, ...] = ("06:00-10:00", "16:00-21:00")
    weekdays: tuple[Weekday, ...] = (1, 2, 3, 4, 5)
    holidays: tuple[date, ...] = ()
    zone: str = "Asia/Jakarta"
    exempt_plate_colors: tuple[str, ...] = ("yellow", "kuning", "red", "merah")
    exempt_vehicle_types: tuple[str, ...] = (
        "motor", "twowheel", "bike", "bus", "ambulance", "ambulans", "fireengine", "pemadam", "police", "polisi",
    )  # fmt: skip
    every_device: bool = False

    def __post_init__(self) -> None:
        for text in self.hours:
            read_hours(text)
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"zone {self.zone!r} is no IANA name (Asia/Jakarta)") from None


class Plugin(Base):
    """Only civil plates are judged: diplomats, RI, TNI and Polri are exempt, and a foreign plate has no such digit."""

    Config = Config

    def __init__(self, config: Any, context: PluginContext) -> None:
        super().__init__(config, context)
        self._hours = [(text, *read_hours(text)) for text in config.hours]
        self._zone = ZoneInfo(config.zone)

    @hookimpl
    def classify_passage(self, passage: Passage, device: Device) -> list[CaseDraft]:
        config = self.config
        if not config.every_device and _PURPOSE not in device.purposes:
            return []
        plate = read_indonesian_plate(passage.plate_number)
        if plate is None or plate.kind != "civil" or self._exempt(passage):
            return []
        local = passage.first_at.astimezone(self._zone)
        window = self._window(local)
        if not window or local.day % 2 == plate.last_digit % 2:
            return []
        detail = {
            "date": local.date().isoformat(),
            "local_time": local.strftime("%H:%M:%S"),
            "zone": config.zone,
            "hours": window,
            "day_is": "odd" if local.day % 2 else "even",
            "last_digit": plate.last_digit,
        }
        return [CaseDraft(violation_type=ViolationType.GANJIL_GENAP, detail=detail)]

    def _window(self, local: datetime) -> str:
        """The hours in force at a local time, "" when the rule rests."""
        if local.isoweekday() not in self.config.weekdays or local.date() in self.config.holidays:
            return ""
        minute = local.hour * 60 + local.minute
        return next((text for text, start, end in self._hours if start <= minute < end), "")

    def _exempt(self, passage: Passage) -> bool:
        color, kind = passage.plate_color.lower(), passage.vehicle_type.lower()
        return any(word in color for word in self.config.exempt_plate_colors) or any(
            word in kind for word in self.config.exempt_vehicle_types
        )


def read_hours(text: str) -> tuple[int, int]:
    """Minutes of the day (first, end) of "06:00-10:00"; raises ValueError naming what was expected."""
    first, dash, last = text.partition("-")
    try:
        start, end = _minute(first.strip()), _minute(last.strip())
    except ValueError:
        start, end = 0, 0
    if not dash or start >= end:
        raise ValueError(f"hours {text!r}: expected HH:MM-HH:MM within one day, like 06:00-10:00 or 22:00-24:00")
    return start, end


def _minute(text: str) -> int:
    if text == _MIDNIGHT:
        return 24 * 60
    at = time.fromisoformat(text)
    return at.hour * 60 + at.minute
