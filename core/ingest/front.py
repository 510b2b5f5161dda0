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
from core.ingest.writer import Arrival, InboxWriter, NotStored, Waiting

log = structlog.get_logger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Headers = tuple[tuple[bytes, bytes], ...]

_JSON = "application/json"
_MAX_STORED_HEADERS = 40
_MAX_STORED_VALUE = 1024
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")


class Gate(Protocol):
    """Who may post: made of core.ingest.auth and core.ingest.rate."""

    def admit(self, request: CameraRequest) -> Admitted | Turned: ...
    def again(self, admitted: Admitted) -> Admitted | Turned | None: ...


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
    """The device that may post, how it proved itself, what of headers and query may be stored.

    lasting  the gate's own note, by which it knows an equal head again; None: each request has to prove itself anew
    """

    device_id: int
    vendor_id: int
    method: str
    peer: str
    headers: dict[str, str]
    path: str
    query: str
    lasting: object = None


class Turned(msgspec.Struct):
    """Turned away: status 401, 403 or 429, a reason for the client, further headers."""

    status: int
    reason: str
    headers: Headers = ()


class Ticket(msgspec.Struct):
    """A request whose head was let in. `headers` are those to be stored, as JSON."""

    route: answers.Route
    method: str
    admitted: Admitted
    content_type: str
    stored_type: str
    encoded: bool
    headers: bytes


class Reply(msgspec.Struct):
    """What a device is told."""

    status: int
    body: bytes
    media_type: str
    headers: Headers = ()


class Kept(msgspec.Struct):
    """An event to be kept, received `at` (unix seconds), and how it is answered once it is in the inbox."""

    ticket: Ticket
    row: Answer
    complaint: str | None
    at: float


class Front:
    """Serves the cameras' paths itself and hands everything else to `inner`.

    A request goes through route(), head(), event(), keep() and stored(). Whoever calls them writes the answers:
    __call__ below for what comes by ASGI, core.ingest.protocol for what is at hand whole.
    """

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
        self.max_body = max_body_bytes
        self._body_timeout_s = body_timeout_s
        self.counters: Counter[str] = Counter()
        self.places: dict[bytes, tuple[str, str, answers.Route]] = {}
        """Targets of requests met so far, as they stood in the request line: for core.ingest.protocol."""
        self.heads: dict[tuple[str, bytes], Any] = {}
        """Heads that were let in, by address and bytes: for core.ingest.protocol."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] == "http":
            route = self.route(scope["path"])
            if route is not None:
                try:
                    reply = await self._serve(route, scope, receive)
                except Refusal as refusal:
                    reply = self.refused(refusal)
                await _answer(send, reply)
                return
            if scope["path"].startswith("/cam/"):
                self.counters["unknown_maker"] += 1
                makes = ", ".join(self._table.makers)
                await _answer(send, Reply(404, _error(f"no such maker; this installation has {makes}"), _JSON))
                return
        await self._inner(scope, receive, send)

    async def _serve(self, route: answers.Route, scope: Scope, receive: Receive) -> Reply:
        client = scope.get("client")
        query = scope["query_string"].decode("latin-1")
        pairs = scope["headers"]
        found = self.head(route, scope["method"], scope["path"], query, pairs, client[0] if client else "")
        if isinstance(found, Reply):
            return found
        body = await self._read(receive)
        kept = self.event(found, body)
        if isinstance(kept, Reply):
            return kept
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.keep(kept, body, future)
        try:
            return self.stored(kept, await future)
        except NotStored as error:
            raise not_stored(error) from None

    def route(self, path: str) -> answers.Route | None:
        """Whose path this is; None for one that is no camera's."""
        return self._table.route(path)

    def head(
        self, route: answers.Route, method: str, path: str, query: str, pairs: list[tuple[bytes, bytes]], peer: str
    ) -> Ticket | Reply:
        """Judge a request by its head alone. Raises Refusal. A Reply is the answer to a probe."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in pairs}
        if len(headers) != len(pairs):
            headers = _joined(pairs)
        if method in ("GET", "HEAD"):
            row = self._table.match(route, method, b"") or answers.PROBE
            self.counters["probe"] += 1
            return Reply(row.status, b"" if method == "HEAD" else row.body, row.media_type)
        if method not in ("POST", "PUT"):
            raise Refusal("method", 405, f"{method} is not understood here", ((b"allow", b"POST, PUT, GET, HEAD"),))
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.max_body:
            raise self._too_large(int(declared))
        content_type = headers.get("content-type", "")
        encoding = headers.get("content-encoding", "")
        if encoding.strip().lower() not in _ENCODINGS:
            raise Refusal("content_encoding", 415, "content-encoding must be gzip, deflate or none")
        request = CameraRequest(method, path, query, headers, peer, route.maker, route.device_code, route.rest)
        admitted = self._admitted(self._gate.admit(request))
        return Ticket(
            route,
            method,
            admitted,
            content_type,
            _clean(content_type)[:_MAX_STORED_VALUE],
            bool(encoding),
            _stored_headers(admitted),
        )

    def again(self, ticket: Ticket) -> bool:
        """Whether a head equal to the ticket's, but for the body's length, is let in once more.

        False: it has to be judged anew. Raises Refusal.
        """
        known = self._gate.again(ticket.admitted)
        return known is not None and self._admitted(known) is not None

    def event(self, ticket: Ticket, body: bytes) -> Kept | Reply:
        """What to do with a whole body: keep it, or answer a heartbeat at once. Raises Refusal."""
        admitted = ticket.admitted
        now = time.time()
        row = self._table.match(ticket.route, ticket.method, body) or answers.DEFAULT
        if row.kind in ("heartbeat", "registration", "probe"):
            self.counters["heartbeat"] += 1
            self._health.note(admitted.device_id, admitted.vendor_id, heartbeat=True, now=now, peer=admitted.peer)
            return Reply(row.status, row.body, row.media_type)
        complaint = None
        if row.check is not None:
            if not answers.accepts(row.check, ticket.content_type):
                wanted = ", ".join(row.check.media_types)
                given = ticket.content_type[:80]
                raise Refusal("media_type", 415, f"content-type must be one of {wanted}, got {given}")
            if not ticket.encoded:
                complaint = answers.problem(row.check, ticket.content_type, body)
        if not self._writer.room():
            raise Refusal("queue_full", 503, "the inbox is full, come again", ((b"retry-after", b"2"),))
        return Kept(ticket, row, complaint, now)

    def keep(self, kept: Kept, body: bytes, waiting: Waiting) -> None:
        """Queue an event for the inbox: `waiting` gets its id, or NotStored, on the event loop."""
        ticket = kept.ticket
        device, vendor = ticket.admitted.device_id, ticket.admitted.vendor_id
        self._writer.submit(Arrival(waiting, vendor, device, kept.at, ticket.stored_type, ticket.headers, body))

    def stored(self, kept: Kept, payload_id: int) -> Reply:
        """The answer to an event that is in the inbox."""
        admitted = kept.ticket.admitted
        self._health.note(admitted.device_id, admitted.vendor_id, heartbeat=False, now=kept.at, peer=admitted.peer)
        if kept.complaint is not None:
            self.counters["bad_request"] += 1
            note = {
                "status": "error",
                "id": payload_id,
                "error": kept.complaint,
                "kept": "the request is kept in quarantine",
            }
            return Reply(400, msgspec.json.encode(note), _JSON)
        self.counters["stored"] += 1
        return Reply(kept.row.status, _filled(kept.row, payload_id), kept.row.media_type)

    def refused(self, refusal: Refusal) -> Reply:
        """Count it, and say it."""
        self.counters[refusal.code] += 1
        return Reply(refusal.status, _error(str(refusal)), _JSON, refusal.headers)

    def _admitted(self, verdict: Admitted | Turned) -> Admitted:
        if isinstance(verdict, Turned):
            raise Refusal(f"refused_{verdict.status}", verdict.status, verdict.reason, verdict.headers)
        return verdict

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
                    if size > self.max_body:
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

    def _too_large(self, size: int) -> Refusal:
        text = f"the body has {size} bytes or more, the limit is {self.max_body}"
        return Refusal("too_large", 413, text, ((b"connection", b"close"),))


class Refusal(Exception):
    """An answer other than 2xx; `code` is counted."""

    def __init__(self, code: str, status: int, reason: str, headers: Headers = ()) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status
        self.reason = reason
        self.headers = headers


def not_stored(error: NotStored) -> Refusal:
    """As the device is told of it."""
    return Refusal("not_stored", error.status, str(error), ((b"retry-after", str(error.retry_after_s).encode()),))


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


async def _answer(send: Send, reply: Reply) -> None:
    out = [(b"content-length", str(len(reply.body)).encode()), *reply.headers]
    if reply.media_type:
        out.append((b"content-type", reply.media_type.encode()))
    with contextlib.suppress(ConnectionError):
        await send({"type": "http.response.start", "status": reply.status, "headers": out})
        await send({"type": "http.response.body", "body": reply.body})
