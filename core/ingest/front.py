"""The camera endpoint: plain ASGI in front of the REST application, because every microsecond is paid per event.

Order: whose path, how large, who are you, how often, the body (with a deadline), heartbeat or event, the inbox, the
answer. A 2xx for an event is sent only after its transaction committed (REQUIREMENTS I5).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
import structlog

from core.domain.answers import Answer
from core.ingest import answers
from core.ingest.answers import AnswerTable
from core.ingest.health_book import HealthBook
from core.ingest.writer import Arrival, InboxWriter, NotStored

log = structlog.get_logger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_JSON = b"application/json"
_MAX_STORED_HEADERS = 40
_MAX_STORED_VALUE = 1024
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")


class Gate(Protocol):
    """Who may post: made of core.ingest.auth and core.ingest.rate."""

    def admit(self, request: CameraRequest) -> Admitted | Turned: ...


class CameraRequest(msgspec.Struct):
    """What the gate may look at; `headers` has lower-case names, equal ones joined by commas."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    peer: str
    maker: str
    device_code: str
    rest: tuple[str, ...]


class Admitted(msgspec.Struct):
    """The device that may post, how it proved itself, what of headers and query may be stored."""

    device_id: int
    vendor_id: int
    method: str
    peer: str
    headers: dict[str, str]
    path: str
    query: str


class Turned(msgspec.Struct):
    """Turned away: status 401, 403 or 429, a reason for the client, further headers."""

    status: int
    reason: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Front:
    """Serves the cameras' paths itself and hands everything else to `inner`."""

    def __init__(
        self,
        inner: App,
        *,
        table: AnswerTable,
        gate: Gate,
        writer: InboxWriter,
        health: HealthBook,
        max_body_bytes: int,
        body_timeout_s: float,
    ) -> None:
        self._inner = inner
        self._table = table
        self._gate = gate
        self._writer = writer
        self._health = health
        self._max_body = max_body_bytes
        self._body_timeout_s = body_timeout_s
        self.counters: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] == "http":
            route = self._table.route(scope["path"])
            if route is not None:
                try:
                    await self._serve(route, scope, receive, send)
                except Refusal as refusal:
                    self.counters[refusal.code] += 1
                    await _answer(send, refusal.status, _problem(refusal), _JSON, refusal.headers)
                return
            if scope["path"].startswith("/cam/"):
                self.counters["unknown_maker"] += 1
                makes = ", ".join(self._table.makers)
                await _answer(send, 404, _error(f"no such maker; this installation has {makes}"), _JSON)
                return
        await self._inner(scope, receive, send)

    async def _serve(self, route: answers.Route, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        if len(headers) != len(scope["headers"]):
            headers = _joined(scope["headers"])
        if method in ("GET", "HEAD"):
            row = self._table.match(route, method, b"") or answers.PROBE
            self.counters["probe"] += 1
            await _answer(send, row.status, b"" if method == "HEAD" else row.body, row.media_type.encode())
            return
        if method not in ("POST", "PUT"):
            raise Refusal("method", 405, f"{method} is not understood here", ((b"allow", b"POST, PUT, GET, HEAD"),))
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._max_body:
            raise self._too_large(int(declared))
        content_type = headers.get("content-type", "")
        if headers.get("content-encoding", "").strip().lower() not in _ENCODINGS:
            raise Refusal("content_encoding", 415, "content-encoding must be gzip, deflate or none")
        client = scope.get("client")
        request = CameraRequest(
            method,
            scope["path"],
            scope["query_string"].decode("latin-1"),
            headers,
            client[0] if client else "",
            route.maker,
            route.device_code,
            route.rest,
        )
        admitted = self._gate.admit(request)
        if isinstance(admitted, Turned):
            raise Refusal(f"refused_{admitted.status}", admitted.status, admitted.reason, admitted.headers)
        body = await self._read(receive)
        now = time.time()
        row = self._table.match(route, method, body) or answers.DEFAULT
        if row.kind in ("heartbeat", "registration", "probe"):
            self.counters["heartbeat"] += 1
            self._health.note(admitted.device_id, admitted.vendor_id, heartbeat=True, now=now, peer=admitted.peer)
            await _answer(send, row.status, row.body, row.media_type.encode())
            return
        complaint = None
        if row.check is not None:
            if not answers.accepts(row.check, content_type):
                wanted = ", ".join(row.check.media_types)
                raise Refusal("media_type", 415, f"content-type must be one of {wanted}, got {content_type[:80]}")
            if not headers.get("content-encoding"):
                complaint = answers.problem(row.check, content_type, body)
        payload_id = await self._store(admitted, now, content_type, body)
        self._health.note(admitted.device_id, admitted.vendor_id, heartbeat=False, now=now, peer=admitted.peer)
        if complaint is not None:
            self.counters["bad_request"] += 1
            note = {
                "status": "error",
                "id": payload_id,
                "error": complaint,
                "kept": "the request is kept in quarantine",
            }
            await _answer(send, 400, msgspec.json.encode(note), _JSON)
            return
        self.counters["stored"] += 1
        await _answer(send, row.status, _filled(row, payload_id), row.media_type.encode())

    async def _read(self, receive: Receive) -> bytes:
        """Read the whole body within the deadline: slow bodies are never closed by the server itself (T07)."""
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._body_timeout_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal("disconnected", 400, "the client went away")
                    chunk: bytes = message.get("body", b"")
                    size += len(chunk)
                    if size > self._max_body:
                        raise self._too_large(size)
                    more = message.get("more_body", False)
                    if not more and not chunks:
                        return chunk
                    chunks.append(chunk)
                    if not more:
                        return b"".join(chunks)
        except TimeoutError:
            headers = ((b"connection", b"close"),)
            message_text = f"the body did not arrive within {self._body_timeout_s:g} s"
            raise Refusal("slow_body", 408, message_text, headers) from None

    async def _store(self, admitted: Admitted, now: float, content_type: str, body: bytes) -> int:
        if not self._writer.room():
            raise Refusal("queue_full", 503, "the inbox is full, come again", ((b"retry-after", b"2"),))
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._writer.submit(
            Arrival(
                future,
                admitted.vendor_id,
                admitted.device_id,
                now,
                _clean(content_type)[:_MAX_STORED_VALUE],
                _stored_headers(admitted),
                body,
            )
        )
        try:
            return await future
        except NotStored as error:
            retry = str(error.retry_after_s).encode()
            raise Refusal("not_stored", error.status, str(error), ((b"retry-after", retry),)) from None

    def _too_large(self, size: int) -> Refusal:
        text = f"the body has {size} bytes or more, the limit is {self._max_body}"
        return Refusal("too_large", 413, text, ((b"connection", b"close"),))


class Refusal(Exception):
    """An answer other than 2xx; `code` is counted."""

    def __init__(self, code: str, status: int, reason: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status
        self.reason = reason
        self.headers = headers


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Repeated headers as one list: two proxies may each have added a line of X-Forwarded-For."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _filled(row: Answer, payload_id: int) -> bytes:
    return row.body.replace(b"$payload_id", str(payload_id).encode()) if b"$" in row.body else row.body


_encoded: dict[tuple[object, ...], bytes] = {}
_MOST_ENCODED = 1024


def _stored_headers(admitted: Admitted) -> bytes:
    """As they are stored, but for the length, which has a column. A device sends the same ones for ever: kept."""
    admitted.headers.pop("content-length", None)
    key = (admitted.path, admitted.query, admitted.peer, admitted.method, tuple(admitted.headers.items()))
    found = _encoded.get(key)
    if found is None:
        if len(_encoded) >= _MOST_ENCODED:
            _encoded.clear()
        found = _encoded[key] = _encode_headers(admitted)
    return found


def _encode_headers(admitted: Admitted) -> bytes:
    kept = {}
    if encoding := admitted.headers.get("content-encoding"):
        kept["content-encoding"] = encoding  # never crowded out by others: without it the body cannot be read
    for name, value in admitted.headers.items():
        kept[_clean(name)[:100]] = _clean(value)[:_MAX_STORED_VALUE]
        if len(kept) >= _MAX_STORED_HEADERS:
            break
    kept[":path"] = _clean(admitted.path)[:_MAX_STORED_VALUE]
    if admitted.query:
        kept[":query"] = _clean(admitted.query)[:_MAX_STORED_VALUE]
    kept[":peer"] = admitted.peer
    kept[":auth"] = admitted.method
    return msgspec.json.encode(kept)


def _clean(text: str) -> str:
    """jsonb and text refuse NUL; header values are latin-1, so there are no surrogates. Paths may hold some."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _error(reason: str) -> bytes:
    return msgspec.json.encode({"status": "error", "error": reason})


def _problem(refusal: Refusal) -> bytes:
    return _error(refusal.reason)


async def _answer(
    send: Send, status: int, body: bytes, media_type: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    out = [(b"content-length", str(len(body)).encode()), *headers]
    if media_type:
        out.append((b"content-type", media_type))
    with contextlib.suppress(ConnectionError):
        await send({"type": "http.response.start", "status": status, "headers": out})
        await send({"type": "http.response.body", "body": body})
