"""What a detector is worth, on labelled pictures and videos of one's own: precision, recall, false alarms an hour.

A folder has one sub-folder for each kind (`knife`, `gun`, `guns`, `other`) and `none` for what shows no weapon; in them
pictures (JPEG, PNG) and videos. A picture is judged by what is seen in it; a video as a camera's would be: frames at
`fps`, N of M, cooldown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import MalformedPayload, TangkapinError
from core.domain.frames import Frame, Sighting
from core.domain.incidents import IncidentType
from core.domain.observations import Device
from core.incidents.confirm import Confirmer, DetectionRules, Look, counting
from core.incidents.figures import Rate, Share
from core.streams.models import DetectorHost
from core.streams.sources import MAX_PICTURE, decode

NONE = "none"
PICTURES = frozenset({".jpg", ".jpeg", ".png"})
VIDEOS = frozenset({".avi", ".mp4", ".mkv", ".mov", ".webm"})
BATCH = 8
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_ALIKE = {IncidentType.GUNS: IncidentType.GUN}


class NothingToEvaluate(TangkapinError):
    """The folder is not laid out as it must be."""


class Labelled(msgspec.Struct, frozen=True):
    """A file and what it shows; None: no weapon."""

    path: Path
    kind: IncidentType | None


class Mistake(msgspec.Struct, frozen=True):
    """A file that was judged otherwise than it is labelled."""

    path: Path
    expected: str
    found: str


class Evaluation(msgspec.Struct):
    """kinds: what was labelled. Pictures count by kind, videos too; hours are of videos without a weapon."""

    pictures: list[tuple[IncidentType | None, frozenset[IncidentType]]] = msgspec.field(default_factory=list)
    videos: list[tuple[IncidentType | None, frozenset[IncidentType]]] = msgspec.field(default_factory=list)
    false_alarms: int = 0
    hours: float = 0.0
    frames: int = 0
    seconds: float = 0.0
    unreadable: list[str] = msgspec.field(default_factory=list)
    mistakes: list[Mistake] = msgspec.field(default_factory=list)
    models: dict[str, str] = msgspec.field(default_factory=dict)
    """Model -> SHA-256 of its weights; of those that saw anything."""

    def recall(self, kind: IncidentType, *, videos: bool = False) -> Share:
        """Of the pictures (videos) that show it, in how many it was found."""
        shown = [found for label, found in (self.videos if videos else self.pictures) if label is kind]
        return Share(sum(kind in found for found in shown), len(shown))

    def precision(self, kind: IncidentType) -> Share:
        """Of the pictures in which it was found, how many show it. Depends on how many of each are in the folder."""
        found = [label for label, kinds in self.pictures if kind in kinds]
        return Share(sum(label is kind for label in found), len(found))

    @property
    def false_pictures(self) -> Share:
        """Of the pictures that show no weapon, in how many one was found."""
        clean = [found for label, found in self.pictures if label is None]
        return Share(sum(bool(found) for found in clean), len(clean))

    @property
    def false_rate(self) -> Rate:
        """Reports that would have opened on videos that show no weapon."""
        return Rate(self.false_alarms, self.hours)


def labelled(folder: Path) -> list[Labelled]:
    """The files of a folder. Raises NothingToEvaluate with how it is to be laid out."""
    kinds = {NONE: None, **{kind.value: _ALIKE.get(kind, kind) for kind in IncidentType}}
    layout = f"expected sub-folders of {', '.join(kinds)} with pictures or videos in them"
    if not folder.is_dir():
        raise NothingToEvaluate(f"{folder} is no folder; {layout}")
    strange = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name not in kinds)
    if strange:
        raise NothingToEvaluate(f"{folder} has a sub-folder {strange[0]!r}; {layout}")
    found = [
        Labelled(path, kind)
        for name, kind in kinds.items()
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in PICTURES | VIDEOS
    ]
    if not found:
        raise NothingToEvaluate(f"{folder} holds nothing to look at; {layout}")
    return found


def evaluate(
    host: DetectorHost, detector: str, files: Sequence[Labelled], rules: DetectionRules, *, fps: float = 5.0
) -> Evaluation:
    """Judge all files. Raises PluginFailed when the detector cannot look."""
    done = Evaluation()
    look = _Looker(host, detector, done)
    pictures = [file for file in files if file.path.suffix.lower() in PICTURES]
    for start in range(0, len(pictures), BATCH):
        _pictures(pictures[start : start + BATCH], look, rules, done)
    for file in files:
        if file.path.suffix.lower() in VIDEOS:
            _video(file, look, rules, done, fps)
    return done


class _Looker:
    """Asks one detector and keeps the time."""

    def __init__(self, host: DetectorHost, detector: str, done: Evaluation) -> None:
        self._host = host
        self._detector = detector
        self._done = done
        self._camera = Device(id=0, code="evaluation", maker="", vendor_id=0, vendor_code="")

    def __call__(self, images: list[Any], times: list[datetime]) -> list[tuple[Sighting, ...]]:
        frames = [Frame(device=self._camera, image=i, taken_at=at) for i, at in zip(images, times, strict=True)]
        begun = time.perf_counter()
        found = self._host.detect_frames(self._detector, frames)
        self._done.seconds += time.perf_counter() - begun
        self._done.frames += len(frames)
        for sighting in (sighting for sightings in found for sighting in sightings):
            self._done.models[sighting.model] = sighting.model_sha256
        return [tuple(sightings) for sightings in found]


def _pictures(files: Sequence[Labelled], look: _Looker, rules: DetectionRules, done: Evaluation) -> None:
    read = []
    for file in files:
        try:
            if file.path.stat().st_size > MAX_PICTURE:
                raise MalformedPayload(f"larger than {MAX_PICTURE} bytes")
            read.append((file, decode(file.path.read_bytes())))
        except (OSError, MalformedPayload) as error:
            done.unreadable.append(f"{file.path}: {error}")
    seen = look([image for _, image in read], [EPOCH] * len(read)) if read else []
    for (file, image), sightings in zip(read, seen, strict=True):
        size = (image.shape[1], image.shape[0])
        found = _kinds(s.incident_type for s in counting(rules, size, sightings))
        done.pictures.append((file.kind, found))
        _compare(file, found, done)


def _video(file: Labelled, look: _Looker, rules: DetectionRules, done: Evaluation, fps: float) -> None:
    confirmer = Confirmer(rules)
    found: set[IncidentType] = set()
    last = None
    try:
        for batch in _batches(_frames(file.path, fps)):
            times, images = [at for at, _ in batch], [image for _, image in batch]
            for at, image, sightings in zip(times, images, look(images, times), strict=True):
                last = at
                size = (image.shape[1], image.shape[0])
                for finding in confirmer.look(Look(at=at, frame=None, size=size, sightings=sightings)):
                    found.add(finding.incident_type)
                    if file.kind is None and not finding.is_repeat:
                        done.false_alarms += 1
    except (OSError, MalformedPayload) as error:
        done.unreadable.append(f"{file.path}: {error}")
        return
    if file.kind is None and last is not None:
        done.hours += ((last - EPOCH).total_seconds() + 1 / fps) / 3600
    kinds = _kinds(found)
    done.videos.append((file.kind, kinds))
    _compare(file, kinds, done)


def _frames(path: Path, fps: float) -> Iterator[tuple[datetime, Any]]:
    """Frames at most so often a second, with their time in the video."""
    import cv2

    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise MalformedPayload("the video cannot be opened")
        own = capture.get(cv2.CAP_PROP_FPS)
        own = own if 0 < own <= 1000 else 25.0
        number, due = 0, 0.0
        while capture.grab():
            if number / own >= due:
                read, image = capture.retrieve()
                if read:
                    yield EPOCH + timedelta(seconds=number / own), image
                due += 1 / min(fps, own)
            number += 1
    finally:
        capture.release()


def _batches(frames: Iterator[tuple[datetime, Any]]) -> Iterator[list[tuple[datetime, Any]]]:
    batch = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _kinds(kinds: Any) -> frozenset[IncidentType]:
    return frozenset(_ALIKE.get(kind, kind) for kind in kinds)


def _compare(file: Labelled, found: frozenset[IncidentType], done: Evaluation) -> None:
    expected = frozenset() if file.kind is None else frozenset({file.kind})
    if found != expected:
        done.mistakes.append(Mistake(file.path, _words(expected), _words(found)))


def _words(kinds: frozenset[IncidentType]) -> str:
    return ", ".join(sorted(kind.value for kind in kinds)) or NONE
