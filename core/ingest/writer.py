"""Group commit: one thread takes all that waits, commits it in one statement, then every waiter is answered.

No artificial linger: the commit in flight is the linger. 2xx is only ever sent for a row that has committed, with the
bytes it names already synced to the media store.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import psycopg
import structlog
from psycopg import pq

from core.db import pgwire
from core.domain.errors import TangkapinError
from core.evidence.store import MediaStore
from core.ingest.tables import ORDINALS

log = structlog.get_logger(__name__)

INLINE_BYTES = 16 * 1024
"""Bodies up to this size live in the payload's row, larger ones in the media store."""

_INSERT = b"""
WITH q AS (INSERT INTO inbox (batch, n) VALUES (nextval('batch_seq'), $1) RETURNING batch)
INSERT INTO payloads (id, vendor_id, device_id, received_at, content_type, headers, sha256, size, body, body_ref)
SELECT q.batch * 1024 + o, v, d, r, c, h, s, z, b, f
FROM q, (SELECT generate_series(0, $1 - 1) AS o, unnest($2::bigint[]) AS v, unnest($3::bigint[]) AS d,
                unnest($4::timestamptz[]) AS r, unnest($5::text[]) AS c, unnest($6::jsonb[]) AS h,
                unnest($7::bytea[]) AS s, unnest($8::int[]) AS z, unnest($9::bytea[]) AS b, unnest($10::text[]) AS f) t
RETURNING (SELECT batch FROM q)
"""
_TYPES = [
    pgwire.INT4, pgwire.INT8_ARRAY, pgwire.INT8_ARRAY, pgwire.TIMESTAMPTZ_ARRAY, pgwire.TEXT_ARRAY, pgwire.JSONB_ARRAY,
    pgwire.BYTEA_ARRAY, pgwire.INT4_ARRAY, pgwire.BYTEA_ARRAY, pgwire.TEXT_ARRAY,
]  # fmt: skip


class NotStored(TangkapinError):
    """The payload could not be made durable; nothing was promised to the device. retry_after_s is for the answer."""

    def __init__(self, reason: str, *, retry_after_s: int = 2, status: int = 503) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.status = status


class Connects(Protocol):
    """What the writer needs of core.db.engine.Database."""

    def raw(self, *, async_commit: bool = False) -> psycopg.Connection: ...


class Waiting(Protocol):
    """Who waits for the commit: an asyncio future, or what answers by itself. All calls come on the event loop."""

    def done(self) -> bool: ...
    def set_result(self, result: int, /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...


class Arrival:
    """One request on its way into the inbox."""

    __slots__ = ("body", "content_type", "device_id", "future", "headers", "received_at", "vendor_id")

    def __init__(
        self,
        future: Waiting,
        vendor_id: int,
        device_id: int,
        received_at: float,
        content_type: str,
        headers: bytes,
        body: bytes,
    ) -> None:
        self.future = future
        self.vendor_id = vendor_id
        self.device_id = device_id
        self.received_at = received_at
        self.content_type = content_type
        self.headers = headers
        self.body = body


class InboxWriter:
    """The one writer thread of a serving process.

    submit() is called on the event loop; the future it is given gets the payload's id, or NotStored.
    ring   called after each commit, from the writer's thread (the parse stage's door-bell)
    """

    def __init__(
        self,
        database: Connects,
        media: MediaStore,
        *,
        queue_limit: int = 4096,
        queue_bytes: int = 256 * 1024 * 1024,
        batch: int = 512,
        batch_bytes: int = 32 * 1024 * 1024,
        ring: Callable[[], None] = lambda: None,
    ) -> None:
        if not 0 < batch < ORDINALS:
            raise ValueError(f"batch must be in 1..{ORDINALS - 1}, got {batch}")
        self._database = database
        self._media = media
        self._queue: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self._queue_limit = queue_limit
        self._queue_bytes = queue_bytes
        self._batch = batch
        self._batch_bytes = batch_bytes
        self._ring = ring
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._connection: psycopg.Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="inbox-writer", daemon=True)
        self._stopping = False
        self.batches = 0
        self.stored = 0
        self.refused = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to take arrivals for this loop."""
        self._loop = loop
        self._thread.start()

    def stop(self) -> None:
        """Commit what waits, then end. Blocks for a few seconds at most."""
        self._stopping = True
        self._queue.put(None)
        self._thread.join(timeout=10)

    def room(self) -> bool:
        """Whether another arrival may be queued; False means 503 + Retry-After."""
        return (
            not self._stopping and self._queue.qsize() < self._queue_limit and self._waiting_bytes < self._queue_bytes
        )

    def submit(self, arrival: Arrival) -> None:
        """Queue an arrival; its future is set from the loop's thread."""
        with self._lock:
            self._waiting_bytes += len(arrival.body)
        self._queue.put(arrival)

    def _run(self) -> None:
        pending: Arrival | None = None
        while True:
            first = pending if pending is not None else self._queue.get()
            pending = None
            if first is None:
                self._disconnect()
                return
            batch, size = [first], len(first.body)
            ending = False
            while len(batch) < self._batch:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    ending = True
                    break
                if size + len(item.body) > self._batch_bytes:
                    pending = item
                    break
                batch.append(item)
                size += len(item.body)
            self._commit(batch)
            with self._lock:
                self._waiting_bytes -= size
            if ending:
                if pending is not None:
                    self._commit([pending])
                self._disconnect()
                return

    def _commit(self, batch: list[Arrival]) -> None:
        result: int | NotStored
        try:
            result = self._store(batch)
        except OSError as error:
            log.error("media_store_failed", error=str(error))
            result = NotStored("the media store cannot take the body", status=507, retry_after_s=30)
        except Exception as error:
            log.error("inbox_commit_failed", error=str(error).strip()[:300])
            self._disconnect()
            result = NotStored("the inbox cannot be written")
        if isinstance(result, int):
            self.batches += 1
            self.stored += len(batch)
            log.debug("payloads_stored", batch=result, n=len(batch), trace=f"p{result * ORDINALS}")
        else:
            self.refused += len(batch)
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_settle, batch, result)
        if isinstance(result, int):
            self._ring()

    def _store(self, batch: list[Arrival]) -> int:
        large = [a for a in batch if len(a.body) > INLINE_BYTES]
        refs = iter(self._media.append([a.body for a in large]) if large else ())
        inline = [len(a.body) <= INLINE_BYTES for a in batch]
        columns = [
            pgwire.int8s([a.vendor_id for a in batch]),
            pgwire.int8s([a.device_id for a in batch]),
            pgwire.unix_times([a.received_at for a in batch]),
            pgwire.texts([a.content_type for a in batch]),
            pgwire.jsonbs([a.headers for a in batch]),
            pgwire.byteas([hashlib.sha256(a.body).digest() for a in batch]),
            pgwire.int4s([len(a.body) for a in batch]),
            pgwire.byteas([a.body if small else None for a, small in zip(batch, inline, strict=True)]),
            pgwire.texts([None if small else next(refs) for small in inline]),
        ]
        parameters = [pgwire.int4(len(batch)), *(column.data for column in columns)]
        connection = self._connect()
        result = connection.pgconn.exec_prepared(b"inbox_insert", parameters, [1] * 10, 1)
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise psycopg.OperationalError(result.error_message.decode("utf-8", "replace") or "no answer")
        value = result.get_value(0, 0)
        assert value is not None
        return int.from_bytes(value, "big")

    def _connect(self) -> psycopg.Connection:
        if self._connection is None:
            deadline = time.monotonic() + 2
            while True:
                try:
                    connection = self._database.raw()
                    break
                except psycopg.OperationalError:
                    # a restarting PostgreSQL: wait a moment rather than send every camera away at once
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)
            connection.pgconn.prepare(b"inbox_insert", _INSERT, _TYPES)
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None


def _settle(batch: list[Arrival], result: Any) -> None:
    if isinstance(result, int):
        for ordinal, arrival in enumerate(batch):
            if not arrival.future.done():
                arrival.future.set_result(result * ORDINALS + ordinal)
    else:
        for arrival in batch:
            if not arrival.future.done():
                arrival.future.set_exception(result)
