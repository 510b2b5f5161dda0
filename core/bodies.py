"""A device's body decoded into one tree: JSON, XML, a form, lines of `name=value`, or multipart with pictures.

For makes that send the same fields in several wrappings. Told by the bytes; the declared type only helps, since devices
lie about it. JSON that stands in a form field or in a text is decoded in place.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from core.domain.errors import MalformedPayload
from core.domain.images import sniff
from core.domain.multipart import Part, is_multipart, split_parts
from core.safe_json import decode_json
from core.xml import XmlNode, parse_xml

MAX_FORM_FIELDS = 1000
MAX_VALUES = 10_000
_NESTED = 3
_FORM = re.compile(rb"\s*[\w.\[\]%+-]{1,200}=")
_LINES = re.compile(r"(?:[\w.\[\]-]{1,200}=[^\r\n]*(?:\r?\n|\Z)\s*){2,}\Z")
_BETWEEN = re.compile(r"[\r\n\t ,\x00]*")
_BASE64_HEADS = ("/9j/", "iVBORw0KGgo", "data:")


class Body(msgspec.Struct, frozen=True):
    """root: the decoded tree (a form is an object of its fields); pictures: parts that hold one, in order."""

    root: Any
    pictures: tuple[Part, ...] = ()


def read_body(body: bytes, content_type: str = "") -> Body:
    """Decode a body. Raises MalformedPayload saying what it is not.

    Lines `name=value` are an object, as a form is; names with dots and brackets stay whole. Several JSON values one
    behind the other (lines) become a list. Of XML see `xml_tree`.
    """
    head = body[:256].lstrip(b"\xef\xbb\xbf \r\n\t")
    if not head:
        raise MalformedPayload("the body is empty: expected JSON, XML, a form or multipart")
    if head[:2] == b"--" or (is_multipart(content_type) and head[:1] not in b"{[<"):
        return _multipart(split_parts(body, content_type))
    if head[:1] in b'{["':
        return Body(opened(_json(body)))
    if head[:1] == b"<" or body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Body(xml_body(body))
    if sniff(body):
        raise MalformedPayload("a picture without an event: expected multipart with the event beside it")
    if content_type.lower().lstrip().startswith("application/x-www-form-urlencoded") or _FORM.match(head):
        text = body.decode("utf-8", "replace")
        return Body(
            _lines(text) if b"&" not in body and _LINES.match(text.lstrip("\ufeff \r\n\t")) else read_form(text)
        )
    raise MalformedPayload("the body is neither JSON nor XML nor a form nor multipart")


def xml_body(body: bytes | str) -> dict[str, Any]:
    """An XML document as an object with one key, its root's name. Raises MalformedPayload."""
    root = parse_xml(body)
    return {root.name: xml_tree(root)}


def xml_tree(node: XmlNode) -> Any:
    """An element as JSON would have it: text, or an object of its children; equal names become a list.

    Local names as written. Attributes stand as "@name"; the text of an element that has any stands as "#text".
    Deeper than 64 levels MalformedPayload.
    """
    return _element(node, 0)


def _element(node: XmlNode, level: int) -> Any:
    if level > 64:
        raise MalformedPayload("XML is nested deeper than 64 levels")
    found: dict[str, Any] = {
        "@" + str(key).rpartition("}")[2]: str(value) for key, value in node.element.attrib.items()
    }
    for child in node.children():
        _put(found, child.name, _element(child, level + 1))
    if not found:
        return node.text
    if node.text:
        found["#text"] = node.text
    return found


def read_form(text: str) -> dict[str, Any]:
    """Fields of a form or a query string; a repeated name becomes a list. Raises MalformedPayload."""
    try:
        pairs = parse_qsl(text.strip(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise MalformedPayload(f"the form has more than {MAX_FORM_FIELDS} fields") from None
    fields: dict[str, Any] = {}
    for name, value in pairs:
        # base64 that a device did not escape has its "+" read as a blank
        _put(fields, name, opened(value.replace(" ", "+") if value.startswith(_BASE64_HEADS) else value))
    return fields


def _lines(text: str) -> dict[str, Any]:
    """Fields of lines `name=value`, as CGI answers and event streams have them: nothing is escaped in them."""
    fields: dict[str, Any] = {}
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    if len(lines) > MAX_FORM_FIELDS:
        raise MalformedPayload(f"the body has more than {MAX_FORM_FIELDS} lines")
    for line in lines:
        name, _, value = line.partition("=")
        _put(fields, name.strip(), opened(value.strip()))
    return fields


def opened(value: Any, rounds: int = _NESTED) -> Any:
    """The same tree with the JSON that stands in texts decoded (`"payload": "{…}"`)."""
    if isinstance(value, dict):
        return {key: opened(child, rounds) for key, child in value.items()}
    if isinstance(value, list):
        return [opened(child, rounds) for child in value]
    if isinstance(value, str) and rounds and _like_json(value):
        try:
            return opened(decode_json(value), rounds - 1)
        except MalformedPayload:
            return value  # a plate in braces, a text in brackets
    return value


def _like_json(text: str) -> bool:
    head = text[:64].lstrip()
    return head[:1] == "[" or (head[:1] == "{" and head[1:].lstrip()[:1] in ('"', "}"))


def _multipart(parts: list[Part]) -> Body:
    fields: dict[str, Any] = {}
    pictures = []
    for part in parts:
        if sniff(part.data):
            pictures.append(part)
        elif part.data and not part.content_type.lower().startswith(("image/", "video/")):
            text = part.text().strip("\x00 \r\n\t\ufeff")
            _put(fields, part.name or part.filename or "event", xml_body(text) if text[:1] == "<" else opened(text))
    if not fields and not pictures:
        raise MalformedPayload("multipart without a part that says anything")
    return Body(fields, tuple(pictures))


def _json(body: bytes) -> Any:
    try:
        return decode_json(body)
    except MalformedPayload as error:
        values = _values(body.decode("utf-8", "replace").lstrip("\ufeff"))
        if values is None:
            raise error from None
        return values


def _values(text: str) -> list[Any] | None:
    """Several JSON values one behind the other; None unless there are at least two and nothing else."""
    decoder, at = json.JSONDecoder(), 0
    found: list[Any] = []
    try:
        while at < len(text) and len(found) < MAX_VALUES:
            end = decoder.raw_decode(text, at)[1]
            found.append(decode_json(text[at:end]))
            match = _BETWEEN.match(text, end)
            at = match.end() if match else end
    except (ValueError, RecursionError, MalformedPayload):
        return None
    return found if len(found) > 1 and at >= len(text) else None


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]
