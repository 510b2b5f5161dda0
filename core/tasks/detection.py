"""The door-bell of the detect process: pushed alarm pictures wait for it in `frames`.

Rung by the workers' beat, heard in another process, which may be away: no more than a few bells ever wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dramatiq
import structlog
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from core.tasks.broker import NAMESPACE

log = structlog.get_logger(__name__)
QUEUE = "detect"
ACTOR = "judge_frames"
WAITING = 3


class FrameBell:
    """Rings from a process that does not hear it: declaring the actor there would take the message from who does."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker

    def send(self) -> None:
        """Ring, unless bells wait already. Raises the broker's and redis-py's errors."""
        waiting: Any = self._broker.client.llen(f"{NAMESPACE}:{QUEUE}")
        if waiting < WAITING:
            self._broker.enqueue(Message(queue_name=QUEUE, actor_name=ACTOR, args=(), kwargs={}, options={}))


def declare_judge(broker: RedisBroker, drain: Callable[[], object]) -> None:
    """Declare the actor, in the detect process."""

    def judge() -> None:
        try:
            drain()
        except Exception as error:  # the rows are still there, and the beat rings again
            log.warning("look_failed", actor=ACTOR, error=f"{type(error).__name__}: {error}"[:300])

    dramatiq.actor(actor_name=ACTOR, broker=broker, queue_name=QUEUE)(judge)
