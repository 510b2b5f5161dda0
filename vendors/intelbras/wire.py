"""From bytes to messages: JSON, `Code=…;action=…;index=…;data={…}` blocks, or a multipart of them and pictures."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from core.api import (
    Fields,
    MalformedPayload,
    Part,
    Payload,
    as_text,
    decode_json,
    is_multipart,
    read_body,
    sniff,
    split_parts,
)

_HEARTBEAT = re.compile(r"\W*(?:heart[ _-]?beat|keep[ _-]?alive)\W*$", re.IGNORECASE)
_BLOCK = re.compile(
    r"^[ \t]*Code[ \t]*=(?P<code>[^;\r\n]*)(?P<rest>(?:;(?!\s*data\s*=)[^;\r\n]*)*)(?P<data>;\s*data\s*=\s*)?",
    re.IGNORECASE | re.MULTILINE,
)
_KEPT_RAW = 4000
_DEEPEST = 8
_ALIVE = ("Active", "KeepAlive", "DeviceModel", "Manufacturer", "HeartBeat")
_TOLLGATE = ("Picture", "SnapInfo", "NormalPic", "CutoutPic", "VehiclePic", "PlateNumber")
_EVENT = ("Code", "TrafficCar", "Object", "NonMotor")


class Message(msgspec.Struct):
    """code is "" for an ITSAPI plate; raw is the text of a `data` that could not be read."""

    code: str
    data: Fields
    action: str = ""
    index: int | None = None
    pictures: list[Part] = []
    raw: str = ""


def messages_of(payload: Payload) -> list[Message]:
    """[] when there were signs of life only. Raises MalformedPayload where nothing is understood."""
    body = payload.body
    if not is_multipart(payload.content_type) and body.lstrip()[:2] != b"--":
        return _read(body)
    found: list[Message] = []
    early: list[Part] = []
    understood = False
    for part in split_parts(body, payload.content_type):
        if sniff(part.data):
            (found[-1].pictures if found else early).append(part)
            continue
        if not bytes(part.data).strip() or part.content_type.lower().startswith("image/"):
            continue
        try:
            found += _read(bytes(part.data))
            understood = True
        except MalformedPayload:
            continue  # a form field beside the event
    if found:
        found[0].pictures[:0] = early
    elif not understood:
        raise MalformedPayload("intelbras: multipart without an event that could be read")
    return found


def _read(data: bytes) -> list[Message]:
    text = data.decode("utf-8", "replace").strip("\ufeff\x00 \r\n\t")
    if _HEARTBEAT.match(text):
        return []
    if text[:1] in ("{", "["):
        return _objects(read_body(data).root)
    if blocks := _blocks(text):
        return blocks
    raise MalformedPayload(f"intelbras: expected JSON or `Code=…;action=…;index=…`, got text of {len(text)} characters")


def _objects(root: Any) -> list[Message]:
    found: list[Message] = []
    alive = _collect(root, found, 0)
    if not found and not alive:
        raise MalformedPayload("intelbras: expected Picture, Plate, Code, Active or DeviceModel; found none of them")
    return found


def _collect(value: Any, found: list[Message], depth: int) -> bool:
    """Messages into `found`; whether there were signs of life. Wrappers (`Events`, `params`) are walked through."""
    if isinstance(value, list):
        alive = False
        for one in value:
            alive |= depth < _DEEPEST and _collect(one, found, depth + 1)
        return alive
    if not isinstance(value, dict) or depth > _DEEPEST:
        return False
    node = Fields(value)
    code = node.text("Code", "EventBaseInfo/Code")
    if node.has(*_TOLLGATE) or isinstance(node.value("Plate"), dict):
        found.append(Message(code, node))
        return True
    if node.has(*_EVENT) and (code or not node.has(*_ALIVE)):
        data = node.node("Data") or node
        found.append(Message(code or "Event", data, node.text("Action"), _index(node.text("Index"))))
        return True
    if node.has(*_ALIVE) or {"DeviceID", "DeviceName"} <= value.keys():
        return True
    return _collect(list(value.values()), found, depth)


def _blocks(text: str) -> list[Message]:
    """Only the head is split at ";": the JSON behind it may hold that and "=" in its texts."""
    found = []
    at = 0
    while match := _BLOCK.search(text, at):
        at = match.end()
        rest = dict(field.partition("=")[::2] for field in match["rest"].split(";"))
        fields = {key.strip().lower(): value.strip() for key, value in rest.items()}
        if not fields.keys() & {"action", "index"} and not match["data"]:
            continue
        data: Any = {}
        raw = ""
        if match["data"]:
            data, at = _json_at(text, at)
            if data is None:
                following = _BLOCK.search(text, at)
                end = following.start() if following else len(text)
                data, raw, at = {}, text[at:end].strip()[:_KEPT_RAW], end
        code = match["code"].strip()
        if not _HEARTBEAT.match(code):
            index = _index(fields.get("index", ""))
            found.append(Message(code or "Event", Fields(data), fields.get("action", ""), index, raw=raw))
    return found


def _json_at(text: str, at: int) -> tuple[Any, int]:
    """The object that begins at a place and where it ends; (None, at) where it is broken."""
    try:
        _, end = json.JSONDecoder(strict=False).raw_decode(text, at)
        return decode_json(text[at:end]), end
    except (ValueError, RecursionError, MalformedPayload):
        return None, at


def _index(text: str) -> int | None:
    return int(as_text(text)) if text.isascii() and text.isdigit() and len(text) < 5 else None
