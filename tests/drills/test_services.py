"""A service that is gone is started again beside everything else, and one that dies again takes nothing along."""

import signal
import threading
import time

import psycopg
import pytest

from core.db import runtime
from core.db.process import EmbeddedUnavailable, launch, lives_on, owner_account
from core.db.runtime import Services
from core.supervisor import Supervisor


class Server:
    """Looked at; raises `error`, or takes as long as `recovers` is not set."""

    def __init__(self, error=None, *, recovers=None):
        self.error = error
        self.recovers = recovers
        self.looks = 0
        self.stopped_in_a_look = False
        self._looking = False

    def keep(self):
        self.looks += 1
        self._looking = True
        if self.recovers is not None:
            assert self.recovers.wait(60)
        self._looking = False
        if self.error is not None:
            raise self.error

    def stop(self):
        self.stopped_in_a_look |= self._looking


@pytest.fixture(autouse=True)
def at_every_tick(monkeypatch):
    monkeypatch.setattr(runtime, "LOOK_EVERY_S", 0.0)


def tick_until(tick, holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        tick()
        time.sleep(0.01)


@pytest.mark.parametrize(
    "error",
    [EmbeddedUnavailable("it does not start"), psycopg.OperationalError("server closed"), BlockingIOError("no fork")],
)
def test_a_service_that_cannot_be_started_now_is_looked_after_again(error):
    postgres, valkey = Server(error), Server()
    with Services("", "", postgres, valkey) as services:
        tick_until(services.keep, lambda: min(postgres.looks, valkey.looks) >= 2)


def test_while_a_service_recovers_the_other_one_and_the_processes_are_looked_after():
    recovered = threading.Event()
    postgres, valkey = Server(recovers=recovered), Server()
    with Services("", "", postgres, valkey) as services:
        supervisor = Supervisor(tick=services.keep)
        supervisor.add("short", ["true"], {})
        supervisor.start()
        (child,) = supervisor.children
        tick_until(supervisor.look, lambda: valkey.looks >= 3 and child.restarts >= 2)
        assert 1 == postgres.looks, "one start at a time"
        recovered.set()
        tick_until(services.keep, lambda: postgres.looks >= 2)
        supervisor.end()


def test_a_service_that_is_being_started_is_ended_when_it_is_up():
    recovered = threading.Event()
    postgres = Server(recovers=recovered)
    services = Services("", "", postgres)
    tick_until(services.keep, lambda: postgres.looks == 1)
    closing = threading.Thread(target=services.close)
    closing.start()
    recovered.set()
    closing.join(60)
    services.close()
    assert (False, False) == (closing.is_alive(), postgres.stopped_in_a_look)


@pytest.mark.parametrize(("lasting", "ended"), [(True, -signal.SIGTERM), (False, None)])
def test_what_a_lasting_thread_starts_dies_with_it_and_what_another_starts_lives(tmp_path, lasting, ended):
    """Linux ties the death signal to the thread: a server started by one that ends would end with it."""
    started = []

    def start():
        if lasting:
            lives_on()
        started.append(launch(["sleep", "60"], owner_account(tmp_path), death_signal=signal.SIGTERM))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(60)
    (process,) = started
    try:
        assert ended == (process.wait(60) if lasting else process.poll())
    finally:
        process.kill()
        process.wait()
