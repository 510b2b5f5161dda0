"""Pictures of bodies without a document: file parts, base64, data URIs, URLs; each bound to the vehicle it shows.

A picture whose vehicle cannot be told (a plate crop beside two vehicles) is bound to none: wrong evidence is worse
than missing evidence, and the raw body keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from core.api import Image, ImageRole, Part, decode_base64_image, sniff, split_jpegs
from vendors.generic.tree import Body, Chain, Form, Shape, all_keys
from vendors.generic.words import fold

_ROLES: tuple[tuple[tuple[str, ...], ImageRole], ...] = (
    (("plat", "licen", "nopol"), "plate"),
    (("face", "driver", "wajah", "pengemudi"), "face"),
    (("vehicle", "kendaraan", "mobil", "car", "motor"), "vehicle"),
)
_PICTURE_WORDS = ("image", "img", "pic", "photo", "foto", "gambar", "snap", "crop", "frame", "thumb", "scene", "jpg",
                  "jpeg", "evidence", "bukti", "background", "base64")  # fmt: skip
_LABELS = ("role", "kind", "type", "name", "label", "filename")
_URL = re.compile(r"(?:https?|ftp)://\S{1,2000}", re.IGNORECASE)
_FILE = re.compile(r"[^\s<>\"']{1,500}\.(?:jpe?g|png)(?:\?\S{0,500})?", re.IGNORECASE)
_INLINE = ("data:", "DATA:", "Data:", "/9j/", "_9j_", "iVBORw0KGgo")
_LONG = 2048
_LONGEST_NAME = 200
_MOST_PICTURES = 32
_SMALLEST = 64


class _Found(msgspec.Struct):
    """A picture in the tree: role by its key, None when nothing tells; `name` is what a string referred to."""

    role: ImageRole | None
    image: Image | None = None
    name: str = ""


_HINTS = tuple(w.encode() for w in (*_PICTURE_WORDS, "png", "http", "ftp", "url", "data:", "/9j/", "ivborw0kggo", "\\"))


def possible(body: bytes, form: Form | None = None) -> bool:
    """Whether a body can hold a picture or an address of one at all: a look at its bytes instead of a walk.

    form  of a whole JSON body where it is known: then its keys tell, and only marks of a picture's text are looked for
    """
    if len(body) > _LONG:
        return True
    if form is not None and form.shape is not None:
        if form.pictures is None:
            form.pictures = _speaks(form.shape)
        return (
            form.pictures or b"\\" in body or b'"iVBORw0KGgo' in body
            or (b"/" in body and (b"://" in body or b'"/9j/' in body))
            or b'"data:' in body or b'"DATA:' in body or b'"Data:' in body
        )  # fmt: skip
    lower = body.lower()
    return any(hint in lower for hint in _HINTS)


def _speaks(shape: Shape) -> bool:
    """Whether a key of the shape speaks of a picture or of an address."""
    return any(_told_by_key(folded)[0] or "url" in folded for folded in map(fold, all_keys(shape)))


def bind(body: Body, vehicles: list[Chain]) -> list[tuple[Image, ...]]:
    """The pictures of each vehicle, in the vehicles' order."""
    files = {key.lower(): part for part in body.files for key in (part.name, part.filename) if key}
    named: set[int] = set()
    own_of: list[list[Image]] = []
    roads = {id(node) for chain in vehicles for node in chain}
    for chain in vehicles:
        own_of.append(_images(_collect(chain[-1], roads), files, named))
    below: dict[int, list[int]] = {}
    around = {}
    for n, chain in enumerate(vehicles):
        for node in chain[:-1]:
            around[id(node)] = node
            below.setdefault(id(node), []).append(n)
    for key, node in around.items():
        _share(_images(_collect(node, roads), files, named), below[key], own_of)
    rest = [part for part in body.files if id(part) not in named]
    _share([_of_part(part, None) for part in rest], list(range(len(vehicles))), own_of)
    return [tuple(images[:_MOST_PICTURES]) for images in own_of]


def _share(images: list[Image], below: list[int], own_of: list[list[Image]]) -> None:
    """Pictures that stand beside several vehicles: one each where the numbers agree, else only whole scenes, to all."""
    images = images[: max(_MOST_PICTURES, len(below))]
    if len(below) == 1:
        own_of[below[0]].extend(images)
        return
    by_role: dict[ImageRole, list[Image]] = {}
    for image in images:
        by_role.setdefault(image.role, []).append(image)
    for role, alike in by_role.items():
        if len(alike) == len(below):
            for n, image in zip(below, alike, strict=True):
                own_of[n].append(image)
        elif role in ("scene", "vehicle"):
            for n in below:
                own_of[n].extend(msgspec.structs.replace(image, role="scene") for image in alike)


def _images(found: Iterable[_Found], files: dict[str, Part], named: set[int]) -> list[Image]:
    images = []
    for one in found:
        part = files.get(one.name.lower()) if one.name else None
        if part is not None:
            if id(part) not in named:
                named.add(id(part))
                images.append(_of_part(part, one.role))
        elif one.image is not None:
            images.append(one.image)
    return images


def _of_part(part: Part, role: ImageRole | None) -> Image:
    told = role or role_of(part.name) or role_of(part.filename) or "scene"
    return Image(role=told, data=part.data, offset=part.offset, mime=sniff(part.data))


def role_of(name: str) -> ImageRole | None:
    """The role that a key, part name or file name tells; None when it tells none."""
    folded = fold(name.rsplit("/", 1)[-1].partition("?")[0])
    return next((role for words, role in _ROLES if any(word in folded for word in words)), None)


@lru_cache(maxsize=1024)
def _told_by_key(key: str) -> tuple[bool, ImageRole | None]:
    """Whether a folded key speaks of a picture, and of which."""
    return any(word in key for word in _PICTURE_WORDS), role_of(key)


def _collect(
    node: dict[str, Any], skip: set[int], around: tuple[bool, ImageRole | None] = (False, None)
) -> list[_Found]:
    """The pictures in an object, without the objects of `skip`; `around` is what the keys above it tell."""
    found: list[_Found] = []
    label: str | None = None
    for key, value in node.items():
        if not isinstance(value, str | dict | list):
            continue
        speaks, role = _told_by_key(fold(key))
        speaks = speaks or around[0]
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, str):
                if speaks or len(item) > _LONG or "." in item or item.startswith(_INLINE):
                    label = _label(node) if label is None else label
                    found += _of_text(item, fold(key), speaks, role or role_of(label) or around[1])
            elif isinstance(item, dict) and id(item) not in skip:
                found += _collect(item, skip, (speaks, role or around[1]))
    return found


def _label(node: dict[str, Any]) -> str:
    """What an object says of itself: {"type": "plate", "data": …}."""
    texts = (value for key, value in node.items() if fold(key) in _LABELS and isinstance(value, str))
    return next((text for text in texts if len(text) < 100), "")


def _of_text(text: str, key: str, speaks: bool, role: ImageRole | None) -> list[_Found]:
    """What a string of the tree is: a picture in base64, an address of one, the name of a file part, or nothing."""
    if text.startswith(_INLINE) or (speaks and len(text) > _LONG):
        data = decode_base64_image(text)
        if data is None or len(data) < _SMALLEST:
            return []
        return [
            _Found(role, Image(role=role or "scene", data=one, mime=sniff(one)))
            for one in split_jpegs(data)
            if sniff(one)
        ]
    if len(text) > _LONG:
        return []
    address = text.strip()
    web = _URL.fullmatch(address) is not None
    if (web and speaks) or ((web or speaks or "url" in key) and _FILE.fullmatch(address)):
        told = role or role_of(address) or "scene"
        return [_Found(role, Image(role=told, url=address), name=address)]
    if speaks and 0 < len(address) <= _LONGEST_NAME:
        return [_Found(role, name=address.removeprefix("cid:"))]
    return []
