"""How a plugin attaches to a device's event stream without seeing its address or credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec


class StreamHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the device answered before its stream: lower-case header names."""

    status: int
    headers: dict[str, str]


class StreamConnection(Protocol):
    """An open answer of the device; iterate it for chunks of bytes as they come. Use it with `with`."""

    head: StreamHead

    def __enter__(self) -> StreamConnection: ...

    def __exit__(self, *_: object) -> None: ...

    def __iter__(self) -> Iterator[bytes]: ...


class StreamConnect(Protocol):
    """Opens `path` (with its query) of the device's approved address; Basic and Digest are answered by core.

    Raises Transient when the device cannot be reached, is silent for `silent_s`, or refuses the credentials.
    """

    def __call__(
        self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None, silent_s: float = 60.0
    ) -> StreamConnection: ...
