"""From what a body says of a picture to Images: base64, data URIs, addresses, parts of a form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from core.domain.images import decode_base64_image, sniff, split_jpegs
from core.domain.multipart import Part
from core.domain.observations import Image, ImageRole

SMALLEST = 64
"""A base64 text shorter than this many characters is no picture."""
_URL = re.compile(r"(?:https?|ftp)://[^\s/]\S{0,2000}", re.IGNORECASE)


def read_picture(value: object, role: ImageRole) -> tuple[Image, ...]:
    """The pictures in a text: base64 or a data URI (two JPEGs may be joined), or a complete address.

    () for null, "", placeholders ("IMAGE_URL") and paths on the device: a picture that is not there costs no event.
    """
    text = value.strip() if isinstance(value, str) else ""
    if _URL.fullmatch(text):
        return (Image(role=role, url=text),)
    data = decode_base64_image(text) if len(text) >= SMALLEST else None
    if data is None:
        return ()
    return tuple(Image(role=role, data=one, mime=sniff(one)) for one in split_jpegs(data) if sniff(one))


def picture_parts(parts: Iterable[Part], role: Callable[[Part], ImageRole]) -> tuple[Image, ...]:
    """The parts of a form that hold pictures, each with the role that the make gives it."""
    return tuple(
        Image(role=role(part), data=part.data, offset=part.offset, mime=sniff(part.data))
        for part in parts
        if sniff(part.data)
    )
