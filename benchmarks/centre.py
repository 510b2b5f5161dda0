"""A centre that only answers: reads a request, waits, says ok. As a process: `python -m benchmarks.centre FILE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import uvloop

_OK = b'{"status":"ok","reference":"R-%d"}'


class Centre(asyncio.Protocol):
    """One connection. The path's last part is the latency in milliseconds: POST /20."""

    answered = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._buffer = bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            length = int(head[head.index(b"content-length:") + 15 :].split(b"\r\n", 1)[0])
            if len(self._buffer) < end + 4 + length:
                return
            del self._buffer[: end + 4 + length]
            latency_ms = int(head.split(b" ", 2)[1].rpartition(b"/")[2])
            if latency_ms:
                asyncio.get_running_loop().call_later(latency_ms / 1000, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        Centre.answered += 1
        body = _OK % Centre.answered
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )


async def main(port_file: Path) -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(Centre, "127.0.0.1", 0)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1])))
