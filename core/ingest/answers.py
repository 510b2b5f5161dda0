"""The makes' answer tables, compiled: which path is whose, what a heartbeat looks like, what to say.

Everything here is data that plugins declared at load; no plugin code runs on the hot path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from core.domain.answers import Answer, BodyCheck
from core.domain.errors import MalformedPayload, TangkapinError
from core.domain.multipart import is_multipart, split_parts
from core.safe_json import decode_json

DEFAULT = Answer()
PROBE = Answer(kind="probe", methods=("GET", "HEAD"))
_MAKER = re.compile(r"[a-z][a-z0-9_]{0,39}")
_IGNORED = re.compile(r"[^a-z0-9]")
_DEPTH = 3
_NAMED = 8
_LONGEST_KEY = 100


class AnswerConflict(TangkapinError):
    """Two makes insist on the same path."""


class Route(msgspec.Struct, frozen=True):
    """Where a request belongs: the make, the device code and key in its path ("" if none), the make's own path."""

    maker: str
    device_code: str
    rest: tuple[str, ...]
    own_path: str


class AnswerTable:
    """All makes' rows. `tables` is what Host.answers() returns: maker -> rows in matching order."""

    def __init__(self, tables: Mapping[str, Iterable[Answer]]) -> None:
        self._rows: dict[str, tuple[_Row, ...]] = {}
        self._paths: dict[str, str] = {}
        self._prefixes: list[tuple[str, str]] = []
        for maker, answers in tables.items():
            lists: dict[tuple[bytes, ...], tuple[bytes, ...]] = {}
            self._rows[maker] = tuple(_Row(answer, lists) for answer in answers)
        own = [(maker, answer) for maker, answers in tables.items() for answer in answers if answer.path]
        for maker, answer in sorted(own, key=lambda claim: claim[1].shared):
            self._claim(maker, answer)

    @property
    def makers(self) -> tuple[str, ...]:
        """The makes that are served."""
        return tuple(self._rows)

    def route(self, path: str) -> Route | None:
        """Find whose path this is; None for a path that is no camera's.

        A make without a plugin has a path for each of its devices: what they send is kept until somebody reads it.

        /cam/<maker>, /cam/<maker>/<device>, /cam/<maker>/<device>/<key>, each with or without the make's own path
        behind it; or the make's own path alone.
        """
        if path.startswith("/cam/"):
            maker, _, rest = path[5:].partition("/")
            rows = self._rows.get(maker)
            if rows is None:
                if not _MAKER.fullmatch(maker) or not rest.strip("/"):
                    return None
                rows = ()
            own = ""
            tail = "/" + rest.strip("/") if rest.strip("/") else ""
            for row in rows:
                if row.path and tail.endswith(row.path.rstrip("*").rstrip("/")) and len(row.path) > len(own):
                    own = row.path
            if own:
                tail = tail[: len(tail) - len(own.rstrip("*").rstrip("/"))]
            segments = [s for s in tail.split("/") if s]
            return Route(maker, segments[0] if segments else "", tuple(segments[1:]), own)
        maker_of = self._paths.get(path)
        if maker_of is not None:
            return Route(maker_of, "", (), path)
        for prefix, maker in self._prefixes:
            if path.startswith(prefix):
                return Route(maker, "", (), prefix + "*")
        return None

    def match(self, route: Route, method: str, body: bytes) -> Answer | None:
        """The first row that matches; the default answer for the method otherwise, None for a method nobody takes."""
        lowered: bytes | None = None
        held: tuple[bytes, ...] | None = None
        for row in self._rows.get(route.maker, ()):
            answer = row.answer
            if method not in answer.methods or (row.path and row.path != route.own_path):
                continue
            if answer.max_body is not None and len(body) > answer.max_body:
                continue
            if row.contains or row.lacks:
                if lowered is None:
                    lowered = body.lower()
                if row.lacks and (row.lacks is held or _holds_any(lowered, row.lacks)):
                    held = row.lacks  # most often it is one list for all rows, and an event has the first of it
                    continue
                if not _holds_all(lowered, row.contains):
                    continue
            return answer
        if method in ("GET", "HEAD"):
            return PROBE
        return DEFAULT if method in DEFAULT.methods else None

    def _claim(self, maker: str, answer: Answer) -> None:
        path = answer.path
        if not path.startswith("/") or path.startswith("/cam/"):
            raise AnswerConflict(f"{maker}: a path must begin with / and lie outside /cam/, got {path!r}")
        if path.endswith("*"):
            self._prefixes.append((path[:-1], maker))
            return
        owner = self._paths.setdefault(path, maker)
        if owner != maker and not answer.shared:
            raise AnswerConflict(f"{maker} and {owner} both insist on the path {path}")


class _Row:
    __slots__ = ("answer", "contains", "lacks", "path")

    def __init__(self, answer: Answer, lists: dict[tuple[bytes, ...], tuple[bytes, ...]]) -> None:
        self.answer = answer
        self.path = answer.path
        self.contains = tuple(n.lower() for n in answer.contains)
        lacks = tuple(n.lower() for n in answer.lacks)
        self.lacks = lists.setdefault(lacks, lacks)


def _holds_all(body: bytes, needles: tuple[bytes, ...]) -> bool:
    """A loop, since generators cost more than the search."""
    for needle in needles:  # noqa: SIM110
        if needle not in body:
            return False
    return True


def _holds_any(body: bytes, needles: tuple[bytes, ...]) -> bool:
    for needle in needles:  # noqa: SIM110
        if needle in body:
            return True
    return False


def accepts(check: BodyCheck, content_type: str) -> bool:
    """Whether the declared type is one the check takes; an absent one is taken (many clients send none)."""
    if not check.media_types or not content_type:
        return True
    return content_type.split(";")[0].strip().lower().startswith(check.media_types)


def problem(check: BodyCheck, content_type: str, body: bytes) -> str | None:
    """What a client should be told of this body, or None when it is fine. Never raises."""
    if not check.any_key:
        return None
    try:
        if is_multipart(content_type):
            keys: set[str] = set()
            for part in split_parts(body, content_type):
                keys.add(_fold(part.name))
                if bytes(part.data[:64]).lstrip()[:1] in (b"{", b"["):
                    _collect(decode_json(part.data), keys, _DEPTH)
        elif content_type.startswith("application/x-www-form-urlencoded"):
            return None  # the parser tells; forms are rare and small
        else:
            keys = set()
            value = _decoded(body)
            if isinstance(value, dict) and not _folded(check.any_key).isdisjoint(map(_fold, value)):
                return None  # the usual case costs no walk
            if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
                value = decode_json(value)  # JSON inside a JSON string
            if not isinstance(value, dict | list):
                return f"expected a JSON object, got {type(value).__name__}"
            _collect(value, keys, _DEPTH)
    except MalformedPayload as error:
        return f"the body cannot be read: {error}"
    if not keys.isdisjoint(_folded(check.any_key)):
        return None
    return f"the body names no vehicle: expected one of {', '.join(check.any_key[:_NAMED])}, …"


def _decoded(body: bytes) -> object:
    """The plain decoder first: it is a tenth of the careful one, which the parser uses behind the inbox anyway."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decode_json(body)


@lru_cache(maxsize=4096)
def _fold(key: str) -> str:
    return _IGNORED.sub("", key[:_LONGEST_KEY].lower())


@lru_cache(maxsize=64)
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(_fold, names))


def _collect(value: object, keys: set[str], depth: int) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            keys.add(_fold(key))
            if depth and isinstance(child, dict | list):
                _collect(child, keys, depth - 1)
    elif isinstance(value, list) and depth:
        for child in value[:16]:
            _collect(child, keys, depth - 1)
