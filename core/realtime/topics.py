"""Names: channels as clients know them, topics as the bus does.

A client's channel is the contract's (`owner-7`, `officer-3`, `police-4`, `admin-1`, `detection-12`,
`officers-dashboard`), or the same behind `private-`, as Pusher's clients name theirs. A topic is a channel of one
agency: `3:officers-dashboard`.
"""

from __future__ import annotations

import re
import secrets as entropy
from typing import Any, NamedTuple

from core.domain.notices import Notice, Recipient

DASHBOARD = "officers-dashboard"
_CHANNEL = re.compile(r"(?:private-)?(?:(owner|officer|police|admin|detection)-([1-9][0-9]{0,17})"
                      r"|(officers-dashboard)(?:-([1-9][0-9]{0,17}))?)")  # fmt: skip


class Channel(NamedTuple):
    """What a channel's name says. `id`: the person, the camera, or the agency of a dashboard (None: all of mine)."""

    kind: str
    id: int | None


def parse_channel(name: str) -> Channel | None:
    """None for a name that is none of ours."""
    found = _CHANNEL.fullmatch(name)
    if found is None:
        return None
    if found[3]:
        return Channel("dashboard", int(found[4]) if found[4] else None)
    return Channel(found[1], int(found[2]))


def topic(vendor_id: int, kind: str, number: int | None = None) -> str:
    """The bus's name of a channel of one agency."""
    return f"{vendor_id}:{DASHBOARD}" if kind == "dashboard" else f"{vendor_id}:{kind}-{number}"


def topics_of(notice: Notice, recipient: Recipient) -> list[str]:
    """Where a notice to this recipient is heard: their own channel; the dashboard's copy of a weapon also on its
    camera's channel, which therefore has each detection once."""
    found = [topic(recipient.vendor_id, recipient.role, recipient.id)]
    if recipient.role == "dashboard" and notice.event == "weapon-detected" and notice.device_id is not None:
        found.append(topic(recipient.vendor_id, "detection", notice.device_id))
    return found


def data_of(notice: Notice) -> dict[str, Any]:
    """What a private channel says of a notice: the contract's fields, and what a person reads."""
    return notice.payload | {
        "noticeId": notice.id,
        "kind": notice.kind,
        "title": notice.title,
        "message": notice.message,
        "at": notice.at.isoformat(timespec="milliseconds"),
        "urgent": notice.urgent,
        "collapseKey": notice.collapse_key,
        "reportId": notice.payload.get("reportId", notice.report_id),
    }


def changed_event(data: dict[str, Any]) -> dict[str, Any]:
    """What dashboards hear of a change that is no notice: which lists are old (`topics`), and more about it."""
    return {"op": "event", "id": f"c-{entropy.token_hex(8)}", "event": "changed", "data": data}


def realtime_event(notice: Notice, recipient: Recipient) -> tuple[list[str], dict[str, Any]]:
    """(topics, event) of a notice as sockets get it; each socket adds the channel's name that it asked for."""
    event = {"op": "event", "id": notice.id, "event": notice.event or "notice", "data": data_of(notice)}
    return topics_of(notice, recipient), event
