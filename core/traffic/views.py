"""What the review API shows and takes, as Structs: the API description is made from them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from core.traffic.deadlines import Deadline
from core.traffic.states import State

Note = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00]*$")]
NeededNote = Annotated[str, msgspec.Meta(min_length=3, max_length=1000, pattern=r"^[^\x00]*$")]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class ReasonCode(StrEnum):
    """Why a violation is rejected.

    no_violation       the pictures show no violation
    plate_unreadable   the plate cannot be read, by a person neither
    wrong_vehicle      the read belongs to another vehicle in the picture
    plate_forged       the plate is another vehicle's: its owner is not to be fined
    picture_unusable   missing, dark, blurred
    clock_wrong        the time of the offence cannot be trusted
    device_fault       the camera or its installation is at fault
    emergency_vehicle  ambulance, fire engine, police on duty
    officer_directed   an officer at the place directed the traffic
    duplicate          the same offence is another case
    other              with a note
    """

    NO_VIOLATION = "no_violation"
    PLATE_UNREADABLE = "plate_unreadable"
    WRONG_VEHICLE = "wrong_vehicle"
    PLATE_FORGED = "plate_forged"
    PICTURE_UNUSABLE = "picture_unusable"
    CLOCK_WRONG = "clock_wrong"
    DEVICE_FAULT = "device_fault"
    EMERGENCY_VEHICLE = "emergency_vehicle"
    OFFICER_DIRECTED = "officer_directed"
    DUPLICATE = "duplicate"
    OTHER = "other"


# -- in -----------------------------------------------------------------------------------------------------------


class NextOrder(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to hand out next. `skip`: ids that this officer does not want to see again now."""

    violation_type: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")] | None = None
    device: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*$")] | None = None
    skip: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]], msgspec.Meta(max_length=100)] = []


class Act(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A decision. `version` is the one that was read; the If-Match header does the same."""

    version: Version | None = None
    note: Note = ""


class Rejection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Why it is none; `other` needs a note."""

    reason_code: ReasonCode
    version: Version | None = None
    note: Note = ""


class Correction(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The plate as the validator reads it."""

    plate_number: Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[^\x00]*$")]
    version: Version | None = None
    note: Note = ""


class Explained(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An act that must be explained."""

    note: NeededNote
    version: Version | None = None


# -- out ----------------------------------------------------------------------------------------------------------


class DeviceView(msgspec.Struct, kw_only=True):
    """Where it happened."""

    id: int
    code: str
    name: str | None
    location: str | None


class ClaimView(msgspec.Struct, kw_only=True):
    """Who is working on it, until when."""

    role: str
    actor_id: int
    name: str
    until: datetime
    mine: bool


CloneSign = Literal["impossible_travel", "unlike_vehicle"]


class ViolationRow(msgspec.Struct, kw_only=True):
    """A case in a list. `plate_number` is the correction where there is one; `plate_read` what the camera read.

    undo_until  until when the decision can be taken back, None when it cannot
    warn_at     half of the time for validation
    clone_signs  what the hints of the case say, where the plate may be a forged one
    """

    id: int
    version: int
    status: State
    violation_type: str
    vendor_code: str
    device: DeviceView
    plate_number: str | None
    plate_read: str | None
    corrected: bool
    capture_time: datetime
    created_at: datetime
    warn_at: datetime
    due_at: datetime
    overdue: bool
    attention: list[str]
    held_reason: str | None
    verified_by: str | None
    verified_at: datetime | None
    reason_code: str | None
    note: str | None
    claim: ClaimView | None
    undo_until: datetime | None
    clone_signs: list[CloneSign]


class Picture(msgspec.Struct, kw_only=True):
    """A picture of a read. `state`: stored (with url and sha256), pending (being fetched), failed or dropped (why)."""

    role: str
    state: str
    sha256: str | None = None
    url: str | None = None
    mime: str | None = None
    size: int | None = None
    why: str | None = None


class ReadView(msgspec.Struct, kw_only=True):
    """One reading. confidence 0-100; verdict accept, review or drop with the judge's reason and its words for people.

    Another reading of the same picture (a second opinion) stands in those words, beside the camera's value.
    """

    id: int
    device: DeviceView
    passage_id: int | None
    plate_number: str | None
    plate_raw: str | None
    confidence: float | None
    capture_time: datetime
    capture_time_raw: str | None
    time_source: str
    received_at: datetime
    direction: str | None
    lane_no: str | None
    vehicle_type: str | None
    vehicle_color: str | None
    vehicle_brand: str | None
    speed_kmh: float | None
    verdict: str
    verdict_reason: str | None
    verdict_detail: str | None
    voided: bool
    pictures: list[Picture]


class PassageView(msgspec.Struct, kw_only=True):
    """One vehicle passing one device once. clone_signs: as of a case, whether it is one or not."""

    id: int
    device: DeviceView
    plate_number: str | None
    confidence: float | None
    first_at: datetime
    last_at: datetime
    reads: int
    direction: str | None
    lane_no: str | None
    vehicle_type: str | None
    vehicle_color: str | None
    speed_kmh: float | None
    offences: list[str]
    verdict: str
    verdict_reason: str | None
    violations: list[int]
    clone_signs: list[CloneSign]


class PlateHint(msgspec.Struct, kw_only=True):
    """Another passage of the plate that one vehicle does not explain: one of both may bear a forged plate.

    signs       impossible_travel: nobody is at both places in that time; unlike_vehicle: a car there, a motorcycle here
    at, gap_s   when, and how many seconds after the offence (negative: before it)
    distance_m, speed_kmh  as the crow flies, and the least speed that fits both clocks; None without impossible_travel
    confidence, verdict    of the plate's reading there: a doubted one may be another plate
    picture     of the vehicle there, to compare
    """

    signs: list[CloneSign]
    passage_id: int
    device: DeviceView
    at: datetime
    gap_s: float
    distance_m: int | None
    speed_kmh: int | None
    vehicle_type: str | None
    vehicle_color: str | None
    confidence: float | None
    verdict: str
    picture: Picture | None


class SyncRow(msgspec.Struct, kw_only=True):
    """One delivery to one centre. Never holds a request's body or header."""

    id: int
    violation_id: int
    sink: str
    status: str
    retry_count: int
    created_at: datetime
    last_attempt: datetime | None
    next_attempt_at: datetime | None
    deadline_at: datetime
    finished_at: datetime | None
    reference: str | None
    last_error: str | None
    trace: str


class AuditRow(msgspec.Struct, kw_only=True):
    """Who did or looked at what."""

    id: int
    at: datetime
    actor_role: str
    actor_id: int | None
    actor_name: str
    action: str
    object_kind: str
    object_id: int | None
    trace: str
    peer: str
    purpose: str
    detail: dict[str, Any]


class ViolationDetail(ViolationRow, kw_only=True):
    """All that a person needs to decide, and what has been done so far.

    hints        why the plate may be a forged one; never more than a reason to look twice
    suggestions  plates that the camera may have meant, where it took a letter for a digit or the other way round
    plate_region  where the letters of a civil plate are issued
    """

    detail: dict[str, Any]
    hints: list[PlateHint]
    suggestions: list[str]
    plate_region: str | None
    passage: PassageView | None
    reads: list[ReadView]
    deadlines: list[Deadline]
    sync: list[SyncRow]
    audit: list[AuditRow]


Sort = Literal["newest", "due"]
