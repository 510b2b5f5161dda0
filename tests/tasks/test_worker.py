"""Workers: bells, beat and sweeper in one process; killed, and with PostgreSQL or Redis killed under them."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from core.db import migrate
from core.db.embedded import EmbeddedPostgres
from core.db.engine import Database
from core.db.valkey import EmbeddedValkey
from core.tasks.actors import declare
from core.tasks.beat import LEADER_KEY, UNKEPT_S, Beat, Sweeper
from core.tasks.broker import set_broker
from core.tasks.desk import Desk
from core.tasks.worker import Tempo, run_worker
from core.testing.deliveries import KEY, QUICK, Deliveries
from core.testing.waiting import until

TEMPO = Tempo(beat_s=0.1, sweep_s=0.3, stop_s=5.0)
NOWHERE = "redis://127.0.0.1:1/0"
"""How long a test waits for what must happen at last; nothing is asserted of how long it takes."""


@pytest.fixture
def work(world):
    """work(host, redis_url): a worker in threads of this process, stopped after the test."""
    running = []

    def start(host, redis_url):
        stop, ready = threading.Event(), threading.Event()
        thread = threading.Thread(
            target=run_worker, args=(world.database, host, world.media, redis_url, stop),
            kwargs={"tempo": TEMPO, "on_ready": ready.set},
        )  # fmt: skip
        thread.start()
        ready.wait()
        running.append((stop, thread))

    yield start
    for stop, thread in running:
        stop.set()
        thread.join()


def config(etnas, **more):
    return {"url": etnas.url, "api_key": {"env": "ETNAS_KEY"}, **QUICK, "idempotent": True, **more}


def all_synced(world, ids):
    return lambda: all(world.statuses()[i] == "synced" for i in ids)


def test_importing_and_setting_the_broker_opens_no_connection():
    code = (
        "import socket\n"
        "def no(*a, **k): raise SystemExit('a connection was opened')\n"
        "socket.socket.connect = no; socket.create_connection = no\n"
        "import core.tasks.actors, core.tasks.beat, core.tasks.worker, core.tasks.desk\n"
        "from core.tasks.broker import set_broker\n"
        "set_broker('redis://127.0.0.1:1/0'); set_broker('unix:///nowhere/valkey.sock')\n"
        "print('quiet')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ("quiet\n", 0) == (done.stdout, done.returncode), done.stderr


def test_a_worker_brings_approved_violations_to_the_centre(world, etnas, work, redis_url):
    host = world.host(etnas=config(etnas))
    work(host, redis_url)
    ids = world.approve(5)
    until(all_synced(world, ids))
    assert (5, []) == (etnas.report()["effects"], etnas.report()["doubled"])


def test_without_a_broker_the_sweeper_does_the_work(world, etnas, work):
    host = world.host(etnas=config(etnas))
    work(host, NOWHERE)
    ids = world.approve(5)
    until(all_synced(world, ids))
    assert (5, []) == (etnas.report()["effects"], etnas.report()["doubled"])


def test_two_workers_share_the_work_and_deliver_once(world, etnas, work, redis_url):
    host = world.host(etnas=config(etnas, in_flight=4))
    work(host, redis_url)
    work(world.host(etnas=config(etnas, in_flight=4)), redis_url)
    ids = world.approve(40)
    until(all_synced(world, ids))
    assert (40, 40, []) == tuple(etnas.report()[name] for name in ("effects", "received", "doubled"))


def test_a_slow_sink_holds_up_no_other(world, etnas, work, redis_url, tmp_path):
    (tmp_path / "drop").mkdir()
    etnas.slow_s, etnas.behaviour = 3.0, "slow"
    slow = config(etnas, timeout_s=5.0)
    host = world.host(etnas=slow, drop={"use": "plugins.sinks.file_drop", "folder": "drop"})
    work(host, redis_url)
    world.approve()
    until(lambda: {"accepted"} == {row["status"] for row in world.rows() if row["sink"] == "drop"} and world.rows())
    assert ["sending"] == [row["status"] for row in world.rows() if row["sink"] == "etnas"]


def test_one_beat_leads_and_another_takes_over(world, etnas, redis_url):
    desks = [world.desk(world.host(etnas=config(etnas))) for _ in range(2)]
    beats = [Beat(world.database, desk, declare(set_broker(redis_url), desk), every_s=0.05) for desk in desks]
    for beat in beats:
        beat.start()
    until(lambda: sum(beat.leads for beat in beats) == 1)
    leader = next(beat for beat in beats if beat.leads)
    other = next(beat for beat in beats if beat is not leader)
    leader._desk.stop.set()
    leader.join()
    until(lambda: other.leads)
    other._desk.stop.set()
    other.join()
    with world.database.raw() as connection:
        assert (True,) == connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_KEY,)).fetchone()


def test_the_sweeper_does_the_upkeep_that_no_bell_asked_for(world, etnas):
    done = []
    desk = Desk(world.database, world.host(etnas=config(etnas)), None, stop=threading.Event(),
                upkeep={"broken": lambda: 1 / 0, "pictures": lambda: done.append("pictures")})  # fmt: skip
    Sweeper(desk).look()
    assert [] == done, "a bell may still come"
    desk._kept_up_at -= UNKEPT_S
    Sweeper(desk).look()
    Sweeper(desk).look()
    assert ["pictures"] == done


def test_the_sweeper_leaves_alone_what_a_bell_will_fetch(world, etnas):
    world.approve()
    desk = world.desk(world.host(etnas=config(etnas)))
    world.execute("UPDATE violations SET sync_due_at = now()")
    Sweeper(desk, every_s=3600).look()
    assert [] == world.rows()


def test_a_broken_look_does_not_stop_the_worker(world, etnas, work, redis_url, monkeypatch):
    calls = []
    real = world.database.system

    def failing():
        calls.append(1)
        if len(calls) < 12:
            raise ConnectionError("the database is away")
        return real()

    monkeypatch.setattr(world.database, "system", failing)
    host = world.host(etnas=config(etnas))
    work(host, redis_url)
    until(lambda: len(calls) >= 12)
    ids = world.approve(2)
    until(all_synced(world, ids))


WORKER = """
import os, sys, threading
from pathlib import Path
from core import log
from core.db.engine import Database
from core.hooks.host import Host
from core.signals import stop_at_signals
from core.sync.cases import open_media
from core.tasks.worker import Tempo, run_worker
log.configure("json")
home, database_url, redis_url = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
database = Database(database_url)
stop = threading.Event()
stop_at_signals(stop)
run_worker(
    database, Host.load(home / "plugins.toml", environ=os.environ), open_media(database, home / "media"), redis_url,
    stop, tempo=Tempo(beat_s=0.1, sweep_s=0.3, stop_s=5.0), on_ready=lambda: print("ready", flush=True),
)
print("ended", flush=True)
"""


@pytest.fixture
def spawn(tmp_path):
    """spawn(database_url, redis_url): a worker process that is ready; killed after the test if it still lives.

    Its log must not hold the key of the centre.
    """
    alive = []
    log = (tmp_path / "worker.log").open("w")

    def start(database_url, redis_url):
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), database_url, redis_url],
            env={**os.environ, "ETNAS_KEY": KEY}, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        alive.append(process)
        assert "ready\n" == process.stdout.readline()
        return process

    yield start
    for process in alive:
        process.kill()
        process.wait()
        process.stdout.close()
    log.close()
    said = (tmp_path / "worker.log").read_text()
    assert "worker_ready" in said
    assert KEY not in said


@pytest.mark.threat("T29")
def test_a_worker_killed_in_the_middle_of_sending_again_and_again_doubles_nothing(
    world, etnas, spawn, database_url, redis_url
):
    etnas.honours_key = False
    etnas.slow_s, etnas.behaviour = 0.25, "slow"
    world.host(etnas=config(etnas, idempotent=False, look_up_url=etnas.look_up_url, in_flight=4, timeout_s=2.0)).close()
    ids = world.approve(30)
    for _ in range(4):
        before = len(etnas.received)
        process = spawn(database_url, redis_url)
        until(lambda seen=before: len(etnas.received) > seen)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # The leases of a dead worker run out in minutes; the test lets the time pass at once.
        world.execute("UPDATE etnas_sync SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL")
        world.execute("UPDATE sink_breakers SET state = 'closed'")
    assert "sending" in {row["status"] for row in world.rows()}
    etnas.behaviour = "ok"
    spawn(database_url, redis_url)
    until(all_synced(world, ids))
    assert (30, 30, []) == tuple(etnas.report()[name] for name in ("effects", "violations", "doubled"))
    assert ("send", "lost") in world.attempts()


def test_sigterm_lets_what_is_in_flight_land(world, etnas, spawn, database_url, redis_url):
    etnas.slow_s, etnas.behaviour = 1.0, "slow"
    world.host(etnas=config(etnas, timeout_s=10.0)).close()
    ids = world.approve(3)
    process = spawn(database_url, redis_url)
    until(lambda: len(etnas.received) == 3)
    process.send_signal(signal.SIGTERM)
    assert "ended\n" == process.stdout.readline()
    assert 0 == process.wait()
    assert dict.fromkeys(ids, "synced") == world.statuses()
    assert 3 == len(etnas.received)


def test_workers_survive_the_death_of_postgresql_and_redis(etnas, tmp_path, spawn, service_dir):
    own = service_dir / f"own-{os.getpid()}"
    with EmbeddedPostgres(own / "pg") as postgres, EmbeddedValkey(own / "vk") as valkey:
        url, redis_url = postgres.start(), valkey.start()
        migrate.upgrade(url)
        database = Database(url)
        world = Deliveries(database, tmp_path)
        world.host(etnas=config(etnas)).close()
        spawn(url, redis_url)
        ids = world.approve(5)
        until(all_synced(world, ids))
        for server in (valkey, postgres, valkey, postgres):
            server._process.kill()
            server._process.wait()
            until(lambda one=server: _revived(one))
            ids += world.approve(5)
            until(all_synced(world, ids))
        assert (25, []) == (etnas.report()["effects"], etnas.report()["doubled"])
        world.media.close()
        database.dispose()


def _revived(server):
    try:
        return bool(server.start())
    except Exception:
        return False


def test_the_command_works_as_a_process_and_ends_at_sigterm(world, etnas, database_url, redis_url, tmp_path):
    world.host(etnas=config(etnas)).close()
    environ = {
        **os.environ, "ETNAS_KEY": KEY, "TANGKAPIN_DATABASE_URL": database_url, "TANGKAPIN_REDIS_URL": redis_url,
        "TANGKAPIN_PLUGINS_FILE": str(tmp_path / "plugins.toml"), "TANGKAPIN_HOME": str(tmp_path),
        "TANGKAPIN_LOG_FORMAT": "json",
    }  # fmt: skip
    with (tmp_path / "log").open("w") as said:
        process = subprocess.Popen([sys.executable, "-m", "core.cli.main", "worker"], env=environ, stderr=said)
        try:
            ids = world.approve(3)
            until(all_synced(world, ids))
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait()
        finally:
            process.kill()
            process.wait()
    events = (tmp_path / "log").read_text()
    assert 3 == events.count('"sync_settled"')
    assert "p1024" in events
    assert KEY not in events


def test_upkeep_goes_on_when_one_of_it_fails(world, etnas):
    done = []
    desk = Desk(
        world.database, world.host(etnas=config(etnas)), world.media, stop=threading.Event(),
        upkeep={"broken": lambda: 1 / 0, "partitions": lambda: done.append("partitions")},
    )  # fmt: skip
    desk.upkeep()
    assert ["partitions"] == done
