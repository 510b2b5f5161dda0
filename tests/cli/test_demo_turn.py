"""Demos that are started beside each other: one over a home, and no two at one port."""

import os
import socket

import pytest

from core.testing.demo_turn import DemoRuns, Turn, claim_port

HOST = "127.0.0.1"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "demo").mkdir()
    return tmp_path


def test_a_second_demo_over_a_home_is_told_where_the_first_one_is_and_how_it_ends(home):
    first, second = Turn(home), Turn(home)
    first.take()
    with pytest.raises(DemoRuns, match=rf"is being started over {home} .*`kill {os.getpid()}`.*TANGKAPIN_HOME"):
        second.take()
    first.tell("http://127.0.0.1:8097")
    with pytest.raises(DemoRuns, match=rf"runs at http://127.0.0.1:8097 over {home} "):
        second.take()
    second.drop()
    with pytest.raises(DemoRuns):
        second.take()
    first.drop()


def test_what_an_ended_demo_left_is_no_hindrance(home):
    first, second = Turn(home), Turn(home)
    first.take()
    first.tell("http://127.0.0.1:8097")
    first.drop()
    second.take()
    with pytest.raises(DemoRuns, match="is being started"):
        first.take()
    second.drop()


def test_two_demos_that_want_one_port_before_either_listens_get_two():
    port, free = claim_port(HOST, 0)
    free.close()
    first, claimed = claim_port(HOST, port)
    second, other = claim_port(HOST, port)
    assert port == first != second
    claimed.close()
    other.close()
    again, claimed = claim_port(HOST, port)
    claimed.close()
    assert port == again


def test_a_port_where_something_listens_is_left_to_it():
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        taken = server.getsockname()[1]
        port, claimed = claim_port(HOST, taken)
    claimed.close()
    assert taken != port
