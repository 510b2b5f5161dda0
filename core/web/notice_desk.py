"""Deliveries of notices for those who keep it running, and "I have seen it" for everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from core.notices import outbox, queries
from core.notices.queries import DeliveryRow
from core.web.call import Call
from core.web.cursor import BIGINT, Cursor, decode_cursor, encode_cursor
from core.web.envelope import Listing, Ok
from core.web.errors import documented
from core.web.operations import ByHand
from core.web.params import CursorText, Limit

_OPERATIONS = ["Operasi"]
_NOTICES = ["Notifikasi"]
DeliveryStatus = Literal["waiting", "pending", "sending", "accepted", "delivered", "undeliverable", "dead",
                         "superseded"]  # fmt: skip


class Seen(msgspec.Struct, forbid_unknown_fields=True):
    """Ids of notifications, as their list and the realtime events name them."""

    ids: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=BIGINT)]], msgspec.Meta(min_length=1, max_length=200)]


class Acknowledged(msgspec.Struct, kw_only=True):
    """Those of the ids that were the caller's; `at` is now."""

    ids: list[int]
    at: datetime


class Retried(msgspec.Struct, kw_only=True):
    """Deliveries that will be told again. Only dead and undeliverable ones are."""

    ids: list[int]


@get("/api/deliveries", operation_id="list_deliveries", tags=_OPERATIONS, sync_to_thread=True,
     summary="List deliveries of notices", responses=documented(401, 403))  # fmt: skip
def list_deliveries(
    call: NamedDependency[Call],
    status: Annotated[list[DeliveryStatus] | None, QueryParameter(description="may be given several times")] = None,
    channel: Annotated[str | None, QueryParameter(max_length=60, pattern=r"^[^\x00]*$")] = None,
    report: Annotated[int | None, QueryParameter(ge=1, le=BIGINT)] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
) -> Response[Ok[Listing[DeliveryRow]]]:
    """One row for each person and channel, newest first: attempts, receipt, why it failed."""
    after = decode_cursor(cursor, "deliveries")
    with call.rows() as connection:
        rows = queries.list_deliveries(
            connection, statuses=status or (), channel=channel or "", report_id=report,
            before_id=after.id if after is not None else None, limit=limit + 1,
        )  # fmt: skip
    following = encode_cursor(Cursor("deliveries", rows[limit - 1].id)) if len(rows) > limit else None
    return call.page(rows[:limit], limit, following)


@post("/api/deliveries/retry", operation_id="retry_deliveries", tags=_OPERATIONS, status_code=200,
      sync_to_thread=True, summary="Tell again", responses=documented(401, 403))  # fmt: skip
def retry_deliveries(data: JSONBody[ByHand], call: NamedDependency[Call]) -> Ok[Retried]:
    """Dead and undeliverable deliveries of the caller's agencies are tried once more from the start."""
    with call.services.database.system() as connection:
        again = queries.retry(connection, data.ids, vendor_ids=call.principal.vendor_ids)
        for vendor_id, ids in again.items():
            call.audit(
                connection, "notices_retried", vendor_id=vendor_id, object_kind="notice_delivery", purpose=data.note,
                detail={"ids": ids},
            )  # fmt: skip
    return call.ok(Retried(ids=sorted(one for ids in again.values() for one in ids)))


@post("/api/notification/acknowledge", operation_id="acknowledge_notices", tags=_NOTICES, status_code=200,
      sync_to_thread=True, summary="Acknowledge", responses=documented(401, 403))  # fmt: skip
def acknowledge_notices(data: JSONBody[Seen], call: NamedDependency[Call]) -> Ok[Acknowledged]:
    """The person has seen these: they count as read and delivered, and no further channel is tried."""
    with call.services.database.system() as connection:
        mine = outbox.acknowledge(connection, call.principal.role, call.principal.id, data.ids)
    return call.ok(Acknowledged(ids=mine, at=datetime.now().astimezone()))


HANDLERS = [list_deliveries, retry_deliveries, acknowledge_notices]
