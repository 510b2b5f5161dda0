"""The parse stage: forks parser processes, watches them, and replaces one that hangs or dies.

A parser that is at one payload for over 2 s (the time in which a busy machine has no core for it does not count) is
killed with its process; that payload is put aside, the rest of the batch goes back by itself (its transaction is gone).
A process that dies otherwise is replaced; a payload that was at hand in two deaths is put aside too. The second payload
that a plugin costs us quarantines the plugin.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg
import structlog

from core.ingest.bell import Bell
from core.ingest.board import Board, Work
from core.ingest.collector import rest_the_collector
from core.ingest.parse_worker import PLUGIN_OUT, Database, ParseWorker

log = structlog.get_logger(__name__)

POLL_S = 0.05
FAULTS_UNTIL_QUARANTINE = 2
_PR_SET_PDEATHSIG = 1

_QUARANTINE = """
INSERT INTO quarantine (vendor_id, device_id, payload_id, plugin, kind, reason)
SELECT vendor_id, device_id, id, %(plugin)s, %(kind)s, %(reason)s FROM payloads WHERE id = %(id)s
ON CONFLICT (payload_id) DO UPDATE SET plugin = excluded.plugin, kind = excluded.kind, reason = excluded.reason,
  resolved_at = NULL, resolution = NULL
"""


class ParseStage:
    """Runs `processes` parsers until stop() is called.

    make_worker  called in the child after the fork: (board, wait) -> ParseWorker. What it opens is the child's own;
                 plugins are loaded before the fork, so a replacement is at work within milliseconds.
    """

    def __init__(
        self,
        database: Database,
        make_worker: Callable[[Board, Callable[[float], bool]], ParseWorker],
        run_dir: Path,
        *,
        processes: int = 1,
        timeout_s: float = 2.0,
        memory_mib: int = 1024,
    ) -> None:
        self._database = database
        self._make_worker = make_worker
        self._bell = Bell(run_dir / "parse-bell")
        self._boards = [Board(run_dir / f"parse-{n}.board") for n in range(processes)]
        self._timeout_s = timeout_s
        self._memory_mib = memory_mib
        self._children: dict[int, int] = {}  # pid -> board number
        self._deaths: Counter[int] = Counter()
        self._faults: Counter[str] = Counter()
        self._aside: list[tuple[Work, str, str]] = []
        self._waited: dict[int, tuple[Work, float]] = {}  # pid -> what it is at, its wait for a core when first seen
        self._stop = False

    def stop(self) -> None:
        """End the parsers and return from run(). Safe in a signal handler."""
        self._stop = True

    def run(self) -> None:
        """Fork, watch, replace; returns after stop()."""
        for number, board in enumerate(self._boards):
            left_over = board.read()
            if left_over.payload_id:  # everything died while this payload was being parsed
                self._deaths[left_over.payload_id] += 1
            board.end()
            self._fork(number)
        try:
            while not self._stop:
                self._look()
                time.sleep(POLL_S)
        finally:
            self._end()

    def _look(self) -> None:
        for pid, number in list(self._children.items()):
            work = self._boards[number].read()
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self._children[pid]
                self._waited.pop(pid, None)
                if not self._stop:
                    self._died(work, number, status)
            elif work.payload_id and self._seconds(pid, work) > self._timeout_s:
                # Stopped it holds its batch while the payload is put aside: no other parser can fall into the same pit.
                os.kill(pid, signal.SIGSTOP)
                if self._boards[number].read() != work:  # it came through just now
                    os.kill(pid, signal.SIGCONT)
                    continue
                self._hung(work, number, pid)
        if self._aside:
            self._put_aside()

    def _seconds(self, pid: int, work: Work) -> float:
        """How long it has been at it, without the time in which it was ready to run and another had the core."""
        at, waited = self._waited.get(pid, (None, 0.0))
        now = waited_s(pid)
        if at != work:
            self._waited[pid] = work, now
            waited = now
        return work.seconds() - (now - waited)

    def _died(self, work: Work, number: int, status: int) -> None:
        log.error(
            "parser_died", status=os.waitstatus_to_exitcode(status), payload=work.payload_id, instance=work.instance
        )
        if work.payload_id:
            self._deaths[work.payload_id] += 1
            if self._deaths[work.payload_id] >= 2:
                reason = f"{work.instance} ended its process twice on this payload (exit, crash or out of memory)"
                self._faults[work.instance] += 1
                self._aside.append((work, "parser_crash", reason))
        self._boards[number].end()
        self._put_aside()
        time.sleep(0.02 if work.payload_id else 0.5)  # dead without a payload at hand: not the payload's fault
        self._fork(number)

    def _hung(self, work: Work, number: int, pid: int) -> None:
        log.error("parser_hung", payload=work.payload_id, instance=work.instance, seconds=round(work.seconds(), 1))
        self._faults[work.instance] += 1
        reason = f"{work.instance} did not return within {self._timeout_s:g} s"
        self._aside.append((work, "parser_hang", reason))
        self._put_aside()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        del self._children[pid]
        self._waited.pop(pid, None)
        self._boards[number].end()
        self._fork(number)

    def _put_aside(self) -> None:
        """Write what must not be parsed again. On a database that is away it is kept for the next look."""
        if not self._aside:
            return
        try:
            with contextlib.closing(self._database.raw()) as connection:
                while self._aside:
                    work, kind, reason = self._aside[0]
                    connection.execute(
                        _QUARANTINE, {"plugin": work.instance, "kind": kind, "reason": reason, "id": work.payload_id}
                    )
                    faults = self._faults[work.instance]
                    if work.instance and faults >= FAULTS_UNTIL_QUARANTINE:
                        text = f"{reason}, {faults} payloads lost to it so far; the last: {work.payload_id}"
                        connection.execute(PLUGIN_OUT, {"plugin": work.instance, "reason": text, "n": faults})
                        del self._faults[work.instance]  # once released it has its chances again
                    self._aside.pop(0)
            for board in self._boards:
                board.tell()
        except psycopg.OperationalError as error:
            log.warning("parse_watch_database_lost", error=str(error).strip()[:200])

    def _fork(self, number: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            self._children[pid] = number
            return
        code = 1
        try:
            die_with_parent(parent)
            limit_memory(self._memory_mib)
            rest_the_collector()
            worker = self._make_worker(self._boards[number], self._bell.wait)
            signal.signal(signal.SIGTERM, lambda *_: worker.stop())
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            worker.run()
            code = 0
        except BaseException as error:
            log.error("parser_ended", error=f"{type(error).__name__}: {error}"[:500])
        finally:
            os._exit(code)

    def _end(self) -> None:
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while self._children and time.monotonic() < deadline:
            for pid in list(self._children):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    del self._children[pid]
            time.sleep(0.02)
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        self._children.clear()


def waited_s(pid: int) -> float:
    """Seconds in which a process was ready to run and had no core; 0 where the kernel does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def die_with_parent(parent: int) -> None:
    """Called in a forked child: it is killed when its parent, given by pid, ends."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be asked for
        os._exit(1)


def limit_memory(mib: int) -> None:
    """Cap what a parser may allocate on top of what is mapped already: MemoryError, not the machine's OOM killer."""
    with contextlib.suppress(OSError, ValueError):
        with Path("/proc/self/statm").open() as statm:
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
        limit = mapped + mib * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
