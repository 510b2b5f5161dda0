"""The whole path on a GPU: the machine's own where it has one, else a pretended one that refuses what it would."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import pytest
import torch

import core.testing
from core.api import Device, Frame, PluginContext, Sighting
from core.testing.pretended_gpu import PretendedGpu
from detectors.weapon_nanodet import pictures
from detectors.weapon_nanodet import plugin as nanodet

CLIP = Path(next(iter(core.testing.__path__))) / "clips" / "demo.avi"
CAMERA = Device(id=1, code="toko-1", maker="generic", vendor_id=1, vendor_code="polda-uji")
SIZE = {"input_size": 416, "threads": 1}


def make(**config: Any) -> Any:
    return nanodet.Plugin(msgspec.convert(SIZE | config, nanodet.Config), PluginContext(instance="nanodet"))


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """One without and two with the knife of the clip."""
    capture = cv2.VideoCapture(str(CLIP))
    images = [capture.read()[1] for _ in range(41)]
    return [Frame(device=CAMERA, image=images[i], taken_at=datetime(2026, 3, 2, tzinfo=UTC)) for i in (0, 30, 40)]


@pytest.fixture(scope="module")
def by_cpu(frames: list[Frame]) -> list[list[Sighting]]:
    return list(make(device="cpu").detect_frames(frames))


@pytest.fixture
def pretended() -> Iterator[PretendedGpu]:
    with PretendedGpu() as gpu:
        yield gpu


def alike(found: list[list[Sighting]], other: list[list[Sighting]]) -> None:
    assert [[s.label for s in one] for one in found] == [[s.label for s in one] for one in other]
    scores = [s.score for one in other for s in one]
    assert scores == pytest.approx([s.score for one in found for s in one], abs=0.02)
    assert any(scores)


def test_auto_takes_the_gpu_and_sees_there_what_the_cpu_sees(frames: list[Frame], by_cpu: list[list[Sighting]]) -> None:
    with contextlib.nullcontext() if torch.cuda.is_available() else PretendedGpu():
        plugin = make(device="auto", batch=2)
        alike(plugin.detect_frames(frames), by_cpu)
        assert {"cuda"} == {parameter.device.type for parameter in plugin._network.parameters()}
        assert "ok" == plugin.health().state


def test_a_deployment_that_says_cpu_leaves_the_gpu_alone(pretended: PretendedGpu, frames: list[Frame]) -> None:
    make(device="cpu").detect_frames(frames)
    assert 0 == pretended.calls


@pytest.mark.parametrize("forgotten", ["to_batch", "decode"])
def test_a_tensor_that_is_forgotten_on_the_other_side_is_found(
    pretended: PretendedGpu, frames: list[Frame], monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    right = getattr(pictures, forgotten)
    wrong = {
        "to_batch": lambda images, size, device: right(images, size, torch.device("cpu")),
        "decode": lambda scores, sides, *more: right(scores, sides.cpu(), *more),
    }[forgotten]
    monkeypatch.setattr(pictures, forgotten, wrong)
    monkeypatch.setattr(nanodet.Plugin, "_leave_gpu", lambda *_: False)
    with pytest.raises(RuntimeError, match=r"expected all tensors to be on the same device|indices should be"):
        make().detect_frames(frames)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "OutOfMemoryError: CUDA out"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "RuntimeError: CUDA error: an illegal"),
    ],
)
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_that_fails_at_work_is_left_for_the_cpu_and_told(
    pretended: PretendedGpu, frames: list[Frame], by_cpu: list[list[Sighting]], error: Exception, told: str, device: str
) -> None:
    plugin = make(device=device, batch=2)
    plugin.detect_frames(frames[:1])
    pretended.broken = error
    alike(plugin.detect_frames(frames), by_cpu)
    health = plugin.health()
    assert ("degraded", True) == (health.state, told in health.detail)
    before = pretended.calls
    plugin.detect_frames(frames)
    assert before == pretended.calls


def test_a_gpu_without_room_for_the_network_is_left_for_the_cpu_where_that_is_allowed(
    pretended: PretendedGpu, frames: list[Frame], by_cpu: list[list[Sighting]]
) -> None:
    pretended.broken = torch.cuda.OutOfMemoryError("CUDA out of memory")
    plugin = make(device="auto")
    alike(plugin.detect_frames(frames), by_cpu)
    assert "degraded" == plugin.health().state
    with pytest.raises(torch.cuda.OutOfMemoryError):
        make(device="cuda").detect_frames(frames)


def test_an_error_of_the_cpu_is_nobody_elses(frames: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(pictures, "to_batch", breaks)
    plugin = make(device="cpu")
    with pytest.raises(RuntimeError, match="a bug"):
        plugin.detect_frames(frames)
    assert "ok" == plugin.health().state


def test_a_deployment_that_wants_a_gpu_is_told_when_there_is_none(
    frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="finds no GPU"):
        make(device="cuda").detect_frames(frames)
