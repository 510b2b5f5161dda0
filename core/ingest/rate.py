"""How often a device may post: a token bucket for each device, and one for its vendor where the vendor has a limit.

The buckets are in this process, so a decision costs no round trip. Where several processes serve, `share()` runs every
half second: one Lua call tells Redis what was spent since and takes home what is left of the common bucket. Between
two calls the processes together can let through at most (processes - 1) x rate x half a second too much. With one
process, or while Redis is away, nothing else changes: each process then holds the whole limit by itself.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import structlog

log = structlog.get_logger(__name__)

SHARE_EVERY_S = 0.5
_MAX_RETRY_S = 3600

_SHARE = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local out = {}
for i, key in ipairs(KEYS) do
  local rate, burst, spent = tonumber(ARGV[3*i-2]), tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i])
  local kept = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = burst
  if kept[1] then tokens = math.min(burst, tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * rate) end
  tokens = math.max(-burst, tokens - spent)
  redis.call('HSET', key, 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
  redis.call('PEXPIRE', key, math.ceil(2 * burst / rate * 1000) + 1000)
  out[i] = tostring(tokens)
end
return out
"""


class Limited(Protocol):
    """What the limiter needs of core.ingest.directory.DeviceEntry. Rates are requests a second."""

    id: int
    vendor_id: int
    rate_per_s: float
    rate_burst: float
    vendor_rate_per_s: float | None
    vendor_burst: float


class TokenBucket:
    """Lets `burst` through at once and `rate` a second for ever.

    All fields but two are the event loop's own. The sharing thread keeps `told` (what Redis knows of `spent`) and
    leaves in `ceiling` what the common bucket held; the loop takes it at its next look.
    """

    __slots__ = ("at", "burst", "ceiling", "rate", "spent", "tokens", "told")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = max(1.0, burst)
        self.tokens = self.burst
        self.at = now
        self.spent = 0.0
        self.told = 0.0
        self.ceiling: float | None = None

    def refill(self, now: float) -> None:
        """Add what time brought since the last call."""
        ceiling, self.ceiling = self.ceiling, None
        if ceiling is not None:
            self.tokens = min(self.tokens, ceiling)
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now

    def take(self, now: float) -> float:
        """0.0 when let through, else the seconds until the next one would be."""
        self.refill(now)
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            self.spent += 1.0
            return 0.0
        return (1.0 - self.tokens) / self.rate if self.rate > 0 else float(_MAX_RETRY_S)

    def give_back(self) -> None:
        """Undo a take that did not count in the end."""
        self.tokens += 1.0
        self.spent -= 1.0


class RateLimiter:
    """check() belongs to the event loop, share() to one background thread. `clock` gives monotonic seconds.

    redis  a synchronous client, or None when one process serves
    """

    def __init__(self, redis: Any = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._devices: dict[int, TokenBucket] = {}
        self._vendors: dict[int, TokenBucket] = {}
        self._script = redis.register_script(_SHARE) if redis is not None else None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._redis_away = False

    def check(self, entry: Limited) -> int:
        """0 when the device may post now, else whole seconds for Retry-After.

        What the device's own bucket refuses is not charged to the vendor: a noisy camera cannot starve quiet ones.
        """
        now = self._clock()
        bucket = self._devices.get(entry.id)
        if bucket is None or bucket.rate != entry.rate_per_s or bucket.burst != max(1.0, entry.rate_burst):
            bucket = self._devices[entry.id] = TokenBucket(entry.rate_per_s, entry.rate_burst, now)
        wait = bucket.take(now)
        if not wait and entry.vendor_rate_per_s is not None:
            wait = self._vendor(entry, entry.vendor_rate_per_s, now).take(now)
            if wait:
                bucket.give_back()
        return 0 if not wait else min(_MAX_RETRY_S, max(1, math.ceil(wait)))

    def start(self) -> None:
        """Share with the other processes from now on; nothing to do without a Redis."""
        if self._script is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="rate-share", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop sharing. Safe twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)  # a Redis that hangs must not keep the server from ending
            self._thread = None

    def share(self) -> None:
        """One exchange with Redis; raises what the client raises, and then nothing is lost or counted twice here."""
        if self._script is None:
            return
        named = [(f"tangkapin:rate:device:{i}", b) for i, b in list(self._devices.items())]
        named += [(f"tangkapin:rate:vendor:{i}", b) for i, b in list(self._vendors.items())]
        due = [(key, bucket, bucket.spent) for key, bucket in named if bucket.spent != bucket.told and bucket.rate > 0]
        if not due:
            return
        arguments: list[float] = []
        for _, bucket, spent in due:
            arguments += [bucket.rate, bucket.burst, spent - bucket.told]
        left = self._script(keys=[key for key, _, _ in due], args=arguments)
        for (_, bucket, spent), tokens in zip(due, left, strict=True):
            bucket.told = spent
            bucket.ceiling = float(tokens)

    def _vendor(self, entry: Limited, rate: float, now: float) -> TokenBucket:
        bucket = self._vendors.get(entry.vendor_id)
        if bucket is None or bucket.rate != rate or bucket.burst != max(1.0, entry.vendor_burst):
            bucket = self._vendors[entry.vendor_id] = TokenBucket(rate, entry.vendor_burst, now)
        return bucket

    def _run(self) -> None:
        while not self._stop.wait(SHARE_EVERY_S):
            try:
                self.share()
                self._redis_away = False
            except Exception as error:
                if not self._redis_away:
                    log.warning("rate_limits_not_shared", error=str(error)[:200])
                self._redis_away = True
