"""Which channels hear of a notice, and what each may say. Pure.

Private channels carry the whole notice. The public names of the contract, where a deployment switches them on, are
open to anybody who knows the app's key: they carry the contract's fields without evidence, without people, and of the
place only the district.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from core.api import Notice, Recipient
from notifiers.pusher import hearing

MAX_DATA = 10_240
"""Bytes of one event's data (Pusher's limit; a self-hosted server may have another and then says 413)."""
OTHER = "notice"
"""The event of kinds that the contract has no event for."""
Public = Literal["owner", "police", "detection", "dashboard"]

_PUBLIC_FIELDS = {
    "weapon-detected": ("reportId", "cctvId", "incidentType", "timestamp"),
    "new-incident": ("reportId", "incidentType"),
    "incident-update": ("reportId", "incidentType", "status", "priority", "timestamp"),
}
_IDS = ("noticeId", "kind", "at", "reportId", "cctvId", "incidentType", "status", "priority", "timestamp")
_MAX_ID = 100


class Event(NamedTuple):
    """One event on one channel; `data` as JSON text, as the protocol carries it."""

    channel: str
    name: str
    data: str


def events_of(notice: Notice, recipient: Recipient, public: tuple[Public, ...], limit: int = MAX_DATA) -> list[Event]:
    """All events of one delivery, at most five; data that is longer than `limit` bytes is cut to ids.

    The officers' screens hear of everything as `incident-update`, as the contract has it. Their copy of a weapon goes
    to its camera's channel too, which therefore has each detection once, whoever owns the camera. What goes to a
    public name ends with a word to ourselves: a server takes a batch in order, so who hears that knows of the rest.
    """
    in_contract = notice.event in _PUBLIC_FIELDS
    name = notice.event if in_contract else OTHER
    camera = None
    if recipient.role == "dashboard" and in_contract:
        camera = notice.device_id if name == "weapon-detected" else None
        name = "incident-update"
    whole = _fit(_whole(notice), limit)
    found = [Event(_private(recipient), name, whole)]
    if camera is not None:
        found.append(Event(f"private-detection-{camera}", "weapon-detected", whole))
    if in_contract and recipient.role in public:
        found.append(Event(_public(recipient), name, _fit(_open(notice, name), limit)))
    if camera is not None and "detection" in public:
        data = _fit(_open(notice, "weapon-detected"), limit)
        found.append(Event(f"detection-{camera}", "weapon-detected", data))
    if any(not event.channel.startswith("private-") for event in found):
        found.append(Event(hearing.CHANNEL, hearing.EVENT, _text({"noticeId": notice.id, "at": notice.at.isoformat()})))
    return found


def _private(recipient: Recipient) -> str:
    if recipient.role == "dashboard":
        return f"private-officers-dashboard-{recipient.vendor_id}"
    return f"private-{recipient.role}-{recipient.id}"


def _public(recipient: Recipient) -> str:
    return "officers-dashboard" if recipient.role == "dashboard" else f"{recipient.role}-{recipient.id}"


def _whole(notice: Notice) -> dict[str, Any]:
    return (
        {"reportId": notice.report_id}
        | notice.payload
        | {
            "noticeId": notice.id,
            "kind": notice.kind,
            "title": notice.title,
            "message": notice.message,
            "at": notice.at.isoformat(timespec="milliseconds"),
            "urgent": notice.urgent,
            "collapseKey": notice.collapse_key,
        }
    )


def _open(notice: Notice, event: str) -> dict[str, Any]:
    fields = {name: notice.payload[name] for name in _PUBLIC_FIELDS[event] if name in notice.payload}
    return fields | {"noticeId": notice.id, "location": notice.payload.get("district", "")}


def _fit(data: dict[str, Any], limit: int) -> str:
    """As JSON text; ids only, marked, when that is longer than the limit."""
    text = _text(data)
    if len(text.encode()) <= limit:
        return text
    small = {name: data[name] for name in _IDS if name in data and len(str(data[name])) <= _MAX_ID}
    return _text(small | {"truncated": True})


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
