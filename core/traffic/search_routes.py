"""Searching reads and passages, and looking at evidence: personal data, so each look is logged with its purpose."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
import structlog
from litestar import Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter
from sqlalchemy import select

from core.evidence.tables import media
from core.problems import Problem
from core.traffic import queries
from core.traffic.hints import clone_signs
from core.traffic.views import PassageView, ReadView
from core.web.call import Call
from core.web.cursor import BIGINT, decode_cursor
from core.web.envelope import Listing, Ok
from core.web.errors import documented
from core.web.params import (
    CursorText,
    DeviceCode,
    From,
    Limit,
    LookAlike,
    PlateText,
    PurposeHeader,
    PurposeQuery,
    To,
    VendorCode,
    needed_purpose,
    utc,
)

log = structlog.get_logger(__name__)

_TAG = ["Pencarian"]
_SUFFIX = {"image/jpeg": "jpg", "image/png": "png"}
VerdictFilter = Annotated[Literal["accept", "review", "drop"] | None, QueryParameter(name="verdict")]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched for, and why."""

    wanted: queries.ReadFilter
    purpose: str
    limit: int
    cursor: str | None


def read_search(
    plate: PlateText = None, look_alike: LookAlike = False, device: DeviceCode = None, vendor: VendorCode = None,
    since: From = None, until: To = None, verdict: VerdictFilter = None, purpose: PurposeQuery = None,
    x_purpose: PurposeHeader = None, limit: Limit = 50, cursor: CursorText = None,
) -> Search:  # fmt: skip
    """The parameters of both searches. Raises purpose-required."""
    wanted = queries.ReadFilter(
        plate=plate, look_alike=look_alike, device=device, vendor=vendor, since=utc(since), until=utc(until),
        verdict=verdict,
    )  # fmt: skip
    return Search(wanted=wanted, purpose=needed_purpose(purpose, x_purpose), limit=limit, cursor=cursor)


_SEARCH = {"search": Provide(read_search, sync_to_thread=False)}


@get("/api/plate-reads", operation_id="search_plate_reads", tags=_TAG, sync_to_thread=True, dependencies=_SEARCH,
     summary="Search plate reads", responses=documented(401, 403))  # fmt: skip
def search_plate_reads(call: NamedDependency[Call], search: NamedDependency[Search]) -> Response[Ok[Listing[ReadView]]]:
    """Every single reading, newest first, dropped ones too. The purpose is required and logged with the search."""
    after = decode_cursor(search.cursor, "plate_reads")
    with call.rows() as connection:
        rows, following = queries.search_reads(connection, search.wanted, limit=search.limit, cursor=after)
        _log_search(call, connection, "plate_read", search, len(rows))
    return call.page(rows, search.limit, following)


@get("/api/passages", operation_id="search_passages", tags=_TAG, sync_to_thread=True, dependencies=_SEARCH,
     summary="Search passages", responses=documented(401, 403))  # fmt: skip
def search_passages(call: NamedDependency[Call], search: NamedDependency[Search]) -> Response[Ok[Listing[PassageView]]]:
    """Vehicles passing devices, newest first, all reads of one merged. The purpose is required and logged."""
    after = decode_cursor(search.cursor, "passages")
    with call.rows() as connection:
        signs_of = partial(clone_signs, travel_max_kmh=call.settings.travel_max_kmh)
        rows, following = queries.search_passages(
            connection, search.wanted, limit=search.limit, cursor=after, signs_of=signs_of
        )
        _log_search(call, connection, "passage", search, len(rows))
    return call.page(rows, search.limit, following)


@get("/api/evidence/{sha256:str}", operation_id="get_evidence", tags=_TAG, sync_to_thread=True,
     summary="Get a picture", media_type="application/octet-stream",
     responses=documented(401, 403, 404))  # fmt: skip
def get_evidence(
    call: NamedDependency[Call],
    sha256: Annotated[str, PathParameter(description="SHA-256 of the picture, hexadecimal")],
    violation: Annotated[
        int | None, QueryParameter(ge=1, le=BIGINT, description="the case it is looked at for")
    ] = None,
    purpose: PurposeQuery = None,
    x_purpose: PurposeHeader = None,
) -> Response[bytes]:
    """The original bytes of a picture, checked against their hash on the way out. Each look is logged."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise _no_picture()
    with call.rows() as connection:
        found = connection.execute(select(media).where(media.c.sha256 == bytes.fromhex(sha256))).mappings().first()
        if found is None:
            raise _no_picture()
        call.audit(
            connection, "evidence_viewed", vendor_id=found["vendor_id"],
            object_kind="violation" if violation else "payload", object_id=violation or found["payload_id"],
            purpose=(purpose or x_purpose or "").strip(), detail={"sha256": sha256},
        )  # fmt: skip
    data = _read(call, found, sha256)
    mime = found["mime"] if found["mime"] in _SUFFIX else "application/octet-stream"
    headers = {
        "Content-Disposition": f'attachment; filename="{sha256[:16]}.{_SUFFIX.get(mime, "bin")}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
        "ETag": f'"{sha256}"',
    }
    return Response(data, media_type=mime, headers=headers)


def _read(call: Call, found: Any, sha256: str) -> bytes:
    if call.services.media is None:
        raise Problem("not-available", ("Penyimpanan bukti tidak terpasang", "No evidence store is attached"))
    try:
        data = call.services.media.read(found["ref"], found["at_offset"], found["size"])
    except Exception as error:
        log.error("evidence_unreadable", sha256=sha256, ref=found["ref"], trace=call.trace, error=str(error)[:200])
        raise _damaged() from None
    if hashlib.sha256(data).hexdigest() != sha256:
        log.error("evidence_altered", sha256=sha256, ref=found["ref"], trace=call.trace)
        raise _damaged()
    return data


def _log_search(call: Call, connection: Any, kind: str, search: Search, found: int) -> None:
    detail = {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in msgspec.structs.asdict(search.wanted).items()
        if value not in (None, False)
    }
    call.audit(
        connection, f"{kind}s_searched", object_kind=kind, purpose=search.purpose, detail=detail | {"found": found}
    )  # fmt: skip


def _no_picture() -> Problem:
    return Problem("not-found", ("Tidak ada gambar dengan hash itu", "There is no picture of that hash"))


def _damaged() -> Problem:
    words = (
        "Isi bukti tidak lagi sesuai hash-nya; jangan dipakai dan laporkan kepada pengelola",
        "The evidence no longer fits its hash: do not use it, tell the operator",
    )
    return Problem("evidence-damaged", words)


HANDLERS = [search_plate_reads, search_passages, get_evidence]
