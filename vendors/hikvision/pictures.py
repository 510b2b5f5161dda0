"""Which picture is what: by part name, file name, the list in the event, and the bytes; the declared type lies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from core.api import Image, ImageRole, Part, decode_base64_image, sniff, split_jpegs
from vendors.hikvision.tree import Tree

_ROLES: tuple[tuple[str, ImageRole], ...] = (
    ("platebinary", "other"),
    ("plate", "plate"),
    ("pilot", "other"),
    ("composite", "other"),
    ("feature", "other"),
    ("face", "face"),
    ("nonmotor", "vehicle"),
    ("vehicle", "vehicle"),
    ("pedestrian", "other"),
    ("detection", "scene"),
    ("panorama", "scene"),
    ("background", "scene"),
    ("bkg", "scene"),
    ("scene", "scene"),
    ("linecross", "scene"),
    ("vmd", "scene"),
)
"""Words that tell; "picture" and "image" tell nothing, and what nothing tells is the scene."""
_LISTS = frozenset({"pictureinfo", "pictureinfolist", "picinfo", "picture", "pictures", "picturelist"})
_ID_KEYS = ("pId", "contentID", "cid", "fileName")
_LOWER_ID_KEYS = frozenset(key.lower() for key in _ID_KEYS)
_ADDRESS_KEY = re.compile(r"ur[il]$|path$|pic|image|img|photo|snap", re.IGNORECASE)
_URL = re.compile(r"^(?:https?|ftp)://\S+$", re.IGNORECASE)
_BASE64_HEADS = ("/9", "iVBOR", "data:image", "DATA:image")
_SHORTEST = len("ftp://h/p")
_SHORTEST_BASE64 = 64


def role_of(*names: str) -> ImageRole | None:
    """The role that the first telling name gives; None when none tells (a file name may be a mere picture id)."""
    for name in names:
        folded = name.lower().rpartition("/")[2].replace("_", "").replace("-", "").replace(" ", "")
        for word, role in _ROLES:
            if word in folded:
                return role
    return None


def declared(event: Tree) -> list[Tree]:
    """The event's own list of pictures."""
    return [t for t in event.walk() if t.key in _LISTS and t.has(*_ID_KEYS, "type", "pictureURL")]


def identifiers(event: Tree) -> set[str]:
    """By what this event alone names its pictures: ids and file names, lower case ("vehiclePicture" is no such)."""
    found = {_bare(tree.text) for tree in event.walk() if tree.text and tree.key in _LOWER_ID_KEYS}
    return {name for name in found if role_of(name) is None}


def names_of(part: Part) -> list[str]:
    """By what a part can be named in an event."""
    return [n for n in map(_bare, (part.name, part.filename, part.headers.get("content-id", ""))) if n]


def from_parts(parts: Sequence[Part], event: Tree) -> list[Image]:
    """The pictures among an event's parts. Empty, cut to nothing, or not a picture at all: left out."""
    listed = [p for p in declared(event) if p.get("dataType") != "1"]
    by_name = {_bare(text): p for p in listed for key in _ID_KEYS if (text := p.get(key))}
    found = []
    for number, part in enumerate(parts):
        info = next((by_name[n] for n in names_of(part) if n in by_name), None)
        if info is None and number < len(listed):
            told = role_of(part.name, part.filename)
            info = None if told else listed[number]
        role = role_of(part.name, *((info.get("type"), info.get("fileName")) if info else ()), part.filename) or "scene"
        mime = sniff(part.data)
        if mime:
            found.append(Image(role=role, data=part.data, offset=part.offset, mime=mime))
        elif bytes(part.data[:10]).decode("latin-1").startswith(_BASE64_HEADS):
            found.extend(_decoded(bytes(part.data).decode("latin-1"), role))
    return found


def from_fields(event: Tree) -> list[Image]:
    """Pictures by URL and in base64 fields, wherever the event has them."""
    seen: set[str] = set()
    return list(_fields(event, (), seen, 0))


def _fields(tree: Tree, above: tuple[str, ...], seen: set[str], depth: int) -> Iterator[Image]:
    around = (tree.get("type"), tree.get("fileName"), tree.key, *above[:2])
    for children in tree.children.values():
        for child in children:
            text = child.text
            if len(text) >= _SHORTEST and text not in seen:
                if _URL.match(text) and _ADDRESS_KEY.search(child.key):
                    seen.add(text)
                    yield Image(role=role_of(child.key, *around) or "scene", url=text)
                elif len(text) >= _SHORTEST_BASE64 and text.startswith(_BASE64_HEADS):
                    seen.add(text)
                    yield from _decoded(text, role_of(child.key, *around) or "scene")
            if child.children and depth < 32:
                yield from _fields(child, (tree.key, *above), seen, depth + 1)


def _decoded(text: str, role: ImageRole) -> Iterator[Image]:
    data = decode_base64_image(text)
    if data is not None:
        for one in split_jpegs(data):
            yield Image(role=role, data=one, mime=sniff(one))


def _bare(text: str) -> str:
    return text.strip().strip("<>").lower().removeprefix("cid:")
