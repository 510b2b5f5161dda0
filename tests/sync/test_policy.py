"""Waits and the breaker, without clock and database."""

from datetime import UTC, datetime, timedelta

import msgspec

from core.sync.policy import UNSURE_STATUS, Breaker, policy_of, step_breaker

NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
POLICY = policy_of({"breaker_failures": 3, "breaker_wait_s": 30.0, "breaker_max_s": 600.0}, ("build_sync",))


def test_waits_double_from_five_seconds_to_ten_hours():
    longest = [POLICY.wait_s(n, draw=lambda low, high: high) for n in range(1, 20)]
    assert [10.0, 20.0, 40.0] == longest[:3]
    assert 36_000.0 == longest[-1]
    assert {5.0} == {POLICY.wait_s(n, draw=lambda low, high: low) for n in range(1, 20)}


def test_waits_differ_so_that_a_backlog_does_not_come_back_at_once():
    assert 50 == len({POLICY.wait_s(8) for _ in range(50)})


def test_a_config_without_the_fields_gets_the_defaults():
    policy = policy_of({}, ("push_sync",))
    assert (False, 64, True, False) == (policy.idempotent, policy.in_flight, policy.can_push, policy.can_build)


def test_gateway_errors_and_time_outs_are_unsure_but_busy_is_not():
    assert {408, 500, 502, 504, 520} <= UNSURE_STATUS
    assert not {429, 503, 401, 422} & UNSURE_STATUS


def test_failures_in_a_row_open_the_breaker():
    breaker = step_breaker(Breaker(), POLICY, NOW, good=0, bad=2, error="no connection")
    assert ("closed", 2) == (breaker.state, breaker.failures)
    breaker = step_breaker(breaker, POLICY, NOW, good=0, bad=1, error="no connection")
    assert ("open", NOW + timedelta(seconds=30)) == (breaker.state, breaker.probe_at)


def test_one_answer_among_failures_keeps_it_closed():
    breaker = Breaker(failures=2)
    assert Breaker() == step_breaker(breaker, POLICY, NOW, good=1, bad=9)


def test_a_failed_probe_waits_as_long_as_it_has_been_down_up_to_the_longest():
    half_open = Breaker(state="half_open", failures=3, opened_at=NOW - timedelta(seconds=120))
    assert NOW + timedelta(seconds=120) == step_breaker(half_open, POLICY, NOW, good=0, bad=1).probe_at
    long_down = msgspec.structs.replace(half_open, opened_at=NOW - timedelta(days=1))
    assert NOW + timedelta(seconds=600) == step_breaker(long_down, POLICY, NOW, good=0, bad=1).probe_at


def test_a_good_probe_closes_it():
    half_open = Breaker(state="half_open", failures=7, opened_at=NOW, probe_at=NOW)
    assert Breaker() == step_breaker(half_open, POLICY, NOW, good=1, bad=0)


def test_late_answers_do_not_put_the_probe_off():
    opened = Breaker(state="open", failures=3, opened_at=NOW, probe_at=NOW + timedelta(seconds=5))
    after = step_breaker(opened, POLICY, NOW + timedelta(seconds=4), good=0, bad=4)
    assert NOW + timedelta(seconds=5) == after.probe_at


def test_the_centre_s_own_wait_is_honoured():
    breaker = step_breaker(Breaker(), POLICY, NOW, good=0, bad=3, asked_wait_s=300)
    assert NOW + timedelta(seconds=300) == breaker.probe_at
