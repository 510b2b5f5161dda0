"""The supervisor replaces what ended, and what cannot be started now takes nothing else along."""

import sys
import time

import pytest

from core import supervisor
from core.supervisor import Supervisor

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def keeper():
    made = Supervisor()
    yield made
    made.end()


def look_until(keeper, holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        keeper.look()
        time.sleep(0.02)


def test_a_killed_process_is_started_again(keeper):
    keeper.add("sleeper", SLEEPS, {})
    keeper.start()
    (child,) = keeper.children
    first = child.process.pid
    child.process.kill()
    look_until(keeper, lambda: child.process is not None and child.process.pid != first)
    assert 1 == child.restarts
    assert child.process.poll() is None


def test_a_process_that_cannot_be_started_now_is_tried_again_and_the_others_live(keeper, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_S", 0.05)
    command = tmp_path / "command"
    command.symlink_to(sys.executable)
    keeper.add("lost", [str(command), *SLEEPS[1:]], {})
    keeper.add("sleeper", SLEEPS, {})
    keeper.start()
    lost, sleeper = keeper.children
    command.unlink()
    lost.process.kill()
    sleeper.process.kill()
    look_until(keeper, lambda: sleeper.restarts and sleeper.process is not None)
    assert lost.process is None
    command.symlink_to(sys.executable)
    look_until(keeper, lambda: lost.process is not None)
    assert lost.process.poll() is None


def test_ending_leaves_no_process(keeper):
    keeper.add("sleeper", SLEEPS, {})
    keeper.start()
    process = keeper.children[0].process
    keeper.end()
    assert process.returncode is not None
