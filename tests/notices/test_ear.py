"""What a channel heard of itself was told: it is not told again, whatever became of the answer."""

import queue
import secrets

import pytest

from core.domain.errors import Transient
from core.domain.notices import Delivery, Heard
from core.notices import outbox
from core.notices.drain import EAR_S
from core.notices.ear import Ear, Ears
from core.testing.waiting import until

LIMIT_S = 60


class Air:
    """What can be heard: put() a Heard; lose() ends the present listener."""

    def __init__(self):
        self.said = queue.SimpleQueue()
        self.listeners = 0

    def put(self, notice):
        self.said.put(Heard(notice_id=notice.id, at=notice.at))

    def lose(self):
        self.said.put(Transient("the connection was lost"))

    def hear(self):
        self.listeners += 1
        yield None
        while True:
            try:
                said = self.said.get(timeout=0.05)
            except queue.Empty:
                yield None
                continue
            if isinstance(said, Exception):
                raise said
            yield said


@pytest.fixture
def listen(scene):
    """listen(air, database) -> an ear of the channel `phone` that listens."""
    ears = []

    def start(air, database=None):
        ear = Ear("phone", air.hear, database or scene.database)
        ears.append(ear)
        ear.start()
        assert ear.listening.wait(LIMIT_S)
        return ear

    yield start
    for ear in ears:
        ear.stop()
        ear.join(LIMIT_S)
        assert not ear.is_alive()


@pytest.fixture
def heard_of(scene, deliveries):
    return lambda: [row.heard_at is not None for row in deliveries("cctv_offline").values()]


def lost(air):
    """A channel that tells, is heard, and loses the answer."""

    def phone(notice, recipient):
        air.put(notice)
        raise Transient("no answer", unsure=True)

    return phone


def test_a_notice_whose_answer_was_lost_is_settled_by_what_was_heard(
    scene, channels, tell, later, deliveries, listen, heard_of
):
    air = Air()
    host = channels(phone=lost(air))
    host.ear["phone"] = air.hear
    listen(air)
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    until(lambda: [True] == heard_of())
    later(61)
    tell(host)
    row = deliveries("cctv_offline")["phone", "owner", scene.owner]
    assert ("accepted", "heard") == (row.status, row.receipt)
    assert 1 == len(host.calls)


def test_a_notice_of_a_killed_worker_is_settled_by_what_was_heard_and_another_channel_is_not_asked(
    scene, channels, tell, later, deliveries, listen, heard_of
):
    air = Air()
    host = channels(phone=lambda notice, recipient: Delivery(outcome="accepted"), mail=lost(air))
    listen(air)
    scene.announce("cctv_offline", cctv="Toko Wati")
    with scene.database.system() as connection:
        outbox.plan(connection, host.channels_for, host.is_in_app)
        (row,) = outbox.claim(connection, "phone", limit=10, token=secrets.randbits(62), lease_s=30)
    air.said.put(Heard(notice_id=str(row.recipient_id), at=row.at))
    until(lambda: True in heard_of())
    later(31)
    tell(host)
    assert [] == host.calls
    found = deliveries("cctv_offline")
    assert "accepted" == found["phone", "owner", scene.owner].status
    assert "superseded" == found["mail", "owner", scene.owner].status


def test_what_was_not_heard_is_told_again(scene, channels, tell, later, deliveries, listen):
    air = Air()

    def deaf(notice, recipient):
        raise Transient("no answer", unsure=True)

    host = channels(phone=deaf)
    listen(air)
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    later(61)
    tell(host)
    assert [False, True] == [notice.again for *_, notice in host.calls]


@pytest.mark.parametrize("hears", [True, False])
def test_a_channel_that_hears_is_given_a_moment_to_before_what_is_unsure_is_told_again(
    scene, channels, tell, deliveries, hears
):
    air = Air()
    host = channels(phone=lost(air))
    if hears:
        host.ear["phone"] = air.hear
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    with scene.database.system() as connection:
        now = connection.exec_driver_sql("SELECT now()").scalar_one()
    wait = (deliveries("cctv_offline")["phone", "owner", scene.owner].next_attempt_at - now).total_seconds()
    assert hears is (wait > EAR_S / 2 + 0.01)


def test_an_id_of_another_deployment_or_nonsense_settles_nothing(scene, channels, tell, listen, heard_of):
    air = Air()
    host = channels(phone=lost(air))
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    (*_, notice) = host.calls[0]
    ours = air.said.get()
    air.said.put(Heard(notice_id=ours.notice_id, at=ours.at.replace(year=2001)))
    for junk in ("", "0", "x", "1" * 30, "-5", "１"):
        air.said.put(Heard(notice_id=junk, at=ours.at))
    ear = listen(air)
    until(lambda: air.said.empty() and not ear._kept)
    assert [False] == heard_of()
    air.put(notice)
    until(lambda: [True] == heard_of())


def test_what_was_heard_while_the_database_was_away_is_written_when_it_is_back(
    scene, channels, tell, listen, heard_of, away
):
    air, database = Air(), away
    host = channels(phone=lost(air))
    listen(air, database)
    database.is_away.set()
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    until(lambda: database.refused >= 2)
    assert [False] == heard_of()
    database.is_away.clear()
    until(lambda: [True] == heard_of())


def test_an_ear_that_lost_its_connection_listens_again(scene, channels, tell, listen, heard_of):
    air = Air()
    ear = listen(air)
    air.lose()
    until(lambda: air.listeners == 2 and ear.listening.is_set())
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(channels(phone=lost(air)))
    until(lambda: [True] == heard_of())


def test_a_channel_that_has_nothing_to_hear_costs_no_thread(scene, channels):
    host = channels(phone=lambda notice, recipient: Delivery(outcome="accepted"))
    host.ear["phone"] = lambda: None
    ears = Ears(host, scene.database)
    until(lambda: not ears.all[0].is_alive())
    ears.close()
