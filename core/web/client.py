"""Serves the built client (web/, built into core/web/dist): one page for every address that is not the API's.

File names under /assets carry a hash of their content and are kept for a year; the page itself is asked for anew each
time. Nothing comes from elsewhere, nothing is inline. Compressed copies are made at build time.
"""

from __future__ import annotations

import mimetypes
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from litestar import HttpMethod, Request, Response, get, route
from litestar.params import FromPath

from core.problems import Problem

DIST = Path(__file__).parent / "dist"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; media-src 'self' blob:; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
WORKER_CSP = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"
"""The service worker lives under its own answer's policy, not the page's: without connect-src it can fetch nothing."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TOP = frozenset({
    "favicon.svg", "icon-192.png", "icon-512.png", "icon-maskable.png", "badge.png", "manifest.webmanifest", "sw.js",
})  # fmt: skip
_TYPES = {
    ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json", ".json": "application/json",
}  # fmt: skip
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_PAGE_HEADERS = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-cache",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=()",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
_NOT_BUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Tangkapin</title>
<p>The pages are not built yet: run <code>make setup</code>. The API is at <a href="/schema">/schema</a>.</p></html>"""


@get("/", include_in_schema=False, sync_to_thread=True)
def home(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The page."""
    return _page(request)


@get("/assets/{name:str}", include_in_schema=False, sync_to_thread=True)
def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """A file whose name changes with its content."""
    found = _file(request, DIST / "assets", name)
    if found is None:
        raise Problem("not-found")
    data, headers = found
    return Response(
        data, media_type=_mime(name), headers=headers | {"Cache-Control": "public, max-age=31536000, immutable"}
    )


@route(
    "/{path:path}",
    http_method=[HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE],
    include_in_schema=False,
    sync_to_thread=True,
    status_code=200,
    opt={"operation": "GET /{path}"},
)
def any_page(request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
    """Files at the top, and the page for every address that a browser goes to; for machines there is nothing here."""
    if request.method != "GET":
        raise Problem("not-found")
    name = path.strip("/")
    if name in _TOP:
        found = _file(request, DIST, name)
        if found is None:
            raise Problem("not-found")
        headers = found[1] | {"Cache-Control": "no-cache"}
        if name == "sw.js":
            headers |= {"Content-Security-Policy": WORKER_CSP}
        return Response(found[0], media_type=_mime(name), headers=headers)
    if "text/html" not in request.headers.get("accept", ""):
        raise Problem("not-found")
    return _page(request)


def _page(request: Request[Any, Any, Any]) -> Response[bytes]:
    found = _file(request, DIST, "index.html")
    if found is None:
        return Response(_NOT_BUILT, status_code=503, media_type="text/html", headers=_PAGE_HEADERS)
    return Response(found[0], media_type="text/html", headers=found[1] | _PAGE_HEADERS)


def _file(request: Request[Any, Any, Any], folder: Path, name: str) -> tuple[bytes, dict[str, str]] | None:
    """The file's bytes, compressed when the client takes that, with the headers that say so."""
    if not _NAME.fullmatch(name):
        return None
    accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    for encoding, suffix in _ENCODINGS:
        if encoding in accepted and (data := _read(folder / (name + suffix), _stamp())) is not None:
            return data, {"Content-Encoding": encoding, "Vary": "Accept-Encoding"}
    data = _read(folder / name, _stamp())
    return None if data is None else (data, {"Vary": "Accept-Encoding"})


def _stamp() -> int:
    """Changes with every build, so that a rebuilt client is served without a restart."""
    try:
        return (DIST / "index.html").stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _read(path: Path, stamp: int) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _mime(name: str) -> str:
    suffix = Path(name).suffix
    return _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")


HANDLERS = [home, asset, any_page]
