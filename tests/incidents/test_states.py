import itertools
from pathlib import Path

import pytest

from core.domain.incidents import ReportStatus
from core.incidents.states import (
    ASSIGNMENT_TABLE,
    MAY,
    OPEN,
    TABLE,
    AssignmentEvent,
    AssignmentRefusal,
    AssignmentState,
    Effect,
    Event,
    Refusal,
    State,
    Step,
    advance,
    advance_assignment,
    state_of,
)

ROLES = ("", "owner", "service", "officer", "police", "admin")


def walk(*events, start=State.NEW):
    state = start
    for event in events:
        step = advance(state, event, role="officer")
        assert isinstance(step, Step), (state, event, step)
        state = step.state
    return state


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_every_pair_of_state_and_act_has_an_answer_and_never_raises(state, event):
    for role, vacant in itertools.product(ROLES, (True, False)):
        answer = advance(state, event, role=role, vacant=vacant)
        assert isinstance(answer, Step | Refusal)


def test_the_tables_name_every_state_and_every_act():
    assert set(State) == set(TABLE)
    assert all(set(Event) == set(row) for row in TABLE.values())
    assert set(AssignmentState) == set(ASSIGNMENT_TABLE)
    assert all(set(AssignmentEvent) == set(row) for row in ASSIGNMENT_TABLE.values())


def test_the_way_of_the_contract_leads_to_the_end():
    assert State.COMPLETED == walk(Event.VERIFY, Event.ASSIGN, Event.START, Event.COMPLETE)


def test_the_path_of_the_seed_is_legal_too():
    assert State.COMPLETED == walk(Event.ASSIGN, Event.START, Event.VERIFY, Event.COMPLETE)


def test_a_closed_report_stays_closed_whatever_happens():
    for state, event, role in itertools.product((State.COMPLETED, State.REJECTED), Event, ROLES):
        assert isinstance(advance(state, event, role=role), Refusal)


def test_no_sequence_of_acts_leads_from_rejected_to_work():
    for events in itertools.product(Event, repeat=3):
        state = State.REJECTED
        for event in events:
            step = advance(state, event, role="officer")
            state = step.state if isinstance(step, Step) else state
        assert State.REJECTED is state


def test_only_police_who_were_sent_can_start_the_work():
    starters = {state for state in State if isinstance(advance(state, Event.START, role="police"), Step)}
    assert {State.ASSIGNED} == starters


def test_nothing_moves_without_a_person():
    for state, event, role in itertools.product(State, Event, ("", "service", "owner")):
        assert isinstance(advance(state, event, role=role), Refusal)


def test_police_neither_verify_nor_assign_nor_reject():
    for state, event in itertools.product(State, (Event.VERIFY, Event.ASSIGN, Event.BACK_UP, Event.REJECT)):
        assert isinstance(advance(state, event, role="police"), Refusal)


def test_every_way_to_assigned_stamps_the_human_check():
    for state, event in itertools.product((State.NEW, State.VERIFIED), Event):
        step = advance(state, event, role="officer")
        if isinstance(step, Step) and step.state is State.ASSIGNED:
            assert Effect.STAMP_CHECK in step.effects


def test_a_report_is_not_assigned_twice_while_somebody_is_on_it():
    for state in State:
        assert isinstance(advance(state, Event.ASSIGN, role="officer", vacant=False), Refusal)


def test_reject_is_open_in_every_state_that_is_not_final():
    open_states = [state for state in State if state not in (State.COMPLETED, State.REJECTED)]
    for state in open_states:
        step = advance(state, Event.REJECT, role="officer")
        assert Step(State.REJECTED, (Effect.STAMP_CLOSE, Effect.RECALL)) == step


def test_the_second_meaning_of_verified_is_told_by_the_start():
    assert State.VERIFIED is state_of("verified", started=False)
    assert State.CHECKED is state_of("verified", started=True)
    assert State.IN_PROGRESS is state_of("in_progress", started=True)
    assert {*ReportStatus} == {state.status for state in State}


def test_every_act_belongs_to_some_role_and_only_to_people():
    assert set(Event) == set(MAY)
    assert all(roles and roles <= {"officer", "admin", "police", "cli"} for roles in MAY.values())
    assert [Event.WITHDRAW] == [event for event, roles in MAY.items() if "cli" in roles]


def test_a_recalled_assignment_answers_stop_to_all_that_follows():
    for event in set(AssignmentEvent) - {AssignmentEvent.RECALL}:
        assert AssignmentRefusal.RECALLED is advance_assignment(AssignmentState.RECALLED, event)


def test_an_assignment_is_withdrawn_as_long_as_it_is_open_and_then_never_again():
    for state in AssignmentState:
        after = advance_assignment(state, AssignmentEvent.WITHDRAW)
        assert (AssignmentState.WITHDRAWN is after) == (state in OPEN)
    for event in AssignmentEvent:
        assert AssignmentRefusal.WITHDRAWN is advance_assignment(AssignmentState.WITHDRAWN, event)


def test_a_report_whose_police_are_taken_off_is_open_for_others_or_done():
    for state in (State.ASSIGNED, State.IN_PROGRESS):
        assert isinstance(advance(walk(Event.WITHDRAW, start=state), Event.ASSIGN, role="officer"), Step)
    assert State.COMPLETED is walk(Event.WITHDRAW, Event.COMPLETE, start=State.CHECKED)


def test_an_assignment_that_is_over_is_never_open_again():
    for state, event in itertools.product(set(AssignmentState) - set(OPEN), AssignmentEvent):
        assert advance_assignment(state, event) not in OPEN


def test_nobody_completes_a_way_that_did_not_arrive():
    for state in (AssignmentState.OFFERED, AssignmentState.ACCEPTED, AssignmentState.ON_THE_WAY):
        assert AssignmentRefusal.NOT_ARRIVED is advance_assignment(state, AssignmentEvent.COMPLETE)


def test_a_repeated_word_of_the_phone_changes_nothing():
    for state, event in (
        (AssignmentState.ACCEPTED, AssignmentEvent.ACCEPT),
        (AssignmentState.ON_THE_WAY, AssignmentEvent.ACCEPT),
        (AssignmentState.ARRIVED, AssignmentEvent.ACCEPT),
        (AssignmentState.ON_THE_WAY, AssignmentEvent.SET_OFF),
        (AssignmentState.ARRIVED, AssignmentEvent.ARRIVE),
        (AssignmentState.COMPLETED, AssignmentEvent.COMPLETE),
        (AssignmentState.DECLINED, AssignmentEvent.DECLINE),
    ):
        assert state is advance_assignment(state, event)


def test_the_table_in_the_documents_is_the_table_of_the_code():
    text = (Path(__file__).parents[2] / "docs" / "incidents.md").read_text()
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    start = next(place for place, cells in enumerate(lines) if cells[0] == "state")
    acts = [Event(name.replace("-", "_")) for name in lines[start][1:]]
    named = {
        "new": [State.NEW], "verified, nobody was at work yet": [State.VERIFIED], "assigned": [State.ASSIGNED],
        "in_progress": [State.IN_PROGRESS], "verified after the work": [State.CHECKED],
        "completed, rejected": [State.COMPLETED, State.REJECTED],
    }  # fmt: skip
    rows = {cells[0]: cells[1:] for cells in lines[start + 2 : start + 2 + len(named)]}
    assert set(named) == set(rows)
    for name, states in named.items():
        for state, (event, cell) in itertools.product(states, zip(acts, rows[name], strict=True)):
            step = TABLE[state][event]
            if isinstance(step, Refusal):
                assert "no" == cell.partition(":")[0], (state, event)
            elif step.state is not state:
                assert step.state.status == cell, (state, event)
            else:
                assert not cell.startswith("no"), (state, event)
