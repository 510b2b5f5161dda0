"""Somebody's open app: a websocket that comes back after every loss with the id of the last event it had."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import aiohttp
import msgspec

from core.testing.watch import Person, WatchFailed

AGAIN_S = 0.2


class Heard(msgspec.Struct, frozen=True):
    """One event, as it came the first time. `at`: this machine's clock, Unix seconds."""

    id: str
    at: float
    data: dict[str, Any]
    replayed: bool


class Listener:
    """Use it with `async with`; `me` logs in as usual. The person's own channel is heard, and `also`.

    heard    notice id -> its first telling
    copies   tellings of an id that it had: not shown to anybody
    losses   connections that ended before close()
    """

    def __init__(self, me: Person, url: str, *also: str) -> None:
        self.me = me
        self._ws = url.rstrip("/").replace("http", "ws", 1) + "/ws"
        self._also = also
        self.heard: dict[str, Heard] = {}
        self.copies = 0
        self.losses = 0
        self.channel = ""
        self._ready = asyncio.Event()
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Listener:
        self._task = asyncio.create_task(self._run())
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({self._task, ready}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.is_set():
            raise WatchFailed(f"{self.me.name}: the websocket did not open")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def wait(self, report_id: int, kind: str, timeout_s: float = 30.0) -> Heard:
        """The first telling of this kind about a report. Raises WatchFailed."""

        def found() -> Heard | None:
            rows = (one for one in self.heard.values() if one.data["reportId"] == report_id)
            return next((one for one in rows if one.data["kind"] == kind), None)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(found)
        heard = found()
        if heard is None:
            raise WatchFailed(f"{self.me.name} did not hear {kind} of report {report_id} within {timeout_s:g} s")
        return heard

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (aiohttp.ClientError, OSError, TimeoutError, WatchFailed):
                pass  # it comes back
            if self._ready.is_set():
                self.losses += 1
            await asyncio.sleep(AGAIN_S)

    async def _listen(self) -> None:
        if not self.channel:
            found = await self.me.call("GET", "/me")
            self.channel = f"{found['role'].lower()}-{found['id']}"
        ticket = await self.me.call("POST", "/realtime/ticket")
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.ws_connect(f"{self._ws}?ticket={ticket['ticket']}") as socket,
        ):
            last = max(self.heard, key=int, default="")
            for channel in (self.channel, *self._also):
                await socket.send_json({"op": "subscribe", "channel": channel, "last_event_id": last})
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                await self._take(socket, msgspec.json.decode(message.data))

    async def _take(self, socket: aiohttp.ClientWebSocketResponse, told: dict[str, Any]) -> None:
        match told["op"]:
            case "subscribed":
                self._ready.set()
            case "ping":
                await socket.send_json({"op": "pong"})
            case "event" if told["id"] in self.heard:
                self.copies += 1
            case "event":
                heard = Heard(told["id"], time.time(), told["data"], told.get("replayed", False))
                await socket.send_json({"op": "ack", "ids": [heard.id]})
                async with self._news:
                    self.heard[heard.id] = heard
                    self._news.notify_all()
