"""A real ultralytics model, built here without a download: untrained, its knife neuron turned up so that it fires."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from core.api import Device, Frame, IncidentType, PluginContext
from core.testing.contract_detector import DetectorContract
from detectors.weapon_yolo import plugin as yolo
from detectors.weapon_yolo.quiet import load_ultralytics

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
CAMERA = Device(id=1, code="toko-1", maker="generic", vendor_id=1, vendor_code="polda-uji")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """yolo11n with three classes; whatever it sees, it calls a knife."""
    import torch

    folder = tmp_path_factory.mktemp("yolo")
    ultralytics = load_ultralytics(folder)
    torch.manual_seed(3)
    model = ultralytics.YOLO("yolo11n.yaml", task="detect")
    model.model.names = {n: {0: "knife", 1: "pistol", 2: "person"}.get(n, f"class {n}") for n in range(80)}
    for head in model.model.model[-1].cv3:
        with torch.no_grad():
            head[-1].bias[0] = 2.0
    model.save(str(folder / "mine.pt"))
    return folder / "mine.pt"


def make(weights: Path, **config: Any) -> Any:
    given = {"weights": weights, "classes": {"knife": "knife", "pistol": "gun"}, "input_size": 160, "threads": 1}
    return yolo.Plugin(
        msgspec.convert({**given, **config}, yolo.Config),
        PluginContext(instance="yolo", data_dir=weights.parent / "data"),
    )


@pytest.fixture(scope="module")
def detector(weights: Path) -> Iterator[Any]:
    plugin = make(weights)
    yield plugin
    plugin.close()


class TestContract(DetectorContract):
    use = "detectors.weapon_yolo"

    @pytest.fixture(scope="class")
    def told(self, weights: Path) -> Iterator[Any]:
        plugin = make(weights, threshold=0.95)  # this model is 88 % sure of a knife in anything
        yield plugin
        plugin.close()
        plugin.close()


@pytest.fixture(scope="module")
def exported(weights: Path) -> Path:
    """The same network as ONNX, for 160 pixels, with the metadata that ultralytics writes."""
    import onnx
    import torch

    model = load_ultralytics(weights.parent).YOLO(str(weights), task="detect")
    net = model.model.eval().float()
    net.model[-1].export, net.model[-1].format = True, "onnx"
    path = weights.with_suffix(".onnx")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        picture = torch.zeros(1, 3, 160, 160)
        net(picture)
        torch.onnx.export(net, (picture,), str(path), dynamo=False, opset_version=17, input_names=["images"],
                          output_names=["output0"])  # fmt: skip
    told = {"names": str(model.names), "stride": "32", "task": "detect", "batch": "1", "imgsz": "[160, 160]"}
    whole = onnx.load(path)
    onnx.helper.set_model_props(whole, told)
    onnx.save(whole, path)
    return path


def frames(*shapes: tuple[int, int]) -> list[Frame]:
    chance = np.random.default_rng(5)
    return [
        Frame(device=CAMERA, image=chance.integers(0, 255, (*shape, 3), dtype=np.uint8), taken_at=AT)
        for shape in shapes
    ]


def test_what_the_model_calls_a_knife_is_sighted_as_one(detector: Any, weights: Path) -> None:
    (found,) = detector.detect_frames(frames((120, 160)))
    assert found
    assert {("knife", IncidentType.KNIFE)} == {(s.label, s.incident_type) for s in found}
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert {("mine.pt@160", digest)} == {(s.model, s.model_sha256) for s in found}
    for s in found:
        assert 0.4 <= s.score <= 1
        assert 0 <= s.box.x <= s.box.x + s.box.width <= 1 + 1e-6
        assert 0 <= s.box.y <= s.box.y + s.box.height <= 1 + 1e-6


def test_an_exported_model_says_what_its_weights_say(detector: Any, exported: Path) -> None:
    pictures = frames((160, 160), (160, 160))
    plugin = make(exported)
    theirs, ours = detector.detect_frames(pictures), plugin.detect_frames(pictures)
    plugin.close()
    assert theirs[0] and theirs[1] and [len(found) for found in theirs] == [len(found) for found in ours]
    for one, other in zip([*theirs[0], *theirs[1]], [*ours[0], *ours[1]], strict=True):
        assert (one.label, one.incident_type) == (other.label, other.incident_type)
        assert one.score == pytest.approx(other.score, abs=0.01)
        assert msgspec.structs.astuple(one.box) == pytest.approx(msgspec.structs.astuple(other.box), abs=0.02)
    assert ("mine.onnx@160", hashlib.sha256(exported.read_bytes()).hexdigest()) == (
        ours[0][0].model,
        ours[0][0].model_sha256,
    )


def test_overlapping_boxes_of_one_class_become_one(weights: Path) -> None:
    few = make(weights, overlap=0.05).detect_frames(frames((120, 160)))[0]
    many = make(weights, overlap=0.95).detect_frames(frames((120, 160)))[0]
    assert len(few) < len(many)


def test_frames_of_several_sizes_come_back_in_their_order(detector: Any) -> None:
    given = frames((120, 160), (90, 160), (120, 160), (64, 64))
    together = detector.detect_frames(given)
    alone = [detector.detect_frames([one])[0] for one in given]
    assert [len(one) for one in alone] == [len(one) for one in together]
    for one, other in zip(alone, together, strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.score == pytest.approx(b.score, abs=2e-3)


def test_a_word_may_mean_something_else_here(weights: Path) -> None:
    (found,) = make(weights, classes={"knife": "guns"}).detect_frames(frames((120, 160)))
    assert {IncidentType.GUNS} == {s.incident_type for s in found}


def test_words_nobody_asked_for_are_left_out(weights: Path) -> None:
    assert [[]] == make(weights, classes={"pistol": "gun"}).detect_frames(frames((120, 160)))


def test_context_is_sighted_and_never_reported(weights: Path) -> None:
    (found,) = make(weights, classes={"pistol": "gun"}, context=["knife"]).detect_frames(frames((120, 160)))
    assert {("knife", None)} == {(s.label, s.incident_type) for s in found}


def test_a_word_that_the_model_has_not_is_named_with_those_it_has(weights: Path) -> None:
    with pytest.raises(ValueError, match=r"mine\.pt has no class celurit; it has: knife, pistol, person"):
        make(weights, classes={"celurit": "knife"}).detect_frames(frames((64, 64)))


@pytest.mark.parametrize("data", [b"", b"rubbish", b"PK\x03\x04"])
def test_weights_that_are_none_are_refused_by_name(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.pt").write_bytes(data)
    with pytest.raises(ValueError, match=r"broken\.pt cannot be loaded"):
        make(tmp_path / "broken.pt").detect_frames(frames((64, 64)))


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("pickled-code-ran"),))


def test_code_in_a_weights_file_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    torch.save({"model": _Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match=r"evil\.pt cannot be loaded"):
        make(tmp_path / "evil.pt").detect_frames(frames((64, 64)))
    assert not (tmp_path / "pickled-code-ran").exists()


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"weights": Path("/nowhere/best.pt"), "classes": {"a": "knife"}}, "weights: no such file: /nowhere/best.pt"),
        ({"weights": Path("/"), "classes": {}}, "classes: name at least one word"),
        ({"weights": Path("/"), "classes": {"pistol": "gum"}}, "gum"),
        ({"classes": {"a": "knife"}}, "weights"),
    ],
)
def test_a_wrong_config_is_named(config: dict[str, Any], told: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert(config, yolo.Config)


def test_the_replaced_nms_keeps_what_a_plain_loop_keeps() -> None:
    import torch

    from detectors.weapon_yolo.torchvision_nms import nms

    torch.manual_seed(1)
    for count in (0, 1, 2, 40):
        corner = torch.rand(count, 2) * 50
        boxes = torch.cat([corner, corner + torch.rand(count, 2) * 40 + 1], 1)
        scores = torch.rand(count)
        assert plain(boxes.tolist(), scores.tolist(), 0.4) == nms(boxes, scores, 0.4).tolist()


def test_the_replaced_nms_takes_boxes_of_a_gpu() -> None:
    import torch

    from core.testing.pretended_gpu import PretendedGpu
    from detectors.weapon_yolo.torchvision_nms import nms

    with PretendedGpu() as gpu:
        boxes = torch.tensor([[0.0, 0, 9, 9], [0, 0, 9, 8], [20, 20, 30, 30]], device="cuda")
        kept = nms(boxes, torch.tensor([0.5, 0.9, 0.7], device="cuda"), 0.5)
        assert gpu.is_there(kept)
        assert [1, 2] == kept.tolist()


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_that_fails_at_work_is_left_for_the_cpu_and_told(
    weights: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    import torch

    asked = []
    right = yolo.Plugin._predict

    def predict(self: Any, images: list[Any]) -> list[Any]:
        asked.append(self._device)
        if self._device == "cuda":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return right(self, images)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(yolo.Plugin, "_predict", predict)
    plugin = make(weights, device=device)
    assert plugin.detect_frames(frames((120, 160)))[0]
    assert plugin.detect_frames(frames((120, 160)))[0]
    assert ["cuda", "cpu", "cpu"] == asked
    assert "degraded" == plugin.health().state
    assert "CUDA out of memory" in plugin.health().detail


def plain(boxes: list[list[float]], scores: list[float], limit: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(shared(boxes[i], boxes[j]) <= limit for j in kept):
            kept.append(i)
    return kept


def shared(a: list[float], b: list[float]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def run(code: str) -> str:
    return subprocess.check_output([sys.executable, "-c", code], text=True, stderr=subprocess.STDOUT).strip()


def test_torchvision_is_replaced_only_where_its_own_import_fails() -> None:
    told = run(
        "try:\n import torchvision; own = True\nexcept Exception:\n own = False\n"
        "from detectors.weapon_yolo.torchvision_nms import ensure_torchvision as ensure\n"
        "import torch; told = ensure(); import torchvision\n"
        "kept = torchvision.ops.nms(torch.tensor([[0., 0, 9, 9], [0, 0, 9, 8]]), torch.tensor([.5, .9]), .5).tolist()\n"
        "print(own, told, ensure(), kept)"
    )
    assert told in ("True native native [1]", "False replaced replaced [1]")


def test_a_working_torchvision_is_left_alone() -> None:
    told = run(
        "import sys, types, torch\n"
        "library = torch.library.Library('torchvision', 'FRAGMENT')\n"
        "library.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "library.impl('nms', lambda b, s, t: s.argsort(), 'CPU')\n"
        "sys.modules['torchvision'] = mine = types.ModuleType('torchvision')\n"
        "from detectors.weapon_yolo.torchvision_nms import ensure_torchvision as ensure\n"
        "print(ensure(), sys.modules['torchvision'] is mine, hasattr(mine, 'extension'))"
    )
    assert "native True False" == told


def test_importing_the_plugin_imports_neither_torch_nor_ultralytics() -> None:
    told = run("import sys, detectors.weapon_yolo.plugin; print({'torch', 'ultralytics', 'cv2'} & set(sys.modules))")
    assert "set()" == told


def test_it_phones_nobody(detector: Any) -> None:
    import ultralytics

    detector.detect_frames(frames((64, 64)))
    assert ultralytics.settings["sync"] is False
    assert ultralytics.utils.ONLINE is False
    assert ultralytics.utils.AUTOINSTALL is False
