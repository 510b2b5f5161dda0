"""The bells: a commit rings; without any bell the beat's look finds the rows."""

import threading

from core.domain.notices import Delivery
from core.notices import queries
from core.notices.drain import NoticeDesk
from core.notices.listen import BellListener
from core.testing.waiting import until


def takes(notice, recipient):
    return Delivery(outcome="accepted")


def test_the_commit_itself_rings_the_worker(scene, channels):
    host, stop = channels(phone=takes), threading.Event()
    listener = BellListener(scene.database, NoticeDesk(scene.database, host, stop=stop).look, stop)
    listener.start()
    assert listener.listens.wait(30)
    scene.announce("cctv_offline", cctv="Toko Wati")
    until(lambda: [("owner", scene.owner)] == host.told("phone"))
    stop.set()
    listener.join()


def test_a_listener_whose_connection_was_cut_listens_again(scene, channels):
    host, stop = channels(phone=takes), threading.Event()
    listener = BellListener(scene.database, NoticeDesk(scene.database, host, stop=stop).look, stop)
    listener.start()
    assert listener.listens.wait(30)
    with scene.database.raw() as connection:
        connection.execute("SET ROLE NONE")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname ="
            " current_database()"
        )
    scene.announce("cctv_offline", cctv="Toko Wati")
    until(lambda: [("owner", scene.owner)] == host.told("phone"))
    stop.set()
    listener.join()


def test_rows_that_no_bell_announced_are_found_by_the_look(scene, channels, later):
    desk = NoticeDesk(scene.database, channels(phone=takes), stop=threading.Event())
    assert not desk.is_due()
    scene.announce("cctv_offline", cctv="Toko Wati")
    assert (True, False) == (desk.is_due(), desk.is_due(late_s=60))
    later(61)
    assert desk.is_due(late_s=60)
    desk.look(wait=True)
    assert not desk.is_due()


def test_what_is_dead_is_told_again_by_hand_and_nothing_else_is(scene, channels, tell, deliveries):
    host = channels(phone=takes)
    scene.announce("weapon_detected")
    tell(host)
    row = deliveries()["phone", "owner", scene.owner]
    with scene.database.system() as connection:
        assert {} == queries.retry(connection, [row.id])
        connection.exec_driver_sql(f"UPDATE notice_deliveries SET status = 'dead' WHERE id = {row.id}")
        assert {} == queries.retry(connection, [row.id], vendor_ids=[scene.vendor + 1])
        assert {scene.vendor: [row.id]} == queries.retry(connection, [row.id], vendor_ids=[scene.vendor])
    host.calls.clear()
    tell(host)
    assert [("owner", scene.owner)] == host.told("phone")
    with scene.database.system() as connection:
        ((state,), unplanned) = queries.overview(connection)
    assert ("phone", {"accepted": 3}, 0) == (state.channel, state.rows, unplanned)
