"""The sockets of one web process, and its ear on the bus. One event loop; nothing here blocks it.

Each socket has a bounded queue: one that does not take its events is closed, and comes back with the id of the last
event it had. While the bus is away, what is heard comes from the rows, every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import redis.asyncio as aredis
import structlog
from redis.exceptions import RedisError

from core.realtime import topics
from core.realtime.bus import PREFIX

log = structlog.get_logger(__name__)

QUEUE = 200
"""Events that wait for one socket; with one more it counts as slow."""
REMEMBERED = 512
"""Ids of events that a socket had, so that bus and rows do not tell it twice."""
STOP_AGAIN_S = 1.0
RECONNECT_S = (0.1, 5.0)
POLL_S = 2.0

Replay = Callable[[str, "int | None"], Awaitable[list[dict[str, Any]]]]
"""(topic, after event id; None: those of the last minute) -> events, oldest first."""


class Ear:
    """What one socket hears: its queue, and which names it gave to topics."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(QUEUE)
        self.names: dict[str, str] = {}
        self.slow = asyncio.Event()
        self._had: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)

    def offer(self, topic: str, event: dict[str, Any], *, replayed: bool = False) -> None:
        """Queue an event of a topic once; a full queue marks the socket as slow."""
        name = self.names.get(topic)
        if name is None or (topic, event["id"]) in self._had:
            return
        self._had.append((topic, event["id"]))
        told = event | {"channel": name}
        if replayed:
            told["replayed"] = True
        self.say(told)

    def say(self, message: dict[str, Any]) -> None:
        """Queue any message."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.slow.set()


class Hub:
    """Made once a web process; start() and stop() in its event loop.

    redis_url  "" = no bus: the rows alone
    replay     reads rows for a topic
    """

    def __init__(self, redis_url: str, replay: Replay) -> None:
        self._redis_url = redis_url
        self.replay = replay
        self._ears: dict[str, set[Ear]] = {}
        self._task: asyncio.Task[None] | None = None
        self._pubsub: Any = None
        self._client: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._said: set[asyncio.Task[None]] = set()
        self.connected = False

    @property
    def sockets(self) -> int:
        """How many listen."""
        return len({ear for ears in self._ears.values() for ear in ears})

    def start(self) -> None:
        """Begin to listen."""
        if self._task is None:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.create_task(self._run(), name="realtime")

    async def stop(self) -> None:
        """Stop listening. Safe twice."""
        task, self._task, self._loop = self._task, None, None
        while task is not None and not task.done():
            task.cancel()  # one that comes while the client connects may be lost in there
            await asyncio.wait([task], timeout=STOP_AGAIN_S)

    async def add(self, ear: Ear, topic: str, name: str) -> None:
        """Let a socket hear a topic under the name that it asked for. Events from now on are not missed."""
        ear.names[topic] = name
        first = topic not in self._ears
        self._ears.setdefault(topic, set()).add(ear)
        if first and self.connected:
            with contextlib.suppress(RedisError, OSError):  # the listener notices it too, and reads the rows
                await self._pubsub.subscribe(PREFIX + topic)

    async def remove(self, ear: Ear, topic: str) -> None:
        """Let it hear the topic no more."""
        ear.names.pop(topic, None)
        ears = self._ears.get(topic)
        if ears is None:
            return
        ears.discard(ear)
        if not ears:
            del self._ears[topic]
            if self.connected:
                with contextlib.suppress(RedisError, OSError):
                    await self._pubsub.unsubscribe(PREFIX + topic)

    def changed(self, vendor_id: int, data: dict[str, Any]) -> None:
        """Tell an agency's dashboards, at this process and at the others, that something changed which is in no row of
        notices. From any thread; returns at once. A hint: who is away never hears it, and asks anew on coming back."""
        event = topics.changed_event(data)
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._tell, topics.topic(vendor_id, "dashboard"), event)

    def _tell(self, topic: str, event: dict[str, Any]) -> None:
        for ear in list(self._ears.get(topic, ())):
            ear.offer(topic, event)
        if self.connected and len(self._said) < QUEUE:
            task = asyncio.create_task(self._publish(self._client, topic, event), name="realtime-tell")
            self._said.add(task)
            task.add_done_callback(self._said.discard)

    @staticmethod
    async def _publish(client: Any, topic: str, event: dict[str, Any]) -> None:
        with contextlib.suppress(RedisError, OSError, TimeoutError):  # the listener notices it too
            await client.publish(PREFIX + topic, msgspec.json.encode(event))

    async def _run(self) -> None:
        wait = RECONNECT_S[0]
        while True:
            lost = "no bus is configured"
            if self._redis_url:
                client = aredis.Redis.from_url(self._redis_url, socket_connect_timeout=2.0, health_check_interval=15)
                try:
                    await self._listen(client)
                except (RedisError, OSError, TimeoutError) as error:
                    lost = type(error).__name__
                finally:
                    if self.connected:
                        log.warning("realtime_bus_lost", error=lost)
                        wait = RECONNECT_S[0]
                    self.connected = False
                    self._pubsub = self._client = None
                    with contextlib.suppress(Exception):
                        await client.aclose()
            await self._read_rows()
            await asyncio.sleep(wait)
            wait = min(wait * 2, POLL_S if not self._redis_url else RECONNECT_S[1])

    async def _listen(self, client: Any) -> None:
        async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(PREFIX + "-")  # a pub/sub connection without a channel cannot wait
            self._pubsub, self._client = pubsub, client
            self.connected = True
            for topic in list(self._ears):
                await pubsub.subscribe(PREFIX + topic)
            await self._read_rows()  # what was published while nobody listened
            while True:
                message = await pubsub.get_message(timeout=10.0)
                if message is not None:
                    self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        topic = bytes(message["channel"]).decode().removeprefix(PREFIX)
        try:
            event = msgspec.json.decode(message["data"], type=dict[str, Any])
            event["id"] = str(event["id"])
        except (msgspec.DecodeError, KeyError, TypeError):
            log.warning("realtime_event_unreadable", topic=topic)
            return
        for ear in list(self._ears.get(topic, ())):
            ear.offer(topic, event)

    async def _read_rows(self) -> None:
        for topic, ears in list(self._ears.items()):
            try:
                events = await self.replay(topic, None)
            except Exception as error:  # the database is away too: the next round
                log.warning("realtime_rows_not_read", error=type(error).__name__)
                return
            for ear in list(ears):
                for event in events:
                    ear.offer(topic, event, replayed=True)
