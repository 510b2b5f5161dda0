"""What a socket missed: the committed rows of a topic, as the realtime channel would have told them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from core.notices.drain import Known, Link, render
from core.notices.outbox import Claimed
from core.realtime.topics import parse_channel, realtime_event

LIMIT = 200
DAY_S = 86_400.0
RECENT_S = 60.0
OVERLAP_S = 10.0
"""Ids are given before rows commit: a lower id may appear after a higher one. What is told twice has the same id."""

_ROWS = """
SELECT 0 AS id, 0 AS token, r.id AS recipient_id, r.vendor_id, r.role, r.person_id, 0 AS attempts, n.urgent,
       false AS expired, n.kind, n.texts, n.event, n.payload, n.report_id, n.device_id, n.collapse_key,
       n.created_at AS at, n.expires_at, false AS unsure, false AS heard
  FROM notice_recipients r JOIN notices n ON n.id = r.notice_id
 WHERE r.vendor_id = :vendor AND n.created_at > now() - make_interval(secs => :horizon)
   AND coalesce(n.expires_at > now(), true)
   AND (CAST(:after AS bigint) IS NULL OR r.id > :after OR (r.id < :after AND r.created_at >
        (SELECT created_at - make_interval(secs => :overlap) FROM notice_recipients WHERE id = :after)))
"""
_OF_PERSON = text(_ROWS + " AND r.role = :role AND r.person_id = :number ORDER BY r.id DESC LIMIT :limit")
_OF_CAMERA = text(
    _ROWS + " AND r.role = 'dashboard' AND n.event = 'weapon-detected' AND n.device_id = :number"
    " ORDER BY r.id DESC LIMIT :limit"
)


def missed(connection: Connection, topic: str, after: int | None, link: Link | None = None) -> list[dict[str, Any]]:
    """Events of a topic, oldest first, at most LIMIT of the last day (the newest ones).

    after  the id of the last event that the socket had; None: what the last minute brought
    """
    vendor, _, name = topic.partition(":")
    channel = parse_channel(name)
    if channel is None:
        return []
    values = {
        "vendor": int(vendor), "role": channel.kind, "number": channel.id or 0, "after": after, "limit": LIMIT,
        "horizon": RECENT_S if after is None else DAY_S, "overlap": OVERLAP_S,
    }  # fmt: skip
    query = _OF_CAMERA if channel.kind == "detection" else _OF_PERSON
    rows = [Claimed(**row) for row in connection.execute(query, values).mappings()]
    known = Known(connection, rows)
    return [realtime_event(*render(row, known, link))[1] for row in reversed(rows)]
