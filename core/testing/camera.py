"""A simulated camera: plays a make's own fixture with another plate, another time and freshly drawn pictures.

It knows no make. The plugin's parser says where in the fixture the plate, the time and the pictures are; they are
exchanged in place, lengths are mended, and the result is parsed again: what does not come out as intended is an error
here and not a puzzle in the demo.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from core.domain.errors import MalformedPayload, TangkapinError, UnsupportedEvent
from core.domain.observations import Device, Image, Observation, Payload, PlateRead
from core.testing.drawing import VEHICLE_COLORS, draw_plate, draw_scene
from core.testing.fixtures import load_http

Parse = Callable[[Payload], Sequence[Observation]]

_DATED = re.compile(r"(\d{4})([-/:]?)(\d{2})([-/:]?)(\d{2})([T ]?)(\d{2})([:-]?)(\d{2})([:-]?)(\d{2})([.,:]?\d+)?(.*)$")
_EPOCH = re.compile(r"(\d{10}|\d{13}|\d{16})(\.\d{1,8})?")
_LENGTH = re.compile(rb"(?im)^(content-length:[ \t]*)(\d+)")


class CannotPlay(TangkapinError):
    """A fixture that cannot be varied: it has no plate, no place for it, or does not parse afterwards."""


class Shot(msgspec.Struct, frozen=True):
    """One request as the camera sends it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    plate: str
    captured: datetime


class SimulatedCamera:
    """Varies one fixture for one device.

    parse   the make's parser (Host.parse_payload)
    skew_s  how far its clock is ahead
    """

    def __init__(self, fixture: Path, device: Device, parse: Parse, *, seed: int = 0, skew_s: float = 0.0) -> None:
        self.fixture = fixture
        self.device = device
        self._parse = parse
        self._chance = random.Random(seed)
        self._skew = timedelta(seconds=skew_s)
        self.method, self.path, self.headers, self.body = load_http(fixture)
        self._read = self._first_read(self.body)
        if not self._read.plate_raw or self._read.plate_raw.encode() not in self.body:
            raise CannotPlay(f"{fixture.name}: the plate does not stand in the body as it was read")

    @property
    def unfit_for_live(self) -> bool:
        """A form that says it was kept during an outage, or has no time of its own: no good for a live camera."""
        return self._read.retransmitted or not self._read.capture_time_raw

    @property
    def has_both_pictures(self) -> bool:
        """A form with a plate crop and a picture of the vehicle or the scene in its body: a validator sees both."""
        roles = {image.role for image in self._read.images if image.data is not None}
        return "plate" in roles and bool(roles & {"scene", "vehicle"})

    def shoot(self, plate: str, at: datetime) -> Shot:
        """The request for this vehicle at this moment (aware UTC, true time; the camera adds its skew)."""
        captured = at + self._skew
        body = self.body.replace(self._read.plate_raw.encode(), plate.encode())
        raw_time = self._read.capture_time_raw
        if raw_time and raw_time.encode() in body:
            body = body.replace(raw_time.encode(), self._time(raw_time, captured).encode())
        body = self._fresh_id(body)
        color = self._chance.choice(VEHICLE_COLORS)
        for image in self._read.images:
            body = self._exchange(body, image, plate, color, captured)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "content-length"}
        found = self._first_read(body)
        if found.plate_raw != plate:
            raise CannotPlay(f"{self.fixture.name}: played {plate!r}, the parser reads {found.plate_raw!r}")
        if found.event_id and found.event_id == self._read.event_id:
            raise CannotPlay(f"{self.fixture.name}: its event id {found.event_id!r} cannot be varied")
        return Shot(self.method, self.path, headers, body, plate, captured)

    def _fresh_id(self, body: bytes) -> bytes:
        """Another event id of the same form: two shots are two events."""
        known = self._read.event_id
        at = next((n for n in range(len(known)) if known[n:].encode() in body), len(known))
        old = known[at:]
        if len(old) < 4:
            return body
        fresh = "".join(
            self._chance.choice("0123456789") if c.isdigit() else self._chance.choice("abcdef") if c in "abcdef" else c
            for c in old
        )
        return body.replace(old.encode(), fresh.encode())

    def _first_read(self, body: bytes) -> PlateRead:
        headers = {k.lower(): v for k, v in self.headers.items()}
        payload = Payload(
            body=body,
            device=self.device,
            received_at=datetime.now(UTC),
            content_type=headers.get("content-type", ""),
            headers=headers,
            path=self.path,
        )
        try:
            found = self._parse(payload)
        except (MalformedPayload, UnsupportedEvent) as error:
            raise CannotPlay(f"{self.fixture.name}: {error}") from error
        reads = [o for o in found if isinstance(o, PlateRead)]
        if len(reads) != 1 or not reads[0].plate_number:
            raise CannotPlay(f"{self.fixture.name}: expected one read with a plate, found {len(reads)} reads")
        return reads[0]

    def _time(self, raw: str, captured: datetime) -> str:
        """Write the moment in the form the fixture uses: digits, separators and offset stay as they are."""
        if epoch := _EPOCH.fullmatch(raw):
            scale = 10 ** (len(epoch[1]) - 10)
            moment = captured
            if self._read.time_source == "wall_clock":  # local digits counted as if they were UTC
                moment = captured.astimezone(ZoneInfo(self.device.zone)).replace(tzinfo=UTC)
            micros = int(moment.timestamp()) * 1_000_000 + moment.microsecond
            whole, rest = divmod(micros * scale, 1_000_000)
            return f"{whole}.{rest:06d}00"[: len(str(whole)) + len(epoch[2])] if epoch[2] else str(whole)
        match = _DATED.match(raw)
        if match is None:
            raise CannotPlay(f"{self.fixture.name}: no way to write a time like {raw!r}")
        tail = match.group(13).strip()
        if tail in ("Z", "z"):
            local = captured.astimezone(UTC)
        elif offset := re.fullmatch(r"([+-])(\d{1,2}):?(\d{2})?", tail):
            minutes = int(offset.group(2)) * 60 + int(offset.group(3) or 0)
            shift = timedelta(minutes=minutes if offset.group(1) == "+" else -minutes)
            local = (captured.astimezone(UTC) + shift).replace(tzinfo=None)
        else:
            local = captured.astimezone(ZoneInfo(self.device.zone))
        g = match.group
        fraction = ""
        if g(12):
            digits = f"{local.microsecond:06d}000"[: len(g(12).lstrip(".,:"))]
            fraction = (g(12)[0] if g(12)[0] in ".,:" else "") + digits
        return (
            f"{local:%Y}{g(2)}{local:%m}{g(4)}{local:%d}{g(6)}{local:%H}{g(8)}{local:%M}{g(10)}{local:%S}"
            f"{fraction}{match.group(13)}"
        )

    def _exchange(self, body: bytes, image: Image, plate: str, color: str, at: datetime) -> bytes:
        if image.data is None:
            return body
        old = bytes(image.data)
        if image.role == "plate":
            new = draw_plate(plate)
        else:
            local = at.astimezone(ZoneInfo(self.device.zone))
            new = draw_scene(plate, color, local, self.device.location or self.device.code, self._chance)
        if old in body:
            at_byte = body.index(old)
            return _mend_length(body[:at_byte], len(old), len(new)) + new + body[at_byte + len(old) :]
        coded = base64.b64encode(old)
        if coded not in body:
            raise CannotPlay(f"{self.fixture.name}: a picture that does not stand by itself in the body")
        return body.replace(coded, base64.b64encode(new))


def _mend_length(head: bytes, old: int, new: int) -> bytes:
    """Correct the Content-Length of the part that ends `head`, if it was right before."""
    matches = list(_LENGTH.finditer(head, max(0, len(head) - 600)))
    if not matches or int(matches[-1].group(2)) != old:
        return head
    last = matches[-1]
    return head[: last.start(2)] + str(new).encode() + head[last.end(2) :]


def playable(fixtures: Path, device: Device, parse: Parse) -> list[Path]:
    """The fixtures of a folder that a simulated camera can vary, in name order."""
    found = []
    for path in sorted(fixtures.glob("*.http")):
        try:
            SimulatedCamera(path, device, parse).shoot("B 1 A", datetime.now(UTC))
        except CannotPlay:
            continue
        found.append(path)
    return found
