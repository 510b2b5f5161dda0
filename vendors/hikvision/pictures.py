"""Which picture is what: by part name, file name, the list in the event, and the bytes; the declared type lies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.api import Image, ImageRole, Part, decode_base64_image, sniff, split_jpegs
from vendors.hikvision.tree import Tree

_ROLES: tuple[tuple[str, ImageRole], ...] = (
    ("platebinary", "other"),
    ("licenseplate", "plate"),
    ("plateimage", "plate"),
    ("platepic", "plate"),
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
    ("field", "scene"),
    ("picture", "scene"),
    ("image", "scene"),
    ("snap", "scene"),
)
_URL_KEYS = ("pictureurl", "ftppath", "bkgurl", "picurl", "imageurl", "detectionpictureurl", "backgroundimageurl")
_URL = re.compile(r"^(?:https?|ftp)://\S+$", re.IGNORECASE)
_SHORTEST_BASE64 = 64


def role_of(*names: str) -> ImageRole | None:
    """The role that the first telling name gives; None when none tells (a file name may be a mere picture id)."""
    for name in names:
        folded = re.sub(r"[^a-z]", "", name.lower().rsplit("/", 1)[-1].removesuffix(".jpg"))
        for word, role in _ROLES:
            if word in folded:
                return role
    return None


def declared(event: Tree) -> list[Tree]:
    """The event's own list of pictures."""
    return [tree for tree in event.walk() if tree.name.lower() == "pictureinfo"]


def from_parts(parts: Sequence[Part], event: Tree | None) -> list[Image]:
    """The pictures among an event's parts. Empty, cut to nothing, or not a picture at all: left out."""
    listed = [p for p in declared(event) if p.get("dataType") != "1"] if event is not None else []
    by_file = {p.get("fileName").lower(): p for p in listed if p.get("fileName")}
    by_id = {p.get("pId").lower(): p for p in listed if p.get("pId")}
    found = []
    for number, part in enumerate(parts):
        mime = sniff(part.data)
        if not mime:
            continue
        names = (part.name, part.filename, part.headers.get("content-id", "").strip("<>"))
        info = next((t for n in names if n and (t := by_file.get(n.lower()) or by_id.get(n.lower()))), None)
        role = role_of(part.name, info.get("type", "fileName") if info else "", part.filename)
        if role is None and number < len(listed):
            role = role_of(listed[number].get("type"), listed[number].get("fileName"))
        found.append(Image(role=role or "scene", data=part.data, offset=part.offset, mime=mime))
    return found


def from_fields(event: Tree) -> list[Image]:
    """Pictures by URL and in base64 fields."""
    found: list[Image] = []
    seen: set[str] = set()
    for info in declared(event):
        url = info.get("pictureURL", "picUrl")
        if _URL.match(url) and url not in seen:
            seen.add(url)
            found.append(Image(role=role_of(info.get("type"), info.get("fileName")) or "scene", url=url))
    for tree in event.walk():
        name = tree.name.lower()
        if name in _URL_KEYS and _URL.match(tree.text) and tree.text not in seen:
            seen.add(tree.text)
            found.append(
                Image(role="scene" if name in ("ftppath", "bkgurl") else role_of(name) or "scene", url=tree.text)
            )
        elif len(tree.text) >= _SHORTEST_BASE64 and role_of(name):
            found.extend(_decoded(tree))
    return found


def _decoded(tree: Tree) -> Iterable[Image]:
    data = decode_base64_image(tree.text)
    if data is not None:
        for one in split_jpegs(data):
            yield Image(role=role_of(tree.name) or "scene", data=one, mime=sniff(one))
