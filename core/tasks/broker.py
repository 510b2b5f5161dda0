"""The Dramatiq broker. Messages are door-bells: they carry the name of what to look at, never the work itself.

`set_broker` before actors are declared; it opens no connection, so every module can be imported with the network off.
"""

from __future__ import annotations

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit
from redis.backoff import NoBackoff
from redis.retry import Retry

NAMESPACE = "tangkapin:bells"
MAX_AGE_MS = 30_000
"""A bell that nobody heard for that long is worth nothing: the beat has rung again since."""
DEAD_TTL_MS = 60_000


def set_broker(redis_url: str) -> RedisBroker:
    """Make the Redis broker and set it as Dramatiq's. Connects at the first message, not here.

    No retries of messages and no interrupts: actors are idempotent looks at the database, and the beat rings again.
    """
    client = redis.Redis.from_url(
        redis_url,
        socket_connect_timeout=2.0,
        socket_timeout=5.0,
        retry=Retry(NoBackoff(), 0),  # redis-py would wait for seconds on a dead server; the beat is its own retry
        health_check_interval=15,
    )
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        client=client, middleware=[AgeLimit(max_age=MAX_AGE_MS)], namespace=NAMESPACE, dead_message_ttl=DEAD_TTL_MS
    )
    dramatiq.set_broker(broker)
    return broker
