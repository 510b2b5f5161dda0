"""A request's body cut into its events and the pictures of each, for every transport: bare, multipart, stream chunk."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from core.api import MalformedPayload, Part, is_multipart, sniff, split_parts
from vendors.hikvision import event
from vendors.hikvision.pictures import identifiers, names_of, role_of
from vendors.hikvision.tree import Tree, read_documents

_DELIMITED = re.compile(rb"(?:\A|\n)--[^\r\n]{1,200}\r?\n(?:--[^\r\n]{1,200}\r?\n)?content-", re.IGNORECASE)
_UTF_16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}
_TELLING = re.compile(rb"eventnotificationalert[\s>/\"]|<(?:[\w.-]+:)?plates[\s>]|\"eventtype\"", re.IGNORECASE)


class Told(NamedTuple):
    """An event, the trees that hold its picture fields, and its picture parts.

    alert  what the event is one vehicle of, of several; else the event
    """

    event: Tree
    fields: Tree
    parts: list[Part]
    alert: Tree


def read_body(body: bytes, content_type: str) -> list[Told]:
    """The events in the order of the body. Raises MalformedPayload."""
    start = body.lstrip(b"\xef\xbb\xbf\x00 \r\n\t")
    if not start:
        raise MalformedPayload("hikvision: the body is empty, expected XML, JSON or multipart")
    bare = start[:1] in (b"<", b"{", b"[") or start[:2] in _UTF_16
    declared = is_multipart(content_type) and not bare
    if declared or start[:2] == b"--" or _DELIMITED.search(body, 0, 4096):
        return _assigned([_trimmed(part) for part in split_parts(body, content_type)])
    if sniff(body):
        raise MalformedPayload("hikvision: a picture without an event (expected multipart with XML or JSON)")
    part = Part(headers={}, name="", filename="", content_type="", data=memoryview(body), offset=0)
    events = [told for document in read_documents(_text(part)) for told in _told(document)]
    if not events:
        raise MalformedPayload("hikvision: expected an eventType, an ANPR block or Plates, found another document")
    return events


def _told(document: Tree) -> list[Told]:
    """A lone event may have pictures beside its block; several keep to their own."""
    found = event.events_in(document)
    vehicles = [(one, alert) for alert in found for one in event.vehicles_in(alert)]
    return [Told(one, document if len(vehicles) == 1 else one, [], alert) for one, alert in vehicles]


def _assigned(parts: list[Part]) -> list[Told]:
    """Pictures go to the event that names them, else to the event before them, else to the first one."""
    events: list[Told] = []
    broken: list[MalformedPayload] = []
    pictures: list[tuple[Part, int]] = []
    for part in parts:
        if sniff(part.data) or not _speaks(part):
            pictures.append((part, len(events) - 1))
            continue
        try:
            # a document without an event stands beside one: DeepinView posts faceCapture beside alarmResult
            events.extend(told for document in read_documents(_text(part)) for told in _told(document))
        except MalformedPayload as error:
            broken.append(error)
    if not events:
        if broken:
            raise broken[0]
        raise MalformedPayload("hikvision: no part holds an event (expected XML or JSON beside the pictures)")
    known = [identifiers(told.event) for told in events]
    for part, before in pictures:
        named = [n for n, ids in enumerate(known) if ids.intersection(names_of(part))]
        at = events[named[0] if len(named) == 1 else max(before, 0)]
        together = [told for told in events if told.alert is at.alert]
        if len(named) == 1 or len(together) == 1:
            at.parts.append(part)
        elif role_of(part.name, part.filename) in (None, "scene"):
            for told in together:  # it shows all of them; whose a close-up is, nobody can say
                told.parts.append(part)
    return events


def _speaks(part: Part) -> bool:
    head = bytes(part.data[:4096])
    begins = head.lstrip(b"\xef\xbb\xbf\x00 \r\n\t")[:1] in (b"<", b"{", b"[")
    return begins or head[:2] in _UTF_16 or _TELLING.search(head) is not None


def _trimmed(part: Part) -> Part:
    """Without the empty lines that some firmwares leave between a part's header and its picture."""
    head = bytes(part.data[:8])
    skip = len(head) - len(head.lstrip(b"\r\n"))
    return msgspec.structs.replace(part, data=part.data[skip:], offset=part.offset + skip) if skip else part


def _text(part: Part) -> str:
    encoding = _UTF_16.get(bytes(part.data[:2]))
    if encoding is not None:
        return bytes(part.data).decode(encoding, "replace")
    return part.text()
