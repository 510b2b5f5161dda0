"""Pictures of a Dahua payload: which part of the body, base64 field or URL they are, and what they show."""

from __future__ import annotations

from typing import Any

from core.api import Image, ImageRole, decode_base64_image, measure, sniff, split_jpegs
from vendors.dahua.fields import Node, fold

_JOINT = b"\xff\xd9\xff\xd8\xff"
_MOST = 32


def parts_of(body: bytes, start: int, end: int, name: str = "") -> list[Image]:
    """The pictures that stand verbatim in body[start:end]: none, one, or several JPEGs joined together."""
    view = memoryview(body)
    mime = sniff(view[start:end])
    if not mime:
        return []
    role = role_of(name)
    found: list[Image] = []
    while len(found) < _MOST:
        cut = body.find(_JOINT, start, end) if mime == "image/jpeg" else -1
        stop = end if cut < 0 else cut + 2
        found.append(Image(role=role, data=view[start:stop], offset=start, mime=mime))
        if cut < 0:
            break
        start = stop
    return found


def role_of(name: str) -> ImageRole:
    """What a picture shows by its field, part or file name; "other" when the name says nothing."""
    key = fold(name)
    if "cutout" in key or "plate" in key:
        return "plate"
    if "face" in key:
        return "face"
    if any(word in key for word in ("normal", "scene", "panorama", "overview", "full", "combin", "compos")):
        return "scene"
    if any(word in key for word in ("vehicle", "veh", "car", "body")):
        return "vehicle"
    return "other"


def roles_by_size(images: list[Image]) -> list[Image]:
    """Name what the parts did not name: snapManager's have no names, only the order scene, crops.

    The largest is the scene, and so is any that comes near it (a red-light series); of the crops the smallest is the
    plate if it is as wide as plates are.
    """
    if not images or any(image.role != "other" for image in images):
        return images
    sizes = [_size(image) for image in images]
    areas = [width * height for width, height in sizes]
    if not all(areas):  # a header that cannot be measured: go by bytes
        sizes = [(0, 0)] * len(images)
        areas = [len(image.data or b"") for image in images]
    largest = max(areas)
    roles: list[ImageRole] = ["scene" if area * 2 > largest else "vehicle" for area in areas]
    crops = [i for i, role in enumerate(roles) if role == "vehicle"]
    if crops:
        smallest = min(crops, key=lambda i: areas[i])
        width, height = sizes[smallest]
        if width * 2 >= height * 3:
            roles[smallest] = "plate"
    return [_with_role(image, role) for image, role in zip(images, roles, strict=True)]


def shared(images: list[Image]) -> tuple[Image, ...]:
    """For several vehicles in one event: only the scene surely shows each of them; whose crop is whose is not told."""
    return tuple(image if image.role == "scene" else _with_role(image, "other") for image in images)


def embedded(*nodes: Node) -> list[Image]:
    """Pictures in fields: `NormalPic {Content: base64}`, base64 or URL directly in a picture-like field.

    One Content may hold two JPEGs joined together (CP Plus). Placeholders that are no picture are dropped.
    """
    found: list[Image] = []
    seen: set[str] = set()
    for node in nodes:
        for key, value in node.data.items():
            folded = fold(key)
            for item in value if isinstance(value, list) else [value]:
                if len(found) >= _MOST:
                    return found
                if isinstance(item, dict):
                    inner = Node(item)
                    content = inner.at("Content", "Data", "Image", "Base64", "PicContent")
                    url = inner.at("Url", "PicUrl", "ImageUrl", "PicURI")
                    found += _decoded(folded, content, seen) or _linked(folded, url, seen)
                elif isinstance(item, str) and _picture_like(folded):
                    found += _linked(folded, item, seen) or _decoded(folded, item, seen)
    return found


def _picture_like(key: str) -> bool:
    return key.endswith(
        ("pic", "pics", "picture", "pictures", "image", "images", "img", "url", "uri", "snapshot", "photo", "content")
    )


def _decoded(key: str, content: Any, seen: set[str]) -> list[Image]:
    if not isinstance(content, str) or len(content) < 8 or content in seen:
        return []
    data = decode_base64_image(content)
    if data is None:
        return []
    seen.add(content)
    role = role_of(key)
    return [
        Image(role="scene" if role == "other" else role, data=piece, mime=sniff(piece))
        for piece in split_jpegs(data)[:_MOST]
        if sniff(piece)
    ]


def _linked(key: str, url: Any, seen: set[str]) -> list[Image]:
    if not isinstance(url, str) or url in seen:
        return []
    address = url.strip()
    if not address.lower().startswith(("http://", "https://")) or len(address) > 2048 or " " in address:
        return []
    seen.add(url)
    role = role_of(key)
    return [Image(role="scene" if role == "other" else role, url=address)]


def _size(image: Image) -> tuple[int, int]:
    size = measure(image.data) if image.data is not None else None
    return (size.width, size.height) if size else (0, 0)


def _with_role(image: Image, role: ImageRole) -> Image:
    return Image(role=role, data=image.data, offset=image.offset, url=image.url, mime=image.mime)
