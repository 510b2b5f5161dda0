"""The detectors of this process: who looks at which camera's frames, one call at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec
import structlog

from core.domain.events import Health
from core.domain.frames import Frame, Sighting
from core.domain.observations import Device
from core.hooks.errors import PluginFailed
from core.hooks.instance import InstanceInfo
from core.streams.book import Book

log = structlog.get_logger(__name__)
WARM_UP_SIZE = (720, 1280)


class DetectorHost(Protocol):
    """What is needed of core.hooks.host.Host."""

    @property
    def instances(self) -> list[InstanceInfo]: ...
    def detectors_for(self, device: Device) -> list[str]: ...
    def detect_frames(self, instance_id: str, frames: list[Frame]) -> list[list[Sighting]]: ...
    def health(self, only: Sequence[str] | None = None) -> dict[str, Health]: ...


class Seen(msgspec.Struct):
    """What all detectors of a camera saw in one frame.

    asked   how many detectors there are for it; 0: nobody looked
    failed  what those that failed raised
    """

    sightings: list[Sighting] = msgspec.field(default_factory=list)
    asked: int = 0
    failed: list[PluginFailed] = msgspec.field(default_factory=list)

    @property
    def was_looked_at(self) -> bool:
        """Whether at least one detector answered."""
        return self.asked > len(self.failed)


class Models:
    """Pulled and pushed frames meet here: the lock keeps it to one call at a time, as the hook's manual promises."""

    def __init__(self, host: DetectorHost, book: Book) -> None:
        self._host = host
        self._book = book
        self._lock = threading.Lock()

    @property
    def ids(self) -> list[str]:
        """The detectors of this deployment."""
        return [info.id for info in self._host.instances if "detect_frames" in info.hooks]

    def unwell(self, before: Mapping[str, str]) -> dict[str, str]:
        """Detector -> what it says of itself, where it works worse than it should (its GPU failed).

        before  what it said last: that stands for one that is too busy to answer
        """
        health = self._host.health(self.ids)
        told = {name: found.detail for name, found in health.items() if found.state == "degraded"}
        return told | {name: before[name] for name in before if name in health and health[name].state == "error"}

    def warm_up(self) -> list[str]:
        """Let every detector load and look at one blank frame. Returns what failed; the process runs on without it."""
        if not self.ids:
            return []
        try:
            import numpy
        except ModuleNotFoundError:
            told = "numpy is not installed; pip install 'tangkapin[detect]'"
            log.error("detector_not_ready", reason=told)
            return [told]
        nobody = Device(id=0, code="warm-up", maker="", vendor_id=0, vendor_code="")
        blank = Frame(device=nobody, image=numpy.zeros((*WARM_UP_SIZE, 3), numpy.uint8), taken_at=datetime.now(UTC))
        failed = []
        for detector in self.ids:
            begun = time.monotonic()
            try:
                with self._lock:
                    self._host.detect_frames(detector, [blank])
            except PluginFailed as error:
                failed.append(str(error))
                log.error("detector_not_ready", instance=detector, reason=str(error))
            else:
                log.info("detector_ready", instance=detector, seconds=round(time.monotonic() - begun, 2))
        return failed

    def look(self, frames: Sequence[Frame]) -> list[Seen]:
        """What is seen in each frame; every detector gets all of its cameras' frames in one call."""
        seen = [Seen() for _ in frames]
        batches: dict[str, list[int]] = {}
        for index, frame in enumerate(frames):
            for detector in self._host.detectors_for(frame.device):
                batches.setdefault(detector, []).append(index)
                seen[index].asked += 1
        for detector, indices in batches.items():
            try:
                with self._lock:
                    found = self._host.detect_frames(detector, [frames[i] for i in indices])
            except PluginFailed as error:
                for i in indices:
                    seen[i].failed.append(error)
                continue
            for i, sightings in zip(indices, found, strict=True):
                seen[i].sightings += sightings
                positive = any(s.incident_type is not None for s in sightings)
                self._book.looked(frames[i].device, detector, positive=positive, taken_at=frames[i].taken_at)
        return seen
