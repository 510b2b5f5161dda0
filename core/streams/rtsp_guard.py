"""A doorway for RTSP: FFmpeg connects to a port of this machine, and only from here to the camera's pinned address.

FFmpeg resolves names itself and follows RTSP redirects to wherever they lead. Behind this doorway it can do neither:
the address was resolved once and found on the device's list, and an answer that redirects ends the connection. Media
travel interleaved in the same connection (TCP), so there is nothing else to let through.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType

from core.domain.addresses import parse_address
from core.domain.stream_urls import StreamUrl
from core.outbound import Policy
from core.streams.http import CONNECT_S, StreamLost

_CHUNK = 64 * 1024
_MAX_HEAD = 32 * 1024


def pin(url: StreamUrl, policy: Policy) -> str:
    """The one address of a host that is connected to. Raises StreamLost unless every address is on the list."""
    try:
        infos = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise StreamLost(f"{url.host}: has no address ({error.strerror or type(error).__name__})") from None
    found = list(dict.fromkeys(str(info[4][0]) for info in infos))
    for text in found:
        address = parse_address(text)
        if address is None or not policy.allows(address, url.port):
            raise StreamLost(f"{url.host} leads to {text}, which is not approved for this camera (port {url.port})")
    return found[0]


class RtspGuard:
    """One connection's doorway. `url` is what FFmpeg is given; `reason` says why the guard ended it, if it did."""

    def __init__(self, url: StreamUrl, policy: Policy) -> None:
        self._target = (pin(url, policy), url.port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._host = url.host
        self.reason = ""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtsp-guard", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Of the doorway, on 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> RtspGuard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection. Safe twice."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in accept
        self._listener.close()
        self._thread.join(5)

    def _run(self) -> None:
        try:
            self._listener.settimeout(CONNECT_S * 2)
            inside, _ = self._listener.accept()
        except OSError:
            return
        with inside:
            try:
                outside = socket.create_connection(self._target, CONNECT_S)
            except OSError as error:
                self.reason = f"{self._host}: {error.strerror or 'cannot be reached'}"
                return
            with outside:
                self._carry(inside, outside)

    def _carry(self, inside: socket.socket, outside: socket.socket) -> None:
        watch = _AnswerWatch()
        with contextlib.suppress(OSError):
            while not self._closed.is_set():
                ready, _, _ = select.select([inside, outside], [], [], 0.25)
                for source in ready:
                    data = source.recv(_CHUNK)
                    if not data:
                        return
                    if source is inside:
                        outside.sendall(data)
                        continue
                    if not watch.passes(data):
                        self.reason = f"{self._host}: redirected elsewhere, which is not followed"
                        return
                    inside.sendall(data)


class _AnswerWatch:
    """Follows the camera's side of the connection from message to message and finds answers that redirect."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0

    def passes(self, data: bytes) -> bool:
        """False when an answer with a 3xx status begins in these bytes, or what comes is no RTSP at all."""
        self._buffer += data
        while True:
            taken = min(self._skip, len(self._buffer))
            del self._buffer[:taken]
            self._skip -= taken
            if self._skip or not self._buffer:
                return True
            if self._buffer[0] == 0x24:  # "$": a channel's packet, length in its head
                if len(self._buffer) < 4:
                    return True
                self._skip = 4 + int.from_bytes(self._buffer[2:4], "big")
                continue
            end = self._buffer.find(b"\r\n\r\n")
            first = bytes(self._buffer[:13])
            if first.startswith(b"RTSP/") and len(first) == 13 and first[8:10] == b" 3":
                return False
            if end < 0:
                return len(self._buffer) <= _MAX_HEAD
            self._skip = end + 4 + _length(bytes(self._buffer[:end]))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0
