"""The gate of the cameras' front: who is it, and not too often. What passes carries no credential any more."""

from __future__ import annotations

import time

import msgspec
import structlog

from core.ingest.auth import Authenticator, Denied, Identified, public_headers, public_path, public_query
from core.ingest.directory import DeviceDirectory, Snapshot
from core.ingest.front import Admitted, CameraRequest, Turned
from core.ingest.rate import RateLimiter

log = structlog.get_logger(__name__)

_TELL_EVERY_S = 10.0
_TOLD = 4096


class _Lasting(msgspec.Struct):
    """An equal head would be judged equally: while the devices are these, and until the key's time is over."""

    known: Identified
    snapshot: Snapshot


class CameraGate:
    """Made of the authenticator and the rate limiter; admit() belongs to the event loop."""

    def __init__(self, directory: DeviceDirectory, authenticator: Authenticator, limiter: RateLimiter) -> None:
        self._directory = directory
        self._authenticator = authenticator
        self._limiter = limiter
        self._told: dict[tuple[str, str], float] = {}

    def admit(self, request: CameraRequest) -> Admitted | Turned:
        """Decide on a request by its head alone."""
        snapshot = self._directory.current
        known = self._authenticator.identify(request)
        if isinstance(known, Denied):
            self._tell(known.cause, public_path(request.path))
            return Turned(known.status, known.reason, known.headers)
        turned = self._limited(known)
        if turned is not None:
            return turned
        entry = known.entry
        return Admitted(
            entry.id,
            entry.vendor_id,
            known.method,
            known.peer,
            public_headers(request.headers),
            public_path(request.path),
            public_query(request.query),
            _Lasting(known, snapshot) if known.credential is not None else None,
        )

    def again(self, admitted: Admitted) -> Admitted | Turned | None:
        """A head equal to the admitted one, over the same connection: the same, 429, or None for "judge it anew"."""
        lasting = admitted.lasting
        if not isinstance(lasting, _Lasting) or lasting.snapshot is not self._directory.current:
            return None
        if not self._authenticator.lasts(lasting.known):
            return None
        return self._limited(lasting.known) or admitted

    def _limited(self, known: Identified) -> Turned | None:
        entry = known.entry
        wait = self._limiter.check(entry)
        if not wait:
            return None
        self._tell("rate_limited", entry.device.code)
        reason = f"more than {entry.rate_per_s:g} requests a second, come again in {wait} s"
        return Turned(429, reason, ((b"retry-after", str(wait).encode()),))

    def refresh(self) -> None:
        """Take in what changed in the devices table; for the serving process's timer, blocks for a query."""
        self._directory.refresh()

    def _tell(self, cause: str, whom: str) -> None:
        """Log refusals, at most one of a kind every ten seconds: a flood must not fill the disk by its log."""
        now = time.monotonic()
        key = (cause, whom[:120])
        if now - self._told.get(key, -_TELL_EVERY_S) < _TELL_EVERY_S:
            return
        if len(self._told) >= _TOLD:
            self._told.clear()
        self._told[key] = now
        log.warning("camera_turned_away", cause=cause, device=key[1])
