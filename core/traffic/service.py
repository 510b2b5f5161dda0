"""The review: handing out cases, and what a person decides about one; each act commits with its audit row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, text, update

from core.accounts.audit import Actor, record
from core.accounts.principal import Principal
from core.accounts.tables import devices
from core.db.engine import Database
from core.domain.events import DomainEvent
from core.domain.plates import normalise_plate
from core.problems import FieldError, Problem, Words
from core.sync.service import StillUnderWay, cancel
from core.traffic import queries
from core.traffic.deadlines import DeadlineRules
from core.traffic.hints import plate_hints
from core.traffic.states import Effect, Event, Refusal, State, advance
from core.traffic.tables import violations
from core.traffic.views import NextOrder, ReasonCode, ViolationDetail

CLAIM_S = 600
"""How long a case stays with the officer who took it."""
PLATE_MIN, PLATE_MAX = 3, 12

_REFUSALS: dict[Refusal, Words] = {
    Refusal.HELD_BACK: ("Perkara ditahan; lepaskan dahulu", "The case is held back; release it first"),
    Refusal.NOT_HELD: ("Perkara tidak sedang ditahan", "The case is not held back"),
    Refusal.ALREADY_HELD: ("Perkara sudah ditahan", "The case is held back already"),
    Refusal.NOT_DECIDED: ("Perkara belum diputus", "The case has not been decided"),
    Refusal.ALREADY_APPROVED: ("Perkara sudah disetujui", "The case has been approved"),
    Refusal.ALREADY_REJECTED: ("Perkara sudah ditolak", "The case has been rejected"),
    Refusal.ALREADY_QUEUED: ("Perkara sudah dalam antrean kirim", "The case is on its way to the centre"),
    Refusal.ALREADY_SYNCED: ("Perkara sudah diterima pusat", "The centre has the case"),
    Refusal.CENTRE_REFUSED: ("Perkara ditolak pusat; buka kembali dahulu", "The centre refused it; reopen it first"),
    Refusal.OUTCOME_UNCERTAIN: ("Belum pasti apakah pusat menerimanya", "Whether the centre has it is not certain"),
    Refusal.NOT_QUEUED: ("Perkara tidak dalam antrean kirim", "The case is not on its way"),
    Refusal.NOTHING_TO_REDRIVE: ("Tidak ada yang perlu dikirim ulang", "There is nothing to send again"),
    Refusal.NOT_REFUSED: ("Perkara tidak ditolak pusat", "The centre did not refuse it"),
    Refusal.UNDO_TIME_OVER: ("Waktu pembatalan sudah lewat", "The time to take it back is over"),
    Refusal.PERSON_REQUIRED: ("Harus diputus oleh orang yang bernama", "A named person must decide it"),
}
_DONE: dict[Event, str] = {
    Event.APPROVE: "violation_approved",
    Event.REJECT: "violation_rejected",
    Event.CORRECT: "plate_corrected",
    Event.UNDO: "decision_undone",
    Event.RELEASE: "violation_released",
    Event.REOPEN: "violation_reopened",
}


class Review:
    """The desk of one person.

    travel_max_kmh  a plate that would have had to go faster is told to be on two vehicles
    tell     hears of decisions after their transaction committed, with the vendor's code
    changed  hears, also after it, of every act that colleagues should see, claims too: (vendor id, case, act)
    """

    def __init__(
        self,
        database: Database,
        principal: Principal,
        actor: Actor,
        *,
        undo_s: float,
        rules: DeadlineRules,
        travel_max_kmh: float,
        tell: Callable[[DomainEvent, str], Any] | None = None,
        changed: Callable[[int, int, str], Any] | None = None,
    ) -> None:
        self._database = database
        self._principal = principal
        self._actor = actor
        self._undo_s = undo_s
        self._rules = rules
        self._travel_max_kmh = travel_max_kmh
        self._tell = tell
        self._changed = changed

    def look(self, violation_id: int) -> ViolationDetail:
        """The whole case; the look is audited, for it shows a person's plate and pictures."""
        with self._rows() as connection:
            row = self._found(connection, violation_id)
            self._record(connection, row, "violation_viewed")
            return self._detail(connection, violation_id)

    def claim_next(self, order: NextOrder) -> ViolationDetail | None:
        """Hand out the pending case that is due first and nobody has; None when there is none.

        Who holds a case gets that one again (a lost answer, a reload), with a fresh claim. Two people never get the
        same: the row is locked, and locked rows are passed over.
        """
        me = self._principal
        wanted = [violations.c.status == State.PENDING]
        if order.violation_type is not None:
            wanted.append(violations.c.violation_type == order.violation_type)
        if order.device is not None:
            of_device = select(devices.c.id).where(devices.c.device_code == order.device)
            wanted.append(violations.c.device_id.in_(of_device.scalar_subquery()))
        if order.skip:
            wanted.append(violations.c.id.not_in(order.skip))
        with self._rows() as connection:
            # two tabs of one person take turns, or each would be handed a case
            connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 0))"), {"who": f"claim {me.role} {me.id}"}
            )
            queue = select(violations.c.id).where(*wanted).order_by(violations.c.due_at, violations.c.id).limit(1)
            queue = queue.with_for_update(skip_locked=True)
            mine = connection.execute(queue.where(queries.claimed_by(me))).scalar()
            found = mine or connection.execute(queue.where(queries.claimable_by(me))).scalar()
            if found is None:
                return None
            connection.execute(
                update(violations)
                .where(violations.c.id == found)
                .values(
                    claimed_role=me.role,
                    claimed_actor_id=me.id,
                    claimed_until=func.now() + timedelta(seconds=CLAIM_S),
                )
            )
            row = self._found(connection, found)
            self._record(connection, row, "violation_claimed", again=bool(mine))
            detail = self._detail(connection, found)
        if not mine:
            self._show("violation_claimed", row)
        return detail

    def release_claim(self, violation_id: int) -> ViolationDetail:
        """Give a case back. Giving back what one does not hold changes nothing; another's claim is left alone."""
        with self._rows() as connection:
            row = self._locked(connection, violation_id)
            claim = self._claim(connection, row)
            if claim is not None:
                self._refuse_foreign_claim(claim)
                connection.execute(update(violations).where(violations.c.id == violation_id).values(**_NO_CLAIM))
                self._record(connection, row, "claim_released")
            detail = self._detail(connection, violation_id)
        if claim is not None:
            self._show("claim_released", row)
        return detail

    def approve(self, violation_id: int, version: int | None, *, note: str = "") -> ViolationDetail:
        """Decide that it is a violation: due for sync once the undo time is over."""
        return self._act(violation_id, version, Event.APPROVE, note=note)

    def reject(
        self, violation_id: int, version: int | None, *, reason_code: ReasonCode, note: str = ""
    ) -> ViolationDetail:
        """Decide that it is none."""
        if reason_code is ReasonCode.OTHER and not note.strip():
            raise Problem("validation", errors=[FieldError("note", "the reason `other` needs a note")])
        return self._act(violation_id, version, Event.REJECT, note=note, reason_code=reason_code.value)

    def correct(self, violation_id: int, version: int | None, plate: str, *, note: str = "") -> ViolationDetail:
        """Write the plate as a person reads it; what the camera read stays beside it."""
        normal = normalise_plate(plate)
        if normal is None or not normal.isalnum() or not PLATE_MIN <= len(normal) <= PLATE_MAX:
            wanted = f"expected a plate of {PLATE_MIN} to {PLATE_MAX} letters and digits, like B 1234 XYZ"
            raise Problem("validation", errors=[FieldError("plate_number", wanted)])
        return self._act(violation_id, version, Event.CORRECT, note=note, plate=normal)

    def undo(self, violation_id: int, version: int | None, *, note: str = "") -> ViolationDetail:
        """Take the own decision back within the undo time (an admin: anybody's)."""
        return self._act(violation_id, version, Event.UNDO, note=note)

    def release(self, violation_id: int, version: int | None, *, note: str) -> ViolationDetail:
        """Let a held case into the review: somebody vouches for its time, and says why."""
        return self._act(violation_id, version, Event.RELEASE, note=note)

    def reopen(self, violation_id: int, version: int | None, *, note: str) -> ViolationDetail:
        """Take a case back into the review that the centre refused."""
        return self._act(violation_id, version, Event.REOPEN, note=note)

    # -- one act --------------------------------------------------------------------------------------------------

    def _act(
        self,
        violation_id: int,
        version: int | None,
        event: Event,
        *,
        note: str,
        reason_code: str | None = None,
        plate: str | None = None,
    ) -> ViolationDetail:
        with self._rows() as connection:
            row = self._locked(connection, violation_id)
            self._refuse_stale(connection, row, version)
            claim = self._claim(connection, row)
            if claim is not None:
                self._refuse_foreign_claim(claim)
            undo_open = queries.undo_until(row, self._undo_s) is not None
            step = advance(State(row["status"]), event, by_person=True, undo_open=undo_open)
            if isinstance(step, Refusal):
                words = _REFUSALS[step]
                raise Problem("wrong-state", words, reason=step.value, state=row["status"], version=row["version"])
            self._check(row, event)
            values: dict[str, Any] = {"status": step.state, "version": violations.c.version + 1}
            values["updated_at"] = func.now()
            for effect in step.effects:
                values |= self._effect(effect, note, reason_code, plate)
            if Effect.CANCEL_SYNC in step.effects:
                self._cancel_deliveries(connection, violation_id)
            connection.execute(update(violations).where(violations.c.id == violation_id).values(**values))
            told = {"from": row["status"], "to": step.state.value, "note": note or None, "reason_code": reason_code}
            if plate is not None:
                told |= {"old": row["corrected_plate"] or row["plate_number"], "new": plate}
            self._record(connection, row, _DONE[event], **{k: v for k, v in told.items() if v is not None})
            detail = self._detail(connection, violation_id)
        self._announce(_DONE[event], row)
        self._show(_DONE[event], row)
        return detail

    def _cancel_deliveries(self, connection: Connection, violation_id: int) -> None:
        try:
            cancel(connection, violation_id)
        except StillUnderWay:
            words = ("Masih ada pengiriman yang berjalan", "A delivery is still under way or of unknown outcome")
            raise Problem("wrong-state", words, reason="delivery_under_way") from None

    def _check(self, row: Any, event: Event) -> None:
        if event is Event.APPROVE and not (row["corrected_plate"] or row["plate_number"]):
            words = (
                "Nomor polisi belum ada; koreksi atau tolak dengan plate_unreadable",
                "There is no plate: correct it, or reject with plate_unreadable",
            )
            raise Problem("wrong-state", words, reason="plate_missing", state=row["status"], version=row["version"])
        me = self._principal
        decider = (row["verified_role"], row["verified_actor_id"])
        if event is Event.UNDO and me.role != "admin" and decider != (me.role, me.id):
            words = (f"Hanya {row['verified_by']} dapat membatalkannya", f"Only {row['verified_by']} can take it back")
            raise Problem("forbidden", words)

    def _effect(self, effect: Effect, note: str, reason_code: str | None, plate: str | None) -> dict[str, Any]:
        me = self._principal
        match effect:
            case Effect.STAMP_DECISION:
                return {
                    "verified_by": me.signature, "verified_at": func.now(), "verified_role": me.role,
                    "verified_actor_id": me.id, "reason_code": reason_code, "note": note or None,
                }  # fmt: skip
            case Effect.CLEAR_DECISION:
                cleared = ("verified_by", "verified_at", "verified_role", "verified_actor_id", "reason_code", "note")
                return dict.fromkeys(cleared)
            case Effect.SCHEDULE_SYNC:
                return {"sync_due_at": func.now() + timedelta(seconds=self._undo_s)}
            case Effect.CANCEL_SYNC:
                return {"sync_due_at": None}
            case Effect.DROP_CLAIM:
                return dict(_NO_CLAIM)
            case Effect.CLEAR_HOLD:
                return {"held_reason": None}
            case Effect.SET_HOLD:
                return {"held_reason": note}
            case Effect.SET_PLATE:
                return {"corrected_plate": plate}

    # -- who may --------------------------------------------------------------------------------------------------

    def _refuse_stale(self, connection: Connection, row: Any, version: int | None) -> None:
        if version is None:
            words = (
                "Sebutkan versi yang dibaca: header If-Match atau isian version",
                "Say which version was read: If-Match header or the field version",
            )
            raise Problem("version-required", words, version=row["version"])
        if version != row["version"]:
            claim = self._claim(connection, row)
            by = row["verified_by"] or (claim.name if claim else None)
            raise Problem(
                "version-conflict", version=row["version"], state=row["status"], changed_by=by,
                changed_at=row["updated_at"],
            )  # fmt: skip

    def _refuse_foreign_claim(self, claim: Any) -> None:
        if not claim.mine:
            words = (f"Sedang dikerjakan oleh {claim.name}", f"{claim.name} is working on it")
            raise Problem("claimed", words, claimed_by=claim.name, claimed_until=claim.until)

    def _claim(self, connection: Connection, row: Any) -> Any:
        return queries.claim_view(row, self._principal, queries.actor_names(connection, [row]))

    # -- small things ---------------------------------------------------------------------------------------------

    def _rows(self) -> Any:
        return self._database.tenant(self._principal.vendor_ids)

    def _found(self, connection: Connection, violation_id: int) -> Any:
        row = queries.find_violation(connection, violation_id)
        if row is None:
            words = (f"Tidak ada perkara {violation_id}", f"There is no case {violation_id}")
            raise Problem("not-found", words)
        return row

    def _locked(self, connection: Connection, violation_id: int) -> Any:
        connection.execute(select(violations.c.id).where(violations.c.id == violation_id).with_for_update())
        return self._found(connection, violation_id)

    def _detail(self, connection: Connection, violation_id: int) -> ViolationDetail:
        row = self._found(connection, violation_id)
        hints = plate_hints(connection, row, travel_max_kmh=self._travel_max_kmh)
        return queries.violation_detail(
            connection, row, self._principal, hints, undo_s=self._undo_s, rules=self._rules
        )  # fmt: skip

    def _record(self, connection: Connection, row: Any, action: str, **detail: Any) -> None:
        record(
            connection, self._actor, action, vendor_ids=[row["vendor_id"]], object_kind="violation",
            object_id=row["id"], detail=detail,
        )  # fmt: skip

    def _show(self, act: str, row: Any) -> None:
        if self._changed is not None:
            self._changed(row["vendor_id"], row["id"], act)

    def _announce(self, name: str, row: Any) -> None:
        if self._tell is not None:
            event = DomainEvent(
                name=name, at=datetime.now(UTC), vendor_id=row["vendor_id"], trace=self._actor.trace,
                object_kind="violation", object_id=row["id"], detail={"violation_type": row["violation_type"]},
            )  # fmt: skip
            self._tell(event, row["vendor_code"])


_NO_CLAIM: dict[str, None] = {"claimed_role": None, "claimed_actor_id": None, "claimed_until": None}
