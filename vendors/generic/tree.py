"""From a body in any of the generic forms to the vehicles in it: JSON, forms, multipart, JSON inside any of them.

A vehicle is an object with a plate key, wherever it stands: what wraps it (`params`, `info`, `event`, `data`, lists) is
found by walking, not by name. The objects around a vehicle lend it what it does not say itself (time, lane, camera).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from core.api import MalformedPayload, Part, decode_json, is_multipart, normalise_plate, sniff, split_parts
from vendors.generic import words
from vendors.generic.words import INNER_PLATE, PLATE_RANK, PLATES, Field, fold

_MAX_FORM_FIELDS = 1000
_MAX_TEXT_PART = 32 * 1024 * 1024
_LONGEST_PLATE = 40
_NESTED_ROUNDS = 2
_MOST_OF_A_KIND = 16
_PATH = re.compile(r"[\[\].]+")
_FORM = re.compile(rb"\s*[\w.\[\]%+-]{1,200}=")
_FEW = 8
_BLANK, _QUOTE = b' "'
_BLANK_FIRST = re.compile(rb'" +[\[{]')
_BASE64_HEADS = ("/9j/", "_9j_", "iVBORw0KGgo", "data:")

_plate_keys: dict[tuple[str, ...], list[tuple[int, str]]] = {}
"""The keys of objects met so far -> (rank, key) of those that name a plate: devices send the same ones for ever."""
_MOST_KEPT = 1024

Chain = tuple[dict[str, Any], ...]
"""The objects around a vehicle, the outermost first, and the vehicle's own last."""


class Body(msgspec.Struct, frozen=True):
    """root: the decoded tree; files: parts that hold a picture, in the order of the body; json: the tree is all."""

    root: Any
    files: tuple[Part, ...] = ()
    json: bool = False


def read_body(body: bytes, content_type: str) -> Body:
    """Decode a body by what it holds; the declared type only helps. Raises MalformedPayload."""
    head = body[:256].lstrip(b"\xef\xbb\xbf \r\n\t")
    if not head:
        raise MalformedPayload("generic: the body is empty, expected JSON, a form or multipart")
    if head[:1] in (b"{", b"[", b'"'):
        root = decode_json(body)
        return Body(_opened(root, _NESTED_ROUNDS) if _may_nest(body) else root, json=True)
    if is_multipart(content_type) or head[:2] == b"--":
        return _multipart(split_parts(body, content_type))
    if sniff(body):
        raise MalformedPayload("generic: a picture without an event (expected multipart with the plate beside it)")
    if content_type.lower().startswith("application/x-www-form-urlencoded") or _FORM.match(head):
        return Body(_form(body))
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Body(_opened(decode_json(body), _NESTED_ROUNDS), json=True)
    raise MalformedPayload("generic: the body is neither JSON nor a form nor multipart")


def _may_nest(body: bytes) -> bool:
    """Whether a string in the body may begin like JSON, or has an escape in it and so might."""
    if b"\\" in body:
        return True
    if body.count(b"{") + body.count(b"[") > _FEW:
        return b'"{' in body or b'"[' in body or (b'" ' in body and _BLANK_FIRST.search(body) is not None)
    return _quoted(body, b"{") or _quoted(body, b"[")


def _quoted(body: bytes, bracket: bytes) -> bool:
    """Whether a quotation mark stands before one of few brackets. Looking for one character is ten times as fast."""
    at = body.find(bracket, 1)
    while at > 0:
        before = at - 1
        while before and body[before] == _BLANK:
            before -= 1
        if body[before] == _QUOTE:
            return True
        at = body.find(bracket, at + 1)
    return False


def find_vehicles(root: Any) -> list[Chain]:
    """All vehicles, in the order of the body."""
    return _find(root, ())


def plate_text(node: dict[str, Any]) -> str | None:
    """What a vehicle's plate keys say: "" = named, but not read; None = the object has no plate key."""
    keys = tuple(node)
    named = _plate_keys.get(keys)
    if named is None:
        named = [(PLATE_RANK[fold(key)], key) for key in keys if fold(key) in PLATE_RANK]
        if len(keys) <= _MOST_SHAPED:
            if len(_plate_keys) >= _MOST_KEPT:
                _plate_keys.clear()
            _plate_keys[keys] = named
    best: tuple[int, str] | None = None
    for rank, key in named:
        text = _plate_value(node[key])
        if text is not None and (best is None or not best[1] or (text and rank < best[0])):
            best = (rank, text)
    return best[1] if best is not None else None


class Form:
    """What was found out about a form of object, kept for all that have it.

    texts     (number of a field, its places) of the fields that are read as text and are there; a place at the top is
              its key alone
    pictures  whether a key speaks of a picture; None until somebody asked
    extras    (key, name to keep it under) of what has no place of its own; None until somebody asked
    plan      vendors.generic.alone.Plan, False where there is none; None until somebody asked
    """

    __slots__ = ("extras", "layout", "pictures", "plan", "shape", "texts")

    def __init__(self, shape: Shape | None, layout: Layout) -> None:
        self.shape = shape
        self.layout = layout
        self.pictures: bool | None = None
        self.plan: Any = None
        self.extras: tuple[tuple[str, str], ...] | None = None
        self.texts = tuple(
            (field.number, tuple(_place(path) for _, _, path in layout[field.number]))
            for field in words.TEXTS
            if field.number in layout
        )


def _place(path: Path) -> str | Path:
    return path[0] if len(path) == 1 and isinstance(path[0], str) else path


class Scope:
    """The fields of one object and of what hangs below it.

    A key further down is known by its own name and with its parent's in front: {"vehicle": {"type": …}} is
    `vehicletype`. Of equal keys the one nearest to the top counts.

    Where a field stands depends on the keys alone, and a device sends the same keys for ever: what was found out about
    a form of object is kept.
    """

    __slots__ = ("form", "layout", "node")

    def __init__(self, node: dict[str, Any], skip: set[int]) -> None:
        self.node = node
        shape = None if skip else _shape(node)
        if shape is None:
            self.form = Form(None, _lay_out(node, skip))
        else:
            form = _forms.get(shape)
            if form is None:
                if len(_forms) >= _MOST_FORMS:
                    _forms.clear()
                form = _forms[shape] = Form(shape, _lay_out(node, skip))
            self.form = form
        self.layout = self.form.layout

    def values(self, field: Field) -> Iterable[tuple[str, Any]]:
        """(folded key, value) of all that could be this field, the most telling first."""
        places = self.layout.get(field.number)
        if places is None:
            return ()
        if len(places) == 1:
            _, name, path = places[0]
            return ((name, at(self.node, path)),)
        return [(name, at(self.node, path)) for _, name, path in places]


Path = tuple[str | int, ...]
Layout = dict[int, list[tuple[int, str, Path]]]
Shape = tuple[Any, ...]
"""The keys of an object; behind them (key, shape) of each object in it."""
_forms: dict[Shape, Form] = {}
_nested: dict[tuple[Any, ...], tuple[str, ...]] = {}
"""Keys and types of an object's fields -> the keys that hold objects and lists."""
_MOST_FORMS = 256
_MOST_SHAPED = 200
_NESTED = frozenset({dict, list})


def _shape(node: dict[str, Any]) -> Shape | None:
    """The keys of an object and of those in it; None when lists hold objects, or for an absurdly large one."""
    if len(node) > _MOST_SHAPED:
        return None
    keys = tuple(node)
    kinds = tuple(map(type, node.values()))
    nested = _nested.get((keys, kinds))
    if nested is None:
        if len(_nested) >= _MOST_KEPT:
            _nested.clear()
        nested = tuple(key for key, kind in zip(keys, kinds, strict=True) if kind in _NESTED)
        _nested[keys, kinds] = nested
    if not nested:
        return keys
    parts: list[Any] = [*keys]
    for key in nested:
        value = node[key]
        if type(value) is dict:
            inner = _shape(value)
            if inner is None:
                return None
            parts.append((key, inner))
        elif not _NESTED.isdisjoint(map(type, value)):
            return None
    return tuple(parts)


def all_keys(shape: Shape) -> Iterator[str]:
    """Every key in a shape."""
    for part in shape:
        if isinstance(part, str):
            yield part
        else:
            yield from all_keys(part[1])


def at(node: Any, path: Path) -> Any:
    """The value at a place."""
    for step in path:
        node = node[step]
    return node


def _lay_out(node: dict[str, Any], skip: set[int]) -> Layout:
    """Where each field stands in an object, breadth first."""
    layout: Layout = {}
    waiting: list[tuple[str, Path, Any]] = []
    for key, value in node.items():
        folded = fold(key)
        _note(layout, words.BESIDE, folded, (key,))
        if isinstance(value, dict | list):
            waiting.append((_prefix(folded), (key,), value))
    for prefix, path, value in waiting:
        if isinstance(value, list):
            inner = ((n, item) for n, item in enumerate(value) if isinstance(item, dict | list))
            waiting.extend((prefix, (*path, n), item) for n, item in inner)
        elif id(value) not in skip:
            for key, child in value.items():
                folded = fold(key)
                _note(layout, words.ANYWHERE, folded, (*path, key))
                _note(layout, words.ANYWHERE, prefix + folded, (*path, key))
                if isinstance(child, dict | list):
                    waiting.append((_prefix(folded), (*path, key), child))
    return layout


def _note(layout: Layout, index: dict[str, list[tuple[int, int]]], name: str, path: Path) -> None:
    for number, rank in index.get(name, ()):
        found = layout.setdefault(number, [])
        at = len(found)
        while at and found[at - 1][0] > rank:
            at -= 1
        if len(found) < _MOST_OF_A_KIND:
            found.insert(at, (rank, name, path))


def _prefix(key: str) -> str:
    """{"licensePlate": {"confidence": …}} is `plateconfidence`, whatever the plate's key."""
    return "plate" if key in PLATES else key


def _find(node: Any, around: Chain) -> list[Chain]:
    if isinstance(node, list):
        return [chain for item in node for chain in _find(item, around)]
    if not isinstance(node, dict):
        return []
    chain = (*around, node)
    own = plate_text(node)
    if own and normalise_plate(own) is not None:
        return [chain]
    deeper = [c for key, value in node.items() for c in _below(fold(key), value, chain)]
    return deeper or ([] if own is None else [chain])


def _below(key: str, value: Any, chain: Chain) -> list[Chain]:
    if key not in PLATES or not isinstance(value, list):
        return _find(value, chain)
    found: list[Chain] = []
    for item in value:  # "plates": ["B 1234 XYZ", …] or [{"text": "B 1234 XYZ"}, …]
        text = _plate_value(item)
        if isinstance(item, dict) and (text is None or plate_text(item) is not None):
            found += _find(item, chain)
        elif isinstance(item, dict):
            item["plateNumber"] = text
            found.append((*chain, item))
        elif text is not None:
            found.append((*chain, {"plateNumber": text}))
    return found


def _plate_value(value: Any) -> str | None:
    """ "" for a plate that is named and empty; None for what is no plate text (a picture under the key `plate`)."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value.strip()
        return (
            text if len(text) <= _LONGEST_PLATE and not text.lower().startswith(("data:", "http:", "https:")) else None
        )
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return str(int(value)) if value == value and abs(value) < 1e15 else None
    if isinstance(value, dict):
        inner = {fold(key): child for key, child in value.items()}
        for key in INNER_PLATE:
            if isinstance(inner.get(key), str | int):
                return _plate_value(inner[key])
    return None


def _opened(value: Any, rounds: int) -> Any:
    """The same tree with the JSON that stands inside strings decoded (`"event_data": "{…}"`)."""
    if isinstance(value, dict):
        return {key: _opened(child, rounds) for key, child in value.items()}
    if isinstance(value, list):
        return [_opened(child, rounds) for child in value]
    if isinstance(value, str) and rounds and _looks_like_json(value):
        try:
            return _opened(decode_json(value), rounds - 1)
        except MalformedPayload:
            return value  # "{ABC123}" is a plate in braces
    return value


def _looks_like_json(text: str) -> bool:
    head = text[:64].lstrip()
    return head[:1] == "[" or (head[:1] == "{" and head[1:].lstrip()[:1] in ('"', "}"))


def _multipart(parts: list[Part]) -> Body:
    fields: dict[str, Any] = {}
    files: list[Part] = []
    for part in parts:
        if sniff(part.data):
            files.append(part)
        elif not part.data or part.content_type.lower().startswith(("image/", "video/")):
            continue  # an empty picture, or a placeholder instead of one
        elif len(part.data) <= _MAX_TEXT_PART:
            _put(fields, part.name or part.filename or "event", part.text().strip("\x00 \r\n\t"))
    return Body(_opened(fields, _NESTED_ROUNDS), tuple(files))


def _form(body: bytes) -> Any:
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace").strip(), keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS
        )
    except ValueError:
        raise MalformedPayload(f"generic: the form has more than {_MAX_FORM_FIELDS} fields") from None
    fields: dict[str, Any] = {}
    for name, value in pairs:
        # a client that does not escape base64 has its "+" read as a blank
        _put(fields, name, value.replace(" ", "+") if value.startswith(_BASE64_HEADS) else value.strip())
    return _opened(fields, _NESTED_ROUNDS)


def _put(fields: dict[str, Any], name: str, value: str) -> None:
    """Set a form field: `event[plate]` and `event.plate` nest, a repeated name becomes a list."""
    steps = [step for step in _PATH.split(name)[:8] if step] or [name]
    at = fields
    for step in steps[:-1]:
        inner = at.setdefault(step, {})
        if not isinstance(inner, dict):
            at, steps = fields, [name]
            break
        at = inner
    last = steps[-1]
    if last not in at:
        at[last] = value
    elif isinstance(at[last], list):
        at[last].append(value)
    else:
        at[last] = [at[last], value]
