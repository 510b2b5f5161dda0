"""Announcing: writes who is told of what, in the transaction of the happening itself. Workers then do the telling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from core.domain.errors import TangkapinError
from core.notices.rules import RULES, Rule
from core.notices.texts import clean, render

BELL = "tangkapin_notices"
"""PostgreSQL's NOTIFY channel: rung with the commit, so that no caller can forget it; losing one only delays."""

_MOST_RECIPIENTS = 2000
_REPORT = text("SELECT vendor_id, owner_id, station_id FROM reports WHERE id = :report")
_CAMERA_OWNER = text("SELECT owner_id FROM devices WHERE id = :device AND vendor_id = :vendor")
_COOLING = text("""
SELECT EXISTS (SELECT 1 FROM notices WHERE vendor_id = :vendor AND kind = :kind
                  AND report_id IS NOT DISTINCT FROM CAST(:report AS bigint)
                  AND (CAST(:report AS bigint) IS NOT NULL OR device_id IS NOT DISTINCT FROM CAST(:device AS bigint))
                  AND created_at > now() - make_interval(secs => :cooldown))
""")
_INSERT = text("""
INSERT INTO notices (vendor_id, kind, dedup_key, type, report_id, device_id, texts, event, payload, priority, urgent,
                     collapse_key, expires_at)
VALUES (:vendor, :kind, :dedup_key, :type, :report, :device, CAST(:texts AS jsonb), :event, CAST(:payload AS jsonb),
        :priority, :urgent, :collapse_key, now() + make_interval(secs => :ttl))
ON CONFLICT (vendor_id, dedup_key) DO NOTHING
RETURNING id
""")
_RECIPIENTS = text("""
INSERT INTO notice_recipients (vendor_id, notice_id, role, person_id)
SELECT :vendor, :notice, x.role, x.id
  FROM jsonb_to_recordset(CAST(:people AS jsonb)) AS x(role text, id bigint)
ON CONFLICT (notice_id, role, person_id) DO NOTHING
""")
_STATION = text("SELECT id FROM officers WHERE vendor_id = :vendor AND is_active AND station_id = :station")
_OFFICERS = text("SELECT id FROM officers WHERE vendor_id = :vendor AND is_active")
_ADMINS = text("SELECT id FROM admins WHERE vendor_id = :vendor AND is_active")
_POLICE = text("SELECT id FROM police WHERE vendor_id = :vendor AND is_active")
_ASSIGNED = text("SELECT police_id AS id FROM assignments WHERE report_id = :report"
                 " AND status IN ('offered','accepted','on_the_way','arrived')")  # fmt: skip
_TOLD = text("SELECT DISTINCT r.role, r.person_id AS id FROM notice_recipients r JOIN notices n ON n.id = r.notice_id"
             " WHERE n.report_id = :report")  # fmt: skip
_WRITERS = text(
    "SELECT DISTINCT actor_role AS role, actor_id AS id FROM report_messages"
    " WHERE report_id = :report AND kind = 'chat' AND (actor_role IN ('owner','officer','admin')"
    "   OR actor_role = 'police' AND actor_id IN (SELECT police_id FROM assignments"
    "       WHERE report_id = :report AND status IN ('completed','recalled')))"
)
_REPLACE = text("""
UPDATE notice_deliveries d SET status = 'superseded', finished_at = now(), last_error = 'a newer one says more'
  FROM notice_recipients r JOIN notices n ON n.id = r.notice_id
 WHERE d.recipient_id = r.id AND n.report_id = :report AND n.id <> :notice
   AND n.kind = coalesce(CAST(:kind AS text), n.kind)
   AND (CAST(:police AS bigint) IS NULL OR r.role = 'police' AND r.person_id = CAST(:police AS bigint))
   AND d.status IN ('waiting', 'pending') AND (d.lease_until IS NULL OR d.lease_until < now())
""")

People = set[tuple[str, int]]


class UnknownKind(TangkapinError):
    """No row in core/notices/rules.py: the caller's mistake."""


def announce(
    connection: Connection, *, vendor_id: int, kind: str, report_id: int | None = None,
    device_id: int | None = None, facts: Mapping[str, Any], dedup_key: str,
) -> None:  # fmt: skip
    """Tell whom the rules name, in the caller's transaction (of the system role): told only when that commits.

    facts      what happened, for texts and payload (core.notices.texts); `actor_role` and `actor_id` are not told,
               `police_id` is the police concerned
    dedup_key  of the happening: the same key again tells nobody again
    Raises UnknownKind.
    """
    rule = RULES.get(kind)
    if rule is None:
        raise UnknownKind(f"kind {kind!r} has no rule; core/notices/rules.py knows: {', '.join(sorted(RULES))}")
    where = {"vendor": vendor_id, "kind": kind, "report": report_id, "device": device_id}
    if rule.cooldown_s and connection.execute(_COOLING, where | {"cooldown": rule.cooldown_s}).scalar():
        return
    told = dict(facts)
    if report_id is not None:
        told.setdefault("report_id", report_id)
    if device_id is not None:
        told.setdefault("cctv_id", device_id)
    values = where | {
        "dedup_key": dedup_key[:120],
        "type": rule.type,
        "texts": _json(render(kind, told)),
        "event": rule.event,
        "payload": _json(payload_of(kind, rule, told)),
        "priority": rule.priority,
        "urgent": rule.urgent,
        "collapse_key": _collapse_key(kind, rule, report_id, device_id),
        "ttl": rule.ttl_s,
    }
    notice_id = connection.execute(_INSERT, values).scalar()
    if notice_id is None:
        return
    people = _people(connection, rule, vendor_id, report_id, device_id, told)
    rows = [{"role": role, "id": person} for role, person in sorted(people)[:_MOST_RECIPIENTS]]
    connection.execute(_RECIPIENTS, {"vendor": vendor_id, "notice": notice_id, "people": _json(rows)})
    if rule.replaces and report_id is not None:
        older = kind if rule.replaces == "kind" else None
        named = int(told["police_id"]) if rule.replaces == "named" else None
        connection.execute(_REPLACE, {"report": report_id, "kind": older, "police": named, "notice": notice_id})
    ring(connection)


def ring(connection: Connection) -> None:
    """Wake the workers when this transaction commits."""
    connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": BELL})


def payload_of(kind: str, rule: Rule, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's fields, in its spelling; what is not known is left out. No person is named.

    `evidenceUrl` is added when it is told, since it opens for minutes only.
    """
    at = facts.get("incident_at") if kind == "weapon_detected" else facts.get("at")
    fields = {
        "reportId": facts.get("report_id"),
        "cctvId": facts.get("cctv_id"),
        "incidentType": facts.get("incident_type"),
        "location": clean(facts.get("location")),
        "district": district(facts.get("location")),
        "status": facts.get("status"),
        "priority": rule.priority,
        "timestamp": at or facts.get("at") or facts.get("since"),
        "confirmed": facts.get("is_confirmed"),
        "policeId": facts.get("police_id"),
        "distance": facts.get("distance_m"),
        "estimatedTime": facts.get("eta_s"),
        "isNearby": facts.get("is_nearby"),
    }
    if kind in ("assigned", "tracking_update", "arrived", "emergency", "backup_requested"):
        fields |= {"latitude": facts.get("latitude"), "longitude": facts.get("longitude")}
    return {name: _plain(value) for name, value in fields.items() if value is not None}


def district(location: Any) -> str:
    """Of an address the part that a public channel may carry: from Kecamatan on, or what stands after the last comma;
    never a street or a house."""
    line = clean(location)
    found = re.search(r"\b(?:Kecamatan|Kec\.)\s*([^,]+)", line, re.IGNORECASE)
    if found:
        return found.group(1).strip()
    _, comma, tail = line.rpartition(",")
    return tail.strip() if comma and not any(c.isdigit() for c in tail) else ""


def _people(
    connection: Connection, rule: Rule, vendor_id: int, report_id: int | None, device_id: int | None,
    facts: Mapping[str, Any],
) -> People:  # fmt: skip
    values = {"vendor": vendor_id, "report": report_id, "device": device_id}
    report = connection.execute(_REPORT, values).first() if report_id is not None else None
    found: People = set()
    for audience in rule.audiences:
        match audience:
            case "owner":
                owner = report.owner_id if report is not None else None
                if owner is None and device_id is not None:
                    owner = connection.execute(_CAMERA_OWNER, values).scalar()
                found |= {("owner", owner)} if owner is not None else set()
            case "station":
                found |= _officers(connection, vendor_id, report.station_id if report is not None else None)
            case "assigned" if report_id is not None:
                found |= _with("police", connection.execute(_ASSIGNED, values))
            case "named" if facts.get("police_id") is not None:
                found.add(("police", int(facts["police_id"])))
            case "sender":
                found.add((str(facts["sender_role"]), int(facts["sender_id"])))
            case "told" if report_id is not None:
                found |= {(row.role, row.id) for row in connection.execute(_TOLD, values)}
            case "involved" if report_id is not None:
                found |= {(row.role, row.id) for row in connection.execute(_WRITERS, values)}
                found |= _with("police", connection.execute(_ASSIGNED, values))
            case "admins":
                found |= _with("admin", connection.execute(_ADMINS, values))
            case "duty":
                found |= _with("officer", connection.execute(_OFFICERS, values))
                found |= _with("police", connection.execute(_POLICE, values))
            case "dashboard":
                found.add(("dashboard", 0))
    if not rule.tells_actor and facts.get("actor_id") is not None:
        found.discard((str(facts.get("actor_role")), int(facts["actor_id"])))
    return found


def _officers(connection: Connection, vendor_id: int, station_id: int | None) -> People:
    """Of the station; where that is unknown or has nobody, of the whole agency, and its admins where it has no officer
    at all: somebody must hear of it."""
    values = {"vendor": vendor_id, "station": station_id}
    found = _with("officer", connection.execute(_STATION, values)) if station_id is not None else set()
    found = found or _with("officer", connection.execute(_OFFICERS, values))
    return found or _with("admin", connection.execute(_ADMINS, values))


def _with(role: str, rows: Iterable[Any]) -> People:
    return {(role, row.id) for row in rows}


def _collapse_key(kind: str, rule: Rule, report_id: int | None, device_id: int | None) -> str:
    """What a phone shows one of at a time: alarm and recall of a report share one, so that the recall takes it away."""
    if report_id is None:
        return f"{kind}:{device_id}" if device_id is not None else ""
    if kind == "chat_message" or rule.type == "tracking":
        return f"{kind}:{report_id}"
    return f"report:{report_id}"


def _plain(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
