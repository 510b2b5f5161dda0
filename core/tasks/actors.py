"""The Dramatiq actors. Each only looks at the database; none carries work in its message, so none can lose any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dramatiq
import msgspec
import structlog
from dramatiq.brokers.redis import RedisBroker

from core.tasks.desk import Desk
from core.tasks.detection import FrameBell

log = structlog.get_logger(__name__)
QUEUE = "sync"


class Bells(msgspec.Struct, frozen=True):
    """The actors, to be rung with `.send()`; judge_frames is heard in the detect process."""

    drain_sink: Any
    tell_people: Any
    enqueue_due: Any
    sweep: Any
    upkeep: Any
    judge_frames: FrameBell


def declare(broker: RedisBroker, desk: Desk) -> Bells:
    """Declare the actors of this desk on a broker (`core.tasks.broker.set_broker`)."""

    def actor(name: str, function: Callable[..., object]) -> Any:
        def look(*arguments: str) -> None:
            try:
                function(*arguments)
            except Exception as error:  # the rows are still there and the beat rings again
                log.warning(
                    "look_failed", actor=name, arguments=arguments, error=f"{type(error).__name__}: {error}"[:300]
                )

        return dramatiq.actor(actor_name=name, broker=broker, queue_name=QUEUE)(look)

    return Bells(
        drain_sink=actor("drain_sink", desk.drain),
        tell_people=actor("tell_people", desk.notices.look),
        enqueue_due=actor("enqueue_due", desk.enqueue),
        sweep=actor("sweep", desk.sweep),
        upkeep=actor("ensure_partitions", desk.upkeep),
        judge_frames=FrameBell(broker),
    )
