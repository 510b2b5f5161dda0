"""What the routes of the weapon flow share: who looks, addresses of pictures, parameters, the brake on noise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from msgspec import Meta
from sqlalchemy import Connection, exists, select
from sqlalchemy.sql.elements import ColumnElement

from core.evidence.links import MediaLinks
from core.incidents.errors import NotFound
from core.incidents.reading import Viewer, select_reports, shown_to_police
from core.incidents.tables import assignments, reports
from core.problems import FieldError, Problem, speaks_english
from core.web.call import Call
from core.web.cursor import BIGINT
from core.web.pages import PageLimit, PageNumber, SearchText, StatusText, Wanted

if TYPE_CHECKING:
    from core.incidents.service import Reports

TAG_OWNER, TAG_OFFICER, TAG_POLICE = ["Pemilik CCTV"], ["Petugas polsek"], ["Polisi lapangan"]
TAG_REPORT, TAG_ADMIN, TAG_MACHINE, TAG_NOTICE = ["Laporan"], ["Pengelola"], ["Detektor luar"], ["Notifikasi"]
TAGS = frozenset((*TAG_OWNER, *TAG_OFFICER, *TAG_POLICE, *TAG_REPORT, *TAG_ADMIN, *TAG_MACHINE, *TAG_NOTICE))
"""Of all routes of the weapon flow."""
UPLOAD_CEILING = 48 * 1024 * 1024
"""No body of any route is larger, whatever the setting max_upload_bytes says."""

IdText = Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")]
IdNumber = Annotated[int, Meta(ge=1, le=BIGINT)]
Title = Annotated[str, Meta(min_length=1, max_length=200)]
Note = Annotated[str, Meta(max_length=2000)]
ClientId = Annotated[str, Meta(max_length=64, description="the sender's own id: a repeated one does nothing twice")]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
KindText = Annotated[str | None, QueryParameter(name="incident_type", max_length=20, description="knife, gun, …")]
SourceText = Annotated[str | None, QueryParameter(name="source", max_length=20)]
DeviceId = Annotated[int | None, QueryParameter(name="cctv_id", ge=1, le=BIGINT)]


class Made(msgspec.Struct, kw_only=True):
    """What was added."""

    id: int


def reports_of(call: Call) -> Reports:
    """The use cases of reports."""
    found: Reports | None = call.services.reports
    if found is None:
        raise Problem("not-available")
    return found.called_from(call.peer, call.trace)


def links_of(call: Call) -> MediaLinks:
    """Makes and reads the addresses of pictures."""
    return MediaLinks(call.settings.signing_key(), call.settings.media_url_s)


def base_url(call: Call) -> str:
    """Scheme and host that clients reach us under: the setting public_url, else as this request came."""
    url = call.request.url
    return call.settings.public_url or f"{url.scheme}://{url.netloc}"


def viewer_of(call: Call) -> Viewer:
    """The caller with their language and signed addresses."""
    links, base = links_of(call), base_url(call)
    holder = f"{call.principal.role}:{call.principal.id}"
    return Viewer(
        principal=call.principal,
        english=speaks_english(call.request.scope),
        url=lambda vendor_id, sha256: links.url(base, vendor_id, sha256, holder),
    )


def preview_of(call: Call, vendor_id: int | None = None) -> Any:
    """preview(device_id) -> the signed address of the camera's newest picture; None without a preview."""
    vendor = vendor_id if vendor_id is not None else call.principal.vendor_id
    if call.services.previews is None or vendor is None:
        return lambda device_id: None
    links, base = links_of(call), base_url(call)
    holder = f"{call.principal.role}:{call.principal.id}"
    return lambda device_id: links.url(base, vendor, f"cctv-{device_id}", holder)


def wanted(page: int, limit: int, status: str | None = None, search: str | None = None) -> Wanted:
    """The contract's four parameters. `all` and an empty word mean any status."""
    return Wanted(page=page, limit=limit, status=None if status in ("", "all") else status, search=search)


def _pages(rows: int) -> dict[str, Provide]:
    def read(
        page: PageNumber = 1, limit: PageLimit = rows, status: StatusText = None, search: SearchText = None
    ) -> Wanted:  # fmt: skip
        return wanted(page, limit, status, search)

    return {"asked": Provide(read, sync_to_thread=False)}


PAGES_OF_10, PAGES_OF_20 = _pages(10), _pages(20)
"""Dependencies of handlers of lists: `asked: NamedDependency[Wanted]`, with so many rows where nobody says."""


def as_id(value: int | str) -> int:
    """Clients send ids as numbers or as text."""
    return int(value)


def missing(what: str, number: int | str) -> Problem:
    """There is no such thing, or not for the one who asks."""
    return NotFound(what, number)


def involved(connection: Connection, call: Call, report_id: int) -> Any:
    """The row of `select_reports` when the caller has a part in it: owner, staff of the vendor, police sent there.

    Raises NotFound. The connection is the caller's (`call.rows()`), so that other vendors' rows are not there.
    """
    query = select_reports().where(reports.c.id == report_id)
    me = call.principal
    if me.role == "owner":
        query = query.where(reports.c.owner_id == me.id)
    elif me.role == "police":
        query = query.where(
            exists(
                select(1).where(
                    assignments.c.report_id == reports.c.id, assignments.c.police_id == me.id,
                    shown_to_police(),
                )
            )
        )  # fmt: skip
    row = connection.execute(query).mappings().first()
    if row is None:
        raise missing("report", report_id)
    return row


def slow_noise(connection: Connection, table: Any, mine: ColumnElement[bool], number: int, window_s: int) -> None:
    """Raise rate-limited when `number` rows of the table were made within the window: the rows are the counter."""
    query = select(table.c.created_at).where(mine).order_by(table.c.id.desc()).limit(1).offset(number - 1)
    found: datetime | None = connection.execute(query).scalar()
    if found is None:
        return
    left = (found + timedelta(seconds=window_s) - datetime.now(UTC)).total_seconds()
    if left > 0:
        seconds = max(1, round(left))
        words = (f"Terlalu banyak kiriman; coba lagi dalam {seconds} detik",
                 f"Too many posts; try again in {seconds} seconds")  # fmt: skip
        raise Problem("rate-limited", words, headers={"Retry-After": str(seconds)})


async def small_enough(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard of uploads: refuse by the declared length before a byte of the body is read (base64 takes a third more)."""
    limit = connection.app.state["services"].settings.max_upload_bytes
    declared = connection.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit * 4 // 3 + 64 * 1024:
        words = (f"Ukuran berkas paling besar {limit >> 20} MiB", f"A file may have {limit >> 20} MiB at most")
        raise Problem("too-large", words)


def wrong(field: str, message: str) -> Problem:
    """A field does not do."""
    return Problem("validation", ("Periksa isian berikut", "Check these fields"), errors=[FieldError(field, message)])
