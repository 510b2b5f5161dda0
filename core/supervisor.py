"""Keeps the processes of one machine running: starts, watches and replaces them, ends them in order.

A child that ends is started again, at once the first time, then with growing pauses; a pause is forgotten after a
minute of health. Children die with the supervisor (their stdin closes and PR_SET_PDEATHSIG), so nothing is left behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

log = structlog.get_logger(__name__)

POLL_S = 0.2
HEALTHY_AFTER_S = 60.0
LONGEST_PAUSE_S = 10.0
_PR_SET_PDEATHSIG = 1


class Child(msgspec.Struct):
    """One supervised process."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    pause_s: float = 0.0
    due: float = 0.0


class Supervisor:
    """Runs children until stop() is called; `tick` is called every poll and must not wait, or no child is replaced."""

    def __init__(self, *, tick: Callable[[], None] = lambda: None, stop_timeout_s: float = 15.0) -> None:
        self._children: list[Child] = []
        self._tick = tick
        self._stop_timeout_s = stop_timeout_s
        self._stopping = False

    @property
    def children(self) -> Sequence[Child]:
        """The supervised processes, in starting order."""
        return self._children

    def add(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Add a process; it is started by run()."""
        self._children.append(Child(name, command, environ))

    def stop(self, *_: object) -> None:
        """Return from run() soon. Safe as a signal handler."""
        self._stopping = True

    def start(self) -> None:
        """Start every child that is not running."""
        for child in self._children:
            if child.process is None:
                self._start(child)

    def run(self) -> None:
        """Start the children and keep them until stop(); then end them in reverse order."""
        self.start()
        try:
            while not self._stopping:
                self.look()
                time.sleep(POLL_S)
        finally:
            self.end()

    def look(self) -> None:
        """One round: replace what ended, call `tick`."""
        now = time.monotonic()
        self._tick()
        for child in self._children:
            if child.process is None:
                if now >= child.due:
                    self._start_again(child, now)
                continue
            code = child.process.poll()
            if code is None:
                if child.pause_s and now - child.started > HEALTHY_AFTER_S:
                    child.pause_s = 0.0
                continue
            child.process = None
            child.restarts += 1
            child.due = now + child.pause_s
            log.error("process_ended", process=child.name, code=code, again_in_s=child.pause_s)
            child.pause_s = min(max(child.pause_s * 2, 0.25), LONGEST_PAUSE_S)

    def end(self) -> None:
        """End all children: SIGTERM, then SIGKILL after the timeout. Safe twice."""
        running = [c for c in reversed(self._children) if c.process is not None]
        for child in running:
            assert child.process is not None
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._stop_timeout_s
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("process_killed", process=child.name)
                child.process.kill()
                child.process.wait()
            child.process = None

    def _start_again(self, child: Child, now: float) -> None:
        try:
            self._start(child)
        except (OSError, subprocess.SubprocessError) as error:  # no process or memory to be had just now
            child.due = now + LONGEST_PAUSE_S
            log.error("process_not_started", process=child.name, error=str(error), again_in_s=LONGEST_PAUSE_S)

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(
            list(child.command),
            env=dict(child.environ),
            stdin=subprocess.DEVNULL,
            stdout=2,  # standard output is for the command's own answer
            preexec_fn=_with_parent,
        )
        child.started = time.monotonic()
        log.info("process_started", process=child.name, pid=child.process.pid, restarts=child.restarts)


def _with_parent() -> None:
    """In the child: a terminal's Ctrl-C is the supervisor's business, and the supervisor's death is ours."""
    os.setpgid(0, 0)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
