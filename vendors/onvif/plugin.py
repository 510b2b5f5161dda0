"""ONVIF (profiles M, S, T): metadata frames, event notifications, answers of PullMessages."""

from __future__ import annotations

from core.api import Answer, Observation, Payload, Recognition, hookimpl, recognise_by_marks
from core.api import Plugin as Base
from vendors.onvif.metadata import read_documents

_MARKS = (
    (b"licenseplateinfo", 0.9, "LicensePlateInfo of ONVIF's metadata"),
    (b"metadatastream", 0.9, "a MetadataStream"),
    (b"www.onvif.org/ver10", 0.8, "an ONVIF namespace"),
    (b"notificationmessage", 0.6, "a NotificationMessage of WS-Notification"),
    (b"videoanalytics", 0.6, "VideoAnalytics"),
)


class Plugin(Base):
    """Notify of WS-Notification is one-way: any 200 will do as an answer."""

    maker = "onvif"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer()]

    @hookimpl
    def recognise_payload(self, payload: Payload) -> Recognition | None:
        return recognise_by_marks(payload.body, _MARKS)

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        return read_documents(payload)
