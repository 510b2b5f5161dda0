"""The life of an outbox row as a table: state × event → next state + effects. Pure; total by construction and by test.

    pending ──arm──▶ sending ──▶ accepted | refused | uncertain
       ▲  │             │                        │       │
       │  └─deadline─▶ dead ──┐                  │       │
       ├──── later, ask_first ┘ (sending)        │       │
       └──────────── retry by a person ──────────┴───────┘

A row becomes `sending` when its request is stored and about to leave; a worker that dies before that left nothing.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """Where a delivery stands (`etnas_sync.status`)."""

    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen to it.

    arm          the request is stored and leaves now
    accept       the centre has the violation
    refuse       the centre said no, or no request can be made of the case
    absent       a look-up says that the centre does not have it: from here on as if it had never been sent
    later        this attempt surely stored nothing there: try again (what an earlier one may have done stays open)
    ask_first    outcome unknown, and the centre can be asked or honours the key
    lose_track   outcome unknown, and the centre can be neither asked nor trusted with a repeat
    lease_over   the worker that was sending is gone
    deadline     the legal deadline passed; surely not stored there
    retry        a person sends it again
    confirm      a person found out that the centre has it
    renew        the case was decided anew: a new request under a new key
    cancel       the case was taken back
    """

    ARM = "arm"
    ACCEPT = "accept"
    REFUSE = "refuse"
    ABSENT = "absent"
    LATER = "later"
    ASK_FIRST = "ask_first"
    LOSE_TRACK = "lose_track"
    LEASE_OVER = "lease_over"
    DEADLINE = "deadline"
    RETRY = "retry"
    CONFIRM = "confirm"
    RENEW = "renew"
    CANCEL = "cancel"


class Effect(StrEnum):
    """What the service must do in the same transaction."""

    STORE_REQUEST = "store_request"
    FINISH = "finish"
    SCHEDULE = "schedule"
    LOOK_UP_FIRST = "look_up_first"
    SURELY_ABSENT = "surely_absent"
    NEW_DEADLINE = "new_deadline"
    NEW_KEY = "new_key"


class Refusal(StrEnum):
    """Why an event does not fit, as a stable code for clients."""

    NOT_UNDER_WAY = "not_under_way"
    UNDER_WAY = "under_way"
    STILL_QUEUED = "still_queued"
    ALREADY_ACCEPTED = "already_accepted"
    FINISHED = "finished"
    NOT_UNCERTAIN = "not_uncertain"
    OUTCOME_UNCERTAIN = "outcome_uncertain"
    CANCELLED = "cancelled"
    PERSON_REQUIRED = "person_required"


class Step(msgspec.Struct, frozen=True):
    """A transition that holds: the next state and what goes with it."""

    state: State
    effects: tuple[Effect, ...] = ()


NEEDS_PERSON = frozenset({Event.RETRY, Event.CONFIRM})
"""Refused without a named person, whatever the state."""

_ACCEPTED = Step(State.ACCEPTED, (Effect.FINISH,))
_REFUSED = Step(State.REFUSED, (Effect.FINISH,))
_UNCERTAIN = Step(State.UNCERTAIN, (Effect.FINISH,))
_AGAIN = Step(State.PENDING, (Effect.SCHEDULE,))
_ASK = Step(State.PENDING, (Effect.SCHEDULE, Effect.LOOK_UP_FIRST))
_DEAD = Step(State.DEAD, (Effect.FINISH,))
_RENEWED = Step(State.PENDING, (Effect.NEW_KEY, Effect.NEW_DEADLINE, Effect.SCHEDULE, Effect.SURELY_ABSENT))


def _settled(reason: Refusal, **steps: Step | Refusal) -> dict[Event, Step | Refusal]:
    return {event: steps.get(event.value, reason) for event in Event}


TABLE: dict[State, dict[Event, Step | Refusal]] = {
    State.PENDING: {
        Event.ARM: Step(State.SENDING, (Effect.STORE_REQUEST,)),
        Event.ACCEPT: Refusal.NOT_UNDER_WAY,
        Event.REFUSE: _REFUSED,  # the sink cannot make a request of this case
        Event.ABSENT: Refusal.NOT_UNDER_WAY,
        Event.LATER: _AGAIN,  # could not even be built: evidence or plugin missing
        Event.ASK_FIRST: Refusal.NOT_UNDER_WAY,
        Event.LOSE_TRACK: _UNCERTAIN,  # look-up was due, and there is none any more
        Event.LEASE_OVER: Step(State.PENDING),
        Event.DEADLINE: _DEAD,
        Event.RETRY: Refusal.STILL_QUEUED,
        Event.CONFIRM: Refusal.NOT_UNCERTAIN,
        Event.RENEW: Refusal.STILL_QUEUED,
        Event.CANCEL: Step(State.CANCELLED, (Effect.FINISH,)),
    },
    State.SENDING: {
        Event.ARM: Refusal.UNDER_WAY,
        Event.ACCEPT: _ACCEPTED,
        Event.REFUSE: _REFUSED,
        Event.ABSENT: Step(State.SENDING, (Effect.SURELY_ABSENT,)),
        Event.LATER: _AGAIN,
        Event.ASK_FIRST: _ASK,
        Event.LOSE_TRACK: _UNCERTAIN,
        Event.LEASE_OVER: _ASK,
        Event.DEADLINE: _DEAD,  # only after a look-up said "absent"
        Event.RETRY: Refusal.UNDER_WAY,
        Event.CONFIRM: Refusal.UNDER_WAY,
        Event.RENEW: Refusal.UNDER_WAY,
        Event.CANCEL: Refusal.UNDER_WAY,
    },
    State.ACCEPTED: _settled(Refusal.ALREADY_ACCEPTED),
    State.REFUSED: _settled(
        Refusal.FINISHED,
        retry=_RENEWED,  # no effect at the centre, which may remember its "no" under the old key
        confirm=Refusal.NOT_UNCERTAIN,
        renew=_RENEWED,
    ),
    State.UNCERTAIN: _settled(
        Refusal.FINISHED,
        retry=Step(State.PENDING, (Effect.NEW_DEADLINE, Effect.SCHEDULE)),  # same request under the same key
        confirm=_ACCEPTED,
        renew=Refusal.OUTCOME_UNCERTAIN,
        cancel=Refusal.OUTCOME_UNCERTAIN,
    ),
    State.DEAD: _settled(
        Refusal.FINISHED,
        retry=Step(State.PENDING, (Effect.NEW_DEADLINE, Effect.SCHEDULE, Effect.SURELY_ABSENT)),
        confirm=Refusal.NOT_UNCERTAIN,
        renew=_RENEWED,
        cancel=Step(State.CANCELLED, (Effect.FINISH,)),
    ),
    State.CANCELLED: _settled(Refusal.CANCELLED, renew=_RENEWED),
}


def advance(state: State, event: Event, *, by_person: bool = False) -> Step | Refusal:
    """Return the transition, or the name of the reason why there is none. Never raises for a State and an Event."""
    step = TABLE[state][event]
    if isinstance(step, Step) and event in NEEDS_PERSON and not by_person:
        return Refusal.PERSON_REQUIRED
    return step


def sources(event: Event) -> frozenset[State]:
    """The states in which the event is a transition: for `WHERE status IN (…)` of set-wise updates."""
    return frozenset(state for state, row in TABLE.items() if isinstance(row[event], Step))
