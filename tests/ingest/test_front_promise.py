"""A 2xx is a promise: it is given after the commit and never before, whatever dies; who cannot be kept is sent away."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.db import migrate
from core.db.embedded import EmbeddedPostgres
from core.testing.house import event

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'inbox'::regclass"


@pytest.fixture
def own_postgres(service_dir, request):
    """A PostgreSQL of the test's own, with fsync, that may be killed."""
    with EmbeddedPostgres(service_dir / "promise") as server:
        migrate.upgrade(server.start())
        yield server


def restarted(server):
    try:
        return bool(server.start())
    except Exception:  # still shutting down or recovering
        return False


def test_every_2xx_given_while_postgresql_is_killed_again_and_again_is_in_the_inbox(own_postgres, open_house):
    house = open_house(database_url=own_postgres.start())
    cameras = [house.camera("generic") for _ in range(4)]
    house.start("ingest", "parse")
    stop = threading.Event()

    def load(n):
        given, statuses = [], set()
        k = 0
        while not stop.is_set():
            k += 1
            answer = house.send(cameras[n], event(f"B {k} Q{'ABCD'[n]}"))
            statuses.add(answer.status)
            if answer.status == 200:
                given.append(answer.json["id"])
            time.sleep(0.002)
        return given, statuses

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load, n) for n in range(4)]
        for _ in range(3):
            time.sleep(0.7)
            own_postgres._process.kill()
            own_postgres._process.wait()
            house.wait_until(lambda: restarted(own_postgres), what="PostgreSQL is back")
        time.sleep(0.7)
        stop.set()
        results = [one.result() for one in running]

    given = [payload_id for ids, _ in results for payload_id in ids]
    assert set().union(*(statuses for _, statuses in results)) <= {200, 503}
    assert len(given) == len(set(given)) > 100
    kept = {row[0] for row in house.rows("SELECT id FROM payloads")}
    assert set(given) <= kept
    house.settle()
    assert kept == {row[0] for row in house.rows("SELECT payload_id FROM plate_reads")}
    assert len(kept) == house.one("SELECT count(*) FROM plate_reads")


def test_while_postgresql_is_away_cameras_are_told_to_come_again(own_postgres, open_house):
    house = open_house("ingest", database_url=own_postgres.start())
    camera = house.camera("generic")
    own_postgres._process.kill()
    own_postgres._process.wait()

    refused = house.send(camera, event())

    assert (503, "2") == (refused.status, refused.headers["retry-after"])
    house.wait_until(lambda: restarted(own_postgres), what="PostgreSQL is back")
    assert 200 == house.send(camera, event()).status
    assert 1 == house.count("payloads", camera)


def test_no_answer_before_the_commit_and_a_full_queue_sends_away(open_house):
    house = open_house("ingest", settings={"ingest_queue_limit": 1})
    camera = house.camera("generic")
    house.send(camera, event())
    with house.database.owner() as connection, ThreadPoolExecutor(2) as pool:
        connection.exec_driver_sql("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
        committing = pool.submit(house.send, camera, event())
        house.wait_until(lambda: house.one(WAITING) == 1, what="the writer waits for the lock")
        queued = pool.submit(house.send, camera, event())
        time.sleep(0.3)
        refused = house.send(camera, event())
        assert not committing.done()
        assert not queued.done()
        connection.rollback()
        assert [200, 200] == [committing.result().status, queued.result().status]

    assert (503, "2") == (refused.status, refused.headers["retry-after"])
    assert 3 == house.count("payloads", camera)


def test_what_waits_is_committed_and_answered_when_the_server_is_told_to_end(open_house):
    house = open_house("ingest")
    camera = house.camera("generic")
    with house.database.owner() as connection, ThreadPoolExecutor(4) as pool:
        connection.exec_driver_sql("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
        waiting = [pool.submit(house.send, camera, event()) for _ in range(4)]
        house.wait_until(lambda: house.one(WAITING) == 1, what="the writer waits for the lock")
        time.sleep(0.2)
        ending = pool.submit(house.kill, "ingest", 15)
        time.sleep(0.3)
        connection.rollback()
        answered = [one.result().status for one in waiting]
        ending.result()

    assert [200] * 4 == answered
    assert 4 == house.count("payloads", camera)
