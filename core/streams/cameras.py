"""The cameras whose frames are pulled: who they are, one reading thread each, back-off, and how they are.

The list is looked at every few seconds, so that a camera added, approved, changed or taken away is picked up without a
start. A camera that dies is tried again with growing pauses and jitter, for ever; one whose frames stop is offline.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
from sqlalchemy import select

from core.accounts.tables import devices, vendors
from core.db.engine import Database
from core.domain.observations import Device
from core.domain.stream_urls import StreamUrl, StreamUrlRefused, read_stream_url
from core.incidents.cctv import login_context
from core.ingest.directory import device_of
from core.outbound import Policy, per_device_images
from core.secrets import SecretBox, Unsealable
from core.streams.http import HttpLoop, StreamLost
from core.streams.motion import MotionGate
from core.streams.sources import StreamPlan, frames_of

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
HEALTHY_AFTER_S = 30.0


class StreamSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`device.settings["stream"]`: how a camera's frames are read.

    fps         frames a second at most
    forced_s    a look at least so often, even at a still picture
    pixel_step  grey levels by which a pixel must differ to count as changed
    share       of changed pixels from which a frame counts as moving
    """

    fps: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 5.0
    forced_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 5.0
    pixel_step: Annotated[int, msgspec.Meta(ge=1, le=255)] = 18
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.002


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """A camera that is pulled. allow: the approved addresses; problem: why it cannot be, for people ("" = it can)."""

    device: Device
    plan: StreamPlan | None
    settings: StreamSettings = StreamSettings()
    detect: bool = True
    allow: tuple[str, ...] = ()
    problem: str = ""


def load_cameras(database: Database, box: SecretBox) -> list[Camera]:
    """All active cameras with a stream that core reads itself; in maintenance and inactive ones are left alone."""
    query = (
        select(devices, vendors.c.vendor_code)
        .join(vendors, vendors.c.id == devices.c.vendor_id)
        .where(
            devices.c.is_active,
            vendors.c.is_active,
            devices.c.cctv_status.is_(None),
            devices.c.stream_kind.in_(("rtsp", "mjpeg", "snapshot", "file")),
        )
        .order_by(devices.c.id)
    )
    with database.system() as connection:
        rows = connection.execute(query).mappings().all()
    return [_camera(row, box) for row in rows]


class StreamAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A device's address with its login and what was approved; problem: why it may not be opened ("" = it may)."""

    url: StreamUrl | None = None
    policy: Policy | None = None
    problem: str = ""


def read_address(row: Any, box: SecretBox) -> StreamAddress:
    """From a devices row."""
    if not row["stream_allow"]:
        return StreamAddress(problem="its address waits for an admin's approval")
    try:
        url = read_stream_url(row["stream_url"] or "")
        if row["stream_login"]:
            user, _, password = box.open(row["stream_login"], login_context(row["id"])).decode().partition(":")
            url = msgspec.structs.replace(url, login=(user, password))
        return StreamAddress(url=url, policy=per_device_images(row["stream_allow"]))
    except (StreamUrlRefused, Unsealable, ValueError) as error:
        return StreamAddress(problem=str(error))


def _camera(row: Any, box: SecretBox) -> Camera:
    device = device_of(row)
    allow = tuple(row["stream_allow"])
    try:
        settings = msgspec.convert(row["settings"].get("stream", {}), StreamSettings)
    except msgspec.ValidationError as error:
        return Camera(device=device, plan=None, allow=allow, problem=f"settings.stream: {error}")
    how = {"device": device, "settings": settings, "detect": row["detect"], "allow": allow}
    if row["stream_kind"] == "file":
        path = Path(row["stream_url"] or "")
        return Camera(plan=StreamPlan(kind="file", fps=settings.fps, path=path), **how)
    address = read_address(row, box)
    if address.url is None:
        return Camera(plan=None, problem=address.problem, **how)
    plan = StreamPlan(kind=row["stream_kind"], fps=settings.fps, url=address.url, policy=address.policy)
    return Camera(plan=plan, **how)


class Counts(msgspec.Struct):
    """Of one camera since they were last taken: frames read, and those that the motion gate held back."""

    read: int = 0
    still: int = 0


class State(msgspec.Struct):
    """How a camera is: what camera_health shows."""

    state: str = "offline"
    detail: str = "not connected yet"
    since: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    last_frame_at: datetime | None = None
    reconnects: int = 0
    fps: float = 0.0


OnFrame = Callable[[Camera, Any, datetime], None]
"""(camera, image, taken at): called in the camera's thread for frames worth a look; must not block."""


class CameraReader(threading.Thread):
    """Reads one camera until told to stop. `on_frame` hears of moving frames, `on_any` of all (the preview)."""

    def __init__(self, camera: Camera, http: HttpLoop, on_frame: OnFrame, on_any: OnFrame | None = None) -> None:
        super().__init__(name=f"camera-{camera.device.code}", daemon=True)
        self.camera = camera
        self.state = State(detail=camera.problem or "not connected yet")
        self._http = http
        self._on_frame = on_frame
        self._on_any = on_any
        self._stop_asked = threading.Event()
        self._closely_until = float("-inf")
        self._counts = Counts()
        self._lock = threading.Lock()
        self._window: tuple[float, int] = (time.monotonic(), 0)

    @property
    def device(self) -> Device:
        """Whose frames these are."""
        return self.camera.device

    def stop(self) -> None:
        """Ask the thread to end; join() waits for it."""
        self._stop_asked.set()

    def look_closely(self, seconds: float) -> None:
        """Hand on every frame for a while, moving or not: something was seen, and more frames must confirm it."""
        self._closely_until = time.monotonic() + seconds

    def take_counts(self) -> Counts:
        """What was read since the last call."""
        with self._lock:
            taken, self._counts = self._counts, Counts()
        return taken

    def run(self) -> None:
        """Read, lose, wait, read again."""
        pause = FIRST_PAUSE_S
        while self.camera.plan is not None and not self._stop_asked.is_set():
            begun = time.monotonic()
            try:
                self._read(self.camera.plan)
                why = "the stream ended"
            except StreamLost as error:
                why = str(error)
            except Exception as error:  # a decoder's or a sink's fault: the camera's thread goes on
                log.exception("camera_reader_failed", device=self.camera.device.code)
                why = f"{type(error).__name__} while reading; see the log"
            if self._stop_asked.is_set():
                break
            self._lost(why)
            pause = FIRST_PAUSE_S if time.monotonic() - begun > HEALTHY_AFTER_S else min(pause * 2, LONGEST_PAUSE_S)
            self._stop_asked.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        self._window = (time.monotonic(), 0)

    def _read(self, plan: StreamPlan) -> None:
        camera = self.camera
        gate = MotionGate(
            pixel_step=camera.settings.pixel_step, share=camera.settings.share, forced_s=camera.settings.forced_s
        )
        for image in frames_of(plan, self._http, self._stop_asked):
            now = datetime.now(UTC)
            self._came(now)
            if self._on_any is not None:
                self._on_any(camera, image, now)
            if not camera.detect:
                continue
            monotonic = time.monotonic()
            if gate.passes(image, monotonic) or monotonic < self._closely_until:
                self._on_frame(camera, image, now)
            else:
                with self._lock:
                    self._counts.still += 1

    def _came(self, now: datetime) -> None:
        with self._lock:
            self._counts.read += 1
        state = self.state
        state.last_frame_at = now
        if state.state != "online":
            log.info("camera_online", device=self.camera.device.code)
            state.state, state.detail, state.since = "online", "", now
        begun, count = self._window
        elapsed = time.monotonic() - begun
        if elapsed >= 2.0:
            state.fps = round((count + 1) / elapsed, 2)
            self._window = (time.monotonic(), 0)
        else:
            self._window = (begun, count + 1)

    def _lost(self, why: str) -> None:
        state = self.state
        state.reconnects += 1
        state.fps = 0.0
        state.detail = why
        if state.state == "online":
            state.state, state.since = "offline", datetime.now(UTC)
            log.warning("camera_lost", device=self.camera.device.code, reason=why)


class CameraDesk:
    """The readers of this process. follow() brings them in line with the database; close() ends them all."""

    def __init__(
        self, load: Callable[[], Sequence[Camera]], on_frame: OnFrame, on_any: OnFrame | None = None,
        http: HttpLoop | None = None,
    ) -> None:  # fmt: skip
        self._load = load
        self._on_frame = on_frame
        self._on_any = on_any
        self._http = http or HttpLoop()
        self._readers: dict[int, CameraReader] = {}

    @property
    def readers(self) -> list[CameraReader]:
        """All readers, the ones that wait for an approval too."""
        return list(self._readers.values())

    def look_closely(self, device_id: int, seconds: float) -> None:
        """See CameraReader.look_closely. Any thread."""
        reader = self._readers.get(device_id)
        if reader is not None:
            reader.look_closely(seconds)

    def follow(self) -> None:
        """Start, replace and end readers as the database now says."""
        wanted = {camera.device.id: camera for camera in self._load()}
        for device_id, reader in list(self._readers.items()):
            if not _same(wanted.get(device_id), reader.camera):
                reader.stop()
                del self._readers[device_id]
        for device_id, camera in wanted.items():
            if device_id not in self._readers:
                reader = self._readers[device_id] = CameraReader(camera, self._http, self._on_frame, self._on_any)
                reader.start()

    def close(self) -> None:
        """End all readers and connections."""
        for reader in self._readers.values():
            reader.stop()
        self._http.close()
        for reader in self._readers.values():
            reader.join(10)


def _same(wanted: Camera | None, read: Camera) -> bool:
    if wanted is None:
        return False
    if wanted.plan is None or read.plan is None:
        return wanted == read
    fields = ("kind", "fps", "url", "path")
    return all(getattr(wanted.plan, f) == getattr(read.plan, f) for f in fields) and (
        wanted.settings, wanted.detect, wanted.allow, wanted.device
    ) == (read.settings, read.detect, read.allow, read.device)  # fmt: skip
