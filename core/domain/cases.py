"""What happens to a read after it was understood: verdicts, passages, drafts, cases and what a sink sends."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from core.domain.observations import Device, Direction, ViolationType

VerdictAction = Literal["accept", "review", "drop"]
SEVERITY: dict[str, int] = {"accept": 0, "review": 1, "drop": 2}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A judge's opinion of a read; over all judges the strictest wins (accept < review < drop).

    reason   a stable snake_case code ("confidence_below_accept"), shown and counted; with accept: worth a mention
    detail   for people; "" for accept
    """

    action: VerdictAction
    reason: str = ""
    detail: str = ""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle passing one device once; all reads of it are merged here.

    plate_number  of the best read (highest confidence, ties: the first)
    first_at, last_at  aware UTC, first and last capture time of its reads
    offences      all types that the device claimed in any of its reads
    """

    device_id: int
    vendor_id: int
    plate_number: str | None
    first_at: datetime
    last_at: datetime
    reads: int = 1
    confidence: float | None = None
    direction: Direction = "unknown"
    lane_no: str = ""
    vehicle_type: str = ""
    vehicle_color: str = ""
    plate_color: str = ""
    speed_kmh: float | None = None
    offences: tuple[ViolationType, ...] = ()
    verdict: VerdictAction = "accept"


class CaseDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's claim that a passage is a violation. (passage, violation_type) is unique, so claiming twice is safe.

    detail  the facts the rule used ({"speed_kmh": 92, "limit_kmh": 60}), shown to the validator
    """

    violation_type: ViolationType
    detail: dict[str, Any] = msgspec.field(default_factory=dict)


class EvidenceRef(msgspec.Struct, frozen=True, kw_only=True):
    """A stored picture by its SHA-256 (hex). In a request body core replaces it by the picture in base64."""

    sha256: str
    role: str = ""
    mime: str = ""
    size: int = 0


class VendorView(msgspec.Struct, frozen=True, kw_only=True):
    """The reporting agency (a Polda's account) of a case. Never holds the key itself."""

    id: int
    code: str
    name: str = ""
    region: str = ""
    etnas_url: str = ""


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """An approved violation as a sink sees it. plate_number is the validator's correction where there is one."""

    violation_id: int
    idempotency_key: str
    trace: str
    vendor: VendorView
    device: Device
    plate_number: str
    violation_type: str
    capture_time: datetime
    location: str
    verified_by: str
    verified_at: datetime
    plate_image: EvidenceRef | None = None
    vehicle_image: EvidenceRef | None = None
    confidence: float | None = None
    speed_kmh: float | None = None
    lane_no: str = ""
    direction: str = ""
    detail: dict[str, Any] = msgspec.field(default_factory=dict)


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that core stores, then sends. Holds no secret: `secret_headers` names keys of the plugin's config.

    body            JSON-able; an EvidenceRef inside is sent as base64 of the picture
    secret_headers  header name -> name of a Secret field of the plugin's Config ({"X-API-KEY": "api_key"}), or
                    "vendor.api_key": the key that the vendor's own row refers to
    sign            "" or "standard-webhooks": core signs the exact bytes with the Config's `sign_secret` field
                    (several, separated by commas, while a secret is being changed)
    """

    url: str
    method: str = "POST"
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    secret_headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: Any = None
    sign: str = ""
    sign_secret: str = ""


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What the centre answered; body is cut at 64 KiB. `purpose` says which of our requests it answers."""

    status: int
    headers: dict[str, str]
    body: bytes
    purpose: Literal["send", "look_up"] = "send"


class SyncReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer means.

    accepted   the centre has the violation
    refused    the centre understood and said no: terminal, shown to a person
    transient  try again later (429, 5xx, maintenance page); retry_after_s if it said so
    unknown    it may or may not have it (garbage in a 200, answer cut off): look up before sending again
    absent     only from a look-up: the centre does not have it, sending again is safe
    """

    outcome: Literal["accepted", "refused", "transient", "unknown", "absent"]
    reference: str = ""
    reason: str = ""
    retry_after_s: float | None = None
