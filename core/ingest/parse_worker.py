"""The parser process: claims inbox batches, lets the makes' plugins read them, hands the result to the intake.

One transaction from the claim to the finish: whatever kills the process gives the rows back. Commits are asynchronous
here, since losing one takes the DELETE with it and the batch is parsed again; nothing leaves the house before a
synchronous commit of the outbox after it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
import psycopg
import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.observations import Device, DeviceHint, Observation, Payload
from core.evidence.store import MediaMissing, MediaStore
from core.hooks.errors import PluginFailed, PluginLoadError, PluginQuarantined, UnknownMaker
from core.hooks.host import QUARANTINE_AFTER
from core.hooks.instance import InstanceInfo
from core.ingest.board import Board
from core.ingest.inflate import inflate
from core.ingest.tables import ORDINALS
from core.traffic.intake import Intake, Judges, Parsed, Rules, Summary, storage_is_away

log = structlog.get_logger(__name__)

CLAIM_BATCHES = 8
MOST_BATCHES = 64
CLAIM_ROWS = 512
"""What is claimed at once grows with a backlog of small batches: a claim's fixed cost is shared by its events."""
# by the hot path, by the device directory, by the media store
_STORAGE_LOST = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError, OSError)
LINGER_BELOW = 256
LINGER_S = 0.03
LOOK_EVERY_S = 1.0
REFRESH_EVERY_S = 5.0
HEALTH_EVERY_S = 2.0

# lo and hi are made below the join: under row-level security an arithmetic operator in the join's own condition is no
# index condition (it might leak), and every claim would read the whole table.
_CLAIM = """
SELECT b.batch, p.id, p.vendor_id, p.device_id, p.received_at, p.content_type, p.headers::text, p.body, p.body_ref
FROM (SELECT batch, batch * 1024 AS lo, batch * 1024 + 1024 AS hi
        FROM inbox ORDER BY batch LIMIT %s FOR UPDATE SKIP LOCKED) b
LEFT JOIN LATERAL (SELECT * FROM payloads WHERE id >= b.lo AND id < b.hi) p ON true
ORDER BY p.id
"""
_PUT_ASIDE = """
SELECT payload_id FROM quarantine
WHERE kind IN ('parser_hang', 'parser_crash') AND resolved_at IS NULL
  AND payload_id >= coalesce((SELECT min(batch) FROM inbox), 9007199254740991) * 1024
"""
PLUGIN_OUT = """
INSERT INTO plugin_states (instance, state, reason, failures) VALUES (%(plugin)s, 'quarantined', %(reason)s, %(n)s)
ON CONFLICT (instance) DO UPDATE SET state = 'quarantined', reason = excluded.reason, failures = excluded.failures,
  since = now()
"""
# Plans are made once, perhaps on empty tables: a scan chosen then would stay for the life of the connection.
_PLANS = ("SET plan_cache_mode = force_generic_plan", "SET enable_seqscan = off", "SET jit = off")
_MOST_HEADERS = 1024
_PLUGIN_STATES = "SELECT instance, reason FROM plugin_states WHERE state = 'quarantined'"


class ParserHost(Judges, Protocol):
    """What the parse stage needs of core.hooks.host.Host."""

    on_call: Callable[[str], None] | None
    on_quarantine: Callable[[str, str], None] | None

    @property
    def instances(self) -> list[InstanceInfo]: ...
    def parse_payload(self, payload: Payload) -> list[Observation]: ...
    def quarantine(self, instance_id: str, reason: str) -> None: ...
    def release(self, instance_id: str) -> None: ...


class Database(Protocol):
    """What the parse stage needs of core.db.engine.Database."""

    def raw(self, *, async_commit: bool = False) -> psycopg.Connection: ...


class Devices(Protocol):
    """The device directory: a device by its id, and the camera behind an NVR that a payload's hint names."""

    def device(self, device_id: int) -> Device | None: ...
    def behind(self, device_id: int, hint: DeviceHint) -> Device | None: ...
    def refresh(self) -> None: ...


class ParseWorker:
    """One parser. run() returns when stop() says so; it outlives a PostgreSQL that dies and comes back."""

    def __init__(
        self,
        database: Database,
        host: ParserHost,
        devices: Devices,
        media: MediaStore,
        board: Board,
        rules: Rules,
        *,
        wait: Callable[[float], bool],
    ) -> None:
        self._database = database
        self._host = host
        self._devices = devices
        self._media = media
        self._board = board
        self._rules = rules
        self._wait = wait
        self._connection: psycopg.Connection | None = None
        self._intake: Intake | None = None
        self._aside: set[int] = set()
        self._labels = {i.maker: f"{i.use} {i.version}" for i in host.instances if i.maker}
        host.on_call = board.name
        host.on_quarantine = self._remember
        self._claim = CLAIM_BATCHES
        self._more = False
        self._headers: dict[str, dict[str, str]] = {}
        self._refreshed = -REFRESH_EVERY_S
        self._settled = 0.0
        self._news = 0
        self._stop = False

    def stop(self) -> None:
        """End after the batch at hand. Safe in a signal handler."""
        self._stop = True

    def run(self) -> None:
        """Work until stopped."""
        pause = 0.1
        while not self._stop:
            try:
                self.refresh()
                summary = self.work()
                self._settle(idle=summary is None)
                pause = 0.1
            except _STORAGE_LOST as error:
                log.warning("parse_storage_lost", error=str(error).strip()[:200], again_in_s=pause)
                self.disconnect()
                self._wait(pause)
                pause = min(pause * 2, 5.0)
                continue
            if summary is None:
                self._wait(LOOK_EVERY_S)
            elif summary.payloads < LINGER_BELOW and not self._more:
                time.sleep(LINGER_S)  # the longer a batch grows, the less each event costs
        with contextlib.suppress(psycopg.Error):
            self._settle(idle=True)
        self.disconnect()
        self._media.close()

    def work(self) -> Summary | None:
        """Parse and finish what can be claimed; None when there was nothing.

        A batch that cannot be written as it is goes back and is claimed once more, to be halved until what is wrong
        with it stands alone: only then each attempt has a savepoint.
        """
        try:
            return self._work(careful=False)
        except Exception as error:
            if storage_is_away(error):
                raise
            return self._work(careful=True)

    def _work(self, *, careful: bool) -> Summary | None:
        connection, intake = self._connect()
        write = intake.finish if careful else intake.write
        with connection.transaction():
            rows = connection.execute(_CLAIM, (self._claim,), prepare=True, binary=True).fetchall()
            if not rows:
                return None
            if self._board.news() != self._news:
                self.refresh(force=True)
            batches = sorted({row[0] for row in rows})
            self._more = len(batches) == self._claim
            if self._more:
                fitting = CLAIM_ROWS * len(batches) // len(rows)
                self._claim = max(1, min(fitting, 2 * self._claim, MOST_BATCHES))
            else:
                self._claim = min(self._claim, CLAIM_BATCHES)
            parsed = [item for row in rows if row[1] is not None and (item := self._read(row)) is not None]
            summary = write(batches, parsed)
        log.info(
            "batches_parsed",
            batches=len(batches),
            trace=f"p{batches[0] * ORDINALS}",
            payloads=summary.payloads,
            reads=summary.reads,
            violations=summary.violations,
            quarantined=summary.quarantined,
        )
        return summary

    def _settle(self, *, idle: bool) -> None:
        """Write what the intake put off: when there is time, or it is."""
        now = time.monotonic()
        if self._intake is None or not (idle or now - self._settled > HEALTH_EVERY_S):
            return
        self._settled = now
        try:
            self._intake.settle()
        except psycopg.IntegrityError as error:  # a device that is gone by now
            log.warning("device_health_not_written", error=str(error).strip()[:200])

    def refresh(self, *, force: bool = False) -> None:
        """Take up changes of devices, quarantined plugins and payloads put aside."""
        now = time.monotonic()
        if not force and now - self._refreshed < REFRESH_EVERY_S:
            return
        connection, _ = self._connect()
        self._news = self._board.news()
        self._devices.refresh()
        self._follow({row[0]: row[1] for row in connection.execute(_PLUGIN_STATES).fetchall()})
        self._aside = {row[0] for row in connection.execute(_PUT_ASIDE).fetchall()}
        self._refreshed = now

    def disconnect(self) -> None:
        """Let the connection go; the next work() makes a new one."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
        self._connection = self._intake = None

    def _connect(self) -> tuple[psycopg.Connection, Intake]:
        if self._connection is None or self._intake is None:
            self._connection = self._database.raw(async_commit=True)
            for setting in _PLANS:
                self._connection.execute(setting)
            self._intake = Intake(
                self._connection, self._host, self._media, self._rules, self._watch, health_every_s=HEALTH_EVERY_S
            )
        return self._connection, self._intake

    def _follow(self, quarantined: dict[str, str]) -> None:
        """Bring the host's plugins into the state that the installation has them in."""
        for info in self._host.instances:
            if info.state == "ready" and info.id in quarantined:
                self._host.quarantine(info.id, quarantined[info.id])
            elif info.state == "quarantined" and info.id not in quarantined:
                with contextlib.suppress(PluginLoadError):  # it never loaded: that takes a restart
                    self._host.release(info.id)

    def _remember(self, instance: str, reason: str) -> None:
        """The host gave a plugin up after too many failures in a row: tell the whole installation."""
        with contextlib.closing(self._database.raw()) as connection:
            connection.execute(PLUGIN_OUT, {"plugin": instance, "reason": reason, "n": QUARANTINE_AFTER})

    def _watch(self, payload_id: int) -> None:
        if payload_id:
            self._board.begin(payload_id)
        else:
            self._board.end()

    def _read(self, row: Sequence[Any]) -> Parsed | None:
        if row[1] in self._aside:
            return None
        return self.parse_row(*row[1:])

    def parse_row(
        self,
        payload_id: int,
        vendor_id: int,
        device_id: int,
        received_at: datetime,
        content_type: str,
        headers: str,
        body: bytes | None,
        ref: str | None,
    ) -> Parsed:
        """Read one row of `payloads`, for the device as it is registered now."""
        device = self._devices.device(device_id)
        if device is None:
            self._devices.refresh()
            device = self._devices.device(device_id)
        if device is None:
            device = Device(id=device_id, code=f"#{device_id}", maker="", vendor_id=vendor_id, vendor_code="")
        return self.parse(payload_id, device, received_at, content_type, headers, body, ref)

    def parse(
        self,
        payload_id: int,
        device: Device,
        received_at: datetime,
        content_type: str,
        headers_json: str,
        body: bytes | None,
        ref: str | None,
    ) -> Parsed:
        """Read one stored payload. Never raises for its content or for a plugin's fault."""
        stored = Parsed(payload_id=payload_id, device=device, received_at=received_at)
        label = f"vendors.{device.maker}"
        try:
            raw = bytes(body) if body is not None else self._media.read(ref or "")
            headers = self._headers_of(headers_json)
            encoding = headers.get("content-encoding", "")
            plain = inflate(raw, encoding)
            payload = Payload(
                body=plain,
                device=device,
                received_at=received_at,
                content_type=content_type,
                headers=headers,
                path=headers.get(":path", ""),
                query=headers.get(":query", ""),
                id=payload_id,
            )
            self._board.begin(payload_id)
            try:
                observations = self._host.parse_payload(payload)
            finally:
                self._board.end()
            stored.body = raw
            stored.ref = ref or f"payload:{payload_id}"
            stored.verbatim = plain is raw
            stored.observations = observations
            stored.parser = self._labels.get(device.maker, "")
            stored.devices = [self._behind(device, o.hint) for o in observations]
        except UnsupportedEvent as error:
            stored.unsupported = error.event
        except MalformedPayload as error:
            stored.failure = ("malformed", label, str(error), "")
        except PluginQuarantined as error:
            advice = f"mend it, then `tangkapin plugins release {error.instance}` and `tangkapin replay`"
            stored.failure = ("plugin_quarantined", error.instance, f"{error.error_text}; {advice}", "")
        except PluginFailed as error:
            stored.failure = ("parser_error", error.instance, error.error_text, error.trace_text)
        except UnknownMaker as error:
            stored.failure = ("unknown_maker", label, str(error), "")
        except MediaMissing as error:
            stored.failure = ("rejected", "core", str(error), "")
        return stored

    def _headers_of(self, text: str) -> dict[str, str]:
        """A device sends the same headers for ever; a plugin gets a copy of its own."""
        found = self._headers.get(text)
        if found is None:
            if len(self._headers) >= _MOST_HEADERS:
                self._headers.clear()
            found = self._headers[text] = msgspec.json.decode(text, type=dict[str, str])
        return found.copy()

    def _behind(self, device: Device, hint: DeviceHint) -> Device:
        if not (hint.channel or hint.serial):
            return device
        return self._devices.behind(device.id, hint) or device
