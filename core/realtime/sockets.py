"""`/ws` as plain ASGI: tickets, Origin, subscriptions, limits, heartbeats. docs/notices.md has the protocol.

Every message is one JSON object with `op`. Close codes: 4400 not understood, 4401 no or no longer a valid session,
4403 another origin, 4408 too slow, 4429 too many messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec
import structlog

from core.realtime.hub import Ear, Hub

log = structlog.get_logger(__name__)

PATH = "/ws"
MAX_MESSAGE = 4096
RATE_PER_S = 10.0
BURST = 40.0
MAX_CHANNELS = 50
PING_S = 25.0
SILENT_S = 75.0
"""A client that said nothing for so long, not even `pong`, is gone."""
RECHECK_S = 10.0
SEND_S = 10.0
MAX_ACKS = 100

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Desk(Protocol):
    """What sockets ask of the house; each method may block, and is called in a thread."""

    def open(self, ticket: str) -> Any | None:
        """The session behind a ticket, which is used up with it; None = refused."""

    def still_valid(self, session: Any) -> bool:
        """Whether the session's token still counts."""

    def may_hear(self, session: Any, channel: str) -> list[str]:
        """The topics behind a channel that this person may hear right now; [] = none."""

    def acknowledge(self, session: Any, ids: list[int]) -> list[int]:
        """Note that the person has these notices; returns those that were theirs."""


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What a client may say."""

    op: str
    channel: str = ""
    last_event_id: str = ""
    ids: list[str] = []


class Closed(Exception):
    """The socket ends, with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sockets:
    """Serves `/ws` and hands everything else to `inner`.

    origins  which other origins may open sockets, as the CORS setting has them; the own one always may
    """

    def __init__(self, inner: Any, hub: Hub, desk: Desk, *, origins: tuple[str, ...] = ()) -> None:
        self._inner = inner
        self._hub = hub
        self._desk = desk
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "websocket":
            await self._inner(scope, receive, send)
            return
        await receive()  # websocket.connect
        if scope["path"] != PATH or not self._is_known_origin(scope):
            await send({"type": "websocket.close", "code": 4403})  # before the accept: HTTP 403
            return
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8)
        session = await asyncio.to_thread(self._desk.open, query.get("ticket", [""])[0])
        await send({"type": "websocket.accept"})
        if session is None:
            await send({"type": "websocket.close", "code": 4401, "reason": "ticket refused"})
            return
        await _Socket(self._hub, self._desk, session, receive, send).run()

    def _is_known_origin(self, scope: Scope) -> bool:
        """Browsers always name their origin; programs that are none have no cookie to abuse, and need a ticket too."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1").lower().rstrip("/")
        if not origin or "*" in self._origins or origin in self._origins:
            return True
        own = str(headers.get(b"host", b"").decode("latin-1")).lower()
        return bool(own) and urlsplit(origin).netloc == own


class _Socket:
    def __init__(self, hub: Hub, desk: Desk, session: Any, receive: Receive, send: Send) -> None:
        self._hub = hub
        self._desk = desk
        self._session = session
        self._receive = receive
        self._send = send
        self._ear = Ear()
        self._channels: dict[str, list[str]] = {}
        self._allowance = BURST
        self._refilled = self._heard = time.monotonic()

    async def run(self) -> None:
        """Serve until one side ends it."""
        self._ear.say({"op": "ready", "ping_s": PING_S})
        tasks = [asyncio.create_task(part()) for part in (self._read, self._write, self._watch, self._drop_slow)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for topics in self._channels.values():
            for topic in topics:
                await self._hub.remove(self._ear, topic)
        error = next((task.exception() for task in done if not task.cancelled() and task.exception()), None)
        code, reason = (error.code, error.reason) if isinstance(error, Closed) else (1011, "our fault")
        if error is None:
            return  # the client went away
        if not isinstance(error, Closed):
            log.warning("socket_failed", error=f"{type(error).__name__}: {error}"[:200])
        with contextlib.suppress(Exception):
            close = {"type": "websocket.close", "code": code, "reason": reason}
            async with asyncio.timeout(SEND_S):
                await self._send(close)

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            self._heard = time.monotonic()
            self._count()
            text = message.get("text")
            raw = text.encode("utf-8", "replace") if text is not None else message.get("bytes") or b""
            if len(raw) > MAX_MESSAGE:
                raise Closed(4400, "message too long")
            try:
                order = msgspec.json.decode(raw, type=Order)
            except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
                raise Closed(4400, "expected a JSON object with op") from None
            await self._obey(order)

    def _count(self) -> None:
        now = time.monotonic()
        self._allowance = min(BURST, self._allowance + (now - self._refilled) * RATE_PER_S) - 1
        self._refilled = now
        if self._allowance < 0:
            raise Closed(4429, "too many messages")

    async def _obey(self, order: Order) -> None:
        match order.op:
            case "subscribe":
                await self._subscribe(order.channel, order.last_event_id)
            case "unsubscribe":
                for topic in self._channels.pop(order.channel, []):
                    await self._hub.remove(self._ear, topic)
                self._ear.say({"op": "unsubscribed", "channel": order.channel})
            case "ack":
                ids = [int(one) for one in order.ids[:MAX_ACKS] if one.isdecimal() and len(one) < 19]
                mine = await asyncio.to_thread(self._desk.acknowledge, self._session, ids)
                self._ear.say({"op": "acked", "ids": [str(one) for one in mine]})
            case "ping":
                self._ear.say({"op": "pong"})
            case "pong":
                pass
            case _:
                raise Closed(4400, "unknown op")

    async def _subscribe(self, channel: str, last: str) -> None:
        topics = self._channels.get(channel) or await self._add(channel)
        if not topics:
            return
        self._ear.say({"op": "subscribed", "channel": channel})
        if last.isdecimal() and len(last) < 19:
            for topic in topics:
                for event in await self._hub.replay(topic, int(last)):
                    self._ear.offer(topic, event, replayed=True)

    async def _add(self, channel: str) -> list[str]:
        """The topics of a channel that is heard from now on; [] when it was refused."""
        full = len(self._channels) >= MAX_CHANNELS
        allowed = [] if full else await asyncio.to_thread(self._desk.may_hear, self._session, channel)
        topics = [topic for topic in allowed if topic not in self._ear.names]
        if not topics:
            reason = "too many channels" if full else "heard by another name already" if allowed else "not allowed"
            self._ear.say({"op": "refused", "channel": channel[:200], "reason": reason})
            return []
        self._channels[channel] = topics
        for topic in topics:
            await self._hub.add(self._ear, topic, channel)
        return topics

    async def _write(self) -> None:
        while True:
            message = await self._ear.queue.get()
            text = msgspec.json.encode(message).decode()
            try:
                async with asyncio.timeout(SEND_S):  # Python 3.11's wait_for may swallow the cancellation
                    await self._send({"type": "websocket.send", "text": text})
            except TimeoutError:
                raise Closed(4408, "too slow") from None
            except OSError:
                return

    async def _watch(self) -> None:
        pinged = time.monotonic()
        while True:
            await asyncio.sleep(min(RECHECK_S, PING_S))
            now = time.monotonic()
            if now - self._heard > SILENT_S:
                raise Closed(4408, "nothing heard")
            if now - pinged >= PING_S:
                pinged = now
                self._ear.say({"op": "ping"})
            await self._recheck()

    async def _recheck(self) -> None:
        """A token that was revoked, or a channel that is the person's no more (a camera sold), ends here."""
        if not await asyncio.to_thread(self._desk.still_valid, self._session):
            raise Closed(4401, "the session is over")
        for channel, topics in list(self._channels.items()):
            now_topics = await asyncio.to_thread(self._desk.may_hear, self._session, channel)
            for topic in set(topics) - set(now_topics):
                await self._hub.remove(self._ear, topic)
                topics.remove(topic)
            if not topics:
                self._channels.pop(channel, None)
                self._ear.say({"op": "refused", "channel": channel, "reason": "not allowed any more"})

    async def _drop_slow(self) -> None:
        await self._ear.slow.wait()
        raise Closed(4408, "too slow")
