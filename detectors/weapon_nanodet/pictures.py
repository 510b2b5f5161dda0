"""Frames to tensors and tensors to boxes, as NanoDet was trained.

Its own preprocessing matters: with RGB / 255, as the npm package does it, the network calls a bus a train.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from detectors.weapon_nanodet.model import BINS, STRIDES

MEAN = (103.53, 116.28, 123.675)
STD = (57.375, 57.12, 58.395)
OVERLAP = 0.6


class Found(NamedTuple):
    """One box; x0, y0, x1, y1 are shares of the frame."""

    label: int
    score: float
    sides: tuple[float, float, float, float]


def letterbox(image: Any, size: int) -> Any:
    """The frame scaled into the upper left corner of a black square; uint8, size x size x 3."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = np.zeros((size, size, 3), np.uint8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square[: small[1], : small[0]] = cv2.resize(image, small, interpolation=how)
    return square


def to_batch(images: Sequence[Any], size: int, device: torch.device) -> Tensor:
    """Frames (BGR, uint8) as one normalised batch in the layout that convolutions like best."""
    squares = np.stack([letterbox(image, size) for image in images])
    batch = torch.from_numpy(squares).to(device).permute(0, 3, 1, 2).float()
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (MEAN, STD))
    return ((batch - mean) / std).contiguous(memory_format=torch.channels_last)


@lru_cache(maxsize=8)
def _grid(size: int) -> tuple[Any, Any]:
    """Centre (x, y) and stride of each cell, in the order of the network's outputs."""
    centres, strides = [], []
    for stride in STRIDES:
        side = -(-size // stride)
        y, x = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
        centres.append(np.stack([x.ravel(), y.ravel()], 1) * stride + stride / 2)
        strides.append(np.full(side * side, stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def decode(scores: Tensor, sides: Tensor, size: int, shape: tuple[int, int], thresholds: Any) -> list[Found]:
    """Boxes of one frame, the best first.

    scores, sides  one frame's outputs (cells x 80, cells x 44); shape  height, width of the frame
    thresholds     of each class (80 floats); above 1 = not wanted. A cell counts for its best class alone.
    """
    best, label = scores.max(1)
    kept = (best > torch.as_tensor(thresholds, device=best.device)[label]).nonzero().flatten()
    if not len(kept):
        return []
    spread = sides[kept].view(-1, 4, BINS).softmax(2) @ torch.arange(BINS, device=sides.device, dtype=sides.dtype)
    at = kept.cpu().numpy()
    centres, strides = (values[at] for values in _grid(size))
    reach = spread.cpu().numpy() * strides[:, None]
    boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], 1)
    scale = size / max(shape)
    limits = np.array([shape[1], shape[0]] * 2, np.float32)
    boxes = np.clip(boxes / scale / limits, 0, 1)
    confidence, labels = best[kept].cpu().numpy(), label[kept].cpu().numpy()
    return [
        Found(int(labels[i]), float(confidence[i]), (float(b[0]), float(b[1]), float(b[2]), float(b[3])))
        for i in _suppressed(boxes, confidence, labels)
        for b in (boxes[i],)
    ]


def _suppressed(boxes: Any, scores: Any, labels: Any) -> list[int]:
    """Indices of boxes that no better one of the same class overlaps, the best first."""
    order = np.argsort(-scores, kind="stable")
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    while order.size:
        first, order = int(order[0]), order[1:]
        kept.append(first)
        low = np.maximum(boxes[first, :2], boxes[order, :2])
        high = np.minimum(boxes[first, 2:], boxes[order, 2:])
        both = np.clip(high - low, 0, None).prod(1)
        overlap = both / np.maximum(area[first] + area[order] - both, 1e-9)
        order = order[(overlap <= OVERLAP) | (labels[order] != labels[first])]
    return kept
