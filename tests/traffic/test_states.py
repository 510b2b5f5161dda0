import itertools

import pytest

from core.traffic.states import NEEDS_PERSON, TABLE, Effect, Event, Refusal, State, Step, advance, sources
from core.traffic.tables import violations

EVERY = list(itertools.product(State, Event))
DECIDED = {State.APPROVED, State.QUEUED, State.SYNCED, State.REJECTED, State.REFUSED, State.UNCERTAIN}


@pytest.mark.parametrize(("state", "event"), EVERY)
def test_every_state_answers_every_event_with_a_step_or_a_named_refusal(state: State, event: Event) -> None:
    assert isinstance(advance(state, event, by_person=True), Step | Refusal)
    assert set(Event) == set(TABLE[state])


@pytest.mark.parametrize(("state", "event"), [(s, e) for s, e in EVERY if e in NEEDS_PERSON])
def test_a_deciding_event_without_a_named_person_changes_nothing(state: State, event: Event) -> None:
    assert isinstance(advance(state, event, by_person=False), Refusal)


@pytest.mark.parametrize(("state", "event"), EVERY)
def test_a_state_behind_the_validation_is_only_entered_by_a_stamped_decision(state: State, event: Event) -> None:
    step = advance(state, event, by_person=True)
    if isinstance(step, Step) and step.state in DECIDED and state not in DECIDED:
        assert event in NEEDS_PERSON
        assert Effect.STAMP_DECISION in step.effects


@pytest.mark.parametrize(("state", "event"), EVERY)
def test_going_back_to_review_takes_the_decision_and_its_sync_off(state: State, event: Event) -> None:
    step = advance(state, event, by_person=True)
    if isinstance(step, Step) and step.state is State.PENDING and state in DECIDED:
        assert {Effect.CLEAR_DECISION, Effect.CANCEL_SYNC} <= set(step.effects)


def test_no_path_of_events_by_core_alone_leads_from_review_to_a_centre() -> None:
    reached, frontier = {State.PENDING, State.HELD}, [State.PENDING, State.HELD]
    while frontier:
        state = frontier.pop()
        for event in Event:
            step = advance(state, event, by_person=False)
            if isinstance(step, Step) and step.state not in reached:
                reached.add(step.state)
                frontier.append(step.state)
    assert {State.PENDING, State.HELD} == reached


def test_the_way_of_a_case_to_the_centre() -> None:
    state = State.HELD
    for event in (Event.RELEASE, Event.CORRECT, Event.APPROVE, Event.ENQUEUE, Event.SYNC_UNCERTAIN, Event.REDRIVE):
        step = advance(state, event, by_person=True)
        assert isinstance(step, Step)
        state = step.state
    assert Step(State.SYNCED) == advance(state, Event.SYNC_ACCEPTED)


def test_what_a_centre_has_is_never_changed_again() -> None:
    assert {Refusal} == {type(advance(State.SYNCED, event, by_person=True)) for event in Event}


def test_undo_ends_with_the_undo_time_and_with_the_queue() -> None:
    assert State.PENDING == advance(State.APPROVED, Event.UNDO, by_person=True).state  # type: ignore[union-attr]
    assert Refusal.UNDO_TIME_OVER == advance(State.APPROVED, Event.UNDO, by_person=True, undo_open=False)
    assert Refusal.ALREADY_QUEUED == advance(State.QUEUED, Event.UNDO, by_person=True)


def test_a_held_case_is_not_approved_before_somebody_released_it() -> None:
    assert Refusal.HELD_BACK == advance(State.HELD, Event.APPROVE, by_person=True)


def test_the_states_are_those_the_database_accepts() -> None:
    check = next(str(c.sqltext) for c in violations.constraints if str(c.name).endswith("status"))
    assert set(State) == set(check.split("(")[1].rstrip(")").replace("'", "").split(","))


def test_sources_names_the_states_that_an_event_can_leave() -> None:
    assert frozenset({State.APPROVED}) == sources(Event.ENQUEUE)
    assert frozenset({State.QUEUED, State.REFUSED, State.UNCERTAIN}) == sources(Event.SYNC_ACCEPTED)
