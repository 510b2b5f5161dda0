"""HTTP for cameras over uvicorn's own: an event that is at hand whole goes to the front without ASGI's detours.

No task, no receive and send, no future: the head is judged and the event queued in the call in which its last byte
came, and the commit's callback writes the answer. Everything else (other paths, bodies in several pieces, pipelined
requests, Expect, upgrades, a client that does not read its answers) takes uvicorn's way, with the state in which it
would be there.

A camera sends the same head for ever. One that is, but for the digits of its length, byte for byte the last one of
this connection is not parsed again; nor is one that came whole from the same address over another connection (cameras
behind a proxy share its connections).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, cast
from urllib.parse import unquote

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE, HttpToolsProtocol

from core.ingest.answers import Route
from core.ingest.front import Front, Kept, Refusal, Reply, Ticket, not_stored
from core.ingest.writer import NotStored

log = structlog.get_logger(__name__)

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})\r\n", re.I)
_CLOSE = (b"connection", b"close")
_OVER = Reply(500, b"Internal Server Error", "text/plain; charset=utf-8", (_CLOSE,))
_MOST_PLACES = 4096
_MOST_HEADS = 4096


class _Head:
    """A head that may be judged as soon as its body is whole."""

    __slots__ = ("chunks", "path", "query", "route")

    def __init__(self, path: str, query: str, route: Route) -> None:
        self.path = path
        self.query = query
        self.route = route
        self.chunks: list[bytes] = []


class Known:
    """A head as it came over the wire, around the digits of its Content-Length, and what it was let in with."""

    __slots__ = ("after", "before", "ticket")

    def __init__(self, before: bytes, after: bytes, ticket: Ticket) -> None:
        self.before = before
        self.after = after
        self.ticket = ticket

    def body_of(self, data: bytes) -> bytes | None:
        """The body, when `data` is one whole request with this head."""
        if not data.startswith(self.before):
            return None
        at = len(self.before)
        end = data.find(b"\r", at, at + 10)
        if end < 0 or not data.startswith(self.after, end):
            return None
        digits = data[at:end]
        start = end + len(self.after)
        return data[start:] if digits.isdigit() and int(digits) == len(data) - start else None


class _Nobody:
    """Where uvicorn wakes a task that waits for a body: here none does."""

    def set(self) -> None:
        """Nothing to wake."""


_NOBODY = _Nobody()


class _Open:
    """A request in hand, in the place of uvicorn's cycle: also who waits for the commit."""

    __slots__ = ("disconnected", "keep_alive", "kept", "message_event", "protocol", "response_complete")

    def __init__(self, protocol: CameraProtocol, keep_alive: bool) -> None:
        self.protocol = protocol
        self.keep_alive = keep_alive
        self.kept: Kept | None = None
        self.disconnected = False
        self.response_complete = False
        self.message_event = _NOBODY

    def done(self) -> bool:
        """False: there is always somebody to count the event, even when the camera is gone."""
        return self.response_complete

    def set_result(self, payload_id: int) -> None:
        """It is in the inbox."""
        try:
            assert self.kept is not None
            reply = self.protocol.front.stored(self.kept, payload_id)
        except Exception:
            log.exception("camera_answer_failed")
            reply = _OVER
        self.protocol.answer(self, reply)

    def set_exception(self, error: BaseException) -> None:
        """It is not."""
        assert isinstance(error, NotStored)
        self.protocol.answer(self, self.protocol.front.refused(not_stored(error)))


class CameraProtocol(HttpToolsProtocol):
    """One connection. The application has to be a Front."""

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.front: Front = config.app
        self._head: _Head | None = None
        self._known: Known | None = None
        self._ticket: Ticket | None = None
        self._between = True
        self._begun = 0
        self._quiet_since = 0.0
        self._host = ""

    # -- what arrives -------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """A piece of the stream: usually one whole request."""
        between = self._between
        if between and self._free():
            known = self._known
            body = known.body_of(data) if known is not None else None
            if body is None:
                known = self.front.heads.get((self._host, data[: data.find(b"\r\n\r\n") + 4]))
                body = known.body_of(data) if known is not None else None
            if known is not None and body is not None and len(body) <= self.front.max_body:
                self._known = known
                if self._once_more(known, body):
                    return
        self._begun = 0
        self._ticket = None
        super().data_received(data)
        if self._head is not None:
            self._hand_over(self._head)
        elif between and self._between and self._begun == 1 and self._ticket is not None:
            self._known = known = _known(data, self._ticket)
            if known is not None:
                self._remember(known, data)

    def _remember(self, known: Known, data: bytes) -> None:
        heads = self.front.heads
        if len(heads) >= _MOST_HEADS:
            heads.clear()
        heads[self._host, data[: data.find(b"\r\n\r\n") + 4]] = known

    def connection_made(self, transport: Any) -> None:
        """A camera, or a proxy before it."""
        super().connection_made(transport)
        self._host = self.client[0] if self.client else ""

    def on_message_begin(self) -> None:
        """A head begins; uvicorn's scope is made when it is needed."""
        self._between = False
        self._begun += 1
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        """A head is there: wait for the body when it may be judged here."""
        if (
            not self.expect_100_continue
            and self._free()
            and self.parser.get_method() in (b"POST", b"PUT")
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
        ):
            place = self._place()
            if place is not None:
                self._head = _Head(*place)
                return
        self._as_uvicorn()

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        if self._head is not None:
            self._head.chunks.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._between = True
        head = self._head
        if head is None:
            super().on_message_complete()
            return
        self._head = None
        body = head.chunks[0] if len(head.chunks) == 1 else b"".join(head.chunks)
        if len(body) > self.front.max_body:  # of unknown length: counted, and refused, there
            self._as_uvicorn()
            super().on_body(body)
            super().on_message_complete()
            return
        current = self._take(_Open(self, self.parser.should_keep_alive()))
        try:
            method = self.parser.get_method().decode("ascii")
            found = self.front.head(head.route, method, head.path, head.query, self.headers, self._host)
            if isinstance(found, Reply):
                self.answer(current, found)
                return
            self._ticket = found
            self._event(current, found, body)
        except Refusal as refusal:
            self.answer(current, self.front.refused(refusal))
        except Exception:
            log.exception("camera_request_failed")
            self.answer(current, _OVER)

    def _once_more(self, known: Known, body: bytes) -> bool:
        """The same head again. False: it has to be read and judged anew."""
        try:
            if not self.front.again(known.ticket):
                self._known = None
                return False
            current = self._take(_Open(self, True))
            self._event(current, known.ticket, body)
        except Refusal as refusal:
            self.answer(self._take(_Open(self, True)), self.front.refused(refusal))
        except Exception:
            log.exception("camera_request_failed")
            self.answer(self._take(_Open(self, True)), _OVER)
        return True

    def _take(self, current: _Open) -> _Open:
        """In the place where uvicorn looks for what is in hand."""
        self.cycle = cast(Any, current)
        return current

    def _event(self, current: _Open, ticket: Ticket, body: bytes) -> None:
        kept = self.front.event(ticket, body)
        if isinstance(kept, Reply):
            self.answer(current, kept)
        else:
            current.kept = kept
            self.front.keep(kept, body, current)

    def _free(self) -> bool:
        """No request in hand or in line, and the client reads what it is told."""
        cycle = self.cycle
        return (cycle is None or cycle.response_complete) and not self.pipeline and not self.flow.write_paused

    def _place(self) -> tuple[str, str, Route] | None:
        """(path, query, whose it is) of a camera's path."""
        known: dict[bytes, tuple[str, str, Route]] = self.front.places
        place = known.get(self.url)
        if place is None:
            url = httptools.parse_url(self.url)
            path = url.path.decode("ascii")
            if "%" in path:
                path = unquote(path)
            route = self.front.route(self.root_path + path)
            if route is None:
                return None
            if len(known) >= _MOST_PLACES:
                known.clear()
            place = known[self.url] = (self.root_path + path, (url.query or b"").decode("latin-1"), route)
        return place

    def _hand_over(self, head: _Head) -> None:
        """The rest of the body is still to come: uvicorn collects it, and the front sets its deadline."""
        self._head = None
        self._as_uvicorn()
        for chunk in head.chunks:
            super().on_body(chunk)

    def _as_uvicorn(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers
        super().on_headers_complete()

    # -- what is answered ---------------------------------------------------------------------------------------

    def answer(self, current: _Open, reply: Reply) -> None:
        """Write an answer and take up what comes next."""
        current.response_complete = True
        if current.disconnected or self.transport.is_closing():
            return
        close = not current.keep_alive
        parts = [_start(reply.status, reply.media_type)]
        for name, value in (*self.server_state.default_headers, *reply.headers):
            if (name, value) == _CLOSE:
                close = True
            else:
                parts += (name, b": ", value, b"\r\n")
        parts.append(b"content-length: %d\r\n" % len(reply.body))
        parts.append(b"connection: close\r\n\r\n" if close else b"\r\n")
        parts.append(reply.body)
        self.transport.write(b"".join(parts))
        if close:
            self.transport.close()
        if self.pipeline or close or self.timeout_keep_alive_task is None:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1
            self._quiet_since = self.loop.time()

    def on_response_complete(self) -> None:
        """Also of uvicorn's own cycles."""
        self._quiet_since = self.loop.time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """The timer is not set anew for each request: it looks how long the connection has been quiet."""
        busy = not self._between or not (self.cycle is None or self.cycle.response_complete)
        left = self.timeout_keep_alive if busy else self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if left > 0 and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()


@lru_cache(maxsize=256)
def _start(status: int, media_type: str) -> bytes:
    """The status line and the type. A plugin wrote the type: it must not write further headers."""
    kind = media_type.encode("latin-1", "replace")
    if not kind or HEADER_VALUE_RE.search(kind):
        return STATUS_LINE[status]
    return STATUS_LINE[status] + b"content-type: " + kind + b"\r\n"


def _known(data: bytes, ticket: Ticket) -> Known | None:
    """The head of a request that was whole in `data`, when an equal one would be judged by the same words."""
    if ticket.admitted.lasting is None:
        return None
    end = data.find(b"\r\n\r\n") + 4
    lengths = list(_LENGTH.finditer(data, 0, end))
    if end < 4 or len(lengths) != 1 or b"transfer-encoding" in data[:end].lower():
        return None
    length = lengths[0]
    if int(length[1]) != len(data) - end:
        return None
    return Known(data[: length.start(1)], data[length.end(1) : end], ticket)
