"""What people are told, and what a channel says of telling them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

Audience = Literal["owner", "officer", "police", "admin", "dashboard"]
"""`dashboard` is no person: the public channel of officers' screens, where a deployment switched it on."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one recipient, as a channel gets it. Texts are in the recipient's language.

    id        of the delivery: the same on every attempt and every channel, so that a phone can drop what it has
    kind      snake_case: weapon_detected, incident_new, incident_update, assigned, recalled, status_changed, ...
    event     the contract's event name ("weapon-detected", "new-incident", "incident-update"), "" for others
    payload   the contract's fields for that event; small (a channel may carry 10 kB), without personal data
    urgent    sound and wake the device; a recall supersedes what has the same `collapse_key`
    """

    id: str
    kind: str
    title: str
    message: str
    at: datetime
    event: str = ""
    payload: dict[str, Any] = msgspec.field(default_factory=dict)
    report_id: int | None = None
    device_id: int | None = None
    urgent: bool = False
    collapse_key: str = ""
    expires_at: datetime | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a channel finds a recipient: an FCM token, a Web Push subscription (JSON). `id` names it in `dead`."""

    id: int
    channel: str
    value: str


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be told. `addresses` holds only those of the asked channel's kind."""

    role: Audience
    id: int
    vendor_id: int
    name: str = ""
    language: Literal["id", "en"] = "id"
    addresses: tuple[Address, ...] = ()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel did.

    outcome   delivered = the recipient's device said so; accepted = the service took it, a receipt may follow
    receipt   the service's own id
    dead      ids of addresses that the service says are gone: core forgets them
    """

    outcome: Literal["delivered", "accepted"]
    receipt: str = ""
    dead: tuple[int, ...] = ()
