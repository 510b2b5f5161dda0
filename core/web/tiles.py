"""Tiles beneath the map, from a file or a tile server of the operator (setting `map_tiles`).

Pages ask us, never the tile server: their policy stays `img-src 'self'`, nobody else learns where officers look, and a
server that is away costs an empty picture, through which the map's own coasts are seen.
"""

from __future__ import annotations

import html
import re
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import structlog
from litestar import Request, Response, get
from litestar.concurrency import sync_to_thread
from litestar.params import FromPath

from core.domain.errors import TangkapinError
from core.problems import Problem
from core.settings import Settings
from core.web.errors import documented

if TYPE_CHECKING:
    from core.outbound import SafeSession

log = structlog.get_logger(__name__)

DEEPEST = 22
MAX_BYTES = 1024 * 1024
TIMEOUT_S = 4.0
QUIET_S = 30.0
"""A tile server that failed is left alone for so long."""
NOTHING = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d4944415478da63606060600000000500017aa857500000000049454e44ae426082"
)
"""A PNG of one transparent pixel: an answer without a picture would be an error in the browser's console."""
_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


class TilesUnusable(TangkapinError):
    """What `map_tiles` names cannot be shown; the text says why."""


class Tiles(Protocol):
    """Where tiles come from. `credit` is what the map says of its source, `max_zoom` the closest that there is."""

    credit: str
    max_zoom: int

    async def read(self, z: int, x: int, y: int) -> bytes | None: ...
    async def close(self) -> None: ...


def open_tiles(settings: Settings) -> Tiles | None:
    """What the settings name; None without, and with a warning in the log for what cannot be used."""
    named = settings.map_tiles
    if not named:
        return None
    if "://" in named:
        return ServerTiles(named, credit=settings.map_credit, max_zoom=settings.map_max_zoom)
    try:
        return FileTiles(settings.home / named, credit=settings.map_credit)
    except TilesUnusable as error:
        log.warning("map_tiles_unusable", reason=str(error))
        return None


class FileTiles:
    """Pictures of an MBTiles file. Raises TilesUnusable for what is none.

    Source: the MBTiles specification 1.3 (rows are counted from the south).
    """

    def __init__(self, path: Path, *, credit: str = "") -> None:
        if not path.is_file():
            raise TilesUnusable(f"{path}: no such file; expected an MBTiles file")
        self._lock = threading.Lock()
        self._file = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        try:
            told = dict(self._file.execute("SELECT name, value FROM metadata").fetchall())
            deepest = self._file.execute("SELECT max(zoom_level) FROM tiles").fetchone()[0]
        except sqlite3.Error as error:
            self._file.close()
            raise TilesUnusable(f"{path}: expected an MBTiles file: {error}") from None
        if deepest is None or str(told.get("format", "png")) not in ("png", "jpg", "jpeg", "webp"):
            self._file.close()
            raise TilesUnusable(f"{path}: expected tiles that are PNG, JPEG or WebP, got {told.get('format', 'none')}")
        said = html.unescape(re.sub(r"<[^>]*>", " ", str(told.get("attribution", ""))))
        self.credit = credit or " ".join(said.split())[:200]
        self.max_zoom = int(deepest)

    async def read(self, z: int, x: int, y: int) -> bytes | None:
        """The tile's bytes; None where the file has none, or is damaged there."""
        return await sync_to_thread(self._read, z, x, 2**z - 1 - y)

    def _read(self, z: int, column: int, row: int) -> bytes | None:
        query = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        try:
            with self._lock:
                found = self._file.execute(query, (z, column, row)).fetchone()
        except sqlite3.DatabaseError as error:
            log.warning("tile_not_read", error=f"{type(error).__name__}: {error}"[:200])
            return None
        return bytes(found[0]) if found and isinstance(found[0], bytes) else None

    async def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._file.close()


class ServerTiles:
    """Pictures of a tile server. `address` has {z}, {x} and {y}."""

    def __init__(self, address: str, *, credit: str, max_zoom: int) -> None:
        self._address = address
        self._session: SafeSession | None = None
        self._quiet_until = 0.0
        self.credit, self.max_zoom = credit, max_zoom

    async def read(self, z: int, x: int, y: int) -> bytes | None:
        """The tile's bytes; None where the server has none, fails, or failed in the last half minute."""
        from core.outbound import OutboundError, SafeSession, operator_configured

        if time.monotonic() < self._quiet_until:
            return None
        if self._session is None:
            self._session = SafeSession(operator_configured(allow_private=True), limit=8)
        url = self._address.replace("{z}", str(z)).replace("{x}", str(x)).replace("{y}", str(y))
        try:
            reply = await self._session.request("GET", url, timeout=TIMEOUT_S, max_bytes=MAX_BYTES)
        except OutboundError as error:
            self._be_quiet(str(error))
            return None
        if reply.status == 200:
            return reply.body
        if reply.status not in (204, 404):
            self._be_quiet(f"the tile server answers {reply.status}")
        return None

    def _be_quiet(self, reason: str) -> None:
        if time.monotonic() >= self._quiet_until:
            log.warning("map_tiles_unreachable", reason=reason, again_in_s=QUIET_S)
        self._quiet_until = time.monotonic() + QUIET_S

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()


@get("/api/map/tiles/{z:int}/{x:int}/{y:int}", operation_id="get_map_tile", tags=["Peta"], media_type="image/png",
     summary="A tile beneath the map", responses=documented(401, 403, 404))  # fmt: skip
async def get_map_tile(
    request: Request[Any, Any, Any], z: FromPath[int], x: FromPath[int], y: FromPath[int]
) -> Response[bytes]:
    """PNG, JPEG or WebP, 256 pixels; one transparent pixel where there is none. 404 where no tiles are set up."""
    tiles: Tiles | None = request.app.state["tiles"]
    if tiles is None or not 0 <= z <= DEEPEST or not (0 <= x < 2**z and 0 <= y < 2**z):
        raise Problem("not-found")
    data = await tiles.read(z, x, y)
    kind = _kind(data or b"")
    if data is None or kind is None:
        return Response(NOTHING, media_type="image/png", headers=_HEADERS | {"Cache-Control": "no-store"})
    return Response(data, media_type=kind, headers=_HEADERS | {"Cache-Control": "private, max-age=86400"})


def _kind(data: bytes) -> str | None:
    """By the first bytes, whatever the sender says: a page of errors with status 200 is no tile."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


HANDLERS = [get_map_tile]
