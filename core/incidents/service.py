"""The reports' one door: every act on a report in one transaction, with timeline, audit and notices."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection

from core.accounts.audit import Actor, actor_of
from core.accounts.principal import Principal, ServicePrincipal
from core.db.engine import Database
from core.domain.events import DomainEvent
from core.domain.incidents import ReportStatus, TrackingStatus
from core.incidents import deciding, dispatch, evidence, export, fieldwork, leaving, opening, tracking
from core.incidents.acting import SYSTEM, Act, Announce, Moved
from core.incidents.detected import Detected, Opened
from core.incidents.evidence import Blobs, Kept, MediaStore
from core.incidents.fieldwork import Kind, Sent
from core.incidents.geo import nearest_police, nearest_stations
from core.incidents.opening import ExternalReport, ManualReport
from core.incidents.tracking import TrackInput, TrackPoint
from core.notices.service import announce
from core.settings import Settings


class Reports:
    """Thread-safe; every method is one transaction and raises NotFound, NotAllowed, Conflict, Invalid (core.incidents.
    errors), which are Problems: behind a route the client gets the document.

    host      hears of what happened after it was committed (observe_event); None: nobody does
    announce  how people are told: the notices, unless a test says otherwise
    clock     aware UTC
    """

    def __init__(
        self, database: Database, media: MediaStore, host: Any = None, *, settings: Settings,
        announce: Announce = announce, clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._database = database
        self._blobs = Blobs(media, settings.max_upload_bytes)
        self._host = host
        self._announce = announce
        self._clock = clock
        self._peer = self._trace = ""

    def called_from(self, peer: str, trace: str) -> Reports:
        """The same, whose audit rows name this peer and this request."""
        mine = copy.copy(self)
        mine._peer, mine._trace = peer, trace
        return mine

    # -- opening -------------------------------------------------------------------------------------------------------

    def open_detected(self, detected: Detected) -> Opened:
        """A weapon seen by our detectors; within its cooldown the frames go to the open report (created False)."""
        with self._act(SYSTEM) as act:
            return opening.open_detected(act, self._blobs, detected)

    def open_external(self, principal: ServicePrincipal, given: ExternalReport) -> int:
        """A report of a detector elsewhere; repeated within a minute it is the same report."""
        with self._act(principal) as act:
            return opening.open_external(act, self._blobs, principal, given)

    def open_manual(self, principal: Principal, given: ManualReport) -> int:
        """A report that an owner writes."""
        with self._act(principal) as act:
            return opening.open_manual(act, self._blobs, principal, given)

    # -- officers ------------------------------------------------------------------------------------------------------

    def verify(
        self, principal: Principal, report_id: int, to: ReportStatus, *, reason_code: str = "", note: str = "",
        version: int | None = None,
    ) -> Moved:  # fmt: skip
        """verified, in_progress, completed, or rejected: a recall, with one of deciding.REASONS."""
        with self._act(principal) as act:
            return deciding.verify(
                act, principal, report_id, to, reason_code=reason_code, note=note, version=version
            )  # fmt: skip

    def assign(
        self, principal: Principal, report_id: int, police_id: int, *, backup: bool = False, version: int | None = None
    ) -> int:
        """Send a police officer; returns the assignment's id. It counts as the human check."""
        with self._act(principal) as act:
            return dispatch.assign(act, principal, report_id, police_id, backup=backup, version=version)

    def withdraw(self, principal: Principal, report_id: int, reason: str, police_id: int | None = None) -> Moved:
        """Take an assignment back, with a reason; who was sent is told to stop. police_id None: who goes first."""
        with self._act(principal) as act:
            return dispatch.withdraw(act, principal, report_id, reason, police_id)

    def release(self, connection: Connection, police_id: int, reason_code: str, by: Actor) -> Callable[[], None]:
        """In the transaction that ends the account of police: their open assignment is withdrawn. Returns what is to be
        called once that has committed. reason_code: one of leaving.REASONS.
        """
        act = Act(connection, by, self._announce, self._clock())
        leaving.release(act, police_id, reason_code)
        events = act.events()
        return lambda: self._observe(events)

    # -- police --------------------------------------------------------------------------------------------------------

    def answer(self, principal: Principal, report_id: int, accept: bool, reason: str = "") -> Moved:
        """Accept the assignment, or decline it with a reason."""
        with self._act(principal) as act:
            return dispatch.answer(act, principal, report_id, accept, reason)

    def set_status(
        self, principal: Principal, report_id: int, status: TrackingStatus, description: str = "", client_id: str = ""
    ) -> Moved:
        """What the phone says of the way; arrived starts the work, completed closes the report."""
        with self._act(principal) as act:
            return tracking.set_status(act, principal, report_id, status, description, client_id)

    def track(self, principal: Principal, report_id: int, given: TrackInput) -> TrackPoint:
        """A position; one that was sent before answers what is stored."""
        with self._act(principal) as act:
            return tracking.track(act, principal, report_id, given)

    def acknowledge_stop(self, principal: Principal, report_id: int) -> datetime:
        """The police saw that the report was recalled, or that they were taken off it; returns when first."""
        with self._act(principal) as act:
            return dispatch.acknowledge_stop(act, principal, report_id)

    # -- words and evidence --------------------------------------------------------------------------------------------

    def add_message(
        self, principal: Principal, report_id: int, kind: Kind, body: str, client_id: str = "",
        detail: dict[str, Any] | None = None,
    ) -> Sent:  # fmt: skip
        """A note, a chat message, a call for back-up, an emergency, a draft or the final report."""
        with self._act(principal) as act:
            return fieldwork.add_message(
                act, principal, report_id, kind, body, client_id=client_id, detail=detail
            )  # fmt: skip

    def add_evidence(
        self, principal: Principal, report_id: int, data: bytes, *, file_name: str = "", client_id: str = "",
        role: str = "",
    ) -> Kept:  # fmt: skip
        """A picture, video or document; its type is what its first bytes say."""
        with self._act(principal) as act:
            return evidence.add_evidence(
                act, self._blobs, principal, report_id, data, file_name=file_name, client_id=client_id, role=role
            )

    def export(self, principal: Principal, report_id: int, form: Literal["json", "pdf"]) -> bytes:
        """The whole report for a file; owners get their own without names of staff and internal words."""
        with self._act(principal) as act:
            collected = export.collect(act, self._blobs.store, principal, report_id, form)
        return export.render(collected, form)

    # -- one act -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _act(self, who: Principal | ServicePrincipal | Actor) -> Iterator[Act]:
        principal = None if isinstance(who, Actor) else who
        actor = who if isinstance(who, Actor) else actor_of(who, peer=self._peer, trace=self._trace)
        with self._database.system() as connection:
            act = Act(connection, actor, self._announce, self._clock(), principal)
            yield act
            events = act.events()
        self._observe(events)

    def _observe(self, events: list[tuple[DomainEvent, str]]) -> None:
        if self._host is not None:
            for event, vendor_code in events:
                self._host.observe_event(event, vendor_code)


__all__ = [
    "ExternalReport",
    "ManualReport",
    "Reports",
    "TrackInput",
    "TrackPoint",
    "nearest_police",
    "nearest_stations",
]
