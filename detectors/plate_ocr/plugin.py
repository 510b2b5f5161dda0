"""The camera's plate crop is read again here; a reading that differs by more than one edit sends the read to review.

rapidocr (extra `ocr`) with the PP-OCR models inside its wheel: nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import io
import re
import threading
from pathlib import Path
from typing import Annotated, Any

import msgspec
from PIL import Image as Picture

from core.api import (
    MAX_SCANS,
    Device,
    Health,
    PlateRead,
    PluginCommand,
    PluginConfig,
    Refused,
    Verdict,
    count_scans,
    hookimpl,
    measure,
    normalise_plate,
    read_indonesian_plate,
    repair_plate,
    within_one_edit,
)
from core.api import Plugin as Base
from detectors.plate_ocr.measure import count, crops_of

MAX_PIXELS = 640 * 480
"""A crop is smaller. A scene that a device calls its plate picture would cost seconds and read its time stamp."""
_EXTRA = "pip install 'tangkapin[ocr]'"
_LATIN = re.compile(r"[A-Z0-9]+")


class Reading(msgspec.Struct, frozen=True):
    """One line of a crop: normalised text and the recogniser's score, 0..1."""

    text: str
    score: float


class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a second opinion is asked for, and when it counts.

    ask_below  percent: no second opinion where the camera itself is this sure; over 100 asks always
    min_score  0..1: below it the recogniser has no opinion
    """

    ask_below: Annotated[float, msgspec.Meta(ge=0, le=101)] = 101.0
    min_score: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.7


class PlateReader:
    """rapidocr on one crop. Loads its models when made: the parsers are forked after that, within their time limit."""

    def __init__(self) -> None:
        import cv2
        from rapidocr import RapidOCR

        # One thread each: a pool made before the fork would be gone in the forked parser, which then waits for ever.
        cv2.setNumThreads(1)
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,
                "Det.limit_type": "max",
                "Det.limit_side_len": 320,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        self._lock = threading.Lock()

    def line(self, picture: bytes) -> list[Reading]:
        """The whole crop taken as one line: quick, and right for most plates."""
        return self._read(picture, detect=False)

    def lines(self, picture: bytes) -> list[Reading]:
        """Each line found in the crop, and all joined: plates carry their expiry below, motorcycles two lines."""
        found = self._read(picture, detect=True)
        joined = "".join(one.text for one in found)
        return [*found, Reading(joined, min(one.score for one in found))] if len(found) > 1 else found

    def _read(self, picture: bytes, *, detect: bool) -> list[Reading]:
        import numpy as np

        try:
            with Picture.open(io.BytesIO(picture)) as opened:
                pixels = np.ascontiguousarray(np.asarray(opened.convert("RGB"))[:, :, ::-1])
        except (OSError, ValueError, SyntaxError):  # cut off by the device, its header whole: nothing to compare
            return []
        with self._lock:
            result = self._engine(pixels, use_det=detect, use_cls=False, use_rec=True)
        pairs = zip(result.txts or (), result.scores or (), strict=True)
        return [Reading("".join(_LATIN.findall(text.upper())), float(score)) for text, score in pairs]


class Plugin(Base):
    """A judge of reads that came with a crop of the plate; of others it has no opinion."""

    Config = Config

    def __init__(self, config: Any, context: Any) -> None:
        super().__init__(config, context)
        missing = [name for name in ("rapidocr", "onnxruntime") if importlib.util.find_spec(name) is None]
        if missing:
            raise ModuleNotFoundError(f"{' and '.join(missing)} not installed: {_EXTRA}")
        self.reader = PlateReader()

    @hookimpl
    def judge_read(self, read: PlateRead, device: Device) -> Verdict | None:
        if read.confidence is not None and read.confidence >= self.config.ask_below:
            return None
        crop = next((image.data for image in read.images if image.role == "plate" and image.data is not None), None)
        if crop is None:
            return None
        info = measure(crop)
        if info is None or info.width * info.height > MAX_PIXELS or count_scans(crop) > MAX_SCANS:
            return None
        return self._compare(read.plate_number or "", bytes(crop))

    def _compare(self, said: str, crop: bytes) -> Verdict | None:
        sure = self._sure(self.reader.line(crop))
        if said and _agree(said, sure):
            return None
        sure = self._sure(self.reader.lines(crop)) or sure
        if not sure or (said and _agree(said, sure)):
            return None
        best = max(sure, key=lambda one: (read_indonesian_plate(one.text) is not None, one.score))
        detail = f"the camera read {said or 'no plate'}, the server reads {best.text} ({best.score:.0%}) in its picture"
        return Verdict(action="review", reason="second_opinion", detail=detail)

    def _readings(self, crop: bytes) -> list[str]:
        return _texts(self._sure([*self.reader.line(crop), *self.reader.lines(crop)]))

    def _sure(self, found: list[Reading]) -> list[Reading]:
        return [one for one in found if one.score >= self.config.min_score and normalise_plate(one.text)]

    @hookimpl
    def commands(self) -> list[PluginCommand]:
        return [PluginCommand(name="measure", help="TABLE.csv: how it reads crops of your own (columns file, plate).")]

    @hookimpl
    def run_command(self, name: str, arguments: list[str]) -> str:
        if len(arguments) != 1:
            raise Refused("measure takes one argument: a CSV file with the columns file and plate")
        crops = crops_of(Path(arguments[0]))
        if not crops:
            raise Refused(f"{arguments[0]} has no row")
        return count(crops, self._readings, self._compare).told()

    @hookimpl
    def health(self) -> Health:
        return Health(state="ok", detail="reads plates again with rapidocr")


def _agree(said: str, found: list[Reading]) -> bool:
    return any(within_one_edit(said, text) for text in _texts(found))


def _texts(found: list[Reading]) -> list[str]:
    """The readings, and what they are where 0 and O, 1 and I are told apart by the groups of an Indonesian plate."""
    return [text for one in found for text in (one.text, *repair_plate(one.text))]
