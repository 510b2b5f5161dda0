"""Pictures as bytes: told by magic, never by the declared type; measured without decoding."""

from __future__ import annotations

import binascii
import re
import struct

import msgspec

JPEG = b"\xff\xd8\xff"
PNG = b"\x89PNG\r\n\x1a\n"
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/]+")
_SCAN = re.compile(rb"\xff\xda")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class ImageInfo(msgspec.Struct, frozen=True):
    """mime and size in pixels; width and height are 0 when the header is cut off or absurd."""

    mime: str
    width: int
    height: int


def sniff(data: bytes | memoryview) -> str:
    """Return "image/jpeg", "image/png" or "" for anything else (text in an image part, an empty part)."""
    head = bytes(data[:8])
    if head.startswith(JPEG[:2]) and len(data) > 3:
        return "image/jpeg"
    if head == PNG:
        return "image/png"
    return ""


def measure(data: bytes | memoryview) -> ImageInfo | None:
    """Read type and pixel size from the header alone: a bomb costs nothing here. None when it is no picture."""
    mime = sniff(data)
    if mime == "image/png":
        if len(data) < 24:
            return ImageInfo(mime, 0, 0)
        width, height = struct.unpack(">II", bytes(data[16:24]))
        return ImageInfo(mime, width, height)
    if mime == "image/jpeg":
        return ImageInfo(mime, *_jpeg_size(data))
    return None


MAX_SCANS = 100
"""Cameras write one to three, programs for progressive pictures about ten."""


def count_scans(data: bytes | memoryview) -> int:
    """How many scans a JPEG announces, those of its previews included; 0 for anything else.

    Each is a pass over all pixels and takes fifty bytes: a file of 150 kB can keep a decoder busy for half a minute.
    """
    return sum(1 for _ in _SCAN.finditer(data)) if sniff(data) == "image/jpeg" else 0


def _jpeg_size(data: bytes | memoryview) -> tuple[int, int]:
    at = 2
    end = min(len(data), 1 << 20)
    while at + 9 < end:
        if data[at] != 0xFF:
            return 0, 0
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in (0x01, *range(0xD0, 0xD9)):
            at += 2
            continue
        length = (data[at + 2] << 8) | data[at + 3]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return (data[at + 7] << 8) | data[at + 8], (data[at + 5] << 8) | data[at + 6]
        if marker == 0xDA or length < 2:
            return 0, 0
        at += 2 + length
    return 0, 0


def split_jpegs(data: bytes) -> list[bytes]:
    """Cut apart JPEGs that stand one behind the other in one field (CP Plus, Dahua VehiclePic)."""
    parts: list[bytes] = []
    start = 0
    while True:
        cut = data.find(b"\xff\xd9\xff\xd8\xff", start)
        if cut < 0:
            parts.append(data[start:])
            return parts
        parts.append(data[start : cut + 2])
        start = cut + 2


def decode_base64_image(text: str | bytes | None) -> bytes | None:
    """Decode base64 (its URL-safe form too) or a data: URI.

    None when it is empty, not base64, or no JPEG/PNG inside (placeholders).
    """
    if not text:
        return None
    raw = text.encode("ascii", "ignore") if isinstance(text, str) else bytes(text)
    if raw[:5].lower() == b"data:":
        _, comma, raw = raw.partition(b",")
        if not comma:
            return None
    if b"-" in raw or b"_" in raw:
        raw = raw.translate(_URL_SAFE)
    try:
        data = binascii.a2b_base64(raw, strict_mode=False)
    except binascii.Error:
        # padding left off, or cut in the middle: no byte that is there may be lost
        compact = _FOREIGN.sub(b"", raw)
        compact = compact[:-1] if len(compact) % 4 == 1 else compact
        try:
            data = binascii.a2b_base64(compact + b"=" * (-len(compact) % 4))
        except binascii.Error:
            return None
    return data if sniff(data) else None
