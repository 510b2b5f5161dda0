"""Weapons by the operator's own weights, run by ultralytics (AGPL-3.0: doc.md says what that means).

ultralytics, torch and OpenCV (extra `yolo`) are imported when the first frame comes, which only the detect process
hands it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from core.api import Box, Frame, Health, IncidentType, PluginConfig, Sighting, hookimpl
from core.api import Plugin as Base

Score = Annotated[float, msgspec.Meta(ge=0.05, le=0.99)]


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model, and what its words mean here.

    weights     .pt, .onnx or a folder that OpenVINO export made; nothing is ever downloaded
    classes     the model's word -> what it is reported as (pistol = "gun")
    context     words of the model that are shown in evidence and never reported by themselves
    input_size  pixels of the longer side, a multiple of 32
    threshold   score from which something is a sighting; a camera's own settings may ask for more, never for less
    overlap     two boxes of one class that overlap by more are one
    device      auto: the GPU when there is one; a GPU that fails while it works is left for the CPU, whichever is said
    threads     of PyTorch on the CPU; 0: as PyTorch found the machine
    batch       frames that go through the network together at most (.pt; exported models take one at a time)
    """

    weights: Path
    classes: dict[str, IncidentType]
    context: tuple[str, ...] = ()
    input_size: Annotated[int, msgspec.Meta(ge=64, le=2048, multiple_of=32)] = 640
    threshold: Score = 0.4
    overlap: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.6
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    batch: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8

    def __post_init__(self) -> None:
        if not self.weights.exists():
            raise ValueError(f"weights: no such file: {self.weights}")
        if not self.classes:
            raise ValueError('classes: name at least one word of the model, such as pistol = "gun"')


class Plugin(Base):
    """One model, loaded at the first call and kept."""

    Config = Config

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self._lock = threading.Lock()
        self._model: Any = None
        self._sha256 = ""
        self._name = f"{config.weights.name}@{config.input_size}"
        self._wanted: list[int] = []
        self._device = "cpu"
        self._gpu_failed = ""
        self._threads = 0

    @staticmethod
    def train(dataset: Path, base: str, out: Path, **options: Any) -> tuple[Path, dict[str, float]]:
        """What `tangkapin model train` calls: see training.py."""
        from detectors.weapon_yolo.training import train

        return train(dataset, base, out, **options)

    @hookimpl
    def detect_frames(self, frames: list[Frame]) -> list[list[Sighting]]:
        with self._lock:
            if self._model is None:
                self._model = self._read()
            found: list[list[Sighting]] = [[] for _ in frames]
            for group in _alike(frames, self.config.batch if self.config.weights.suffix == ".pt" else 1):
                for index, result in zip(group, self._results([frames[i].image for i in group]), strict=True):
                    found[index] = self._sightings(result)
            return found

    @hookimpl
    def health(self) -> Health | None:
        if importlib.util.find_spec("ultralytics") is None:
            from detectors.weapon_yolo.quiet import EXTRA

            return Health(state="error", detail=f"ultralytics is not installed; {EXTRA}")
        if self._gpu_failed:
            return Health(state="degraded", detail=f"the GPU failed, the CPU looks: {self._gpu_failed}")
        if self._model is not None:
            return Health(state="ok", detail=f"{self._name}, weights {self._sha256}")
        return None

    @hookimpl
    def close(self) -> None:
        with self._lock:
            self._model = None

    def _read(self) -> Any:
        from detectors.weapon_yolo.quiet import load_ultralytics

        config = self.config
        ultralytics = load_ultralytics(self.context.data_dir)
        import torch

        gpu = torch.cuda.is_available()
        if config.device == "cuda" and not gpu:
            raise RuntimeError('device = "cuda", but this PyTorch finds no GPU; use "auto" or "cpu"')
        self._device = "cuda" if gpu and config.device != "cpu" and not self._gpu_failed else "cpu"
        self._threads = config.threads or torch.get_num_threads()
        self._sha256 = _digest(config.weights)
        try:
            model = ultralytics.YOLO(str(config.weights), task="detect")
            names = dict(model.names)
        except Exception as error:
            told = " ".join(f"{type(error).__name__}: {error}".split())[:200]  # of a torn file it is a bare number
            wrong = "cannot be loaded by ultralytics: is it whole, and one of its models?"
            raise ValueError(f"{config.weights.name} {wrong} ({told})") from error
        words = {*config.classes, *config.context}
        unknown = words - set(names.values())
        if unknown:
            known = ", ".join(map(str, names.values()))
            raise ValueError(f"{config.weights.name} has no class {', '.join(sorted(unknown))}; it has: {known}"[:500])
        self._wanted = [number for number, name in names.items() if name in words]
        return model

    def _results(self, images: list[Any]) -> list[Any]:
        """What ultralytics finds; when the GPU fails, by the CPU, until the process is started again."""
        try:
            return self._predict(images)
        except RuntimeError as error:
            if self._device == "cpu":
                raise
            self._gpu_failed = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
        self._model = self._read()
        return self._predict(images)

    def _predict(self, images: list[Any]) -> list[Any]:
        import torch

        results: list[Any] = self._model.predict(
            images,
            imgsz=self.config.input_size,
            conf=self.config.threshold,
            iou=self.config.overlap,
            classes=self._wanted,
            device=self._device,
            verbose=False,
            save=False,
            batch=len(images),
        )
        torch.set_num_threads(self._threads)  # ultralytics leaves one thread fewer than there are cores
        return results

    def _sightings(self, result: Any) -> list[Sighting]:
        if result.boxes is None:
            raise ValueError(f"{self.config.weights.name} is no detection model: it gives no boxes")
        sightings = []
        for sides, score, number in zip(
            result.boxes.xyxyn.tolist(), result.boxes.conf.tolist(), result.boxes.cls.tolist(), strict=True
        ):
            x0, y0, x1, y1 = (min(max(side, 0.0), 1.0) for side in sides)
            label = str(result.names[int(number)])
            sightings.append(
                Sighting(
                    label=label,
                    score=round(score, 4),
                    box=Box(x=x0, y=y0, width=x1 - x0, height=y1 - y0),
                    incident_type=self.config.classes.get(label),
                    model=self._name,
                    model_sha256=self._sha256,
                )
            )
        return sightings


def _alike(frames: list[Frame], size: int) -> Iterable[list[int]]:
    """Indices of frames of one shape, at most `size` together: only those are scaled alike alone and in company."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, frame in enumerate(frames):
        groups.setdefault(frame.image.shape, []).append(index)
    for indices in groups.values():
        for start in range(0, len(indices), size):
            yield indices[start : start + size]


def _digest(path: Path) -> str:
    """SHA-256 of the file; of a folder, over its files in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as opened:
                while block := opened.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()
