"""The loop over pulled frames: newest frames of all cameras, through the models together, to each camera's confirmer.

Nothing here is kept: a frame that is not looked at in time is counted and gone. What is confirmed goes to the opener.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import structlog

from core.domain.frames import Frame
from core.domain.observations import Device
from core.incidents.confirm import Confirmer, DetectionRules, Look, counting
from core.streams.book import Book
from core.streams.evidence import Picture, detected
from core.streams.models import Models, Seen
from core.streams.newest import NewestFrames
from core.streams.opener import Opener
from core.streams.pictures import NotEncoded

log = structlog.get_logger(__name__)
BATCH = 8
CLOSELY_S = 5.0
TOO_LATE = timedelta(seconds=10)
"""A frame that old when its turn comes (the machine stood still) shows nothing that is now."""


class RulesOf:
    """A camera's rules out of its settings; a mistake in them is told once and the defaults hold, never nothing."""

    def __init__(self) -> None:
        self._told: dict[int, str] = {}

    def __call__(self, device: Device) -> DetectionRules:
        try:
            rules = msgspec.convert(device.settings.get("detection", {}), DetectionRules)
        except msgspec.ValidationError as error:
            if self._told.get(device.id) != str(error):
                self._told[device.id] = str(error)
                log.error("detection_settings_wrong", device=device.code, error=str(error)[:300])
            return DetectionRules()
        self._told.pop(device.id, None)
        return rules


class Detector:
    """Feeds itself from `board`; `on_frame` is what camera threads call.

    look_closely  (device id, seconds): called when a camera shows something: the motion gate lets its frames through,
                  since a person who stands still with a knife would take half a minute to be confirmed
    """

    def __init__(
        self,
        models: Models,
        opener: Opener,
        book: Book,
        *,
        batch: int = BATCH,
        look_closely: Callable[[int, float], None] = lambda device_id, seconds: None,
    ) -> None:
        self.board = NewestFrames()
        self._models = models
        self._opener = opener
        self._book = book
        self._batch = batch
        self._look_closely = look_closely
        self._rules = RulesOf()
        self._confirmers: dict[int, Confirmer] = {}
        self._devices: dict[int, Device] = {}
        self._numbers = itertools.count(1)
        self._hot: dict[int, float] = {}

    def on_frame(self, device: Device, image: Any, taken_at: datetime) -> None:
        """Lay a pulled frame on the board. Returns at once; any thread."""
        self._devices[device.id] = device
        self.board.put(device.id, Frame(device=device, image=image, taken_at=taken_at, sequence=next(self._numbers)))

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            try:
                self.step(timeout_s=0.25)
            except Exception:  # one batch's fault ends no watch over the others
                log.exception("batch_failed")

    def step(self, timeout_s: float = 0.0) -> int:
        """Look at what waits, one batch; returns how many frames were looked at."""
        frames = []
        now = time.monotonic()
        self._hot = {device_id: until for device_id, until in self._hot.items() if until > now}
        for frame in self.board.take_batch(self._batch, timeout_s, self._hot):
            if datetime.now(UTC) - frame.taken_at > TOO_LATE:
                self._book.count(frame.device, frames_skipped=1)
            else:
                frames.append(frame)
        if not frames:
            return 0
        looked = 0
        for frame, seen in zip(frames, self._models.look(frames), strict=True):
            if seen.was_looked_at:
                looked += 1
                self._judge(frame, seen)
            elif seen.asked:
                self._book.count(frame.device, frames_skipped=1)
        return looked

    def count_skipped(self) -> None:
        """Put into the book what the board replaced."""
        for device_id, skipped in self.board.take_skipped().items():
            self._book.count(self._devices[device_id], frames_skipped=skipped)

    def forget(self, keep: set[int]) -> None:
        """Drop the memory of cameras that are no longer read."""
        for device_id in self._confirmers.keys() - keep:
            del self._confirmers[device_id]

    def _judge(self, frame: Frame, seen: Seen) -> None:
        height, width = frame.image.shape[:2]
        look = Look(
            at=frame.taken_at, frame=Picture(frame.image), size=(width, height), sightings=tuple(seen.sightings)
        )
        confirmer = self._confirmer(frame.device)
        if counting(confirmer.rules, look.size, look.sightings):
            self._hot[frame.device.id] = time.monotonic() + CLOSELY_S
            self._look_closely(frame.device.id, CLOSELY_S)
        for finding in confirmer.look(look):
            try:
                handed = detected(frame.device, confirmer.rules, finding)
            except NotEncoded as error:
                log.error("evidence_not_made", device=frame.device.code, error=str(error))
            else:
                self._opener.put(handed)

    def _confirmer(self, device: Device) -> Confirmer:
        rules = self._rules(device)
        confirmer = self._confirmers.get(device.id)
        if confirmer is None or confirmer.rules != rules:
            confirmer = self._confirmers[device.id] = Confirmer(rules)
        return confirmer
