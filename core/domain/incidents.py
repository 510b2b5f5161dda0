"""The words of the weapon flow: the exact strings of the REST contract."""

from __future__ import annotations

from enum import StrEnum


class IncidentType(StrEnum):
    """What a report is about. `guns` is what some deployed detectors send for several weapons."""

    KNIFE = "knife"
    GUN = "gun"
    GUNS = "guns"
    OTHER = "other"


class ReportStatus(StrEnum):
    """Where a report stands; core.incidents.states says what may follow what."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    VERIFIED = "verified"
    COMPLETED = "completed"
    REJECTED = "rejected"


class TrackingStatus(StrEnum):
    """What the field officer says of the way."""

    ON_THE_WAY = "on_the_way"
    ARRIVED = "arrived"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class CctvStatus(StrEnum):
    """online and offline are derived from frames and events; the two others are set by people."""

    ONLINE = "online"
    OFFLINE = "offline"
    INACTIVE = "inactive"
    MAINTENANCE = "maintenance"
