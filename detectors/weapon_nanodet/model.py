"""NanoDet-g as a plain PyTorch module: a small CSP backbone, a path-aggregating neck, one head for each stride.

The layout (channels, order of concatenation, bilinear neck) is that of the published network; batch norms are folded
into the convolutions, which is why none stands here. Parameters are registered in the order of the weights file.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = 80
BINS = 11
"""Each side of a box is a distribution over 0..10 strides."""
STRIDES = (8, 16, 32)
SLOPE = 0.1


class Conv(nn.Module):
    """3x3 (or 1x1) convolution with leaky ReLU, its batch norm folded in."""

    def __init__(self, inner: int, outer: int, kernel: int = 3, stride: int = 1, *, active: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, kernel, stride, padding=kernel // 2)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return F.leaky_relu(y, SLOPE, inplace=True) if self.active else y


class Pair(nn.Module):
    """Two convolutions of half the width, both kept."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Conv(channels, channels // 2)
        self.second = Conv(channels // 2, channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return torch.cat((self.second(x), x), 1)


class Stage(nn.Module):
    """Doubles the channels and, with stride 2, halves the picture: one path through `pairs`, one around them."""

    def __init__(self, channels: int, pairs: int, stride: int = 2) -> None:
        super().__init__()
        self.down = Conv(channels, channels, stride=stride)
        self.pairs = nn.Sequential(*(Pair(channels) for _ in range(pairs)))
        self.out = Conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        return torch.cat((self.out(self.pairs(x)), x), 1)


class Head(nn.Module):
    """Scores of the classes and the distributions of the four sides, for each cell."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = Conv(channels, channels)
        self.out = Conv(channels, CLASSES + 4 * BINS, 1, active=False)

    def forward(self, x: Tensor) -> Tensor:
        cells: Tensor = self.out(self.body(x))
        return cells.flatten(2).transpose(1, 2)


class NanoDetG(nn.Module):
    """Input: batch x 3 x size x size, BGR, normalised, size a multiple of 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Conv(3, 32, stride=2)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.stage4 = Stage(32, 1, stride=1)
        self.stage8 = Stage(64, 2)
        self.side8 = Conv(128, 128, 1, active=False)
        self.stage16 = Stage(128, 2)
        self.side16 = Conv(256, 128, 1, active=False)
        self.stage32 = Stage(256, 3)
        self.side32 = Conv(512, 128, 1, active=False)
        self.heads = nn.ModuleList(Head(128) for _ in STRIDES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores 0..1 (batch x cells x 80) and side distributions (batch x cells x 44), strides 8, 16, 32."""
        x = self.stage8(self.stage4(self.pool(self.stem(x))))
        p8, x = self.side8(x), self.stage16(x)
        p16, p32 = self.side16(x), self.side32(self.stage32(x))
        p16 = p16 + _scaled(p32, 2.0)
        p8 = p8 + _scaled(p16, 2.0)
        p16 = p16 + _scaled(p8, 0.5)
        p32 = p32 + _scaled(p16, 0.5)
        cells = torch.cat([head(p) for head, p in zip(self.heads, (p8, p16, p32), strict=True)], 1)
        return cells[..., :CLASSES].sigmoid(), cells[..., CLASSES:]


def _scaled(x: Tensor, factor: float) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
