"""Damaged bodies for parsers: the same ones for the same seed, so that what was found can be had again."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

SEED = 20260302
_ZONED = re.compile(r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)(Z|[+-]\d{2}:\d{2})")


def mutated(bodies: Sequence[tuple[bytes, str]], rounds: int, seed: int = SEED) -> Iterator[tuple[bytes, str]]:
    """`rounds` damaged (body, content type) of these."""
    chance = random.Random(seed)
    for _ in range(rounds):
        body, content_type = chance.choice(bodies)
        yield damaged(body, chance), content_type


def damaged(body: bytes, chance: random.Random) -> bytes:
    """One to eight random injuries: cut, flip, insert, delete, double, or swap."""
    data = bytearray(body)
    for _ in range(chance.choice((1, 1, 1, 3, 8))):
        if not data:
            break
        at = chance.randrange(len(data))
        span = chance.choice((1, 2, 8, 64, 512))
        match chance.randrange(6):
            case 0:
                del data[at:]
            case 1:
                data[at] ^= 1 << chance.randrange(8)
            case 2:
                data[at:at] = chance.choice((b"\x00", b"<", b'"', b"\r\n", b"--", b"\xff", b"{", b"=", b"9" * 40))
            case 3:
                del data[at : at + span]
            case 4:
                data[at:at] = data[at : at + span]
            case _:
                other = chance.randrange(len(data))
                data[at : at + span], data[other : other + span] = data[other : other + span], data[at : at + span]
    return bytes(data)


def other_encodings(body: bytes) -> Iterator[bytes]:
    """The body as devices with another idea of text would send it: UTF-16, a mark in front, bytes of no encoding."""
    text = body.decode("latin-1")
    yield b"\xef\xbb\xbf" + body
    yield b"\xff\xfe" + text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield text.encode()  # UTF-8 encoded twice
    half = len(body) // 2
    yield body[:half] + b"\xff\xfe\x80\xc3\x28" + body[half:]


def rewritten_times(body: bytes, raw: str) -> Iterator[tuple[bytes, datetime | None]]:
    """The body with the time `raw` told in other offsets, and without any (then with the digits that are left).

    Nothing for a time that does not stand in the body as ISO 8601 with an offset. Lengths are kept, since a part's
    header may name its length; the form without an offset is left out where that cannot be.
    """
    match = _ZONED.fullmatch(raw)
    if match is None or raw.encode() not in body:
        return
    moment = datetime.fromisoformat(raw)
    for hours in (0, 9, -5) if match[2] != "Z" else ():
        told = moment.astimezone(timezone(timedelta(hours=hours)))
        digits = match[1].replace(match[1][:19], told.isoformat(match[1][10])[:19])
        yield body.replace(raw.encode(), f"{digits}{told:%z}"[:-2].encode() + b":00"), None
    yield body.replace(raw.encode(), match[1].encode().ljust(len(raw))), moment.replace(tzinfo=None)


def sent_offset(body: bytes, raw: str) -> bool:
    """Whether the time `raw` stands in the body with an offset behind it."""
    return bool(raw) and re.search(re.escape(raw.encode()) + rb"(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", body) is not None
