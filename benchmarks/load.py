"""The load generator: keep-alive connections over raw sockets, as lean as Python allows; a process of its own.

It reads one JSON command a line ({"seconds": 2, "first": 0}) and answers each with one line of figures. It prepares
nothing that a camera would not have: plate, id and time are of the moment of sending.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import payloads


class Round:
    """One run of all connections."""

    def __init__(self, first: int, seconds: float) -> None:
        self.number = first
        self.until = time.monotonic() + seconds
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.answered = 0.0


class Camera(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last one is in."""

    def __init__(self, heads: list[bytes], form: str) -> None:
        self._heads = heads
        self._form = form
        self._round: Round | None = None
        self._done: asyncio.Future[None] | None = None
        self._buffer = b""
        self._sent = 0.0
        if form == "images":
            template, self._at = payloads.image_template()
            self._body = bytearray(template)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed the connection"))

    def run(self, round_: Round) -> asyncio.Future[None]:
        """Send until the round is over."""
        self._round = round_
        self._done = asyncio.get_running_loop().create_future()
        self._send()
        return self._done

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        start = head.find(b"content-length:") + 15
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        round_, done = self._round, self._done
        assert round_ is not None and done is not None
        now = time.monotonic()
        status = int(head[9:12])
        round_.statuses[status] += 1
        round_.latencies.append(now - self._sent)
        round_.answered = now
        self._buffer = b""
        if now < round_.until:
            self._send()
        elif not done.done():
            done.set_result(None)

    def _send(self) -> None:
        round_ = self._round
        assert round_ is not None
        number = round_.number
        round_.number += 1
        head = self._heads[number % len(self._heads)]
        self._sent = time.monotonic()
        if self._form == "json":
            self._transport.write(head + payloads.json_body(number))
            return
        payloads.patch_image(self._body, self._at, number)
        self._transport.write(head)
        self._transport.write(bytes(self._body))


def heads(form: str, path: str, keys: list[str]) -> list[bytes]:
    """A request's head for each device."""
    length = len(payloads.json_body(0)) if form == "json" else len(payloads.image_template()[0])
    kind = "application/json" if form == "json" else f"multipart/form-data; boundary={payloads.BOUNDARY.decode()}"
    return [
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: camera/1.0\r\nX-API-KEY: {key}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()
        for key in keys
    ]


async def serve(port: int, connections: int, form: str, path: str, keys: list[str]) -> None:
    """Connect, then run a round for each command on standard input."""
    loop = asyncio.get_running_loop()
    prepared = heads(form, path, keys)
    cameras = []
    for _ in range(connections):
        _, camera = await loop.create_connection(lambda: Camera(prepared, form), "127.0.0.1", port)
        cameras.append(camera)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        started = time.monotonic()
        round_ = Round(command["first"], command["seconds"])
        await asyncio.gather(*(camera.run(round_) for camera in cameras))
        latencies = sorted(round_.latencies)
        result = {
            "sent": round_.number - command["first"],
            "acknowledged": round_.statuses[200],
            "statuses": dict(round_.statuses),
            "started": started,
            "ended": round_.answered,
            "p50_ms": latencies[len(latencies) // 2] * 1000,
            "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
            "cpu_s": time.process_time(),
        }
        print(json.dumps(result), flush=True)


def main() -> None:
    """`python -m benchmarks.load`, started by benchmarks.ingest."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--form", choices=("json", "images"), required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--keys", type=Path, required=True, help="JSON list of device keys")
    options = parser.parse_args()
    keys = json.loads(options.keys.read_text())
    uvloop.run(serve(options.port, options.connections, options.form, options.path, keys))


if __name__ == "__main__":
    main()
