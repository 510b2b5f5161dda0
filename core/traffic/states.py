"""The life of a violation as a table: state × event → next state + effects. Pure; total by construction and by test.

    held ──release──▶ pending ──approve──▶ approved ──enqueue──▶ queued ──▶ synced | refused | uncertain
                        │  ▲                  │ undo                ▲              │            │
                        │  └──────────────────┘                     └── redrive ───┴────────────┘
                        └──reject──▶ rejected

Nothing passes `pending` without a named person, and nothing that left the house is taken back in silence.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """Where a violation stands (`violations.status`)."""

    HELD = "held"
    PENDING = "pending"
    APPROVED = "approved"
    QUEUED = "queued"
    SYNCED = "synced"
    REJECTED = "rejected"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"


class Event(StrEnum):
    """What can happen to it.

    hold           its time cannot be trusted (clock skew); by core or a person
    release        a person says the time is right, or core that the reason is gone
    approve reject correct   a person decides, or corrects the plate
    undo           a person takes a decision back within the undo time
    reopen         a person takes a refused case back to look again
    enqueue        the undo time is over: outbox rows were written
    sync_accepted  every required sink has it
    sync_refused   a required sink said no
    sync_uncertain a required sink may or may not have it, and cannot be asked
    redrive        a person sends it again
    """

    HOLD = "hold"
    RELEASE = "release"
    APPROVE = "approve"
    REJECT = "reject"
    CORRECT = "correct"
    UNDO = "undo"
    REOPEN = "reopen"
    ENQUEUE = "enqueue"
    SYNC_ACCEPTED = "sync_accepted"
    SYNC_REFUSED = "sync_refused"
    SYNC_UNCERTAIN = "sync_uncertain"
    REDRIVE = "redrive"


class Effect(StrEnum):
    """What the service must do in the same transaction."""

    STAMP_DECISION = "stamp_decision"
    CLEAR_DECISION = "clear_decision"
    SCHEDULE_SYNC = "schedule_sync"
    CANCEL_SYNC = "cancel_sync"
    DROP_CLAIM = "drop_claim"
    CLEAR_HOLD = "clear_hold"
    SET_HOLD = "set_hold"
    SET_PLATE = "set_plate"


class Refusal(StrEnum):
    """Why an event does not fit, as a stable code for clients."""

    HELD_BACK = "held_back"
    NOT_HELD = "not_held"
    ALREADY_HELD = "already_held"
    NOT_DECIDED = "not_decided"
    ALREADY_APPROVED = "already_approved"
    ALREADY_REJECTED = "already_rejected"
    ALREADY_QUEUED = "already_queued"
    ALREADY_SYNCED = "already_synced"
    CENTRE_REFUSED = "centre_refused"
    OUTCOME_UNCERTAIN = "outcome_uncertain"
    NOT_QUEUED = "not_queued"
    NOTHING_TO_REDRIVE = "nothing_to_redrive"
    NOT_REFUSED = "not_refused"
    UNDO_TIME_OVER = "undo_time_over"
    PERSON_REQUIRED = "person_required"


class Step(msgspec.Struct, frozen=True):
    """A transition that holds: the next state and what goes with it."""

    state: State
    effects: tuple[Effect, ...] = ()


NEEDS_PERSON = frozenset(
    {Event.APPROVE, Event.REJECT, Event.CORRECT, Event.UNDO, Event.REOPEN, Event.REDRIVE},
)
"""Deciding events: refused without a named person, whatever the state."""

_APPROVED = Step(State.APPROVED, (Effect.STAMP_DECISION, Effect.SCHEDULE_SYNC, Effect.DROP_CLAIM))
_REJECTED = Step(State.REJECTED, (Effect.STAMP_DECISION, Effect.DROP_CLAIM))
_BACK = Step(State.PENDING, (Effect.CLEAR_DECISION, Effect.CANCEL_SYNC))
_PLATE = (Effect.SET_PLATE,)

TABLE: dict[State, dict[Event, Step | Refusal]] = {
    State.HELD: {
        Event.HOLD: Refusal.ALREADY_HELD,
        Event.RELEASE: Step(State.PENDING, (Effect.CLEAR_HOLD,)),
        Event.APPROVE: Refusal.HELD_BACK,
        Event.REJECT: Step(State.REJECTED, (Effect.STAMP_DECISION, Effect.DROP_CLAIM)),
        Event.CORRECT: Step(State.HELD, _PLATE),
        Event.UNDO: Refusal.NOT_DECIDED,
        Event.REOPEN: Refusal.NOT_REFUSED,
        Event.ENQUEUE: Refusal.NOT_DECIDED,
        Event.SYNC_ACCEPTED: Refusal.NOT_QUEUED,
        Event.SYNC_REFUSED: Refusal.NOT_QUEUED,
        Event.SYNC_UNCERTAIN: Refusal.NOT_QUEUED,
        Event.REDRIVE: Refusal.NOT_DECIDED,
    },
    State.PENDING: {
        Event.HOLD: Step(State.HELD, (Effect.SET_HOLD, Effect.DROP_CLAIM)),
        Event.RELEASE: Refusal.NOT_HELD,
        Event.APPROVE: _APPROVED,
        Event.REJECT: _REJECTED,
        Event.CORRECT: Step(State.PENDING, _PLATE),
        Event.UNDO: Refusal.NOT_DECIDED,
        Event.REOPEN: Refusal.NOT_REFUSED,
        Event.ENQUEUE: Refusal.NOT_DECIDED,
        Event.SYNC_ACCEPTED: Refusal.NOT_QUEUED,
        Event.SYNC_REFUSED: Refusal.NOT_QUEUED,
        Event.SYNC_UNCERTAIN: Refusal.NOT_QUEUED,
        Event.REDRIVE: Refusal.NOT_DECIDED,
    },
    State.APPROVED: {
        Event.HOLD: Refusal.ALREADY_APPROVED,
        Event.RELEASE: Refusal.NOT_HELD,
        Event.APPROVE: Refusal.ALREADY_APPROVED,
        Event.REJECT: Refusal.ALREADY_APPROVED,
        Event.CORRECT: Refusal.ALREADY_APPROVED,
        Event.UNDO: _BACK,
        Event.REOPEN: Refusal.NOT_REFUSED,
        Event.ENQUEUE: Step(State.QUEUED),
        Event.SYNC_ACCEPTED: Refusal.NOT_QUEUED,
        Event.SYNC_REFUSED: Refusal.NOT_QUEUED,
        Event.SYNC_UNCERTAIN: Refusal.NOT_QUEUED,
        Event.REDRIVE: Refusal.NOTHING_TO_REDRIVE,
    },
    State.QUEUED: {
        Event.HOLD: Refusal.ALREADY_QUEUED,
        Event.RELEASE: Refusal.NOT_HELD,
        Event.APPROVE: Refusal.ALREADY_QUEUED,
        Event.REJECT: Refusal.ALREADY_QUEUED,
        Event.CORRECT: Refusal.ALREADY_QUEUED,
        Event.UNDO: Refusal.ALREADY_QUEUED,
        Event.REOPEN: Refusal.NOT_REFUSED,
        Event.ENQUEUE: Refusal.ALREADY_QUEUED,
        Event.SYNC_ACCEPTED: Step(State.SYNCED),
        Event.SYNC_REFUSED: Step(State.REFUSED),
        Event.SYNC_UNCERTAIN: Step(State.UNCERTAIN),
        Event.REDRIVE: Refusal.NOTHING_TO_REDRIVE,
    },
    State.SYNCED: {
        Event.HOLD: Refusal.ALREADY_SYNCED,
        Event.RELEASE: Refusal.NOT_HELD,
        Event.APPROVE: Refusal.ALREADY_SYNCED,
        Event.REJECT: Refusal.ALREADY_SYNCED,
        Event.CORRECT: Refusal.ALREADY_SYNCED,
        Event.UNDO: Refusal.ALREADY_SYNCED,
        Event.REOPEN: Refusal.NOT_REFUSED,
        Event.ENQUEUE: Refusal.ALREADY_SYNCED,
        Event.SYNC_ACCEPTED: Refusal.ALREADY_SYNCED,
        Event.SYNC_REFUSED: Refusal.ALREADY_SYNCED,
        Event.SYNC_UNCERTAIN: Refusal.ALREADY_SYNCED,
        Event.REDRIVE: Refusal.ALREADY_SYNCED,
    },
    State.REJECTED: {
        Event.HOLD: Refusal.ALREADY_REJECTED,
        Event.RELEASE: Refusal.NOT_HELD,
        Event.APPROVE: Refusal.ALREADY_REJECTED,
        Event.REJECT: Refusal.ALREADY_REJECTED,
        Event.CORRECT: Refusal.ALREADY_REJECTED,
        Event.UNDO: _BACK,
        Event.REOPEN: Refusal.NOT_REFUSED,
        Event.ENQUEUE: Refusal.ALREADY_REJECTED,
        Event.SYNC_ACCEPTED: Refusal.NOT_QUEUED,
        Event.SYNC_REFUSED: Refusal.NOT_QUEUED,
        Event.SYNC_UNCERTAIN: Refusal.NOT_QUEUED,
        Event.REDRIVE: Refusal.ALREADY_REJECTED,
    },
    State.REFUSED: {
        Event.HOLD: Refusal.CENTRE_REFUSED,
        Event.RELEASE: Refusal.NOT_HELD,
        Event.APPROVE: Refusal.CENTRE_REFUSED,
        Event.REJECT: Refusal.CENTRE_REFUSED,
        Event.CORRECT: Refusal.CENTRE_REFUSED,
        Event.UNDO: Refusal.CENTRE_REFUSED,
        Event.REOPEN: _BACK,
        Event.ENQUEUE: Refusal.CENTRE_REFUSED,
        Event.SYNC_ACCEPTED: Step(State.SYNCED),  # a late answer, or a second sink that was re-driven
        Event.SYNC_REFUSED: Refusal.CENTRE_REFUSED,
        Event.SYNC_UNCERTAIN: Step(State.UNCERTAIN),
        Event.REDRIVE: Step(State.QUEUED),
    },
    State.UNCERTAIN: {
        Event.HOLD: Refusal.OUTCOME_UNCERTAIN,
        Event.RELEASE: Refusal.NOT_HELD,
        Event.APPROVE: Refusal.OUTCOME_UNCERTAIN,
        Event.REJECT: Refusal.OUTCOME_UNCERTAIN,
        Event.CORRECT: Refusal.OUTCOME_UNCERTAIN,
        Event.UNDO: Refusal.OUTCOME_UNCERTAIN,
        Event.REOPEN: Refusal.OUTCOME_UNCERTAIN,  # the centre may have it: nobody may change it under its feet
        Event.ENQUEUE: Refusal.OUTCOME_UNCERTAIN,
        Event.SYNC_ACCEPTED: Step(State.SYNCED),
        Event.SYNC_REFUSED: Step(State.REFUSED),
        Event.SYNC_UNCERTAIN: Refusal.OUTCOME_UNCERTAIN,
        Event.REDRIVE: Step(State.QUEUED),
    },
}


def advance(state: State, event: Event, *, by_person: bool = False, undo_open: bool = True) -> Step | Refusal:
    """Return the transition, or the name of the reason why there is none. Never raises for a State and an Event.

    by_person  a named person does it (deciding events are refused otherwise)
    undo_open  the undo time since the decision is not over yet; only `undo` asks
    """
    step = TABLE[state][event]
    if isinstance(step, Refusal):
        return step
    if event in NEEDS_PERSON and not by_person:
        return Refusal.PERSON_REQUIRED
    if event is Event.UNDO and not undo_open:
        return Refusal.UNDO_TIME_OVER
    return step


def sources(event: Event) -> frozenset[State]:
    """The states in which the event is a transition: for `WHERE status IN (…)` of set-wise updates."""
    return frozenset(state for state, row in TABLE.items() if isinstance(row[event], Step))
