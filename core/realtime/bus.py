"""Between the processes: who publishes and the web processes whose sockets listen, over Redis pub/sub.

What travels here is a copy: the rows are the truth, and sockets catch up from them. Losing Redis only delays.
"""

from __future__ import annotations

import threading

from core.domain.errors import Transient

PREFIX = "tangkapin:realtime:"


class Bus:
    """Publishes. Thread-safe; connects at the first event."""

    def __init__(self, redis_url: str) -> None:
        import redis  # on use: plugins import this module through core.api, parsers among them
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._lost: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self._client = redis.Redis.from_url(
            redis_url, socket_connect_timeout=2.0, socket_timeout=2.0, retry=Retry(NoBackoff(), 0),
            health_check_interval=15,
        )  # fmt: skip

    def publish(self, topic: str, event: bytes) -> int:
        """Returns how many web processes have a socket that hears this topic. Raises Transient."""
        try:
            return int(self._client.publish(PREFIX + topic, event))
        except self._lost as error:
            raise Transient(f"the realtime bus is away ({type(error).__name__})") from None

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()


_lock = threading.Lock()
_bus: Bus | None = None


def use_bus(bus: Bus | None) -> None:
    """Say what this process publishes on; workers do so at their start."""
    global _bus
    with _lock:
        _bus = bus


def publish_realtime(topics: list[str], event: bytes) -> int:
    """Publish one event on topics (core.realtime.topics). Returns how many web processes had listeners, summed up.

    Raises Transient when there is no bus, or it is away.
    """
    bus = _bus
    if bus is None:
        raise Transient("this process has no realtime bus")
    return sum(bus.publish(topic, event) for topic in topics)
