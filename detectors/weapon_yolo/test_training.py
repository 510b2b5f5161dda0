"""Training really trains: one epoch on drawn pictures, and the weights run in the detector."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.api import Device, Frame, PluginContext
from detectors.weapon_yolo import plugin as yolo

OPTIONS = {"epochs": 1, "image_size": 64, "batch": 4, "device": "cpu"}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    for split in ("train", "val"):
        pictures, labels = tmp_path / "images" / split, tmp_path / "labels" / split
        pictures.mkdir(parents=True)
        labels.mkdir(parents=True)
        for n in range(4):
            picture = Image.new("RGB", (96, 96), (90, 90, 90))
            ImageDraw.Draw(picture).rectangle((30 + n, 30, 60 + n, 70), fill=(250, 250, 250))
            picture.save(pictures / f"{n}.jpg")
            (labels / f"{n}.txt").write_text("0 0.47 0.52 0.31 0.42\n")
    path = tmp_path / "pisau.yaml"
    path.write_text(f"path: {tmp_path}\ntrain: images/train\nval: images/val\nnames:\n  0: pisau\n")
    return path


def test_trained_weights_run_in_the_detector(dataset: Path, tmp_path: Path) -> None:
    weights, figures = yolo.Plugin.train(dataset, "yolo11n.yaml", tmp_path / "models", **OPTIONS)
    assert tmp_path / "models" / "pisau.pt" == weights
    assert [weights] == list(weights.parent.iterdir()), "no run's leavings"
    assert {"precision(B)", "recall(B)"} <= set(figures)
    config = {"weights": weights, "classes": {"pisau": "knife"}, "input_size": 64, "threads": 1}
    plugin = yolo.Plugin(msgspec.convert(config, yolo.Config), PluginContext(instance="yolo", data_dir=tmp_path / "d"))
    camera = Device(id=1, code="toko-1", maker="generic", vendor_id=1, vendor_code="polda-uji")
    frame = Frame(device=camera, image=np.zeros((96, 96, 3), np.uint8), taken_at=datetime(2026, 3, 2, tzinfo=UTC))
    assert 1 == len(plugin.detect_frames([frame]))
    plugin.close()


def test_weights_that_are_missing_are_never_downloaded(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no such file: yolo11n\.pt \(nothing is downloaded\)"):
        yolo.Plugin.train(dataset, "yolo11n.pt", tmp_path, **OPTIONS)


def test_a_data_set_without_pictures_is_named(dataset: Path, tmp_path: Path) -> None:
    dataset.write_text("path: /nowhere\ntrain: images/train\nval: images/val\nnames:\n  0: pisau\n")
    with pytest.raises(ValueError, match=r"pisau\.yaml: "):
        yolo.Plugin.train(dataset, "yolo11n.yaml", tmp_path / "models", **OPTIONS)


def test_a_data_set_that_brings_a_script_is_refused(dataset: Path, tmp_path: Path) -> None:
    dataset.write_text(dataset.read_text() + "download: |\n  import os\n")
    with pytest.raises(ValueError, match="take `download` out"):
        yolo.Plugin.train(dataset, "yolo11n.yaml", tmp_path / "models", **OPTIONS)
