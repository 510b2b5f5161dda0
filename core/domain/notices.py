"""What people are told, and what a channel says of telling them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from core.domain.errors import Transient, Undeliverable

Audience = Literal["owner", "officer", "police", "admin", "dashboard"]
"""`dashboard` is no person: the public channel of officers' screens, where a deployment switched it on."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one recipient, as a channel gets it. Texts are in the recipient's language.

    id        of the delivery: the same on every attempt and every channel, so that a phone can drop what it has
    kind      snake_case: weapon_detected, incident_new, incident_update, assigned, recalled, status_changed, ...
    event     the contract's event name ("weapon-detected", "new-incident", "incident-update"), "" for others
    payload   the contract's fields for that event; small (a channel may carry 10 kB), without personal data
    urgent    sound and wake the device; a recall supersedes what has the same `collapse_key`
    collapse_key  a device shows one notice of these at a time; never "" when core tells it
    again     an earlier attempt by this channel ended without an answer: the recipient may have it already
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
    again: bool = False


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


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel heard of itself: this notice went out to all who listen, whatever became of the answer.

    notice_id, at  of the Notice; another deployment at the same service may have the same id, not of the same moment
    """

    notice_id: str
    at: datetime


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a service said of one address.

    outcome        told; gone = the address will never work again; later = try again; refused = not this way
    reason         for people: names no address, no token, no key
    receipt        the service's own id
    retry_after_s  for `later`, where the service said so
    """

    address_id: int
    outcome: Literal["told", "gone", "later", "refused"]
    reason: str = ""
    receipt: str = ""
    retry_after_s: float | None = None


def sum_up(answers: Iterable[Told]) -> Delivery:
    """What came of telling all addresses of one recipient.

    One address that took it is enough: another attempt would ring that device again. Raises Transient when none took
    it and one may later, Undeliverable (with the addresses that are gone) when none will.
    """
    answers = list(answers)
    gone = tuple(one.address_id for one in answers if one.outcome == "gone")
    taken = [one for one in answers if one.outcome == "told"]
    if taken:
        return Delivery(outcome="accepted", receipt=" ".join(filter(None, (one.receipt for one in taken))), dead=gone)
    reasons = "; ".join(dict.fromkeys(one.reason for one in answers if one.reason)) or "no address"
    later = [one for one in answers if one.outcome == "later"]
    if later:
        waits = [one.retry_after_s for one in later if one.retry_after_s is not None]
        raise Transient(reasons, retry_after_s=min(waits) if waits else None)
    raise Undeliverable(reasons, dead=gone)
