"""The bell of the detect process: heard there alone, and never piling up while nobody hears it."""

import threading
import time

import dramatiq
import pytest
import redis
from sqlalchemy import insert, text, update

from core.incidents.tables import frames
from core.tasks.broker import NAMESPACE, set_broker
from core.tasks.desk import Desk
from core.tasks.detection import QUEUE, WAITING, FrameBell, declare_judge


@pytest.fixture
def broker(redis_url):
    made = set_broker(redis_url)
    yield made
    made.client.close()


def waiting(redis_url):
    return redis.Redis.from_url(redis_url).llen(f"{NAMESPACE}:{QUEUE}")


def test_bells_that_nobody_hears_do_not_pile_up(broker, redis_url):
    for _ in range(20):
        FrameBell(broker).send()
    assert WAITING == waiting(redis_url)


def test_the_detect_process_hears_it_and_outlives_what_goes_wrong_there(broker, redis_url):
    heard, again = threading.Event(), threading.Event()

    def drain():
        if heard.is_set():
            again.set()
        heard.set()
        raise RuntimeError("the database is away")

    FrameBell(broker).send()
    listener = set_broker(redis_url)
    declare_judge(listener, drain)
    worker = dramatiq.Worker(listener, queues={QUEUE}, worker_threads=1, worker_timeout=100)
    worker.start()
    try:
        assert heard.wait(30)
        FrameBell(broker).send()
        assert again.wait(30)
    finally:
        worker.stop()
        listener.client.close()


def test_a_worker_that_rings_takes_none_of_the_bells_itself(broker, redis_url):
    dramatiq.actor(actor_name="other", broker=broker, queue_name="sync")(lambda: None)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=100)
    worker.start()
    try:
        FrameBell(broker).send()
        time.sleep(0.5)
        assert 1 == waiting(redis_url)
    finally:
        worker.stop()


class Plugins:
    """A deployment with these hooks."""

    def __init__(self, *hooks):
        self.instances = [InstanceInfo(hooks)]
        self.on_quarantine = None


class InstanceInfo:
    kind, id, state = "detector", "uji", "ready"

    def __init__(self, hooks):
        self.hooks = hooks


def test_it_is_rung_while_pictures_wait_and_only_where_a_detector_would_hear_it(database, make_device):
    camera = make_device(database, detect=True)
    with_detector = Desk(database, Plugins("detect_frames"), None, stop=threading.Event())
    without = Desk(database, Plugins("judge_read"), None, stop=threading.Event())
    assert not with_detector.pictures_wait()
    row = {"device_id": camera.id, "payload_id": 1, "ordinal": 0, "sha256": b"x", "event": "VMD"}
    with database.system() as connection:
        connection.execute(insert(frames).values(vendor_id=camera.vendor_id, taken_at=text("now()"), **row))
    assert with_detector.pictures_wait()
    assert not without.pictures_wait()
    with database.system() as connection:
        connection.execute(update(frames).values(status="done"))
    assert not with_detector.pictures_wait()
