"""Pictures by signed addresses, and the cameras' newest pictures: still and live."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import structlog
from litestar import Request, Response, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream
from sqlalchemy import exists, select

from core.accounts.audit import Actor, record
from core.accounts.people import TABLES, find_by_id
from core.accounts.tables import devices
from core.evidence.links import LinkRefused, MediaLink
from core.evidence.tables import media
from core.incidents.desk import TAG_REPORT, links_of, missing
from core.incidents.evidence import DOCX
from core.incidents.reading import SENT
from core.incidents.tables import assignments, reports
from core.problems import Problem
from core.web.call import Call, Previews
from core.web.errors import documented
from core.web.params import Id
from core.web.ranges import part_of

log = structlog.get_logger(__name__)

LIVE_S = 600
"""A live picture ends after so long; the client opens it again, and is asked again whether it may."""
LIVE_FPS = 5
ASKED_AGAIN_S = 10.0
"""How long somebody whose account was disabled meanwhile goes on watching."""
LIVE_MOST = 40
"""Live pictures at once."""
_INLINE = {"image/jpeg", "image/png", "video/mp4", "video/webm", "video/quicktime", "application/pdf"}
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "video/mp4": ".mp4", "video/webm": ".webm",
             "video/quicktime": ".mov", "video/x-msvideo": ".avi", "application/pdf": ".pdf", "text/plain": ".txt",
             DOCX: ".docx"}  # fmt: skip
"""So that what is saved opens with the right program."""
_CAMERA = re.compile(r"cctv-([0-9]{1,18})")
_BOUNDARY = "tangkapin-picture"
_HEADERS = {
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
_A_PART = {206: ResponseSpec(bytes, description="A part of it", media_type="application/octet-stream",
                             generate_examples=False)}  # fmt: skip
Signed = Annotated[str, QueryParameter(max_length=64)]
_watching = 0


@get("/media/{name:str}", operation_id="get_media", tags=TAG_REPORT, sync_to_thread=True, security=[{}],
     summary="A picture by its signed address", media_type="application/octet-stream",
     responses=_A_PART | documented(403, 404, 416))  # fmt: skip
def get_media(
    request: Request[Any, Any, Any],
    call: NamedDependency[Call],
    name: Annotated[str, PathParameter(description="SHA-256, or cctv-ID for a camera's newest picture")],
    v: Signed = "",
    e: Signed = "",
    h: Signed = "",
    s: Signed = "",
) -> Response[bytes]:
    """For `<img>` and `<video>`, without a token: the address was signed for somebody, lasts minutes, and each look is
    audited. `Range` gives a part (206).
    """
    try:
        link = links_of(call).read(name, v, e, h, s)
    except LinkRefused:
        words = ("Alamat gambar tidak sah atau sudah kedaluwarsa", "The picture's address is not valid any more")
        raise Problem("forbidden", words) from None
    _refuse_gone(call, link)
    camera = _CAMERA.fullmatch(name)
    if camera is not None:
        return _still(call.services.previews, int(camera[1]))
    with call.services.database.tenant((link.vendor_id,)) as connection:
        query = select(media).where(media.c.vendor_id == link.vendor_id, media.c.sha256 == bytes.fromhex(name))
        row = connection.execute(query).mappings().first()
        if row is None:
            raise missing("picture", 0)
        record(
            connection, _holder(call, link), "evidence_viewed", vendor_ids=[link.vendor_id], object_kind="media",
            detail={"sha256": name},
        )  # fmt: skip
    part = None if _is_other(request.headers.get("if-range"), name) else request.headers.get("range")
    asked = part_of(part, row["size"])
    start, length = asked or (0, row["size"])
    try:
        assert call.services.media is not None
        data = call.services.media.read(row["ref"], row["at_offset"] + start, length)
    except Exception as error:  # a store that is away or damaged: the log says which, the client gets the document
        log.error("evidence_unreadable", sha256=name, trace=call.trace, error=str(error)[:200])
        raise Problem("evidence-damaged") from None
    mime = row["mime"] if row["mime"] in _INLINE else "application/octet-stream"
    shown = "inline" if row["mime"] in _INLINE else "attachment"
    suffix = _SUFFIXES.get(row["mime"], ".bin")
    headers = _HEADERS | {
        "Cache-Control": "private, max-age=300",
        "Content-Disposition": f'{shown}; filename="{name[:16]}{suffix}"',
        "Accept-Ranges": "bytes",
        "ETag": f'"{name}"',
    }
    if asked is None:
        return Response(data, media_type=mime, headers=headers)
    headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{row['size']}"
    return Response(data, status_code=206, media_type=mime, headers=headers)


def _is_other(if_range: str | None, name: str) -> bool:
    """Whether a part is wanted only of something else than this; a date names nothing here."""
    return if_range is not None and if_range.strip() != f'"{name}"'


@get("/cctv/{cctv_id:int}/snapshot", operation_id="get_snapshot", tags=TAG_REPORT, sync_to_thread=True,
     summary="A camera's newest picture", media_type="image/jpeg",
     responses=documented(401, 403, 404))  # fmt: skip
def get_snapshot(call: NamedDependency[Call], cctv_id: Id) -> Response[bytes]:
    """The owner's own, the vendor's for officers, and for police those of reports they are sent to."""
    _may_watch(call, cctv_id)
    return _still(call.services.previews, cctv_id)


@get("/cctv/{cctv_id:int}/live", operation_id="get_live", tags=TAG_REPORT, sync_to_thread=True,
     summary="A camera's live picture", media_type="multipart/x-mixed-replace",
     responses=documented(401, 403, 404, 429))  # fmt: skip
def get_live(call: NamedDependency[Call], cctv_id: Id) -> Stream:
    """Motion JPEG, at most five pictures a second; ends after ten minutes. The camera itself is not opened again."""
    _may_watch(call, cctv_id)
    previews = call.services.previews
    if previews is None:
        raise Problem("not-available")
    if _watching >= LIVE_MOST:
        raise Problem("rate-limited", headers={"Retry-After": "10"})
    # as a header: the route's own media type would come without the boundary, and browsers show nothing then
    picture_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
    headers = _HEADERS | {"Cache-Control": "no-store", "Content-Type": picture_type}
    holder = f"{call.principal.role}:{call.principal.id}"
    stream = _live(previews, cctv_id, lambda: _is_gone(call, holder))
    return Stream(stream, headers=headers)


async def _live(previews: Previews, device_id: int, is_gone: Callable[[], bool]) -> AsyncIterator[bytes]:
    global _watching
    _watching += 1
    try:
        ends, last, ask_at = time.monotonic() + LIVE_S, None, time.monotonic() + ASKED_AGAIN_S
        while time.monotonic() < ends:
            if time.monotonic() >= ask_at:
                ask_at += ASKED_AGAIN_S
                if await sync_to_thread(is_gone):
                    break
            picture = await sync_to_thread(_newest, previews, device_id)
            if picture is not None and picture != last:
                last = picture
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                yield head.encode() + picture + b"\r\n"
            await asyncio.sleep(1 / LIVE_FPS)
        yield f"--{_BOUNDARY}--\r\n".encode()
    finally:
        _watching -= 1


def _newest(previews: Previews, device_id: int) -> bytes | None:
    previews.want(device_id)
    return previews.newest(device_id)


def _still(previews: Previews | None, device_id: int) -> Response[bytes]:
    try:
        picture = previews.newest(device_id) if previews is not None else None
    except Exception as error:  # Redis is away: no picture for now
        log.warning("preview_unreadable", error=type(error).__name__)
        raise Problem("not-available", headers={"Retry-After": "5"}) from None
    if picture is None:
        words = ("Belum ada gambar dari kamera ini", "No picture came from this camera lately")
        raise Problem("not-found", words)
    return Response(picture, media_type="image/jpeg", headers=_HEADERS | {"Cache-Control": "no-store"})


def _may_watch(call: Call, device_id: int) -> None:
    me = call.principal
    query = select(devices.c.vendor_id).where(devices.c.id == device_id, devices.c.is_active)
    if me.role == "owner":
        query = query.where(devices.c.owner_id == me.id)
    elif me.role == "police":
        query = query.where(
            exists(
                select(1)
                .select_from(reports.join(assignments, assignments.c.report_id == reports.c.id))
                .where(reports.c.device_id == devices.c.id, assignments.c.police_id == me.id,
                       assignments.c.status.in_(SENT[:4]))
            )
        )  # fmt: skip
    with call.rows() as connection:
        vendor_id = connection.execute(query).scalar()
        if vendor_id is None:
            raise missing("cctv", device_id)
        call.audit(connection, "camera_watched", vendor_id=vendor_id, object_kind="device", object_id=device_id)


def _refuse_gone(call: Call, link: MediaLink) -> None:
    """A person who was disabled since looks at nothing more."""
    if _is_gone(call, link.holder):
        raise Problem("forbidden")


def _is_gone(call: Call, holder: str) -> bool:
    """True for a person ("officer:7") whose account or agency was switched off; False for what is no person."""
    role, _, number = holder.partition(":")
    if role not in TABLES or not number.isdigit():
        return False
    with call.services.database.system() as connection:
        person: Any = find_by_id(connection, role, int(number))
    return person is None or not person["is_active"] or person["vendor_active"] is False


def _holder(call: Call, link: MediaLink) -> Actor:
    role, _, number = link.holder.partition(":")
    return Actor(role[:20] or "link", int(number) if number.isdigit() else None, "", call.peer, call.trace)


HANDLERS = [get_media, get_snapshot, get_live]
