"""Draw the app's icons into web/public, from the same shapes as favicon.svg: `python web/scripts/icons.py`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

PUBLIC = Path(__file__).resolve().parents[1] / "public"
GROUND, FRAME, LETTER = "#0d2a33", "#5cc6d8", "#ffffff"
FINE = 4
"""Drawn so many times larger, then made small: smooth edges."""


def icon(size: int, *, rounded: bool, shape: float = 1.0) -> Image.Image:
    """The mark on its ground. shape: how much of the tile the mark fills (maskable icons lose their edge)."""
    big = size * FINE
    image = Image.new("RGBA", (big, big), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, big - 1, big - 1), radius=big * 7 / 32 if rounded else 0, fill=GROUND)
    _mark(draw, big, shape, FRAME, LETTER)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def badge(size: int) -> Image.Image:
    """White on nothing: the small picture in a phone's status line."""
    big = size * FINE
    image = Image.new("RGBA", (big, big), (0, 0, 0, 0))
    _mark(ImageDraw.Draw(image), big, 1.15, LETTER, LETTER)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def _mark(draw: ImageDraw.ImageDraw, big: int, shape: float, frame: str, letter: str) -> None:
    def at(x: float, y: float) -> tuple[float, float]:
        return big * ((x / 32 - 0.5) * shape + 0.5), big * ((y / 32 - 0.5) * shape + 0.5)

    def line(points: list[tuple[float, float]], width: float, colour: str) -> None:
        thick = big * width / 32 * shape
        draw.line([at(*point) for point in points], fill=colour, width=round(thick), joint="curve")
        for point in points:
            x, y = at(*point)
            draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)

    for x, y in ((1, 1), (-1, 1), (-1, -1), (1, -1)):  # the four corners of a viewfinder
        corner = [(11.0, 5.0), (7.2, 5.2), (5.2, 7.2), (5.0, 11.0)]
        line([(16 + x * (px - 16), 16 + y * (py - 16)) for px, py in corner], 2.4, frame)
    line([(10, 12.5), (22, 12.5)], 3.4, letter)
    line([(16, 12.5), (16, 22)], 3.4, letter)


if __name__ == "__main__":
    icon(192, rounded=True).save(PUBLIC / "icon-192.png", optimize=True)
    icon(512, rounded=True).save(PUBLIC / "icon-512.png", optimize=True)
    icon(512, rounded=False, shape=0.8).save(PUBLIC / "icon-maskable.png", optimize=True)
    badge(96).save(PUBLIC / "badge.png", optimize=True)
