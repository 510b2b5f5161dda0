"""One act on a report: the locked row, the machine's step, timeline, audit and notices in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, exists, insert, select, update

from core.accounts.audit import Actor, record
from core.accounts.principal import Principal, ServicePrincipal
from core.accounts.tables import devices, police, vendors
from core.domain.events import DomainEvent
from core.incidents.errors import Conflict, Invalid, NotAllowed, NotFound
from core.incidents.reading import shown_to_police
from core.incidents.states import (
    OPEN,
    AssignmentEvent,
    AssignmentRefusal,
    AssignmentState,
    Effect,
    Event,
    Refusal,
    Step,
    advance,
    advance_assignment,
    state_of,
)
from core.incidents.tables import assignments, report_events, reports

SYSTEM = Actor("system")
STAFF = ("officer", "admin")
STOPPED = {
    AssignmentState.RECALLED: AssignmentRefusal.RECALLED,
    AssignmentState.WITHDRAWN: AssignmentRefusal.WITHDRAWN,
}
"""Assignments that ended with a stop, and how what comes later is refused."""


class Announce(Protocol):
    """As core.notices.service.announce: writes notices and deliveries; the same dedup_key twice is told once."""

    def __call__(
        self, connection: Connection, *, vendor_id: int, kind: str, report_id: int | None = None,
        device_id: int | None = None, facts: dict[str, Any], dedup_key: str,
    ) -> object: ...  # fmt: skip


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A report after an act, as the contract answers."""

    id: int
    status: str
    version: int
    updated_at: datetime


class Act:
    """What one person (or program) does in one transaction that sees all vendors; ownership is decided here.

    Rows are locked in this order: the report, its assignments, police by id. Times are those of `now`.
    """

    def __init__(
        self, connection: Connection, actor: Actor, announce: Announce, now: datetime,
        principal: Principal | ServicePrincipal | None = None,
    ) -> None:  # fmt: skip
        self.connection = connection
        self.actor = actor
        self.now = now
        self.principal = principal
        self._done: list[tuple[str, int, int]] = []
        self._announce = announce

    # -- who may ----------------------------------------------------------------------------------------------------

    def lock(self, report_id: int, *, ever: bool = False) -> Any:
        """The report, locked; NotFound when there is none or the principal has nothing to do with it.

        Officers and admins: of their vendor; owners: their own; police: those they are sent to, or were.

        ever  police who declined, gave up or were taken off it count too: their phone may repeat its last word
        """
        me = self.principal
        assert me is not None
        query = select(reports).where(reports.c.id == report_id, reports.c.vendor_id.in_(me.vendor_ids))
        match me.role:
            case "officer" | "admin":
                pass
            case "owner":
                query = query.where(reports.c.owner_id == me.id)
            case "police":
                mine = [assignments.c.report_id == reports.c.id, assignments.c.police_id == me.id]
                if not ever:
                    mine.append(shown_to_police())
                query = query.where(exists().where(*mine))
            case _:
                raise NotAllowed
        row = self.connection.execute(query.with_for_update(of=reports)).mappings().first()
        if row is None:
            raise NotFound("report", report_id)
        return row

    def my_assignment(self, report_id: int) -> Any:
        """The principal's newest assignment to a report (locked by `lock` already)."""
        assert self.principal is not None
        query = (
            select(assignments)
            .where(assignments.c.report_id == report_id, assignments.c.police_id == self.principal.id)
            .order_by(assignments.c.id.desc())
            .limit(1)
            .with_for_update()
        )
        row = self.connection.execute(query).mappings().first()
        if row is None:
            raise NotFound("report", report_id)
        return row

    def open_assignments(self, report_id: int) -> Sequence[Any]:
        """Those under way, the main one first, locked."""
        query = (
            select(assignments)
            .where(assignments.c.report_id == report_id, assignments.c.status.in_(OPEN))
            .order_by(assignments.c.is_backup, assignments.c.id)
            .with_for_update()
        )
        return self.connection.execute(query).mappings().all()

    # -- the report's machine ------------------------------------------------------------------------------------------

    def move(
        self, report: Any, event: Event, action: str, *, vacant: bool = True, values: dict[str, Any] | None = None,
        **detail: Any,
    ) -> int:  # fmt: skip
        """Bring an event about and return the id of its line in the timeline. Raises Conflict."""
        state = state_of(report["status"], started=report["started_at"] is not None)
        step = advance(state, event, role=self.actor.role, vacant=vacant)
        if isinstance(step, Refusal):
            raise Conflict(step, report["status"], version=report["version"])
        changed: dict[str, Any] = {"status": step.state.status.value}
        for effect in step.effects:
            changed |= self._stamps(report, effect)
        self.change(report, **changed, **(values or {}))
        number = self.write(report, action, to_status=step.state.status.value, **detail)
        self._follow(report, step)
        return number

    def _stamps(self, report: Any, effect: Effect) -> dict[str, Any]:
        match effect:
            case Effect.STAMP_CHECK if report["verified_at"] is None:
                return {
                    "verified_by": self.actor.name, "verified_role": self.actor.role,
                    "verified_actor_id": self.actor.id, "verified_at": self.now,
                }  # fmt: skip
            case Effect.STAMP_ASSIGNED if report["arrived_at"] is None:  # the response time ends with the arrival
                return {"assigned_at": self.now}
            case Effect.STAMP_START:
                return {"started_at": self.now}
            case Effect.STAMP_CLOSE:
                return {"closed_by": self.actor.name, "completed_at": self.now}
            case Effect.RECALL if report["announced_at"] is not None:
                return {"recalled_at": self.now}
            case _:
                return {}

    def _follow(self, report: Any, step: Step) -> None:
        for effect in step.effects:
            if effect is Effect.END_ASSIGNMENTS:
                self._end_all(report, AssignmentEvent.CLOSE)
            elif effect is Effect.RECALL:
                self._end_all(report, AssignmentEvent.RECALL)

    def _end_all(self, report: Any, event: AssignmentEvent) -> None:
        for row in sorted(self.open_assignments(report["id"]), key=lambda row: int(row["police_id"])):
            self.move_assignment(row, event, report["status"])

    # -- the assignment's machine --------------------------------------------------------------------------------------

    def move_assignment(self, row: Any, event: AssignmentEvent, status: str, **values: Any) -> AssignmentState | None:
        """Bring an event about on a locked assignment; None when it stood there already. Raises Conflict."""
        state = AssignmentState(row["status"])
        after = advance_assignment(state, event)
        if isinstance(after, AssignmentRefusal):
            raise refusal_of(after, row, status)
        if after is state:
            return None
        changed: dict[str, Any] = {"status": after.value, **values}
        if event in _ANSWERS and row["answered_at"] is None:
            changed["answered_at"] = self.now
        if after is AssignmentState.ARRIVED:
            changed["arrived_at"] = self.now
        if after not in OPEN:
            changed["finished_at"] = self.now
        self.connection.execute(update(assignments).where(assignments.c.id == row["id"]).values(**changed))
        if after not in OPEN:
            free = update(police).where(police.c.id == row["police_id"], police.c.status == "busy")
            self.connection.execute(free.values(status="available", updated_at=self.now))
        return after

    # -- what is written -----------------------------------------------------------------------------------------------

    def change(self, report: Any, **values: Any) -> None:
        """Change the report's columns; its version grows, so that who read it before notices."""
        query = update(reports).where(reports.c.id == report["id"])
        self.connection.execute(query.values(**values, version=reports.c.version + 1, updated_at=self.now))

    def write(self, report: Any, action: str, *, to_status: str | None = None, **detail: Any) -> int:
        """A line in the timeline and a row in the audit log; returns the line's id."""
        detail = {name: value for name, value in detail.items() if value not in (None, "")}
        values = {
            "vendor_id": report["vendor_id"], "report_id": report["id"], "at": self.now,
            "actor_role": self.actor.role, "actor_id": self.actor.id, "actor_name": self.actor.name, "action": action,
            "from_status": report["status"] if to_status is not None else None, "to_status": to_status,
            "detail": detail,
        }  # fmt: skip
        query = insert(report_events).values(**values).returning(report_events.c.id)
        number = int(self.connection.execute(query).scalar_one())
        if to_status is not None:
            detail |= {"from": report["status"], "to": to_status}
        record(
            self.connection, self.actor, f"report_{action}", vendor_ids=[report["vendor_id"]], object_kind="report",
            object_id=report["id"], detail=detail,
        )  # fmt: skip
        self._done.append((f"report_{action}", report["vendor_id"], report["id"]))
        return number

    def tell(self, report_id: int, kind: str, key: str, **facts: Any) -> None:
        """Announce to whom the rules name; `key` tells this happening from every other of the report."""
        report = self.row(report_id)
        self._announce(
            self.connection, vendor_id=report["vendor_id"], kind=kind, report_id=report_id,
            device_id=report["device_id"], facts=self._facts(report) | facts, dedup_key=f"report:{report_id}:{key}",
        )  # fmt: skip

    def _facts(self, report: Any) -> dict[str, Any]:
        camera = None
        if report["device_id"] is not None:
            query = select(devices.c.device_name, devices.c.device_code).where(devices.c.id == report["device_id"])
            camera = self.connection.execute(query).mappings().first()
        names = ("title", "incident_type", "status", "location", "latitude", "longitude", "source", "is_confirmed",
                 "owner_id", "station_id", "version")  # fmt: skip
        return {name: report[name] for name in names} | {
            "report_id": report["id"],
            "cctv_id": report["device_id"],
            "cctv_name": None if camera is None else camera["device_name"] or camera["device_code"],
            "incident_at": report["incident_at"].isoformat(),
            "at": self.now.isoformat(),
            "actor": self.actor.name,
            "actor_role": self.actor.role,
            "actor_id": self.actor.id,
        }

    def events(self) -> list[tuple[DomainEvent, str]]:
        """What was done, for observers after the commit, each with its vendor's code."""
        if not self._done:
            return []
        query = select(vendors.c.id, vendors.c.vendor_code).where(vendors.c.id.in_({done[1] for done in self._done}))
        codes = {row.id: row.vendor_code for row in self.connection.execute(query)}
        return [
            (
                DomainEvent(
                    name=name, at=self.now, vendor_id=vendor_id, trace=self.actor.trace, object_kind="report",
                    object_id=report_id,
                ),
                codes[vendor_id],
            )
            for name, vendor_id, report_id in self._done
        ]  # fmt: skip

    # -- what is read --------------------------------------------------------------------------------------------------

    def row(self, report_id: int) -> Any:
        """The report as this transaction has it now."""
        return self.connection.execute(select(reports).where(reports.c.id == report_id)).mappings().one()

    def moved(self, report_id: int) -> Moved:
        """The answer of an act."""
        row = self.row(report_id)
        return Moved(id=row["id"], status=row["status"], version=row["version"], updated_at=row["updated_at"])


def refusal_of(reason: AssignmentRefusal, row: Any, status: str) -> Conflict:
    """Why nothing more happens to an assignment; of a withdrawn one with who withdrew it and why."""
    if reason is not AssignmentRefusal.WITHDRAWN:
        return Conflict(reason, row["status"], report_status=status)
    by, why = row["withdrawn_by"], row["withdraw_reason"]
    words = (f"Penugasan sudah ditarik oleh {by}: {why}", f"The assignment was withdrawn by {by}: {why}")
    return Conflict(
        reason, row["status"], words=words, report_status=status, withdrawn_by=by, withdraw_reason=why,
        withdrawn_at=row["finished_at"],
    )  # fmt: skip


_ANSWERS = (AssignmentEvent.ACCEPT, AssignmentEvent.DECLINE, AssignmentEvent.SET_OFF, AssignmentEvent.ARRIVE)


def require_role(principal: Principal | ServicePrincipal, *roles: str) -> None:
    """Raises NotAllowed for any other role."""
    if principal.role not in roles:
        raise NotAllowed


def refuse_stale(report: Any, version: int | None) -> None:
    """version None: the client did not say what it read; then the state alone decides. Raises Conflict."""
    if version is not None and version != report["version"]:
        raise Conflict("version", report["status"], version=report["version"])


def clean(field: str, value: str, *, limit: int, least: int = 0) -> str:
    """Text from people without NUL and outer blanks. Raises Invalid when it is too long or too short."""
    value = value.replace("\x00", "").strip()
    value = value.encode("utf-8", "replace").decode()  # lone surrogates
    if not least <= len(value) <= limit:
        raise Invalid(field, f"expected {least} to {limit} characters")
    return value
