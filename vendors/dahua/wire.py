"""From bytes to groups: each text of a body with the pictures that belong to it.

A body is one text (JSON, `Code=…` blocks, key=value lines, XML, "Heartbeat") or a multipart of texts and pictures;
pictures belong to the text before them, those at the very beginning to the first text.
"""

from __future__ import annotations

import re
from itertools import zip_longest

import msgspec

from core.api import Image, MalformedPayload, Part, Payload, XmlNode, decode_json, is_multipart, parse_xml, split_parts
from vendors.dahua import keyvalue, loose_json
from vendors.dahua.envelope import HEARTBEAT, Item, event_of, items_of
from vendors.dahua.fields import fold
from vendors.dahua.pictures import parts_of

MAX_TEXT = 2 * 1024 * 1024
MAX_BLOCKS = 2000
_HEARTBEAT = re.compile(r"\W*(?:heart[ _-]?beat|keep[ _-]?alive)\W*$", re.IGNORECASE)
_FIELD = r"[ \t]*(?:action|index)[ \t]*=[^;\r\n]*;"
_BLOCK = re.compile(
    rf"^(?P<before>(?:{_FIELD}){{0,3}})[ \t]*Code[ \t]*=(?P<code>[^;\r\n]*)"
    r"(?P<after>(?:;(?![ \t]*data[ \t]*=)[^;\r\n]*)*)"
    r"(?P<data>;[ \t]*data[ \t]*=\s*)?",
    re.IGNORECASE | re.MULTILINE,
)
_EVENT_HEAD = re.compile(rb"[{\[]|code\s*=|\w*events?\[", re.IGNORECASE)
_XML_BASE64 = re.compile(rb">\s*([A-Za-z0-9+/=\s]{1000,})<")


class Group(msgspec.Struct):
    """Messages of one text and the pictures that came with it; `problem` when the text could not be understood."""

    items: list[Item]
    images: list[Image]
    problem: MalformedPayload | None = None
    raw: str = ""


def groups_of(payload: Payload) -> list[Group]:
    """Split a body. Raises MalformedPayload only where nothing at all can be made of it."""
    body = payload.body
    where = payload.path.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    if is_multipart(payload.content_type) or body.lstrip()[:2] == b"--":
        try:
            return _multipart(body, payload.content_type, where)
        except MalformedPayload:
            if body.lstrip()[:2] == b"--":
                raise  # else: declared multipart, but a plain text (eventManager relays)
    if images := parts_of(body, 0, len(body)):
        return [Group([], images)]
    return [Group(_read(body, where), [])]


def _multipart(body: bytes, content_type: str, where: str) -> list[Group]:
    groups: list[Group] = []
    early: list[Image] = []
    beats = 0
    for part in split_parts(body, content_type):
        end = part.offset + len(part.data)
        images = parts_of(body, part.offset, end, part.name or part.filename)
        if images:
            (groups[-1].images if groups else early).extend(images)
        elif _may_be_text(part):
            group = _text_group(bytes(part.data), part.name or where)
            if group is not None and all(item is HEARTBEAT for item in group.items) and group.problem is None:
                beats += 1  # between an event and its pictures it does not part them
            elif group is not None:
                groups.append(group)
    if early and groups:
        groups[0].images[:0] = early
    elif early:
        groups.append(Group([], early))
    if groups or beats:
        return groups or [Group([HEARTBEAT], [])]
    raise MalformedPayload("multipart body without a text or a picture that could be read")


def _may_be_text(part: Part) -> bool:
    """Content types lie: a part called image/jpeg without a picture's magic is text only if it begins like an event."""
    head = bytes(part.data[:4096]).strip()
    if part.content_type.lower().startswith(("image/", "video/")):
        return _EVENT_HEAD.match(head) is not None
    return bool(head)


def _text_group(data: bytes, where: str) -> Group | None:
    try:
        return Group(_read(data, where), [])
    except MalformedPayload as problem:
        raw = data[:4000].decode("utf-8", "replace")
        if not any(mark in raw for mark in "{[<="):
            return None  # a form field such as a token
        return Group([], [], problem, raw)


def _read(data: bytes, where: str) -> list[Item]:
    """The messages of one text. Raises MalformedPayload when it is none of the known forms."""
    data = data.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n\x00")
    if not data:
        if fold(where) in ("keepalive", "heartbeat"):
            return [HEARTBEAT]
        raise MalformedPayload("empty body")
    if data[:1] in b"{[":
        try:
            value = decode_json(data)
        except MalformedPayload:
            value = loose_json.read_all(_decode(data))
        return items_of(value, where)
    if data[:1] == b"<":
        return items_of(_from_xml(data), where)
    if len(data) > MAX_TEXT:
        raise MalformedPayload(f"text of {len(data)} bytes is over the limit of {MAX_TEXT}")
    text = _decode(data)
    if _HEARTBEAT.match(text):
        return [HEARTBEAT]
    if blocks := _blocks(text):
        return blocks
    events = keyvalue.read(text)
    if not events:
        raise MalformedPayload(
            "expected JSON, XML, `Code=…;action=…;index=…` or `Events[0].…=…` lines, "
            f"got text that begins with {text[:40]!r}"
        )
    return [item for event in events for item in items_of(event, where)]


def _blocks(text: str) -> list[Item]:
    """All `Code=X;action=Y;index=N[;data=…]` messages. Only the head is split at ";": JSON may hold its signs."""
    found: list[Item] = []
    heads = [m for m in _BLOCK.finditer(text) if m["before"] or m["after"] or m["data"]]
    if len(heads) > MAX_BLOCKS:
        raise MalformedPayload(f"{len(heads)} events in one text are over the limit of {MAX_BLOCKS}")
    for head, following in zip_longest(heads, heads[1:]):
        named = (field.partition("=") for field in (head["before"] + head["after"]).split(";"))
        fields = {name.strip().lower(): value.strip() for name, _, value in named}
        data, raw = None, ""
        if head["data"]:
            # no line of valid JSON begins with `Code=`, so the next head ends a broken object
            tail = text[head.end() : following.start() if following else len(text)]
            stop = loose_json.end_of(tail, 0) if tail[:1] in ("{", "[") else -1
            raw = tail[: stop if stop >= 0 else len(tail)].strip()
            try:
                data, raw = loose_json.read(raw), ""
            except MalformedPayload:
                data = None
        for one in data[:64] if isinstance(data, list) and data else [data]:
            found.append(event_of(head["code"].strip(), fields.get("action", ""), fields.get("index", ""), one, raw))
    return found


def _decode(data: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", "replace")


def _from_xml(data: bytes) -> dict[str, object]:
    """XML as objects of local names. Long base64 is set aside first: the hardened reader takes 256 kB."""
    pictures: list[str] = []

    def aside(match: re.Match[bytes]) -> bytes:
        pictures.append(match.group(1).decode("ascii"))
        return b">base64:%d<" % (len(pictures) - 1)

    root = parse_xml(_XML_BASE64.sub(aside, data))
    return {root.name: _plain(root, pictures, 0)}


def _plain(node: XmlNode, pictures: list[str], depth: int) -> object:
    fields: dict[str, object] = {}
    for child in node.children():
        value = _plain(child, pictures, depth + 1) if depth < 24 else ""
        held = fields.get(child.name)
        if child.name not in fields:
            fields[child.name] = value
        elif isinstance(held, list):
            held.append(value)
        else:
            fields[child.name] = [held, value]
    if fields:
        return fields
    kept = node.text
    if kept.startswith("base64:") and kept[7:13].isdecimal() and len(kept) <= 13 and int(kept[7:]) < len(pictures):
        return pictures[int(kept[7:])]
    return kept
