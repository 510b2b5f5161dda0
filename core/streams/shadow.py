"""The shadow process: stored payloads are read a second time, by the live plugins and by one shadow, and compared.

It follows `payloads` behind the parse stage, so nothing that a shadow does can touch an event: it has no part in the
inbox, writes no table, and sends nothing. Each shadow has a process of its own; one that hangs over a payload longer
than a parser may is killed with it, one that dies is started again, both after that payload.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import structlog

from core.db.engine import Database
from core.domain.cases import Passage
from core.domain.errors import MalformedPayload
from core.domain.frames import Frame
from core.domain.observations import Device, FrameCapture, Payload, PlateRead
from core.evidence.store import MediaMissing, MediaStore
from core.hooks import shadow as told
from core.hooks.checks import SHADOWED, implemented
from core.hooks.deployment import Declared, find_class
from core.hooks.host import Host
from core.ingest.board import Board, Work
from core.ingest.directory import DeviceDirectory
from core.ingest.inflate import inflate
from core.ingest.known_devices import KnownDevices
from core.ingest.parse_stage import die_with_parent, limit_memory
from core.streams.sources import decode

log = structlog.get_logger(__name__)

POLL_S = 0.05
IDLE_S = 0.5
BATCH = 100
SETTLED_S = 1.0
LATE_S = 60.0
LOAD_TIMEOUT_S = 60.0
MAX_FAULTS = 20
"""Hangs and deaths after which a shadow is left alone until the next start."""
_LOADING = -1
_NEXT = """
SELECT id, device_id, received_at, content_type, headers::text, body, body_ref FROM payloads
WHERE id > %s AND received_at < now() - make_interval(secs => %s) ORDER BY id LIMIT %s
"""
_LATE = "SELECT count(*), coalesce(max(id), 0) FROM payloads WHERE id > %s AND received_at < now() - interval '60 s'"


def book_path(home: Path, instance: str) -> Path:
    """Where the book of a shadow lies."""
    return home / "shadow" / f"{instance}.json"


class Comparison:
    """The live plugins and one shadow, asked the same. note(hook, differences) is told each result."""

    def __init__(self, live: Host, shadow: Host, name: str, note: Callable[[str, list[told.Difference]], None]) -> None:
        self._live = live
        self._shadow = shadow
        self._name = name
        (self._info,) = shadow.instances
        self._note = note

    def payload(self, payload: Payload) -> None:
        """Ask both of a payload and of what the live parser makes of it."""
        device, hooks = payload.device, self._info.hooks
        live = told.attempt(lambda: self._live.parse_payload(payload))
        if "parse_payload" in hooks and self._info.maker == device.maker and self._serves(device):
            shadow = told.attempt(lambda: self._shadow.parse_payload(payload))
            self._note("parse_payload", told.compare(live, shadow, told.observations))
        if not self._serves(device):
            return
        for one in live[0] or ():
            if isinstance(one, PlateRead):
                self._read(one, payload)
            elif isinstance(one, FrameCapture) and "detect_frames" in hooks and device.detect:
                self._frames(one, payload)

    def _serves(self, device: Device) -> bool:
        vendors, devices = self._info.vendors, self._info.devices
        return (not vendors or device.vendor_code in vendors) and (not devices or device.code in devices)

    def _read(self, read: PlateRead, payload: Payload) -> None:
        device, hooks = payload.device, self._info.hooks
        if not {"judge_read", "classify_passage"} & set(hooks):
            return
        verdict = self._live.judge_read(read, device)[0]
        if "judge_read" in hooks:
            opinion, broken = self._shadow.judge_read(read, device)
            text = f"raised: {opinion.detail}" if broken else ""
            self._note("judge_read", told.compare((verdict, ""), (opinion, text), told.verdicts))
        if "classify_passage" in hooks and verdict.action != "drop":
            taken = read.capture_time or payload.received_at
            passage = Passage(
                device_id=device.id, vendor_id=device.vendor_id, plate_number=read.plate_number, first_at=taken,
                last_at=taken, confidence=read.confidence, direction=read.direction, lane_no=read.lane_no,
                vehicle_type=read.vehicle_type, vehicle_color=read.vehicle_color, plate_color=read.plate_color,
                speed_kmh=read.speed_kmh, offences=read.offences, verdict=verdict.action,
            )  # fmt: skip
            live = self._live.classify_passage(passage, device)[0]
            mine, failed = self._shadow.classify_passage(passage, device)
            text = f"raised: {failed[0].error_text}" if failed else ""
            self._note("classify_passage", told.compare((live, ""), (mine, text), told.drafts))

    def _frames(self, capture: FrameCapture, payload: Payload) -> None:
        taken = capture.capture_time or payload.received_at
        frames = []
        for image in capture.images:
            if image.data is not None:
                with contextlib.suppress(MalformedPayload):
                    pixels = decode(bytes(image.data))
                    frames.append(Frame(device=payload.device, image=pixels, taken_at=taken, source="pushed"))
        detectors = self._live.detectors_for(payload.device)
        if not frames or not detectors:
            return
        live = told.attempt(lambda: [s for one in detectors for s in self._live.detect_frames(one, frames)])
        shadow = told.attempt(lambda: self._shadow.detect_frames(self._name, frames))
        self._note("detect_frames", told.compare(live, shadow, told.sightings))


class ShadowWorker:
    """One shadow in a process of its own. run() returns when stop() was called."""

    def __init__(
        self, database: Database, media: MediaStore, board: Board, book: Path, one: Declared, after: int
    ) -> None:
        self._database = database
        self._devices = KnownDevices(DeviceDirectory(database))
        self._media = media
        self._board = board
        self._path = book
        self._book = told.open_book(book, one.id)
        self._name = one.id
        self._after = after
        self._at = 0
        self._hook = ""
        self._stop = False

    def stop(self) -> None:
        """End after the payload at hand. Safe in a signal handler."""
        self._stop = True

    def run(self, live: Host, shadow: Host) -> None:
        """Follow the payloads until stopped."""
        live.on_call = shadow.on_call = self._board.name
        (info,) = shadow.instances
        self._book.state = f"cannot run: {info.reason}" if info.reason else "running"
        self._book.save(self._path)
        if info.reason:
            while not self._stop:
                time.sleep(IDLE_S)
            return
        comparison = Comparison(live, shadow, self._name, lambda hook, d: self._book.note(hook, self._at, d))
        self._devices.refresh()
        while not self._stop:
            try:
                if not self.work(comparison):
                    self._devices.refresh()
                    time.sleep(IDLE_S)
            except (psycopg.Error, OSError) as error:
                log.warning("shadow_storage_lost", error=str(error).strip()[:200])
                time.sleep(2.0)

    def work(self, comparison: Comparison) -> int:
        """Read and compare what came since; how many payloads."""
        with contextlib.closing(self._database.raw()) as connection:
            rows = connection.execute(_NEXT, (self._after, SETTLED_S, BATCH)).fetchall()
            if rows and (datetime.now(UTC) - rows[0][2]).total_seconds() > LATE_S:
                late, newest = connection.execute(_LATE, (self._after,)).fetchone() or (0, 0)
                self._book.skipped += late
                self._after = max(self._after, newest)
                rows = []
        for row in rows:
            if self._stop:
                break
            self._one(comparison, row)
            self._after = row[0]
        if rows:
            self._book.save(self._path)
        return len(rows)

    def _one(self, comparison: Comparison, row: Sequence[Any]) -> None:
        self._at, device_id, received_at, content_type, headers_json, body, ref = row
        device = self._devices.device(device_id)
        if device is None:
            return
        headers: dict[str, str] = msgspec.json.decode(headers_json)
        try:
            raw = bytes(body) if body is not None else self._media.read(ref or "")
            plain = inflate(raw, headers.get("content-encoding", ""))
        except (MalformedPayload, MediaMissing):
            return
        payload = Payload(
            body=plain, device=device, received_at=received_at, content_type=content_type, headers=headers,
            path=headers.get(":path", ""), query=headers.get(":query", ""), id=self._at,
        )  # fmt: skip
        self._board.begin(self._at)
        try:
            comparison.payload(payload)
        finally:
            self._board.end()


class ShadowStage:
    """Forks a process for each shadow of the deployment, watches them, and starts those anew that hang or die."""

    def __init__(
        self, database_url: str, declared: Sequence[Declared], file: Path, home: Path, *,
        environ: Mapping[str, str], timeout_s: float = 2.0, memory_mib: int = 1024,
    ) -> None:  # fmt: skip
        self._url = database_url
        self._live = [one for one in declared if not one.shadow and _gives_opinions(one)]
        self._shadows = {one.id: one for one in declared if one.shadow}
        self._file = file
        self._home = home
        self._environ = environ
        self._timeout_s = timeout_s
        self._memory_mib = memory_mib
        self._boards = {one: Board(home / "run" / f"shadow-{one}.board") for one in self._shadows}
        self._faults = dict.fromkeys(self._shadows, 0)
        self._children: dict[int, str] = {}
        self._stop = False

    def stop(self) -> None:
        """End the shadows and return from run(). Safe in a signal handler."""
        self._stop = True

    def run(self) -> None:
        """Fork, watch, start anew; returns after stop()."""
        newest = self._newest()
        for name in self._shadows:
            self._fork(name, newest)
        try:
            while not self._stop:
                self._look()
                time.sleep(POLL_S)
        finally:
            for pid in self._children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def _newest(self) -> int:
        database = Database(self._url)
        with contextlib.closing(database.raw()) as connection:
            row = connection.execute("SELECT coalesce(max(id), 0) FROM payloads").fetchone()
        database.dispose()
        return int(row[0]) if row else 0

    def _look(self) -> None:
        for pid, name in list(self._children.items()):
            work = self._boards[name].read()
            done, status = os.waitpid(pid, os.WNOHANG)
            limit = LOAD_TIMEOUT_S if work.payload_id == _LOADING else self._timeout_s
            if done:
                self._fault(pid, name, work, f"died: exit {os.waitstatus_to_exitcode(status)}")
            elif work.seconds() > limit:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self._fault(pid, name, work, f"hung: over {limit:g} s")

    def _fault(self, pid: int, name: str, work: Work, text: str) -> None:
        del self._children[pid]
        self._boards[name].end()
        if work.payload_id > 0 and work.instance not in ("", name):  # the live one's: the parse stage tells of it
            self._fork(name, work.payload_id)
            return
        self._faults[name] += 1
        log.warning("shadow_fault", instance=name, payload=work.payload_id, error=text)
        path = book_path(self._home, name)
        book = told.open_book(path, name)
        hook = "load" if work.payload_id <= 0 else self._hook_of(name)
        book.note(hook, max(work.payload_id, 0), [told.Difference(text.partition(":")[0], "answered", text)])
        given_up = self._faults[name] >= MAX_FAULTS
        book.state = f"left alone after {MAX_FAULTS} faults, the last: {text}" if given_up else "running"
        book.save(path)
        if not given_up:
            time.sleep(0.05 if work.payload_id > 0 else 1.0)
            self._fork(name, work.payload_id if work.payload_id > 0 else self._newest())

    def _hook_of(self, name: str) -> str:
        with contextlib.suppress(Exception):
            return next(hook for hook in implemented(find_class(self._shadows[name].use)) if hook in SHADOWED)
        return "load"

    def _fork(self, name: str, after: int) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._children[pid] = name
            return
        code = 1
        try:
            die_with_parent(parent)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.nice(10)  # the live ones go first
            self._work(name, after)
            code = 0
        except BaseException as error:
            log.error("shadow_ended", instance=name, error=f"{type(error).__name__}: {error}"[:300])
        finally:
            os._exit(code)

    def _work(self, name: str, after: int) -> None:
        board, one = self._boards[name], self._shadows[name]
        board.begin(_LOADING)
        board.name(name)
        live = Host.build(self._live, file=self._file, environ=self._environ, strict=False)
        shadow = Host.build(
            [one], file=self._file, environ=self._environ, data_dir=self._home / "plugins", strict=False, shadows=True
        )
        board.end()
        if not any("detect_frames" in info.hooks for info in shadow.instances):  # a model needs what it needs
            limit_memory(self._memory_mib)
        media = MediaStore(self._home / "media", segment_bytes=32 * 1024 * 1024)
        worker = ShadowWorker(Database(self._url), media, board, book_path(self._home, name), one, after)
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        worker.run(live, shadow)


def _gives_opinions(one: Declared) -> bool:
    with contextlib.suppress(Exception):  # one that cannot be imported is the parse stage's to tell
        return bool(SHADOWED & set(implemented(find_class(one.use))))
    return False
