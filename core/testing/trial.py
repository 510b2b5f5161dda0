"""What the drills have in common: a demo's house under load, parts of which are killed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
import structlog

from core.db.valkey import EmbeddedValkey
from core.domain.errors import TangkapinError
from core.testing.demo import Demo

log = structlog.get_logger(__name__)


class DrillFailed(TangkapinError):
    """The house did not come back, or did not come to rest."""


class Trial:
    """Who makes the load, as tasks that are ended with it, and what was killed meanwhile."""

    def __init__(self, demo: Demo, *, seed: int) -> None:
        self.demo = demo
        self.chance = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def kill(self, victim: str) -> None:
        """kill -9 of what runs as `victim` now; waits for one that is just starting."""
        pid = await self.until(lambda: pid_of(self.demo, victim), f"{victim} runs", 60)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills[victim] += 1
            log.info("drill_killed", victim=victim, pid=pid)

    async def until(self, look: Callable[[], Any], what: str, timeout_s: float) -> Any:
        """Wait until `look` finds something and return it. Raises DrillFailed, or what ended a task of the load."""
        deadline = time.monotonic() + timeout_s
        while True:
            for task in self._tasks:
                if task.done() and (error := task.exception()):
                    raise error
            found = await asyncio.to_thread(look)
            if found:
                return found
            if time.monotonic() > deadline:
                raise DrillFailed(f"not within {timeout_s:g} s: {what}; {self.so_far()}; kills {dict(self.kills)}")
            await asyncio.sleep(0.1)

    def so_far(self) -> str:
        """What the load came to, for who reads why a drill failed."""
        raise NotImplementedError


def pid_of(demo: Demo, victim: str) -> int | None:
    """The process id of a part of the house, None while it is not running."""
    home = demo.settings.home
    if victim == "postgres":
        with suppress(OSError, ValueError):
            lines = (home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
            if Path(f"/proc/{lines[0]}/cwd").readlink() == home / "postgres" / "data":
                return int(lines[0])
        return None
    if victim == "valkey":
        with suppress(redis.RedisError):
            url = EmbeddedValkey(home / "valkey").running()
            return int(redis.Redis.from_url(url).info("server")["process_id"]) if url else None
        return None
    name = "parse" if victim == "parser" else victim
    process = next(child.process for child in demo.supervisor.children if child.name == name)
    if process is None or process.poll() is not None:
        return None
    return next(children(process.pid), None) if victim == "parser" else process.pid


def children(pid: int) -> Iterator[int]:
    """Process ids of what a process has forked."""
    with suppress(OSError):
        for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(found)
