"""Knives and baseball bats by NanoDet-g, trained on COCO. It has no gun class: doc.md says what that means.

torch and OpenCV (extra `detect`) are imported when the first frame comes, which only the detect process hands it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from core.api import Box, Frame, Health, IncidentType, PluginConfig, Sighting, hookimpl
from core.api import Plugin as Base
from detectors.weapon_nanodet.coco import NAMES

if TYPE_CHECKING:
    import torch

WEIGHTS = Path(__file__).parent / "weights" / "nanodet_g_fp16.pt"
NEVER = 2.0
_EXTRA = "pip install 'tangkapin[detect]'"

Score = Annotated[float, msgspec.Meta(ge=0.05, le=0.99)]


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is looked for, and how.

    weights     another file of the same network (fine-tuned); None: the one that comes with the plugin
    input_size  pixels, a multiple of 32: frames are scaled into a square of that size. 416 is what was measured
    threshold   score from which something is a sighting; a camera's own settings may ask for more, never for less
    classes     COCO's name -> what it is reported as
    context     COCO's names that are shown in evidence and never reported by themselves
    device      auto: the GPU when there is one; a GPU that fails while it works is left for the CPU, whichever is said
    threads     of PyTorch on the CPU; 0: PyTorch decides
    batch       frames that go through the network together at most
    """

    weights: Path | None = None
    input_size: Annotated[int, msgspec.Meta(ge=160, le=1280, multiple_of=32)] = 416
    threshold: Score = 0.35
    classes: dict[str, IncidentType] = msgspec.field(
        default_factory=lambda: {"knife": IncidentType.KNIFE, "baseball bat": IncidentType.OTHER}
    )
    context: tuple[str, ...] = ("person",)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    batch: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8

    def __post_init__(self) -> None:
        unknown = [name for name in (*self.classes, *self.context) if name not in NAMES]
        if unknown:
            raise ValueError(f"no class of COCO: {', '.join(map(repr, unknown))}; known: {', '.join(NAMES)}")
        if self.weights is not None and not self.weights.is_file():
            raise ValueError(f"weights: no such file: {self.weights}")


class Plugin(Base):
    """One network, loaded at the first call and kept."""

    Config = Config

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        self._lock = threading.Lock()
        self._network: torch.nn.Module | None = None
        self._gpu_failed = ""
        self._sha256 = ""
        self._name = f"nanodet-g@{config.input_size}"
        wanted = {*config.classes, *config.context}
        self._thresholds = [config.threshold if name in wanted else NEVER for name in NAMES]

    @hookimpl
    def detect_frames(self, frames: list[Frame]) -> list[list[Sighting]]:
        found: list[list[Sighting]] = []
        for start in range(0, len(frames), self.config.batch):
            some = frames[start : start + self.config.batch]
            network = self._load()
            try:
                found += self._look(network, some)
            except RuntimeError as error:
                if not self._leave_gpu(network, error):
                    raise
                found += self._look(self._load(), some)
        return found

    @hookimpl
    def health(self) -> Health | None:
        missing = [name for name in ("torch", "cv2", "numpy") if importlib.util.find_spec(name) is None]
        if missing:
            return Health(state="error", detail=f"not installed: {', '.join(missing)}; {_EXTRA}")
        if self._gpu_failed:
            return Health(state="degraded", detail=f"the GPU failed, the CPU looks: {self._gpu_failed}")
        if self._network is not None:
            return Health(state="ok", detail=f"{self._name}, weights {self._sha256}")
        return None

    @hookimpl
    def close(self) -> None:
        with self._lock:
            self._network = None

    def _load(self) -> torch.nn.Module:
        with self._lock:
            if self._network is None:
                try:
                    self._network = self._read()
                except ModuleNotFoundError as error:
                    raise RuntimeError(f"{error.name} is not installed; {_EXTRA}") from error
            return self._network

    def _leave_gpu(self, network: torch.nn.Module, error: RuntimeError) -> bool:
        """Go on with the CPU until the process is started again: out of memory, or a device that is lost, which no call
        gets back. False when the CPU was at it: the error is no GPU's."""
        if next(network.parameters()).device.type == "cpu":
            return False
        with self._lock:
            self._gpu_failed = _told(error)
            self._network = None
        return True

    def _read(self) -> torch.nn.Module:
        import cv2  # noqa: F401 - missing, it is told now and not with the first frame
        import torch

        from detectors.weapon_nanodet.model import NanoDetG

        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        path = self.config.weights or WEIGHTS
        data = path.read_bytes()
        network = NanoDetG()
        try:
            network.load_state_dict(torch.load(io.BytesIO(data), weights_only=True, map_location="cpu"))
        except Exception as error:
            told = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(f"{path.name} does not hold the tensors of NanoDet-g: {told}"[:300]) from error
        self._sha256 = hashlib.sha256(data).hexdigest()
        network.eval().requires_grad_(False)
        try:
            network.to(self._device())
        except RuntimeError as error:
            if self.config.device == "cuda":
                raise
            self._gpu_failed = _told(error)
            network.to("cpu")
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def _device(self) -> torch.device:
        import torch

        if self.config.device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError('device = "cuda", but this PyTorch finds no GPU; use "auto" or "cpu"')
        gpu = self.config.device != "cpu" and torch.cuda.is_available() and not self._gpu_failed
        return torch.device("cuda" if gpu else "cpu")

    def _look(self, network: torch.nn.Module, frames: list[Frame]) -> list[list[Sighting]]:
        import torch

        from detectors.weapon_nanodet.pictures import decode, to_batch

        size = self.config.input_size
        device = next(network.parameters()).device
        with torch.inference_mode():
            scores, sides = network(to_batch([frame.image for frame in frames], size, device))
            return [
                [self._sighting(one) for one in decode(s, d, size, frame.image.shape[:2], self._thresholds)]
                for frame, s, d in zip(frames, scores, sides, strict=True)
            ]

    def _sighting(self, found: Any) -> Sighting:
        x0, y0, x1, y1 = found.sides
        label = NAMES[found.label]
        return Sighting(
            label=label,
            score=round(found.score, 4),
            box=Box(x=x0, y=y0, width=x1 - x0, height=y1 - y0),
            incident_type=self.config.classes.get(label),
            model=self._name,
            model_sha256=self._sha256,
        )


def _told(error: RuntimeError) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
