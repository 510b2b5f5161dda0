"""Who is told of what: one table. Pure; core.notices.service turns audiences into people."""

from __future__ import annotations

from typing import Literal

import msgspec

Audience = Literal["owner", "station", "assigned", "named", "sender", "told", "involved", "admins", "duty", "dashboard"]
"""owner      the citizen whose camera it is, or who made the report
station    officers of the report's station; where it has none, all of the agency; where that has none, its admins
assigned   police with an open assignment to the report
named      the police that the facts name by `police_id`
sender     the officer who sent them: the facts name `sender_role` and `sender_id`
told       everyone whom an earlier notice about the report was meant for
involved   who wrote in the report's chat so far, but police who left, and its assigned police
admins     administrators of the agency
duty       all officers and police of the agency
dashboard  the officers' screens, no person"""

Type = Literal["report", "cctv", "assignment", "tracking"]
Priority = Literal["critical", "high", "medium", "low"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One row.

    event       the contract's event name; "" = carried as "notice"
    urgent      sound and wake the device; ignores the person's settings; the next channel follows when nobody looked
    cooldown_s  a second one of this kind for the same report (or camera) within so long is not told
    replaces    what still waits to be told of the same report is not told any more: of this kind, all of it, or all of
                it to the police that the facts name
    by_used     by every channel at once by which the person was told of the report before
    tells_actor the person who did it hears of it too
    ttl_s       after so long it is told to nobody any more; it stays in people's lists
    """

    type: Type
    audiences: tuple[Audience, ...]
    event: str = ""
    priority: Priority = "medium"
    urgent: bool = False
    cooldown_s: int = 0
    replaces: Literal["", "kind", "report", "named"] = ""
    by_used: bool = False
    tells_actor: bool = False
    ttl_s: int = 6 * 3600


RULES: dict[str, Rule] = {
    "weapon_detected": Rule(type="report", audiences=("owner", "station", "dashboard"), event="weapon-detected",
                            priority="critical", urgent=True, tells_actor=True),
    "incident_opened": Rule(type="report", audiences=("owner", "station", "dashboard"), event="incident-update",
                            priority="high", urgent=True),
    "incident_update": Rule(type="report", audiences=("owner", "assigned", "dashboard"), event="incident-update"),
    "assigned": Rule(type="assignment", audiences=("named", "owner", "dashboard"), event="new-incident",
                     priority="high", urgent=True, replaces="named"),
    "assignment_answered": Rule(type="assignment", audiences=("station", "dashboard"), event="incident-update"),
    "withdrawn": Rule(type="assignment", audiences=("named",), event="incident-update", priority="high", urgent=True,
                      replaces="named", by_used=True, ttl_s=24 * 3600),
    "vacated": Rule(type="assignment", audiences=("station", "dashboard"), event="incident-update", priority="high",
                    urgent=True),
    "unanswered": Rule(type="assignment", audiences=("sender", "dashboard"), event="incident-update", priority="high",
                       urgent=True, ttl_s=1800),
    "recalled": Rule(type="report", audiences=("told", "assigned", "named", "dashboard"), event="incident-update",
                     priority="high", urgent=True, tells_actor=True, replaces="report", by_used=True,
                     ttl_s=24 * 3600),
    "tracking_update": Rule(type="tracking", audiences=("owner", "dashboard"), priority="low", cooldown_s=5,
                            replaces="kind", ttl_s=300),
    "arrived": Rule(type="tracking", audiences=("owner", "station", "dashboard"), event="incident-update"),
    "closed": Rule(type="report", audiences=("owner", "station", "assigned", "dashboard"), event="incident-update"),
    "backup_requested": Rule(type="assignment", audiences=("station", "dashboard"), event="incident-update",
                             priority="high", urgent=True),
    "emergency": Rule(type="report", audiences=("station", "assigned", "admins", "dashboard"),
                      event="incident-update", priority="critical", urgent=True),
    "chat_message": Rule(type="report", audiences=("involved", "station"), priority="low", ttl_s=24 * 3600),
    "announcement": Rule(type="report", audiences=("duty",), ttl_s=24 * 3600),
    "cctv_offline": Rule(type="cctv", audiences=("owner",), priority="medium", cooldown_s=600),
}  # fmt: skip
"""kind -> rule. A kind without a row is a mistake of the caller and is refused."""
