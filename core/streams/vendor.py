"""Vendor event streams: the makes' own endless answers, attached to and fed into the same inbox as what cameras post.

One thread for each device that has `stream_kind` "vendor". The make's plugin says which path and cuts events; address,
credentials, back-off and the inbox are core's. A heartbeat updates the device's health and is stored nowhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from sqlalchemy import select

from core.accounts.tables import devices, vendors
from core.db.engine import Database
from core.domain.observations import Device, Payload
from core.domain.stream_urls import StreamUrl
from core.hooks.host import Host
from core.ingest.answers import AnswerTable, Route
from core.ingest.directory import device_of
from core.ingest.health_book import HealthBook
from core.ingest.writer import Arrival, InboxWriter
from core.outbound import Policy
from core.secrets import SecretBox
from core.streams.cameras import FIRST_PAUSE_S, HEALTHY_AFTER_S, LONGEST_PAUSE_S, State, read_address
from core.streams.health import CameraHealth
from core.streams.http import HttpLoop, HttpStream

log = structlog.get_logger(__name__)

FOLLOW_S = 3.0
_NOT_HEARTBEATS = ("event",)


class VendorStream(msgspec.Struct, frozen=True, kw_only=True):
    """A device whose stream is attached to. url is its web address; problem: why it cannot be ("" = it can)."""

    device: Device
    url: StreamUrl | None = None
    policy: Policy | None = None
    allow: tuple[str, ...] = ()
    problem: str = ""

    def same(self, other: VendorStream | None) -> bool:
        """Whether an open stream may stay as it is."""
        return other is not None and (self.device, self.url, self.allow, self.problem) == (
            other.device, other.url, other.allow, other.problem
        )  # fmt: skip


def load_vendor_streams(database: Database, box: SecretBox) -> list[VendorStream]:
    """All active devices with a vendor stream, those that wait for an approval too."""
    query = (
        select(devices, vendors.c.vendor_code)
        .join(vendors, vendors.c.id == devices.c.vendor_id)
        .where(
            devices.c.is_active, vendors.c.is_active, devices.c.cctv_status.is_(None), devices.c.stream_kind == "vendor"
        )
        .order_by(devices.c.id)
    )
    with database.system() as connection:
        rows = connection.execute(query).mappings().all()
    return [_stream(row, box) for row in rows]


def _stream(row: Any, box: SecretBox) -> VendorStream:
    address = read_address(row, box)
    return VendorStream(
        device=device_of(row),
        url=address.url,
        policy=address.policy,
        allow=tuple(row["stream_allow"]),
        problem=address.problem,
    )


class Inbox:
    """The inbox writer for threads: put() returns when the payload has committed."""

    def __init__(self, writer: InboxWriter) -> None:
        self._writer = writer
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stream-inbox", daemon=True)
        self._thread.start()
        writer.start(self._loop)

    def put(self, payload: Payload) -> int:
        """Store one payload and return its id. Raises NotStored, and TimeoutError after 30 s."""
        headers = {":path": payload.path, ":query": payload.query, ":peer": "", ":auth": "stream"}

        async def submit() -> int:
            future: asyncio.Future[int] = self._loop.create_future()
            device, at = payload.device, payload.received_at.timestamp()
            encoded = msgspec.json.encode(headers)
            self._writer.submit(
                Arrival(future, device.vendor_id, device.id, at, payload.content_type, encoded, payload.body)
            )
            return await future

        waiting: Future[int] = asyncio.run_coroutine_threadsafe(submit(), self._loop)
        return waiting.result(30)

    def close(self) -> None:
        """Commit what waits, then end."""
        self._writer.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


class StreamReader(threading.Thread):
    """One device's stream: attach, read, lose, wait, attach again, until stopped."""

    def __init__(
        self, stream: VendorStream, host: Host, http: HttpLoop, put: Callable[[Payload], object],
        heartbeat: Callable[[Device], None], is_heartbeat: Callable[[Payload], bool],
    ) -> None:  # fmt: skip
        super().__init__(name=f"stream-{stream.device.code}", daemon=True)
        self.stream = stream
        self.state = State(detail=stream.problem or "not connected yet")
        self.stored = 0
        self._host = host
        self._http = http
        self._put = put
        self._heartbeat = heartbeat
        self._is_heartbeat = is_heartbeat
        self._stop_asked = threading.Event()
        self._open: HttpStream | None = None

    @property
    def device(self) -> Device:
        """Whose stream this is."""
        return self.stream.device

    def stop(self) -> None:
        """Hang up and end the thread."""
        self._stop_asked.set()
        if self._open is not None:
            self._open.close()

    def run(self) -> None:
        """See the class."""
        pause = FIRST_PAUSE_S
        while self.stream.url is not None and not self._stop_asked.is_set():
            begun = time.monotonic()
            why = "the stream ended"
            try:
                if not self._attach():
                    self.state.detail = f"the make {self.stream.device.maker} has no event stream"
                    return
            except Exception as error:  # the device, the network, the plugin or the inbox: said, and tried again
                why = str(error) or type(error).__name__
            if self._stop_asked.is_set():
                return
            self._lost(why)
            pause = FIRST_PAUSE_S if time.monotonic() - begun > HEALTHY_AFTER_S else min(pause * 2, LONGEST_PAUSE_S)
            self._stop_asked.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    def _attach(self) -> bool:
        device = self.stream.device
        payloads = self._host.open_stream(device, self._connect)
        if payloads is None:
            return False
        for payload in payloads:
            if self._stop_asked.is_set():
                break
            self._came()
            if self._is_heartbeat(payload):
                self._heartbeat(device)
            else:
                self._put(msgspec.structs.replace(payload, device=device))
                self.stored += 1
        return True

    def _connect(
        self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None, silent_s: float = 60.0
    ) -> HttpStream:
        url, policy = self.stream.url, self.stream.policy
        assert url is not None and policy is not None
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError(f"expected a path of the device that begins with one /, got {path[:60]!r}")
        target = msgspec.structs.replace(url, target=path)
        opened = self._http.open(target, policy, method=method, headers=headers, silent_s=silent_s)
        self._open = opened
        self._came()
        return opened

    def _came(self) -> None:
        state, now = self.state, datetime.now(UTC)
        state.last_frame_at = now
        if state.state != "online":
            log.info("stream_attached", device=self.stream.device.code)
            state.state, state.detail, state.since = "online", "", now

    def _lost(self, why: str) -> None:
        state = self.state
        state.reconnects += 1
        state.detail = why[:300]
        if state.state == "online":
            state.state, state.since = "offline", datetime.now(UTC)
            log.warning("stream_lost", device=self.stream.device.code, reason=why[:300])


class StreamDesk:
    """All vendor streams of this process; follow() brings them in line with the database."""

    def __init__(
        self, load: Callable[[], Sequence[VendorStream]], host: Host, table: AnswerTable,
        put: Callable[[Payload], object], health: HealthBook, http: HttpLoop | None = None,
    ) -> None:  # fmt: skip
        self._load = load
        self._host = host
        self._table = table
        self._put = put
        self._health = health
        self._http = http or HttpLoop()
        self._readers: dict[int, StreamReader] = {}

    @property
    def readers(self) -> list[StreamReader]:
        """All readers, the ones that wait for an approval too."""
        return list(self._readers.values())

    def follow(self) -> None:
        """Start, replace and end readers as the database now says."""
        wanted = {stream.device.id: stream for stream in self._load()}
        for device_id, reader in list(self._readers.items()):
            if not reader.stream.same(wanted.get(device_id)):
                reader.stop()
                del self._readers[device_id]
        for device_id, stream in wanted.items():
            if device_id not in self._readers:
                reader = StreamReader(
                    stream, self._host, self._http, self._put, self._note_heartbeat, self._is_heartbeat
                )
                self._readers[device_id] = reader
                reader.start()

    def close(self) -> None:
        """End all readers and connections."""
        readers = self.readers
        for reader in readers:
            reader.stop()
        self._http.close()
        for reader in readers:
            with contextlib.suppress(RuntimeError):
                reader.join(10)

    def _is_heartbeat(self, payload: Payload) -> bool:
        maker = payload.device.maker
        if maker not in self._table.makers:
            return False
        row = self._table.match(Route(maker, payload.device.code, (), ""), "POST", payload.body)
        return row is not None and row.kind not in _NOT_HEARTBEATS

    def _note_heartbeat(self, device: Device) -> None:
        self._health.note(device.id, device.vendor_id, heartbeat=True, now=time.time(), peer="stream")


def keep(desk: StreamDesk, health: HealthBook, database: Database, stop: threading.Event) -> None:
    """Follow the list of devices and write how they are, every few seconds, until `stop` is set."""
    cameras = CameraHealth(database)
    while True:
        try:
            desk.follow()
        except Exception as error:  # the database is away: open streams go on
            log.warning("streams_not_followed", error=str(error)[:200])
        cameras.write(desk.readers)
        health.flush()
        if stop.wait(FOLLOW_S):
            return
