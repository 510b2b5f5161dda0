"""What an operator writes about his template. Every path is compiled at load: a wrong one is refused by its key."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from core.api import Direction, ImageRole
from vendors.mapping.paths import Path, compile_path

Paths = str | list[str]
"""One path expression, or several: the first that finds something counts."""


class FieldPaths(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where each field stands. `date` only where date and time are apart."""

    plate: Paths
    time: Paths = ""
    date: Paths = ""
    confidence: Paths = ""
    direction: Paths = ""
    lane_no: Paths = ""
    vehicle_type: Paths = ""
    vehicle_color: Paths = ""
    vehicle_brand: Paths = ""
    plate_color: Paths = ""
    country: Paths = ""
    speed: Paths = ""
    event: Paths = ""
    event_id: Paths = ""
    serial: Paths = ""
    channel: Paths = ""
    name: Paths = ""

    def __post_init__(self) -> None:
        for key in self.__struct_fields__:
            for path in _texts(getattr(self, key)):
                _checked(key, path)
        if not _texts(self.plate):
            raise ValueError("plate: expected a path")

    def paths(self, key: str) -> list[Path]:
        """The compiled paths of a field."""
        return [compile_path(text) for text in _texts(getattr(self, key))]


class ImagePath(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture: where it stands, or the name of its part of a form."""

    path: str
    role: ImageRole = "scene"

    def __post_init__(self) -> None:
        _checked("path", self.path)


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body is a sign of life when something stands at the path: one of `values`, or anything if there are none."""

    path: str
    values: list[str] = []

    def __post_init__(self) -> None:
        _checked("path", self.path)


class AnswerText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer to a stored event, byte for byte."""

    status: Annotated[int, msgspec.Meta(ge=200, le=299)] = 200
    body: str = ""
    media_type: str = ""


class Reading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that say how a body is read."""

    fields: FieldPaths
    each: str = ""
    images: list[ImagePath] = []
    event: str = "plate"
    confidence_full: Annotated[float, msgspec.Meta(gt=0)] = 100.0
    time_format: str = ""
    time_zone: Literal["camera", "utc"] = "camera"
    directions: dict[str, Direction] = {}
    speed_unit: Literal["kmh", "mph", "ms"] = "kmh"
    heartbeat: Heartbeat | None = None
    extra: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.each:
            _checked("each", self.each)
        for key, path in self.extra.items():
            _checked(f"extra.{key}", path)
        if self.time_format:
            try:
                datetime.strptime(datetime(2026, 3, 2).strftime(self.time_format), self.time_format)
            except ValueError as error:
                raise ValueError(f"time_format: {error}") from None


def _texts(paths: Paths) -> list[str]:
    return [paths] if isinstance(paths, str) and paths else list(paths)


def _checked(key: str, path: str) -> None:
    try:
        compile_path(path)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
