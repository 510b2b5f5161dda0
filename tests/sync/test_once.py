"""Whatever the centre and the workers do, in any order: one effect at most, and none is claimed that is not there."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.cases import HttpRequest, HttpResponse
from core.domain.receipts import read_answer, read_look_up
from core.sync.jobs import Job
from core.sync.judge import Landed, judge, weigh
from core.sync.outbox import Claimed
from core.sync.policy import policy_of
from core.sync.states import Effect, Event, State, Step, advance
from core.sync.transport import Exchange
from core.testing.sinks import example_case

ANSWERS = {  # what the centre does -> (is it stored, answer or None for a lost one)
    "ok": (True, HttpResponse(status=200, headers={}, body=b'{"status":"ok"}')),
    "error_after": (True, HttpResponse(status=500, headers={}, body=b"")),
    "error_before": (False, HttpResponse(status=500, headers={}, body=b"")),
    "gateway_before": (False, HttpResponse(status=502, headers={}, body=b"")),
    "gateway_after": (True, HttpResponse(status=504, headers={}, body=b"<html>")),
    "garbage_after": (True, HttpResponse(status=200, headers={}, body=b"<html>")),
    "garbage_before": (False, HttpResponse(status=200, headers={}, body=b"<html>")),
    "busy": (False, HttpResponse(status=429, headers={}, body=b"")),
    "error_body": (False, HttpResponse(status=200, headers={}, body=b'{"error":"busy"}')),
    "refuse": (False, HttpResponse(status=422, headers={}, body=b'{"error":"no"}')),
    "lost_after": (True, None),
    "lost_before": (False, None),
}
STEPS = [*ANSWERS, "not_reached", "look_up_lost", "worker_dies_before", "worker_dies_after", "worker_dies_unsent"]
ASK = HttpRequest(url="http://e.test/look-up", method="GET")


class Play:
    """One case, one centre, and the rules of core.sync applied to it."""

    def __init__(self, *, honours_key, can_be_asked):
        self.policy = policy_of({"idempotent": honours_key}, ("build_sync", "build_look_up"))
        self.can_be_asked = can_be_asked
        self.honours_key = honours_key
        self.state, self.unknown, self.effects = State.PENDING, False, 0

    def store(self):
        if not (self.honours_key and self.effects):
            self.effects += 1

    def happen(self, event):
        step = advance(self.state, event, by_person=event is Event.RETRY)
        assert isinstance(step, Step), (self.state, event)
        self.state = step.state
        self.unknown = (
            self.unknown or Effect.LOOK_UP_FIRST in step.effects
        ) and Effect.SURELY_ABSENT not in step.effects

    def attempt(self, what):
        look_up = ASK if self.can_be_asked else None
        if self.unknown and look_up is None and not self.honours_key:
            self.happen(Event.LOSE_TRACK)
            return
        if what == "worker_dies_unsent":
            return
        row = Claimed(
            id=1, token=1, violation_id=1, vendor_id=1, trace="p1", key="k", look_up_first=int(self.unknown),
            failures=0, deadline_at=datetime.now(UTC), expired=False,
        )  # fmt: skip
        job = Job(row=row, case=example_case(), vendor_key="", request=ASK, stored={}, look_up=look_up)
        self.happen(Event.ARM)
        looked = found = None
        if self.unknown and look_up is not None:
            looked, found = self.look_up(lost=what == "look_up_lost")
            if judge(looked, found, self.policy).meaning != "absent":
                self.land(Landed(job, looked, found))
                return
            self.happen(Event.ABSENT)
        if what.startswith("worker_dies"):
            if what == "worker_dies_after":
                self.store()
            self.happen(Event.LEASE_OVER)
            return
        if what in ("not_reached", "look_up_lost"):
            self.land(Landed(job, looked, found, Exchange(purpose="send", sent=False, error="no route")))
            return
        stored, answer = ANSWERS[what]
        if stored:
            self.store()
        self.land(Landed(job, looked, found, Exchange(purpose="send", sent=True, response=answer)))

    def look_up(self, *, lost):
        if lost:
            return Exchange(purpose="look_up", sent=True, error="cut off"), None
        body = b'{"found":true}' if self.effects else b'{"found":false}'
        answer = HttpResponse(status=200, headers={}, body=body, purpose="look_up")
        return Exchange(purpose="look_up", sent=True, response=answer), read_look_up(answer)

    def land(self, landed):
        answer = landed.sent.response if landed.sent is not None else None
        receipt = read_answer(answer) if answer is not None else None
        outcome, _ = weigh(landed, receipt, self.policy, [])
        self.happen(outcome.event)


@pytest.mark.threat("T29")
@pytest.mark.parametrize(("honours_key", "can_be_asked"), [(True, False), (False, True), (True, True), (False, False)])
@settings(max_examples=400, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=12))
def test_one_effect_at_most_and_no_false_claim(honours_key, can_be_asked, steps):
    play = Play(honours_key=honours_key, can_be_asked=can_be_asked)
    for what in steps:
        if play.state is not State.PENDING:
            break
        play.attempt(what)
        assert 1 >= play.effects
        if play.state is State.ACCEPTED:
            assert 1 == play.effects
        if play.state in (State.REFUSED, State.DEAD):
            assert 0 == play.effects
        if play.state is State.PENDING and not play.unknown:
            assert 0 == play.effects
    if play.state is State.UNCERTAIN and "refuse" not in steps:
        assert not (honours_key or can_be_asked)
