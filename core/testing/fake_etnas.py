"""A centre that behaves like the real ones on their bad days, and knows whether a violation reached it twice.

In a test: `with FakeEtnas() as etnas: …; etnas.script("error_after"); etnas.report()`. As a process that survives
restarts: `python -m core.testing.fake_etnas --port 0 --state FILE` prints one JSON line with its URL.

An *effect* is what a centre does once too often when it is told twice: one stored violation. With `honours_key` a
repeated idempotency key has no second effect; without it every commit is one, and (vendor, plate, type, capture time)
tells doubles.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import binascii
import contextlib
import hashlib
import json
import random
import sys
import threading
from collections import Counter, deque
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from core.signals import stop_at_signals

FIELDS = {
    "vendor_id",
    "plate_number",
    "violation_type",
    "capture_time",
    "location",
    "evidence_plate",
    "evidence_vehicle",
}
BEHAVIOURS = {
    "ok": "stores it and says so",
    "slow": "stores it, then answers too late",
    "slow_before": "waits, then stores it and answers",
    "too_many": "429 with Retry-After, nothing stored",
    "error_before": "500, nothing stored",
    "error_after": "stores it, then 500",
    "error_body": "200 whose body says that it is busy, nothing stored",
    "garbage": "stores it, then 200 with nonsense",
    "garbage_before": "200 with nonsense, nothing stored",
    "drop_before": "closes the connection, nothing stored",
    "drop_after": "stores it, then closes the connection",
    "refuse": "422, nothing stored",
    "denied": "401, nothing stored",
}
MISBEHAVIOURS = (
    "slow",
    "too_many",
    "error_before",
    "error_after",
    "error_body",
    "garbage",
    "drop_before",
    "drop_after",
)
"""The eight of the reference's T29, some in both halves."""
KEPT = 10_000
Effect = tuple[str, str, str, str]


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One request that reached the centre. `payload` has its pictures replaced by their SHA-256."""

    key: str
    trace: str
    behaviour: str
    committed: bool
    repeated: bool
    effect: list[str]
    payload: dict[str, Any]
    body_sha256: str
    headers: list[str]


class FakeEtnas:
    """An ETNAS on a loopback port, in a thread of its own.

    honours_key  a repeated idempotency key has no second effect
    api_key      what X-API-KEY must be; "" = anything
    state        a file of JSON lines that keeps what it stored over restarts
    mix, seed    probability of a random misbehaviour, and its seed
    slow_s       how long "slow" takes
    """

    def __init__(
        self,
        *,
        port: int = 0,
        honours_key: bool = True,
        api_key: str = "",
        state: Path | None = None,
        mix: float = 0.0,
        seed: int = 1,
        slow_s: float = 3.0,
        retry_after_s: int = 0,
    ) -> None:
        self.port = port
        self.honours_key = honours_key
        self.api_key = api_key
        self.mix = mix
        self.slow_s = slow_s
        self.retry_after_s = retry_after_s
        self.behaviour = "ok"
        """What it does while no script is left."""
        self.received: list[Received] = []
        """What came, in order; of a long-running centre the last KEPT at least."""
        self.look_ups: list[str] = []
        self._random = random.Random(seed)
        self._script: deque[str] = deque()
        self._by_plate: dict[str, deque[str]] = {}
        self._effects: Counter[Effect] = Counter()
        self._counts: Counter[str] = Counter()
        self._repeats = 0
        self._keys: dict[str, Effect] = {}
        self._lock = threading.Lock()
        self._state = state
        self._file: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None
        self._waiting: set[asyncio.Event] = set()
        if state is not None:
            self._read_state(state)

    # -- what tests and the demo use ----------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where violations are posted."""
        return f"http://127.0.0.1:{self.port}/api/violations"

    @property
    def look_up_url(self) -> str:
        """A look_up_url for the ETNAS sink."""
        return f"http://127.0.0.1:{self.port}/api/look-up?key={{idempotency_key}}"

    def script(self, *behaviours: str, plate: str = "") -> None:
        """Do these with the next requests (of this plate), one each; afterwards `behaviour` again."""
        for name in behaviours:
            if name not in BEHAVIOURS:
                raise ValueError(f"unknown behaviour {name!r}; known: {', '.join(BEHAVIOURS)}")
        with self._lock:
            (self._by_plate.setdefault(plate, deque()) if plate else self._script).extend(behaviours)

    def report(self) -> dict[str, Any]:
        """Counts, and every violation that had more than one effect."""
        with self._lock:
            return {
                "received": self._counts.total(),
                "effects": sum(self._effects.values()),
                "violations": len(self._effects),
                "doubled": sorted([*effect, n] for effect, n in self._effects.items() if n > 1),
                "repeats": self._repeats,
                "look_ups": len(self.look_ups),
                "by_vendor": dict(Counter(effect[0] for effect in self._effects.elements())),
                "behaviours": dict(self._counts),
            }

    def effects(self) -> Counter[Effect]:
        """(vendor, plate, type, capture time) -> how often it took effect."""
        with self._lock:
            return Counter(self._effects)

    def start(self) -> FakeEtnas:
        """Listen; returns itself once it does."""
        ready = threading.Event()
        failed: list[BaseException] = []

        def run() -> None:
            self._loop = asyncio.new_event_loop()
            try:
                self._loop.run_until_complete(self._listen())
            except BaseException as error:
                failed.append(error)
                return
            finally:
                ready.set()
            self._loop.run_forever()
            self._loop.run_until_complete(self._close())
            self._loop.close()

        self._thread = threading.Thread(target=run, name="fake-etnas", daemon=True)
        self._thread.start()
        ready.wait()
        if failed:
            raise failed[0]
        return self

    def stop(self) -> None:
        """Stop listening; what it stored stays. Safe twice."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> FakeEtnas:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- the server ---------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes([
            web.post("/api/violations", self._receive),
            web.get("/api/look-up", self._look_up),
            web.get("/report", self._give_report),
            web.post("/script", self._take_script),
        ])  # fmt: skip
        if self._state is not None:
            self._state.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._state.open("a", encoding="utf-8")
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        for event in self._waiting:
            event.set()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._file is not None:
            self._file.close()

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.api_key and request.headers.get("X-API-KEY") != self.api_key:
            return web.json_response({"status": "error", "message": "API key required"}, status=401)
        try:
            payload, effect = _understand(body)
        except ValueError as error:
            return web.json_response({"status": "error", "message": str(error)}, status=422)
        behaviour = self._next(effect[1])
        if behaviour == "slow_before":
            await self._wait()
        committed = behaviour in ("ok", "slow", "slow_before", "error_after", "garbage", "drop_after")
        key = request.headers.get("Idempotency-Key") or ""
        with self._lock:
            repeated = self._commit(key, effect) if committed else False
            self._counts[behaviour] += 1
            self._repeats += repeated
            if len(self.received) >= 2 * KEPT:
                del self.received[:KEPT]
            self.received.append(
                Received(
                    key=key,
                    trace=request.headers.get("X-Request-ID", ""),
                    behaviour=behaviour,
                    committed=committed,
                    repeated=repeated,
                    effect=list(effect),
                    payload=payload,
                    body_sha256=hashlib.sha256(body).hexdigest(),
                    headers=sorted(request.headers),
                )
            )
        if behaviour == "slow":
            await self._wait()
        return self._answer(behaviour, request, key or "-".join(effect), repeated=repeated)

    def _answer(self, behaviour: str, request: web.Request, name: str, *, repeated: bool) -> web.StreamResponse:
        if behaviour in ("drop_before", "drop_after"):
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if behaviour == "too_many":
            return web.json_response(
                {"status": "error", "message": "too many requests"},
                status=429,
                headers={"Retry-After": str(self.retry_after_s)},
            )
        if behaviour in ("error_before", "error_after"):
            return web.Response(text="Internal Server Error", status=500)
        if behaviour == "error_body":
            return web.json_response({"status": "error", "message": "database busy, try again later"})
        if behaviour in ("garbage", "garbage_before"):
            return web.Response(text="<html><body>Selamat datang</body></html>", content_type="text/html")
        if behaviour == "refuse":
            return web.json_response({"status": "error", "message": "plate_number tidak valid"}, status=422)
        if behaviour == "denied":
            return web.json_response({"status": "error", "message": "API key required"}, status=401)
        reference = "ETN-" + hashlib.sha256(name.encode()).hexdigest()[:10]
        return web.json_response({"status": "duplicate" if repeated else "ok", "reference": reference})

    async def _look_up(self, request: web.Request) -> web.Response:
        key = request.query.get("key", "")
        with self._lock:
            self.look_ups.append(key)
            found = key in self._keys
        return web.json_response({"found": found, "reference": f"ETN-{key[-10:]}"} if found else {"found": False})

    async def _give_report(self, request: web.Request) -> web.Response:
        return web.json_response(self.report())

    async def _take_script(self, request: web.Request) -> web.Response:
        given = await request.json()
        try:
            self.script(*given.get("next", ()), plate=given.get("plate", ""))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        if given.get("behaviour") in BEHAVIOURS:
            self.behaviour = given["behaviour"]
        self.mix = float(given.get("mix", self.mix))
        return web.json_response({"ok": True})

    async def _wait(self) -> None:
        event = asyncio.Event()
        self._waiting.add(event)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), self.slow_s)
        self._waiting.discard(event)

    def _next(self, plate: str) -> str:
        with self._lock:
            for script in (self._by_plate.get(plate), self._script):
                if script:
                    return script.popleft()
            if self.mix and self._random.random() < self.mix:
                return self._random.choice(MISBEHAVIOURS)
            return self.behaviour

    def _commit(self, key: str, effect: Effect) -> bool:
        """Store; True when the key was there already and is honoured. The caller holds the lock."""
        if self.honours_key and key and key in self._keys:
            return True
        self._effects[effect] += 1
        if key:
            self._keys[key] = effect
        if self._file is not None:
            self._file.write(json.dumps({"key": key, "effect": effect}) + "\n")
            self._file.flush()
        return False

    def _read_state(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            for line in path.read_text("utf-8").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):  # the last line may be half written
                    stored = json.loads(line)
                    effect = tuple(stored["effect"])
                    self._effects[effect] += 1
                    if stored["key"]:
                        self._keys[stored["key"]] = effect


def _understand(body: bytes) -> tuple[dict[str, Any], Effect]:
    """The payload with pictures as hashes, and the effect. Raises ValueError for what is not the agreed form."""
    try:
        payload = json.loads(body)
    except ValueError as error:
        raise ValueError("the body is not JSON") from error
    if not isinstance(payload, dict) or set(payload) != FIELDS:
        got = sorted(payload) if isinstance(payload, dict) else type(payload).__name__
        raise ValueError(f"expected exactly the fields {sorted(FIELDS)}, got {got}")
    for name in FIELDS:
        if not isinstance(payload[name], str):
            raise ValueError(f"{name} must be text")
    for name in ("evidence_plate", "evidence_vehicle"):
        try:
            data = base64.b64decode(payload[name], validate=True)
        except binascii.Error as error:
            raise ValueError(f"{name} is not base64") from error
        payload[name] = hashlib.sha256(data).hexdigest() if data else ""
    return payload, (
        payload["vendor_id"], payload["plate_number"], payload["violation_type"], payload["capture_time"],
    )  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run as a process until SIGTERM or SIGINT; the first line on standard output is JSON with the URLs."""
    parser = argparse.ArgumentParser(prog="fake_etnas", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--mix", type=float, default=0.0, help="probability of a misbehaviour, 0..1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slow-s", type=float, default=3.0)
    parser.add_argument("--ignores-key", action="store_true", help="does not honour the idempotency key")
    given = parser.parse_args(argv)
    stop = threading.Event()
    stop_at_signals(stop)
    etnas = FakeEtnas(
        port=given.port, state=given.state, mix=given.mix, seed=given.seed, slow_s=given.slow_s,
        honours_key=not given.ignores_key,
    )  # fmt: skip
    with etnas:
        said = {"url": etnas.url, "look_up_url": etnas.look_up_url, "report": f"http://127.0.0.1:{etnas.port}/report"}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        stop.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
