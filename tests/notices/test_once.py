"""Nobody is told twice: answers are kept at once, what may have been told is known as such, devices show one."""

import os
import secrets
import signal
import threading
import time

import pytest

from core.domain.errors import Transient
from core.domain.notices import Delivery
from core.notices import outbox
from core.notices.drain import NoticeDesk
from core.notices.journal import Journal, Line
from core.testing.waiting import until

LIMIT_S = 60


def takes(notice, recipient):
    return Delivery(outcome="accepted")


@pytest.fixture
def cut_off(scene, later):
    """cut_off(host): a worker claims what is due and dies; afterwards its lease is over."""

    def claim(host):
        with scene.database.system() as connection:
            outbox.plan(connection, host.channels_for, host.is_in_app)
            assert outbox.claim(connection, "phone", limit=10, token=secrets.randbits(62), lease_s=60)
        later(61)

    return claim


def test_an_answer_is_kept_while_others_of_the_same_batch_are_awaited(scene, channels, deliveries):
    go_on = threading.Event()

    def phone(notice, recipient):
        assert recipient.role != "owner" or go_on.wait(LIMIT_S)
        return Delivery(outcome="accepted")

    scene.announce("weapon_detected")
    desk = NoticeDesk(scene.database, channels(phone=phone), stop=threading.Event())
    desk.look()
    officers = [("phone", "officer", scene.officer), ("phone", "officer", scene.second)]
    until(lambda: {"accepted"} == {deliveries()[one].status for one in officers})
    assert "sending" == deliveries()["phone", "owner", scene.owner].status
    go_on.set()
    desk.close(LIMIT_S)
    assert "accepted" == deliveries()["phone", "owner", scene.owner].status


def test_what_was_told_while_the_database_went_away_is_not_told_again(scene, channels, deliveries, away):
    database = away

    def phone(notice, recipient):
        database.is_away.set()
        return Delivery(outcome="accepted")

    host = channels(phone=phone)
    scene.announce("cctv_offline", cctv="Toko Wati")
    desk = NoticeDesk(database, host, stop=threading.Event())
    desk.look()
    until(lambda: database.refused >= 2)
    database.is_away.clear()
    until(lambda: "accepted" == deliveries()["phone", "owner", scene.owner].status)
    desk.close(LIMIT_S)
    assert 1 == deliveries()["phone", "owner", scene.owner].attempts
    assert [("owner", scene.owner)] == host.told("phone")


def test_a_worker_that_ends_waits_for_what_it_is_telling(scene, channels, deliveries):
    stop, asked = threading.Event(), threading.Event()

    def phone(notice, recipient):
        asked.set()
        assert stop.wait(LIMIT_S)
        return Delivery(outcome="accepted")

    scene.announce("cctv_offline", cctv="Toko Wati")
    desk = NoticeDesk(scene.database, channels(phone=phone), stop=stop)
    desk.look()
    assert asked.wait(LIMIT_S)
    stop.set()
    desk.close(LIMIT_S)
    assert "accepted" == deliveries()["phone", "owner", scene.owner].status


def test_what_a_dead_worker_may_have_told_is_told_as_such_under_the_same_id(scene, channels, tell, cut_off):
    host = channels(phone=takes)
    scene.announce("cctv_offline", "one", cctv="Toko Wati")
    cut_off(host)
    tell(host)
    scene.announce("recalled", status="rejected")
    tell(host)
    assert {("cctv_offline", True), ("recalled", False)} == {(one.kind, one.again) for *_, one in host.calls}


def test_a_position_that_may_have_been_told_is_not_told_again(scene, channels, tell, cut_off, deliveries):
    host = channels(phone=takes)
    scene.announce("tracking_update", distance_m=900.0)
    cut_off(host)
    tell(host)
    assert [] == host.calls
    row = deliveries()["phone", "owner", scene.owner]
    assert ("superseded", "perhaps told") == (row.status, row.last_error)


@pytest.mark.parametrize(
    ("error", "again"),
    [(Transient("no route"), False), (Transient("no answer", unsure=True), True), (RuntimeError("after it"), True)],
)
def test_only_an_attempt_that_may_have_reached_somebody_makes_the_next_one_a_repeat(
    scene, channels, tell, later, error, again
):
    def fails(notice, recipient):
        raise error

    host = channels(phone=fails)
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    later(61)
    host.channels["phone"] = takes
    tell(host)
    assert [False, again] == [notice.again for *_, notice in host.calls]


def test_every_notice_has_a_key_by_which_a_device_shows_it_once(scene, channels, tell):
    host = channels(phone=takes)
    with scene.database.system() as connection:
        from core.notices.service import announce

        announce(connection, vendor_id=scene.vendor, kind="announcement", facts={"title": "Apel", "text": "07.00"},
                 dedup_key="announcement:1")  # fmt: skip
    scene.announce("weapon_detected")
    tell(host)
    keys = {(notice.kind, notice.collapse_key == f"notice:{notice.id}") for *_, notice in host.calls}
    assert {("announcement", True), ("weapon_detected", False)} == keys
    assert {f"report:{scene.report}"} == {n.collapse_key for *_, n in host.calls if n.kind == "weapon_detected"}


def test_what_a_worker_told_and_was_killed_before_it_committed_is_not_told_again(
    scene, channels, deliveries, tmp_path, later
):
    """Killed for good: a forked process tells, and dies in the moment between the answer and the commit."""
    read, write = os.pipe()
    host = channels(phone=takes, mail=takes)
    scene.announce("cctv_offline", cctv="Toko Wati")
    with scene.database.system() as connection:
        outbox.plan(connection, host.channels_for, host.is_in_app)
        (row,) = outbox.claim(connection, "phone", limit=10, token=secrets.randbits(62), lease_s=60)
    child = os.fork()
    if child == 0:
        desk = NoticeDesk(scene.database, host, stop=threading.Event(), journal=Journal(tmp_path))
        desk._note("phone", row, Delivery(outcome="accepted", receipt="r9"), time.monotonic() + 60)
        os.write(write, b"told")
        signal.pause()
    assert b"told" == os.read(read, 4)
    alive = NoticeDesk(scene.database, host, stop=threading.Event(), journal=Journal(tmp_path))
    alive.look(wait=True)
    assert "sending" == deliveries()["phone", "owner", scene.owner].status, "its worker may still commit it"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    alive.look(wait=True)  # who works beside it need not wait for its successor
    found = deliveries()
    assert ("accepted", "r9") == (lambda d: (d.status, d.receipt))(found["phone", "owner", scene.owner])
    assert "superseded" == found["mail", "owner", scene.owner].status
    later(61)
    alive.look(wait=True)
    assert [] == host.calls
    assert [] == list(tmp_path.iterdir())


def test_a_journal_is_emptied_with_the_commit_and_removed_at_the_end(scene, channels, deliveries, tmp_path):
    seen = []

    def phone(notice, recipient):
        return Delivery(outcome="accepted")

    journal = Journal(tmp_path)
    right = journal.note
    journal.note = lambda line, **when: (right(line, **when), seen.append(next(tmp_path.iterdir()).read_bytes()))
    desk = NoticeDesk(scene.database, channels(phone=phone), stop=threading.Event(), journal=journal)
    scene.announce("weapon_detected")
    desk.look(wait=True)
    assert 3 == max(text.count(b"\n") for text in seen)
    assert [b""] == [path.read_bytes() for path in tmp_path.iterdir()]
    desk.close(LIMIT_S)
    assert [] == list(tmp_path.iterdir())


def test_a_line_that_was_cut_off_and_a_claim_that_is_anew_change_nothing(
    scene, channels, tell, deliveries, tmp_path, later
):
    host = channels(phone=takes)
    scene.announce("cctv_offline", cctv="Toko Wati")
    with scene.database.system() as connection:
        outbox.plan(connection, host.channels_for, host.is_in_app)
        (row,) = outbox.claim(connection, "phone", limit=10, token=7, lease_s=60)
    gone = Journal(tmp_path)
    gone.note(Line(id=row.id, token=8, state="accepted"))
    gone.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + b'{"id":%d,"tok' % row.id)
    NoticeDesk(scene.database, host, stop=threading.Event(), journal=Journal(tmp_path)).look(wait=True)
    assert "sending" == deliveries()["phone", "owner", scene.owner].status
    later(61)
    tell(host)
    assert [True] == [notice.again for *_, notice in host.calls]


def test_a_disk_that_takes_no_journal_costs_no_notice(scene, channels, deliveries, tmp_path):
    (tmp_path / "file").touch()
    desk = NoticeDesk(
        scene.database, channels(phone=takes), stop=threading.Event(), journal=Journal(tmp_path / "file" / "told")
    )
    scene.announce("cctv_offline", cctv="Toko Wati")
    desk.look(wait=True)
    assert "accepted" == deliveries()["phone", "owner", scene.owner].status


def test_a_journal_stays_until_all_that_is_noted_is_committed_whatever_else_was(tmp_path):
    """Answers that come while PostgreSQL is away come too late to be noted, and are committed all the same."""
    journal = Journal(tmp_path)
    for number in (1, 2):
        journal.note(Line(id=number, token=7, state="accepted"), before=time.monotonic() + 60)
    journal.note(Line(id=3, token=7, state="accepted"), before=time.monotonic())
    journal.committed([3, 4, 1])
    (path,) = tmp_path.iterdir()
    assert 2 == path.read_bytes().count(b"\n")
    journal.committed([2])
    assert b"" == path.read_bytes()
    journal.close()
    journal.note(Line(id=5, token=7, state="accepted"))
    assert [] == list(tmp_path.iterdir())
