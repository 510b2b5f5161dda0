"""Lets ultralytics run where torchvision was built for another PyTorch: the usual pair of a CPU build and a CUDA one.

Importing such a torchvision fails with "operator torchvision::nms does not exist". ultralytics needs nothing of its
compiled half but `nms`, so that is given here in PyTorch. Nothing is touched where the native import works. It sets
one private name of torchvision (`extension._has_ops`): the tests run it against the installed release.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Literal

_lock = threading.Lock()
_library: Any = None
"""The registration lives as long as this object."""


def ensure_torchvision() -> Literal["native", "replaced"]:
    """Make `import torchvision` work; returns what it rests on. Raises ModuleNotFoundError where it is missing."""
    with _lock:
        if _library is not None:
            return "replaced"
        if _works():
            return "native"
        _replace()
        return "replaced"


def _works() -> bool:
    import torch

    try:
        import torchvision  # type: ignore[import-untyped]  # noqa: F401
    except ModuleNotFoundError:
        raise
    except (RuntimeError, ImportError):  # ImportError: a library of the CUDA build that is not there
        return False
    try:
        torch.ops.torchvision.nms(torch.zeros((0, 4)), torch.zeros(0), 0.5)
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    return True


def _replace() -> None:
    global _library
    import torch

    for name in [name for name in sys.modules if name == "torchvision" or name.startswith("torchvision.")]:
        del sys.modules[name]  # half imported
    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):  # qnms is for quantised boxes: torchvision only insists that it is there
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        for backend in ("CPU", "CUDA"):
            library.impl(name, nms, backend)
    _library = library
    import torchvision

    torchvision.extension._has_ops = lambda: True


def nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Indices of the boxes (n x 4: x0, y0, x1, y1) that no better one overlaps by more, the best first.

    A loop of small steps is the CPU's work, wherever the boxes lie; the indices lie where the boxes do.
    """
    import torch

    device, boxes, scores = boxes.device, boxes.cpu(), scores.cpu()
    order = scores.argsort(descending=True, stable=True)
    sorted_ = boxes[order]
    area = (sorted_[:, 2] - sorted_[:, 0]) * (sorted_[:, 3] - sorted_[:, 1])
    alive = torch.ones(len(sorted_), dtype=torch.bool)
    kept = []
    for i in range(len(sorted_)):
        if not alive[i]:
            continue
        kept.append(i)
        low = torch.maximum(sorted_[i, :2], sorted_[i + 1 :, :2])
        high = torch.minimum(sorted_[i, 2:], sorted_[i + 1 :, 2:])
        both = (high - low).clamp(min=0).prod(1)
        alive[i + 1 :] &= both <= iou_threshold * (area[i] + area[i + 1 :] - both)
    return order[torch.tensor(kept, dtype=torch.long)].to(device)
