"""The outbox's state machine is total, honest about unknown outcomes, and agrees with the violations' one."""

import pytest

from core.sync.outbox import _NEXT, MOVES
from core.sync.states import NEEDS_PERSON, TABLE, Effect, Event, Refusal, State, Step, advance, sources
from core.sync.tables import etnas_sync
from core.traffic import states as violations


def test_every_event_has_an_answer_in_every_state():
    assert set(State) == set(TABLE)
    for row in TABLE.values():
        assert set(Event) == set(row)


def test_the_states_are_those_that_the_table_allows():
    (check,) = [c for c in etnas_sync.constraints if str(c.name).endswith("status")]
    assert {f"'{state}'" for state in State} == set(str(check.sqltext).split("(")[1].rstrip(")").split(","))


@pytest.mark.parametrize("event", sorted(NEEDS_PERSON))
@pytest.mark.parametrize("state", list(State))
def test_nothing_that_needs_a_person_happens_without_one(state, event):
    assert isinstance(advance(state, event), Refusal)


def test_an_unknown_outcome_is_never_sent_again_without_asking_or_a_person():
    assert Effect.LOOK_UP_FIRST in TABLE[State.SENDING][Event.LEASE_OVER].effects
    assert Effect.LOOK_UP_FIRST in TABLE[State.SENDING][Event.ASK_FIRST].effects
    leaving = {event for event, step in TABLE[State.UNCERTAIN].items() if isinstance(step, Step)}
    assert NEEDS_PERSON == leaving


def test_what_was_accepted_is_never_sent_again():
    assert {Refusal.ALREADY_ACCEPTED} == set(TABLE[State.ACCEPTED].values())


def test_a_row_on_its_way_cannot_be_cancelled():
    assert Refusal.UNDER_WAY == advance(State.SENDING, Event.CANCEL)
    assert Refusal.OUTCOME_UNCERTAIN == advance(State.UNCERTAIN, Event.CANCEL)


def test_only_a_pending_row_is_armed():
    assert frozenset({State.PENDING}) == sources(Event.ARM)


def test_the_statements_move_rows_where_the_table_says():
    for event, status in _NEXT.items():
        assert status == TABLE[State.SENDING][event].state, event
        step = TABLE[State.PENDING][event]
        assert isinstance(step, Refusal) or status == step.state, event


@pytest.mark.parametrize(
    ("target", "event"),
    [
        ("synced", violations.Event.SYNC_ACCEPTED),
        ("refused", violations.Event.SYNC_REFUSED),
        ("uncertain", violations.Event.SYNC_UNCERTAIN),
        ("queued", violations.Event.REDRIVE),
    ],
)
def test_violations_move_as_their_own_table_says(target, event):
    assert violations.sources(event) == MOVES[target]
    for source in MOVES[target]:
        step = violations.advance(violations.State(source), event, by_person=True)
        assert target == step.state
