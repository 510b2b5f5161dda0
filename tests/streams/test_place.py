"""Two detect processes for one deployment: the second waits, says so, and follows."""

import threading

import psycopg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from core.db.engine import Database
from core.streams.place import Place


@pytest.fixture
def place(database):
    """place() -> a Place, closed after the test."""
    made = []

    def make(of=database):
        made.append(Place(of))
        return made[-1]

    yield make
    for one in made:
        one.close()


def cut(database):
    """PostgreSQL ends every connection that holds an advisory lock."""
    with database.engine.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"))


def test_the_second_waits_says_so_once_and_follows(place):
    first, second, stop, held = place(), place(), threading.Event(), threading.Event()
    assert first.take(stop, 0.01)

    def follow():
        if second.take(stop, 0.01):
            held.set()

    with capture_logs() as logs:
        waiting = threading.Thread(target=follow)
        waiting.start()
        assert not held.wait(0.3)
        first.close()
        assert held.wait(10)
        waiting.join()
    assert ["detect_waits"] == [line["event"] for line in logs]
    assert second.keep()


def test_whoever_waits_can_be_stopped(place):
    first, stop = place(), threading.Event()
    assert first.take(stop, 0.01)
    threading.Timer(0.05, stop.set).start()
    assert not place().take(stop, 0.01)


def test_a_lost_connection_is_made_anew_unless_somebody_took_the_place(place, database):
    first, second, stop = place(), place(), threading.Event()
    assert first.take(stop, 0.01)
    cut(database)
    assert first.keep()
    cut(database)
    assert second.take(stop, 0.01)
    assert not first.keep()


def test_a_database_that_is_away_takes_no_place_from_anybody(place):
    class Away(Database):
        def raw(self, **_):
            raise psycopg.OperationalError("away")

    assert place(Away("postgresql+psycopg://nobody@127.0.0.1:1/x")).keep()
