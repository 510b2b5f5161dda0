"""The life of a report and of an assignment as tables: state × event → next state + effects. Pure and total.

    new ──verify──▶ verified ──assign──▶ assigned ──start──▶ in_progress ──complete──▶ completed
     └──────────────assign──────────────────▲ │ withdraw         │ verify                 ▲
                       ▲──────────────────────┘                  └──▶ checked ──complete──┘
    reject leads from every state that is not final to rejected.

A report's `verified` stands for two states: before anybody was at work (VERIFIED) and after (CHECKED, the column
`started_at` is set), which leads to completed or rejected only. Nothing moves without a named person, and nobody is
sent before an officer has checked the report: assigning counts as the check.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from core.domain.incidents import ReportStatus


class State(StrEnum):
    """Where a report stands. `checked` is stored as `verified` with `started_at`."""

    NEW = "new"
    VERIFIED = "verified"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    CHECKED = "checked"
    COMPLETED = "completed"
    REJECTED = "rejected"

    @property
    def status(self) -> ReportStatus:
        """As the column and the contract have it."""
        return ReportStatus.VERIFIED if self is State.CHECKED else ReportStatus(self.value)


class Event(StrEnum):
    """What can happen to a report.

    verify    an officer says that it is real; after the work: that the work was done
    assign    an officer sends police
    back_up   an officer sends more police
    start     the police are there (or an officer says so)
    withdraw  the police who were sent declined or gave up, or were taken off by an officer or with their account
    complete  it is dealt with
    reject    an officer says that it was none: a recall when people were told
    """

    VERIFY = "verify"
    ASSIGN = "assign"
    BACK_UP = "back_up"
    START = "start"
    WITHDRAW = "withdraw"
    COMPLETE = "complete"
    REJECT = "reject"


class Effect(StrEnum):
    """What the service must do in the same transaction."""

    STAMP_CHECK = "stamp_check"
    STAMP_ASSIGNED = "stamp_assigned"
    STAMP_START = "stamp_start"
    STAMP_CLOSE = "stamp_close"
    END_ASSIGNMENTS = "end_assignments"
    RECALL = "recall"


class Refusal(StrEnum):
    """Why an event does not fit, as a stable code for clients."""

    NOT_CHECKED = "not_checked"
    NOBODY_SENT = "nobody_sent"
    NOT_STARTED = "not_started"
    ALREADY_CHECKED = "already_checked"
    ALREADY_ASSIGNED = "already_assigned"
    ALREADY_STARTED = "already_started"
    WORK_CHECKED = "work_checked"
    ALREADY_COMPLETED = "already_completed"
    ALREADY_REJECTED = "already_rejected"
    PERSON_REQUIRED = "person_required"


class Step(msgspec.Struct, frozen=True):
    """A transition that holds: the next state and what goes with it."""

    state: State
    effects: tuple[Effect, ...] = ()


_STAFF = frozenset({"officer", "admin"})
MAY: dict[Event, frozenset[str]] = {
    Event.VERIFY: _STAFF,
    Event.ASSIGN: _STAFF,
    Event.BACK_UP: _STAFF,
    Event.START: _STAFF | {"police"},
    Event.WITHDRAW: _STAFF | {"police", "cli"},  # cli: the operator, by login name, who disables an account
    Event.COMPLETE: _STAFF | {"police"},
    Event.REJECT: _STAFF,
}
"""The roles that may bring an event about: always a person, never a program, never the owner of a camera."""

_ASSIGNED = Step(State.ASSIGNED, (Effect.STAMP_CHECK, Effect.STAMP_ASSIGNED))
_STARTED = Step(State.IN_PROGRESS, (Effect.STAMP_START,))
_COMPLETED = Step(State.COMPLETED, (Effect.STAMP_CLOSE, Effect.END_ASSIGNMENTS))
_REJECTED = Step(State.REJECTED, (Effect.STAMP_CLOSE, Effect.RECALL))

TABLE: dict[State, dict[Event, Step | Refusal]] = {
    State.NEW: {
        Event.VERIFY: Step(State.VERIFIED, (Effect.STAMP_CHECK,)),
        Event.ASSIGN: _ASSIGNED,
        Event.BACK_UP: Refusal.NOBODY_SENT,
        Event.START: Refusal.NOBODY_SENT,
        Event.WITHDRAW: Refusal.NOBODY_SENT,
        Event.COMPLETE: Refusal.NOT_CHECKED,
        Event.REJECT: _REJECTED,
    },
    State.VERIFIED: {
        Event.VERIFY: Refusal.ALREADY_CHECKED,
        Event.ASSIGN: _ASSIGNED,
        Event.BACK_UP: Refusal.NOBODY_SENT,
        Event.START: Refusal.NOBODY_SENT,
        Event.WITHDRAW: Refusal.NOBODY_SENT,
        Event.COMPLETE: _COMPLETED,  # settled by telephone, without sending anybody
        Event.REJECT: _REJECTED,
    },
    State.ASSIGNED: {
        Event.VERIFY: Refusal.ALREADY_ASSIGNED,
        Event.ASSIGN: Refusal.ALREADY_ASSIGNED,
        Event.BACK_UP: Step(State.ASSIGNED),
        Event.START: _STARTED,
        Event.WITHDRAW: Step(State.VERIFIED),
        Event.COMPLETE: Refusal.NOT_STARTED,
        Event.REJECT: _REJECTED,
    },
    State.IN_PROGRESS: {
        Event.VERIFY: Step(State.CHECKED),
        Event.ASSIGN: Step(State.IN_PROGRESS, (Effect.STAMP_ASSIGNED,)),  # whoever was there had to leave: see vacant
        Event.BACK_UP: Step(State.IN_PROGRESS),
        Event.START: Refusal.ALREADY_STARTED,
        Event.WITHDRAW: Step(State.IN_PROGRESS),
        Event.COMPLETE: _COMPLETED,
        Event.REJECT: _REJECTED,
    },
    State.CHECKED: {
        Event.VERIFY: Refusal.ALREADY_CHECKED,
        Event.ASSIGN: Refusal.WORK_CHECKED,
        Event.BACK_UP: Refusal.WORK_CHECKED,
        Event.START: Refusal.WORK_CHECKED,
        Event.WITHDRAW: Step(State.CHECKED),
        Event.COMPLETE: _COMPLETED,
        Event.REJECT: _REJECTED,
    },
    State.COMPLETED: dict.fromkeys(Event, Refusal.ALREADY_COMPLETED),
    State.REJECTED: dict.fromkeys(Event, Refusal.ALREADY_REJECTED),
}


def state_of(status: str, *, started: bool) -> State:
    """The state behind the column; `started`: the row's `started_at` is set."""
    return State.CHECKED if status == ReportStatus.VERIFIED and started else State(status)


def advance(state: State, event: Event, *, role: str = "", vacant: bool = True) -> Step | Refusal:
    """Return the transition, or the name of the reason why there is none. Never raises for a State and an Event.

    role    of the person who does it; "" = a program
    vacant  nobody is on the way or there now; only `assign` asks
    """
    step = TABLE[state][event]
    if isinstance(step, Refusal):
        return step
    if role not in MAY[event]:
        return Refusal.PERSON_REQUIRED
    if event is Event.ASSIGN and not vacant:
        return Refusal.ALREADY_ASSIGNED
    return step


# -- the assignment of one police officer to one report -----------------------------------------------------------


class AssignmentState(StrEnum):
    """Where an assignment stands (`assignments.status`). recalled, withdrawn: the police's app says STOP."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    ON_THE_WAY = "on_the_way"
    ARRIVED = "arrived"
    COMPLETED = "completed"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    RECALLED = "recalled"
    WITHDRAWN = "withdrawn"


OPEN = (AssignmentState.OFFERED, AssignmentState.ACCEPTED, AssignmentState.ON_THE_WAY, AssignmentState.ARRIVED)
"""Under way: the police officer is busy with it. The unique indexes of the table say the same."""


class AssignmentEvent(StrEnum):
    """What can happen to it. recall and close come from the report, withdraw from who takes the police off it, the
    others from the police officer. It may be withdrawn while it is open: core.incidents.dispatch.withdraw says why.
    """

    ACCEPT = "accept"
    DECLINE = "decline"
    SET_OFF = "set_off"
    ARRIVE = "arrive"
    COMPLETE = "complete"
    CANCEL = "cancel"
    RECALL = "recall"
    WITHDRAW = "withdraw"
    CLOSE = "close"


class AssignmentRefusal(StrEnum):
    """Why an event does not fit, as a stable code for clients."""

    NOT_ARRIVED = "not_arrived"
    ALREADY_ANSWERED = "already_answered"
    ALREADY_ARRIVED = "already_arrived"
    OVER = "assignment_over"
    RECALLED = "recalled"
    WITHDRAWN = "withdrawn"
    NOT_RECALLED = "not_recalled"


_A, _E, _R = AssignmentState, AssignmentEvent, AssignmentRefusal

ASSIGNMENT_TABLE: dict[AssignmentState, dict[AssignmentEvent, AssignmentState | AssignmentRefusal]] = {
    _A.OFFERED: {
        _E.ACCEPT: _A.ACCEPTED,
        _E.DECLINE: _A.DECLINED,
        _E.SET_OFF: _A.ON_THE_WAY,  # who drives has accepted
        _E.ARRIVE: _A.ARRIVED,
        _E.COMPLETE: _R.NOT_ARRIVED,
        _E.CANCEL: _A.CANCELLED,
        _E.RECALL: _A.RECALLED,
        _E.WITHDRAW: _A.WITHDRAWN,
        _E.CLOSE: _A.CANCELLED,
    },
    _A.ACCEPTED: {
        _E.ACCEPT: _A.ACCEPTED,
        _E.DECLINE: _R.ALREADY_ANSWERED,
        _E.SET_OFF: _A.ON_THE_WAY,
        _E.ARRIVE: _A.ARRIVED,
        _E.COMPLETE: _R.NOT_ARRIVED,
        _E.CANCEL: _A.CANCELLED,
        _E.RECALL: _A.RECALLED,
        _E.WITHDRAW: _A.WITHDRAWN,
        _E.CLOSE: _A.CANCELLED,
    },
    _A.ON_THE_WAY: {
        _E.ACCEPT: _A.ON_THE_WAY,
        _E.DECLINE: _R.ALREADY_ANSWERED,
        _E.SET_OFF: _A.ON_THE_WAY,
        _E.ARRIVE: _A.ARRIVED,
        _E.COMPLETE: _R.NOT_ARRIVED,
        _E.CANCEL: _A.CANCELLED,
        _E.RECALL: _A.RECALLED,
        _E.WITHDRAW: _A.WITHDRAWN,
        _E.CLOSE: _A.CANCELLED,
    },
    _A.ARRIVED: {
        _E.ACCEPT: _A.ARRIVED,
        _E.DECLINE: _R.ALREADY_ANSWERED,
        _E.SET_OFF: _R.ALREADY_ARRIVED,
        _E.ARRIVE: _A.ARRIVED,
        _E.COMPLETE: _A.COMPLETED,
        _E.CANCEL: _A.CANCELLED,
        _E.RECALL: _A.RECALLED,
        _E.WITHDRAW: _A.WITHDRAWN,
        _E.CLOSE: _A.COMPLETED,
    },
    _A.COMPLETED: dict.fromkeys(_E, _R.OVER) | {_E.COMPLETE: _A.COMPLETED, _E.CLOSE: _A.COMPLETED},
    _A.DECLINED: dict.fromkeys(_E, _R.OVER) | {_E.DECLINE: _A.DECLINED},
    _A.CANCELLED: dict.fromkeys(_E, _R.OVER) | {_E.CANCEL: _A.CANCELLED},
    _A.RECALLED: dict.fromkeys(_E, _R.RECALLED) | {_E.RECALL: _A.RECALLED},
    _A.WITHDRAWN: dict.fromkeys(_E, _R.WITHDRAWN),  # a second officer hears who was first
}
"""The same state again: a phone that repeats itself, nothing to do."""


def advance_assignment(state: AssignmentState, event: AssignmentEvent) -> AssignmentState | AssignmentRefusal:
    """Return the next state, or the name of the reason why there is none. Never raises."""
    return ASSIGNMENT_TABLE[state][event]
