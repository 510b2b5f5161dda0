"""Whose pictures are whose: LAPI lists them and refers to them by index, VIID keeps them in each vehicle."""

from __future__ import annotations

from core.api import Fields, Image, ImageRole, measure, read_picture

_LISTS = ("SubImageList/SubImageInfoObject", "SubImageInfoObject", "ImageInfoList", "SubImageList", "ImageList")
_CONTENT = ("Data", "ImageData", "URL", "ImageURL", "PicURL", "StoragePath")
_BIG = ("LargePicAttachIndex", "LargePicIndex")
_SMALL = ("SmallPicAttachIndex", "SmallPicIndex", "PlatePicAttachIndex")
# GA/T 1400 (documents only): 1 vehicle in its scene, 2 plate, 3 plate in black and white, 4 and 5 drivers, 7 and 8
# composed evidence, 9 vehicle close-up, 11 face, 12 non-motor vehicle, 14 scene, 100 general
_VIID: dict[str, ImageRole] = {"1": "scene", "2": "plate", "3": "other", "4": "face", "5": "face", "6": "other",
                               "7": "scene", "8": "scene", "9": "vehicle", "11": "face", "12": "vehicle", "14": "scene",
                               "100": "scene"}  # fmt: skip


def listed(node: Fields, around: tuple[Fields, ...]) -> list[Fields]:
    """The nearest list of pictures, narrowed to those that the node refers to."""
    every = next((found for one in (*node.walk(), *around) if (found := one.nodes(*_LISTS))), [])
    wanted = {node.text(*_BIG), *(node.text(key) for key in _SMALL)} - {""}
    return [info for info in every if info.text("Index") in wanted] or every


def of_vehicle(node: Fields, around: tuple[Fields, ...], *, alone: bool) -> tuple[Image, ...]:
    """A vehicle's pictures. Without an index, several vehicles share the scenes only: a crop shows one of them."""
    own = bool(node.nodes(*_LISTS))
    infos = listed(node, around)
    referred = {node.text(*_BIG), *(node.text(key) for key in _SMALL)} & {info.text("Index") for info in infos} - {""}
    images = [image for info in infos for image in _images(info, node, own)]
    return tuple(image for image in images if own or referred or alone or image.role == "scene")


def of_event(node: Fields, around: tuple[Fields, ...]) -> tuple[Image, ...]:
    """The pictures of an event that is about no vehicle."""
    return tuple(image for info in listed(node, around) for image in _images(info, node, viid=False))


def _images(info: Fields, node: Fields, viid: bool) -> list[Image]:
    kind = info.text("Type", "ImageType").lstrip("0")
    found: list[Image] = []
    for key in _CONTENT:
        for image in read_picture(info.value(key), "scene"):
            found.append(
                Image(role=_role(kind, info, node, image, viid), data=image.data, url=image.url, mime=image.mime)
            )
        if found:
            break
    return found


def _role(kind: str, info: Fields, node: Fields, image: Image, viid: bool) -> ImageRole:
    if viid and kind in _VIID:
        return _VIID[kind]
    index = info.text("Index")
    crop = kind == "2" or (kind != "1" and index != "" and index in {node.text(key) for key in _SMALL})
    if not crop:
        return "scene"
    size = measure(image.data) if image.data is not None else None
    return "plate" if size is not None and size.width >= 2 * size.height > 0 else "vehicle"
