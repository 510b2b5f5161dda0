"""The address of a camera's stream, read strictly: what an owner types in is opened by a machine of ours.

Only rtsp, http and https; no FFmpeg protocols (`concat:`, `file:`, `subfile:`), no numeric disguises. User name and
password are split off, so that the address can be shown and logged.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from core.domain.addresses import parse_address
from core.domain.errors import TangkapinError

Scheme = Literal["rtsp", "http", "https"]
PORTS: dict[str, int] = {"rtsp": 554, "http": 80, "https": 443}
_MAX = 1000
_FORBIDDEN = re.compile(r"[^\x21-\x7e]|[\\<>\"'|`]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_])?")
_NUMERIC = re.compile(r"(0[xX][0-9a-fA-F]*|\d+)")


class StreamUrlRefused(TangkapinError):
    """Not an address that is opened; the text says what was expected and never repeats a password."""


class StreamUrl(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's address without its credentials.

    target  path and query, "/" at least
    login   (user, password) that stood in the address, percent-decoded; None: none
    """

    scheme: Scheme
    host: str
    port: int
    target: str = "/"
    login: tuple[str, str] | None = None

    @property
    def shown(self) -> str:
        """The address for people, logs and the database: without credentials."""
        return self.at(self.host)

    def at(self, host: str) -> str:
        """The same address with another host (the pinned IP)."""
        name = f"[{host}]" if ":" in host else host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{name}{port}{self.target}"

    def __repr__(self) -> str:
        return f"StreamUrl({self.shown!r}{', with login' if self.login else ''})"


def read_stream_url(url: str) -> StreamUrl:
    """Read an address. Raises StreamUrlRefused."""
    url = url.strip()
    if len(url) > _MAX or _FORBIDDEN.search(url):
        raise StreamUrlRefused("the stream's address is too long or holds blanks, quotes or characters beyond ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise StreamUrlRefused("the stream's address cannot be read: expected rtsp://host/path or http://…") from None
    scheme = parts.scheme.lower()
    if scheme not in PORTS or not url[len(scheme) :].startswith("://"):
        raise StreamUrlRefused(f"expected an rtsp, http or https address, got {scheme[:20] or 'none of them'!r}")
    host = parts.hostname or ""
    if parse_address(host) is None or "%" in host:
        last = host.rpartition(".")[2]
        if not _HOST.fullmatch(host) or ".." in host or _NUMERIC.fullmatch(last):
            raise StreamUrlRefused("the stream's address has no readable host; an IPv4 address has four numbers")
    if port == 0:
        raise StreamUrlRefused("port 0 cannot be reached")
    login = None
    if parts.username is not None:
        login = (unquote(parts.username), unquote(parts.password or ""))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return StreamUrl(scheme=scheme, host=host, port=port or PORTS[scheme], target=target, login=login)  # type: ignore[arg-type]
