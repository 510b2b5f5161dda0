"""What everybody with a part in a report may use: messages, evidence, timeline, export."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import JSONBody, MultipartBody, QueryParameter
from sqlalchemy import select

from core.incidents.desk import (
    TAG_REPORT,
    UPLOAD_CEILING,
    Made,
    involved,
    reports_of,
    slow_noise,
    small_enough,
    viewer_of,
)
from core.incidents.inputs import MessageOrder
from core.incidents.queries_officer import ActivityRow, EvidenceRow, list_activity, list_evidence
from core.incidents.tables import report_evidence, report_messages
from core.web.call import Call
from core.web.cursor import BIGINT
from core.web.envelope import Ok
from core.web.errors import documented
from core.web.params import Id

MESSAGES_MOST = (30, 60)
EVIDENCE_MOST = (20, 60)
"""Of one person within so many seconds."""
OWNERS_SEE = ("frame", "annotated", "manual")
"""Owners see what cameras and they themselves gave, not what police bring from the field."""
After = Annotated[int, QueryParameter(name="after", ge=0, le=BIGINT, description="only messages with a higher id")]


class MessageRow(msgspec.Struct, kw_only=True):
    """A message; `is_mine` when the caller wrote it. Drafts are seen by their writer only."""

    id: int
    kind: str
    body: str
    actor: str
    actor_role: str
    is_mine: bool
    created_at: datetime
    detail: dict[str, Any]


class EvidenceForm(msgspec.Struct, kw_only=True):
    """multipart/form-data: the file, and what goes with it. The file's own name is shown, never used as a path."""

    file: UploadFile
    client_id: Annotated[str, msgspec.Meta(max_length=40)] = ""
    role: Literal["", "field", "final", "manual"] = ""


@get("/reports/{report_id:int}/messages", operation_id="list_messages", tags=TAG_REPORT, sync_to_thread=True,
     summary="Messages", responses=documented(401, 403, 404))  # fmt: skip
def list_messages(call: NamedDependency[Call], report_id: Id, after: After = 0) -> Ok[list[MessageRow]]:
    """Chat, notes, back-up calls and field reports between police and dispatch, oldest first, 500 at most."""
    me = call.principal
    with call.rows() as connection:
        involved(connection, call, report_id)
        mine = (report_messages.c.actor_role == me.role) & (report_messages.c.actor_id == me.id)
        query = (
            select(report_messages, mine.label("is_mine"))
            .where(report_messages.c.report_id == report_id, report_messages.c.id > after)
            .where((report_messages.c.kind != "draft") | mine)
            .order_by(report_messages.c.id)
            .limit(500)
        )
        rows = [
            MessageRow(
                id=row["id"], kind=row["kind"], body=row["body"], actor=row["actor_name"], is_mine=row["is_mine"],
                actor_role=row["actor_role"], created_at=row["created_at"], detail=row["detail"],
            )
            for row in connection.execute(query).mappings()
        ]  # fmt: skip
    return call.ok(rows)


@post("/reports/{report_id:int}/messages", operation_id="add_message", tags=TAG_REPORT, status_code=201,
      sync_to_thread=True, summary="Write a message", responses=documented(401, 403, 404, 409, 429))  # fmt: skip
def add_message(call: NamedDependency[Call], report_id: Id, data: JSONBody[MessageOrder]) -> Response[Ok[Made]]:
    """backup and emergency ring at dispatch; the same client_id is taken once."""
    me = call.principal
    with call.rows() as connection:
        involved(connection, call, report_id)
        mine = (report_messages.c.actor_role == me.role) & (report_messages.c.actor_id == me.id)
        if data.kind != "emergency":
            slow_noise(connection, report_messages, (report_messages.c.report_id == report_id) & mine, *MESSAGES_MOST)
    place = {"latitude": data.latitude, "longitude": data.longitude}
    detail = {} if data.latitude is None is data.longitude else place
    sent = reports_of(call).add_message(me, report_id, data.kind, data.body, client_id=data.client_id, detail=detail)
    return Response(call.ok(Made(id=sent.id), ("Pesan terkirim", "Message sent")), status_code=201)


@get("/reports/{report_id:int}/evidence", operation_id="list_evidence", tags=TAG_REPORT, sync_to_thread=True,
     summary="Evidence", responses=documented(401, 403, 404))  # fmt: skip
def get_evidence_list(call: NamedDependency[Call], report_id: Id) -> Ok[list[EvidenceRow]]:
    """Oldest first; each address opens by itself for a while. Owners see cameras' pictures and their own."""
    with call.rows() as connection:
        involved(connection, call, report_id)
        rows = list_evidence(connection, viewer_of(call), report_id)
    if call.principal.role == "owner":
        rows = [row for row in rows if row.role in OWNERS_SEE]
    return call.ok(rows)


@post("/reports/{report_id:int}/evidence", operation_id="add_evidence", tags=TAG_REPORT, status_code=201,
      sync_to_thread=True, guards=[small_enough], request_max_body_size=UPLOAD_CEILING, summary="Add evidence",
      responses=documented(401, 403, 404, 409, 413, 429))  # fmt: skip
def add_evidence(
    call: NamedDependency[Call], report_id: Id, data: MultipartBody[EvidenceForm]
) -> Response[Ok[EvidenceRow]]:
    """A picture, video or document; what it is is told by its bytes, whatever its name says."""
    me = call.principal
    with call.rows() as connection:
        involved(connection, call, report_id)
        mine = (report_evidence.c.actor_role == me.role) & (report_evidence.c.actor_id == me.id)
        slow_noise(connection, report_evidence, (report_evidence.c.report_id == report_id) & mine, *EVIDENCE_MOST)
    kept = reports_of(call).add_evidence(
        me, report_id, data.file.file.read(), file_name=data.file.filename or "", client_id=data.client_id,
        role=data.role,
    )  # fmt: skip
    with call.rows() as connection:
        row = next(one for one in list_evidence(connection, viewer_of(call), report_id) if one.id == kept.id)
    return Response(call.ok(row, ("Bukti ditambahkan", "Evidence added")), status_code=201)


@get("/reports/{report_id:int}/timeline", operation_id="get_timeline", tags=TAG_REPORT, sync_to_thread=True,
     summary="The timeline", responses=documented(401, 403, 404))  # fmt: skip
def get_timeline(call: NamedDependency[Call], report_id: Id) -> Ok[list[ActivityRow]]:
    """What happened and who did it, newest first."""
    with call.rows() as connection:
        involved(connection, call, report_id)
        return call.ok(list_activity(connection, viewer_of(call), report_id))


@get("/reports/{report_id:int}/export", operation_id="export_report", tags=TAG_REPORT, sync_to_thread=True,
     media_type="application/octet-stream", summary="Export a report",
     responses=documented(401, 403, 404))  # fmt: skip
def export(
    call: NamedDependency[Call],
    report_id: Id,
    format: Annotated[Literal["json", "pdf"], QueryParameter(name="format")] = "pdf",
) -> Response[bytes]:
    """As PDF or JSON. Each export is in the timeline and in the audit log."""
    data = reports_of(call).export(call.principal, report_id, format)
    mime = "application/pdf" if format == "pdf" else "application/json"
    headers = {
        "Content-Disposition": f'attachment; filename="laporan-{report_id}.{format}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
    }
    return Response(data, media_type=mime, headers=headers)


HANDLERS = [list_messages, add_message, get_evidence_list, add_evidence, get_timeline, export]
