"""The default detector: what a batch costs, and what is skipped when cameras send more than the machine can look at.

Frames are the synthetic clip's, scaled to 720p. The cameras are threads that hand over decoded frames, as the readers
do: decoding a stream costs extra and is not in these figures.
"""

from __future__ import annotations

import itertools
import os
import statistics
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import core.testing
from core.domain.frames import Frame
from core.domain.observations import Device
from core.hooks.deployment import Declared
from core.hooks.host import Host
from core.incidents.detected import Detected, Opened
from core.streams.book import Book
from core.streams.detector import Detector
from core.streams.models import Models
from core.streams.motion import MotionGate
from core.streams.opener import Opener

CLIP = Path(next(iter(core.testing.__path__))) / "clips" / "demo.avi"
SIZES = (1, 2, 4, 8)
CAMERAS, FPS = 4, 5.0
HD = (1280, 720)


class _NoReports:
    """Opens nothing and remembers when it was asked to."""

    def __init__(self) -> None:
        self.after_ms: list[float] = []

    def open_detected(self, detected: Detected) -> Opened:
        self.after_ms.append(1000 * (datetime.now(UTC) - detected.at).total_seconds())
        return Opened(len(self.after_ms), True)


def run(*, rounds: int, seconds: float) -> dict[str, Any]:
    """{"batches": {size: {"ms", "cpu_ms"}}, "load": {"one moves" | "all move": figures}}."""
    import cv2

    frames = [cv2.resize(image, HD) for image in _clip()]
    host = Host.build([Declared(id="weapon_nanodet", use="detectors.weapon_nanodet")], environ=os.environ)
    try:
        Models(host, Book()).warm_up()
        return {
            "batches": {size: _batch(host, frames, size, rounds) for size in SIZES},
            "load": {
                "one moves": _load(host, frames, moving=1, seconds=seconds),
                "all move": _load(host, frames, moving=CAMERAS, seconds=seconds),
            },
        }
    finally:
        host.close()


def show(found: dict[str, Any]) -> None:
    """Print the tables."""
    print("\n## detect: NanoDet-g at 416 px, 720p frames")
    print("batch | wall ms a frame | CPU ms a frame")
    for size, row in found["batches"].items():
        print(f"{size:5} | {row['ms']:15.1f} | {row['cpu_ms']:14.1f}")
    print(f"\n{CAMERAS} cameras at {FPS:g} frames a second:")
    for name, row in found["load"].items():
        print(
            f"{name:9}: read {row['read']}, still {row['still']}, looked at {row['looked']}, skipped {row['skipped']}; "
            f"frame to verdict {row['latency_ms']:.0f} ms in the mean; newest confirming frame to hand-over "
            f"{row['handed_ms']:.0f} ms in the median of {row['incidents']}"
        )


def _clip() -> list[Any]:
    import cv2

    capture = cv2.VideoCapture(str(CLIP))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


def _camera(number: int) -> Device:
    return Device(id=number, code=f"cctv-{number}", maker="", vendor_id=1, vendor_code="bench",
                  settings={"detection": {"cooldown_s": 0, "repeat_s": 1}})  # fmt: skip


def _batch(host: Host, images: list[Any], size: int, rounds: int) -> dict[str, float]:
    chosen = itertools.cycle(images)
    wall, cpu = [], []
    for number in range(1 + max(3, rounds * 2)):
        now = datetime.now(UTC)
        frames = [Frame(device=_camera(n), image=next(chosen), taken_at=now) for n in range(size)]
        before = time.perf_counter(), time.process_time()
        host.detect_frames("weapon_nanodet", frames)
        if not number:
            continue  # the first batch of a size is laid out anew
        wall.append((time.perf_counter() - before[0]) / size)
        cpu.append((time.process_time() - before[1]) / size)
    return {"ms": 1000 * statistics.median(wall), "cpu_ms": 1000 * statistics.median(cpu)}


def _load(host: Host, images: list[Any], *, moving: int, seconds: float) -> dict[str, float]:
    book, stop, reports = Book(), threading.Event(), _NoReports()
    opener = Opener(reports, book, stop)
    detector = Detector(Models(host, book), opener, book)
    threads = [threading.Thread(target=detector.run, args=(stop,)), opener]
    threads += [
        threading.Thread(target=_play, args=(detector, book, _camera(n), images, n <= moving, stop))
        for n in range(1, CAMERAS + 1)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    detector.count_skipped()
    totals = sum(book._counts.values(), Counter[str]())
    looked = totals["frames_detected"]
    return {
        "read": totals["frames_read"],
        "still": totals["frames_still"],
        "looked": looked,
        "skipped": totals["frames_skipped"],
        "latency_ms": totals["latency_us"] / 1000 / max(1, looked),
        "incidents": len(reports.after_ms),
        "handed_ms": statistics.median(reports.after_ms or [0.0]),
    }


def _play(
    detector: Detector, book: Book, camera: Device, images: list[Any], moves: bool, stop: threading.Event
) -> None:
    """A camera: the clip at FPS when it moves, else one frame over and over; through the motion gate, as a reader."""
    gate = MotionGate()
    chosen = itertools.cycle(images[20:60:2] if moves else images[:1])
    while not stop.wait(1 / FPS):
        image = next(chosen)
        if gate.passes(image, time.monotonic()):
            book.count(camera, frames_read=1)
            detector.on_frame(camera, image, datetime.now(UTC))
        else:
            book.count(camera, frames_read=1, frames_still=1)
