"""Words on a report: notes, chat with dispatch, back-up, emergency, the draft and the final report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import func, insert, select

from core.accounts.principal import Principal
from core.accounts.tables import police
from core.domain.geo import is_position
from core.incidents.acting import STOPPED, Act, clean, refusal_of
from core.incidents.errors import Conflict, Invalid, NotAllowed
from core.incidents.states import OPEN, AssignmentRefusal, AssignmentState
from core.incidents.tables import report_messages

Kind = Literal["chat", "note", "backup", "emergency", "draft", "final"]
MAY: dict[str, tuple[str, ...]] = {
    "chat": ("officer", "admin", "police"),
    "note": ("officer", "admin", "police"),
    "backup": ("police",),
    "emergency": ("police",),
    "draft": ("police",),
    "final": ("police",),
}
"""Who may write what. Owners do not talk to dispatch here."""
MAX_BODY = 4000
MAX_FINAL = 20_000
MAX_DETAIL = 4096
"""Bytes of `detail` as JSON."""
MAX_MESSAGES = 1000
"""Of one report; an emergency and a call for back-up always get through."""
POSITION_HOLDS = timedelta(minutes=15)
"""A police officer's last position that is older says nothing of where they call from."""
_CALLS = ("backup", "emergency")
_TOLD = {"chat": "chat_message", "backup": "backup_requested", "emergency": "emergency"}
_DONE = {"backup": "backup_requested", "emergency": "emergency", "final": "final_report"}


class Sent(msgspec.Struct, frozen=True):
    """A message. created False: it was sent before under the same client_id."""

    id: int
    kind: str
    created: bool


def add_message(
    act: Act, principal: Principal, report_id: int, kind: Kind, body: str, *, client_id: str = "",
    detail: dict[str, Any] | None = None,
) -> Sent:  # fmt: skip
    """Write one. Raises NotAllowed, NotFound, Invalid, Conflict (final_there, messages_full, recalled, …).

    detail  of a back-up or an emergency may hold latitude and longitude (else the phone's last position goes there);
            of a final report the filled-in form
    """
    if kind not in MAY:
        raise Invalid("kind", f"expected one of {', '.join(MAY)}")
    if principal.role not in MAY[kind]:
        raise NotAllowed
    least = 0 if kind in _CALLS else 1
    body = clean("body", body, limit=MAX_FINAL if kind in ("draft", "final") else MAX_BODY, least=least)
    detail = _checked(detail or {})
    client_id = clean("client_id", client_id, limit=64)
    report = act.lock(report_id)
    mine = None if principal.role != "police" else act.my_assignment(report_id)
    if client_id:
        known = _known(act, principal, report_id, client_id)
        if known is not None:
            return Sent(known["id"], known["kind"], False)
    if mine is not None:
        _refuse_idle(act, report, mine, kind)
    _refuse_more(act, principal, report, kind)
    if kind in _CALLS and "latitude" not in detail:
        detail = detail | _last_position(act, principal)
    values = {
        "vendor_id": report["vendor_id"], "report_id": report_id, "kind": kind, "body": body, "detail": detail,
        "actor_role": principal.role, "actor_id": principal.id, "actor_name": principal.signature,
        "client_id": client_id or None, "created_at": act.now,
    }  # fmt: skip
    query = insert(report_messages).values(**values).returning(report_messages.c.id)
    number = int(act.connection.execute(query).scalar_one())
    act.write(report, _DONE.get(kind, "message_added"), kind=kind, message_id=number)
    if kind in _TOLD:
        act.tell(
            report_id, _TOLD[kind], f"message:{number}", message_id=number, body=body[:500],
            latitude=detail.get("latitude", report["latitude"]),
            longitude=detail.get("longitude", report["longitude"]),
            position=[detail["latitude"], detail["longitude"]] if kind in _CALLS and "latitude" in detail else None,
            police_id=principal.id if principal.role == "police" else None,
        )  # fmt: skip
    return Sent(number, kind, True)


def _checked(detail: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(msgspec.json.encode(detail))
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise Invalid("detail", "expected a JSON object") from None
    if size > MAX_DETAIL or b"\\u0000" in msgspec.json.encode(detail):
        raise Invalid("detail", f"expected at most {MAX_DETAIL} bytes of JSON without NUL")
    place = (detail.get("latitude"), detail.get("longitude"))
    if place != (None, None):
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in place)
        if not numbers or not is_position(*place):
            raise Invalid("detail.latitude", "expected latitude and longitude in degrees")
    return detail


def _refuse_idle(act: Act, report: Any, mine: Any, kind: str) -> None:
    """Back-up and emergency are for those who are on it; a report is written until it is done; chat stays open."""
    if kind in ("chat", "note", "emergency"):
        return
    allowed = OPEN if kind == "backup" else (*OPEN, AssignmentState.COMPLETED)
    if mine["status"] not in allowed:
        raise refusal_of(STOPPED.get(mine["status"], AssignmentRefusal.OVER), mine, report["status"])


def _last_position(act: Act, principal: Principal) -> dict[str, Any]:
    """Where the police officer was a moment ago: who calls for help may be far from the incident."""
    query = select(police.c.latitude, police.c.longitude, police.c.position_at).where(police.c.id == principal.id)
    row = act.connection.execute(query).one()
    if row.latitude is None or row.position_at is None or act.now - row.position_at > POSITION_HOLDS:
        return {}
    return {"latitude": row.latitude, "longitude": row.longitude, "position_at": row.position_at.isoformat()}


def _refuse_more(act: Act, principal: Principal, report: Any, kind: str) -> None:
    here = report_messages.c.report_id == report["id"]
    if kind in ("draft", "final"):
        mine = here & (report_messages.c.kind == "final") & (report_messages.c.actor_id == principal.id)
        if act.connection.execute(select(report_messages.c.id).where(mine)).first() is not None:
            raise Conflict("final_there", report["status"])
    if kind in _CALLS:
        return
    if int(act.connection.execute(select(func.count()).where(here)).scalar_one()) >= MAX_MESSAGES:
        raise Conflict("messages_full", report["status"])


def _known(act: Act, principal: Principal, report_id: int, client_id: str) -> Any:
    query = select(report_messages).where(
        report_messages.c.report_id == report_id, report_messages.c.actor_role == principal.role,
        report_messages.c.actor_id == principal.id, report_messages.c.client_id == client_id,
    )  # fmt: skip
    return act.connection.execute(query).mappings().first()
