"""The real network on real pixels: the synthetic clip, drawn scenes, hostile configs."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

import core.testing
from core.api import Device, Frame, IncidentType, Plugin, PluginContext, Sighting
from core.testing.drawing import draw_plate, draw_scene
from detectors.weapon_nanodet import plugin as nanodet

CLIP = Path(next(iter(core.testing.__path__))) / "clips" / "demo.avi"
AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
CAMERA = Device(id=1, code="toko-1", maker="generic", vendor_id=1, vendor_code="polda-uji")


def make(**config: Any) -> Any:
    return nanodet.Plugin(msgspec.convert(config, nanodet.Config), PluginContext(instance="nanodet"))


def frame(image: Any) -> Frame:
    return Frame(device=CAMERA, image=image, taken_at=AT)


def decoded(jpeg: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture(scope="module")
def detector() -> Iterator[Any]:
    plugin = make(threads=1)
    yield plugin
    plugin.close()


@pytest.fixture(scope="module")
def clip() -> list[Any]:
    """The 80 frames of the synthetic clip: a knife on 20 to 59."""
    capture = cv2.VideoCapture(str(CLIP))
    frames = []
    while True:
        there, image = capture.read()
        if not there:
            return frames
        frames.append(image)


def best(sightings: list[Sighting], kind: IncidentType) -> float:
    return max((s.score for s in sightings if s.incident_type is kind), default=0.0)


def test_the_knife_of_the_clip_is_found_at_416(detector: Any, clip: list[Any]) -> None:
    shown = clip[20:60:4]
    found = detector.detect_frames([frame(image) for image in shown])
    scores = [best(one, IncidentType.KNIFE) for one in found]
    assert 0.8 * len(shown) <= sum(score >= 0.40 for score in scores), scores


def test_the_box_lies_where_the_knife_is_drawn(detector: Any, clip: list[Any]) -> None:
    (found,) = detector.detect_frames([frame(clip[30])])
    (knife,) = [s for s in found if s.incident_type is IncidentType.KNIFE]
    middle = knife.box.x + knife.box.width / 2
    assert 0.75 < middle < 0.95
    assert 0.6 < knife.box.height < 0.95


def test_clean_frames_of_the_clip_hold_nothing(detector: Any, clip: list[Any]) -> None:
    found = detector.detect_frames([frame(clip[i]) for i in (0, 10, 19, 60, 70, 79)])
    assert [[]] * 6 == found


def test_drawn_streets_and_plates_hold_no_weapon(detector: Any) -> None:
    chance = random.Random(7)
    scenes = [draw_scene("B 1234 XYZ", color, AT, "Simpang Uji", chance) for color in ("white", "red", "black")]
    found = detector.detect_frames([frame(decoded(jpeg)) for jpeg in (*scenes, draw_plate("B 1234 XYZ"))])
    assert [] == [s for sightings in found for s in sightings if s.incident_type is not None]


def test_a_frame_is_judged_alike_alone_and_in_a_batch_of_other_sizes(detector: Any, clip: list[Any]) -> None:
    wide = cv2.copyMakeBorder(clip[30], 0, 0, 0, 300, cv2.BORDER_CONSTANT)
    images = [clip[0], clip[30], wide, np.zeros((32, 48, 3), np.uint8), clip[50]]
    together = detector.detect_frames([frame(image) for image in images])
    alone = [detector.detect_frames([frame(image)])[0] for image in images]
    assert [len(one) for one in alone] == [len(one) for one in together]
    assert together[0] == together[3] == []
    for one, other in zip(alone, together, strict=True):
        for a, b in zip(one, other, strict=True):
            assert (a.label, a.model_sha256) == (b.label, b.model_sha256)
            assert a.score == pytest.approx(b.score, abs=2e-3)
            assert a.box.x == pytest.approx(b.box.x, abs=2e-3)


def test_frames_are_never_written_into(detector: Any, clip: list[Any]) -> None:
    image = clip[30].copy()
    image.setflags(write=False)
    detector.detect_frames([frame(image)])
    assert np.array_equal(clip[30], image)


def test_boxes_stay_within_the_frame(detector: Any, clip: list[Any]) -> None:
    cut = np.ascontiguousarray(clip[30][:, 470:])  # the knife reaches the edge
    for sighting in make(threshold=0.05, threads=1).detect_frames([frame(cut)])[0]:
        box = sighting.box
        assert 0 <= box.x <= box.x + box.width <= 1 + 1e-6
        assert 0 <= box.y <= box.y + box.height <= 1 + 1e-6


def test_every_sighting_names_the_model_and_the_hash_of_its_weights(detector: Any, clip: list[Any]) -> None:
    (found,) = detector.detect_frames([frame(clip[30])])
    assert {("nanodet-g@416", hashlib.sha256(nanodet.WEIGHTS.read_bytes()).hexdigest())} == {
        (s.model, s.model_sha256) for s in found
    }


def test_the_readme_of_the_weights_states_their_hash() -> None:
    digest = hashlib.sha256(nanodet.WEIGHTS.read_bytes()).hexdigest()
    assert digest in (nanodet.WEIGHTS.parent / "README.md").read_text()


def test_both_licences_lie_beside_the_weights() -> None:
    folder = nanodet.WEIGHTS.parent
    assert "RangiLyu" in (folder / "LICENSE.nanodet").read_text()
    assert "Apache License" in (folder / "LICENSE.nanodet").read_text()
    assert "Vladimir Mandic" in (folder / "LICENSE.human-models").read_text()


def test_a_class_may_be_mapped_otherwise(clip: list[Any]) -> None:
    plugin = make(classes={"knife": "other"}, threads=1)
    (found,) = plugin.detect_frames([frame(clip[30])])
    assert [("knife", IncidentType.OTHER)] == [(s.label, s.incident_type) for s in found]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"classes": {"pistol": "gun"}}, "no class of COCO: 'pistol'; known: person"),
        ({"context": ["man"]}, "no class of COCO: 'man'"),
        ({"input_size": 400}, "multiple of 32"),
        ({"threshold": 40}, "<= 0.99"),
        ({"weights": Path("/nowhere/x.pt")}, "weights: no such file: /nowhere/x.pt"),
        ({"treshold": 0.4}, "unknown field"),
    ],
)
def test_a_wrong_config_is_named(config: dict[str, Any], told: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=told.replace("(", r"\(")):
        msgspec.convert(config, nanodet.Config)


@pytest.mark.parametrize("data", [b"", b"not a model", b"PK\x03\x04rubbish"])
def test_weights_that_are_none_are_refused_by_name(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(data)
    with pytest.raises(ValueError, match=r"mine\.pt does not hold the tensors of NanoDet-g"):
        make(weights=tmp_path / "mine.pt").detect_frames([frame(np.zeros((32, 32, 3), np.uint8))])


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("pickled-code-ran"),))


def test_code_in_a_weights_file_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    torch.save({"stem.conv.weight": _Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match=r"evil\.pt does not hold"):
        make(weights=tmp_path / "evil.pt").detect_frames([frame(np.zeros((32, 32, 3), np.uint8))])
    assert not (tmp_path / "pickled-code-ran").exists()


def test_importing_the_plugin_imports_no_torch() -> None:
    code = "import sys, detectors.weapon_nanodet.plugin; print(sorted({'torch', 'cv2', 'numpy'} & set(sys.modules)))"
    assert "[]" == subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def test_it_is_a_plugin_whose_folder_names_it() -> None:
    assert issubclass(nanodet.Plugin, Plugin)
    assert make().health() is None
