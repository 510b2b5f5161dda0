"""Drawn evidence for simulated cameras: a plate crop and a street scene that show the very plate they claim.

Every picture says that it is simulated, so that none can ever be taken for evidence.
"""

from __future__ import annotations

import io
import random
from datetime import datetime
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

_REGIONS = ("B", "B", "B", "A", "A", "D", "F", "E", "Z", "T", "H", "L", "AB", "AD", "BK", "DK")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_PAINT = {"white": (232, 232, 228), "black": (28, 28, 32), "silver": (176, 180, 184), "red": (168, 32, 36),
          "blue": (32, 64, 140), "gray": (110, 112, 116)}  # fmt: skip
VEHICLE_COLORS = tuple(_PAINT)


def indonesian_plate(chance: random.Random) -> str:
    """A plausible plate with blanks as it is painted: "B 1234 XYZ"."""
    region = chance.choice(_REGIONS)
    number = chance.randint(1, 9999)
    series = "".join(chance.choice(_LETTERS) for _ in range(chance.choice((1, 2, 2, 3, 3, 3))))
    return f"{region} {number} {series}"


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def draw_plate(text: str) -> bytes:
    """A plate crop, 200×72, JPEG: black on white, as private plates are since 2022."""
    picture = Image.new("RGB", (200, 72), (236, 236, 230))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((3, 3, 196, 68), outline=(20, 20, 20), width=3)
    pen.text((100, 30), text, fill=(12, 12, 12), font=_font(30), anchor="mm")
    pen.text((100, 58), "SIMULASI", fill=(150, 20, 20), font=_font(11), anchor="mm")
    return _jpeg(picture, 85)


def draw_scene(text: str, color: str, at: datetime, place: str, chance: random.Random, *, width: int = 640) -> bytes:
    """A street scene with one vehicle carrying the plate, JPEG; `at` and `place` are written over it."""
    height = width * 9 // 16
    picture = Image.new("RGB", (width, height), (96, 104, 112))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, width, height * 4 // 10), fill=(150, 176, 200))
    for lane in range(1, 4):
        x = width * lane // 4
        pen.line((x, height * 4 // 10, x + (lane - 2) * width // 8, height), fill=(220, 220, 200), width=3)
    left = chance.randint(width // 5, width // 2)
    top, wide, high = height * 45 // 100, width // 4, height * 38 // 100
    paint = _PAINT.get(color, (90, 90, 90))
    pen.rounded_rectangle((left, top, left + wide, top + high), radius=14, fill=paint, outline=(10, 10, 10), width=2)
    pen.rectangle((left + wide // 8, top + 8, left + wide * 7 // 8, top + high // 3), fill=(40, 54, 66))
    plate = (left + wide // 4, top + high * 2 // 3, left + wide * 3 // 4, top + high * 2 // 3 + high // 6)
    pen.rectangle(plate, fill=(240, 240, 236), outline=(0, 0, 0))
    pen.text(((plate[0] + plate[2]) / 2, (plate[1] + plate[3]) / 2), text, fill=(0, 0, 0), font=_font(13), anchor="mm")
    pen.rectangle((0, height - 22, width, height), fill=(0, 0, 0))
    pen.text((6, height - 19), f"SIMULASI  {place}  {at:%Y-%m-%d %H:%M:%S}", fill=(255, 255, 255), font=_font(13))
    return _jpeg(picture, 78)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
