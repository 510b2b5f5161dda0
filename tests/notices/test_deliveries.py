"""Telling: retries, fallback, leases, recalls, dead addresses."""

import secrets
import threading
from datetime import datetime

import pytest
from sqlalchemy import insert, select, text, update

from core.accounts.tables import officers, owners
from core.domain.errors import Transient, Undeliverable
from core.domain.notices import Delivery
from core.notices import outbox
from core.notices.drain import NoticeDesk
from core.notices.states import FALLBACK_S, FIRST_WAIT_S, MAX_ATTEMPTS, MAX_WAIT_S, positions, wait_s
from core.notices.tables import push_addresses


def takes(notice, recipient):
    return Delivery(outcome="accepted", receipt="r1")


def shows(notice, recipient):
    return Delivery(outcome="delivered")


def refuses(notice, recipient):
    raise Undeliverable("no address")


def is_busy(notice, recipient):
    raise Transient("busy")


def test_everyone_is_told_by_the_first_channel_in_their_language(scene, channels, tell):
    with scene.database.system() as connection:
        connection.execute(update(officers).where(officers.c.id == scene.officer).values(language="en"))
    host = channels(phone=takes)
    scene.announce("weapon_detected")
    tell(host)
    assert [("officer", scene.officer), ("officer", scene.second), ("owner", scene.owner)] == host.told("phone")
    titles = {person: notice.title for _, role, person, notice in host.calls if role == "officer"}
    assert {scene.officer: "Detected: a blade", scene.second: "Terdeteksi senjata tajam"} == titles


def test_the_dashboard_is_told_by_every_channel_of_open_screens_and_by_no_other(scene, channels, tell):
    host = channels(in_app=("socket", "pusher"), socket=takes, pusher=takes, phone=takes)
    scene.announce("incident_update", status="verified")
    tell(host)
    assert {("socket", 0), ("pusher", 0)} == {(name, person) for name, role, person, _ in host.calls if role != "owner"}


def test_a_channel_that_cannot_reach_somebody_hands_over_to_the_next(scene, channels, tell, deliveries):
    host = channels(socket=refuses, phone=takes)
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    tell(host)
    rows = deliveries()
    assert "undeliverable" == rows["socket", "owner", scene.owner].status
    assert "accepted" == rows["phone", "owner", scene.owner].status
    assert "r1" == rows["phone", "owner", scene.owner].receipt


def test_what_the_first_channel_took_is_told_by_no_other(scene, channels, tell, deliveries, later):
    host = channels(phone=takes, mail=takes)
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    later(3600)
    tell(host)
    assert [] == host.told("mail")
    assert "superseded" == deliveries()["mail", "owner", scene.owner].status


def test_an_urgent_notice_that_nobody_acknowledged_goes_to_the_next_channel(scene, channels, tell, later):
    host = channels(phone=takes, mail=takes)
    scene.announce("weapon_detected")
    tell(host)
    assert [] == host.told("mail")
    later(FALLBACK_S)
    tell(host)
    assert ("owner", scene.owner) in host.told("mail")


def test_who_acknowledged_is_not_told_again(scene, channels, tell, deliveries, later):
    host = channels(phone=takes, mail=takes)
    scene.announce("weapon_detected")
    tell(host)
    row = deliveries()["phone", "owner", scene.owner]
    with scene.database.system() as connection:
        assert [row.recipient_id] == outbox.acknowledge(connection, "owner", scene.owner, [row.recipient_id])
    later(FALLBACK_S)
    tell(host)
    assert ("owner", scene.owner) not in host.told("mail")
    assert "delivered" == deliveries()["phone", "owner", scene.owner].status


def test_nobody_acknowledges_for_another(scene, channels, tell, deliveries):
    scene.announce("weapon_detected")
    tell(channels(phone=takes))
    row = deliveries()["phone", "owner", scene.owner]
    with scene.database.system() as connection:
        assert [] == outbox.acknowledge(connection, "officer", scene.officer, [row.recipient_id])
        assert [] == outbox.acknowledge(connection, "owner", scene.owner + 1, [row.recipient_id])


def test_a_busy_service_is_asked_again_later_and_given_up_at_last(scene, channels, tell, deliveries, later):
    host = channels(phone=is_busy, mail=takes)
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    first = deliveries()["phone", "owner", scene.owner]
    assert ("pending", 1, "busy") == (first.status, first.attempts, first.last_error)
    for _ in range(MAX_ATTEMPTS - 1):
        with scene.database.system() as connection:
            connection.execute(text("UPDATE notice_deliveries SET next_attempt_at = now() WHERE status = 'pending'"))
        tell(host)
    assert "dead" == deliveries()["phone", "owner", scene.owner].status
    tell(host)
    assert [("owner", scene.owner)] == host.told("mail")


def test_a_late_notice_is_told_to_nobody(scene, channels, tell, deliveries, later):
    host = channels(phone=takes)
    scene.announce("tracking_update", distance_m=900.0, eta_s=120)
    later(301)
    tell(host)
    assert [] == host.calls
    assert "superseded" == deliveries()["phone", "owner", scene.owner].status


def test_a_newer_position_replaces_the_one_that_waits(scene, channels, tell, later):
    host = channels(phone=is_busy)
    scene.announce("tracking_update", "track:1", distance_m=900.0)
    tell(host)
    later(10)
    scene.announce("tracking_update", "track:2", distance_m=500.0)
    host.channels["phone"] = takes
    tell(host)
    last = [notice for _, role, _, notice in host.calls if role == "owner"]
    assert [900.0, 500.0] == [notice.payload["distance"] for notice in last]


def test_a_recall_goes_out_by_the_channel_that_told_and_falls_back_to_the_others(scene, channels, tell, deliveries):
    host = channels(socket=refuses, phone=takes, mail=takes)
    scene.announce("weapon_detected")
    tell(host)
    tell(host)
    scene.announce("recalled", status="rejected")
    host.calls.clear()
    tell(host)
    assert [("officer", scene.officer), ("officer", scene.second), ("owner", scene.owner)] == host.told("phone")
    assert [] == host.told("mail")
    places = {channel: row.position for (channel, role, _), row in deliveries("recalled").items() if role == "owner"}
    assert {"phone": 0, "socket": 1, "mail": 2} == places


def test_who_is_taken_off_hears_it_by_every_channel_that_told_and_what_waited_is_not_told_any_more(
    scene, channels, tell, deliveries
):
    host = channels(socket=is_busy, phone=takes)
    scene.announce("assigned", police_id=scene.police)
    tell(host)
    scene.announce("withdrawn", police_id=scene.police, reason="Tidak menjawab")
    old = {key[:2]: row.status for key, row in deliveries("assigned").items() if key[0] == "socket"}
    assert {("socket", "police"): "superseded", ("socket", "owner"): "pending"} == {
        key: old[key] for key in (("socket", "police"), ("socket", "owner"))
    }
    tell(host)
    places = {channel: row.position for (channel, *_), row in deliveries("withdrawn").items()}
    assert {"socket": 0, "phone": 1} == places
    scene.announce("assigned", "again", police_id=scene.police)
    waiting = [row.status for (_, role, _), row in deliveries("withdrawn").items() if role == "police"]
    assert {"superseded"} == set(waiting), "who is sent there again has nothing to stop"


def test_after_a_recall_the_alarm_is_told_to_nobody_any_more(scene, channels, tell):
    host = channels(phone=is_busy)
    scene.announce("weapon_detected")
    tell(host)
    scene.announce("recalled", status="rejected")
    host.calls.clear()
    host.channels["phone"] = takes
    with scene.database.system() as connection:
        connection.execute(text("UPDATE notice_deliveries SET next_attempt_at = now()"))
    tell(host)
    assert {"recalled"} == {notice.kind for *_, notice in host.calls}


def test_who_wants_no_push_hears_of_it_in_the_open_app_only(scene, channels, tell):
    with scene.database.system() as connection:
        connection.execute(update(owners).values(notify={"cctv": False}))
    host = channels(in_app=("socket",), socket=refuses, phone=takes)
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    tell(host)
    assert [("owner", scene.owner)] == host.told("socket")
    assert [] == host.told("phone")


def test_an_alarm_is_pushed_even_to_who_wants_no_push(scene, channels, tell):
    with scene.database.system() as connection:
        connection.execute(update(owners).values(notify={"report": False, "push": False}))
    host = channels(phone=takes)
    scene.announce("weapon_detected")
    tell(host)
    assert ("owner", scene.owner) in host.told("phone")


def test_a_person_without_an_account_any_more_is_not_told(scene, channels, tell):
    with scene.database.system() as connection:
        connection.execute(update(owners).values(is_active=False))
    host = channels(phone=takes)
    scene.announce("weapon_detected")
    tell(host)
    assert ("owner", scene.owner) not in host.told("phone")


def test_addresses_that_are_gone_are_forgotten(scene, channels, tell):
    with scene.database.system() as connection:
        for value in ("dead", "alive"):
            connection.execute(
                insert(push_addresses).values(
                    vendor_id=scene.vendor, role="owner", person_id=scene.owner, channel="fcm", value=value,
                    value_sha256=value.encode(),
                )
            )  # fmt: skip
    seen = []

    def phone(notice, recipient):
        seen.extend(address.value for address in recipient.addresses)
        dead = tuple(address.id for address in recipient.addresses if address.value == "dead")
        return Delivery(outcome="accepted", dead=dead)

    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(channels(phone=phone))
    assert ["dead", "alive"] == seen
    with scene.database.system() as connection:
        assert ["alive"] == [row.value for row in connection.execute(select(push_addresses.c.value))]


def test_a_worker_that_died_while_telling_is_followed_by_another_with_the_same_notice_id(
    scene, channels, tell, deliveries, later
):
    host = channels(phone=takes)
    scene.announce("cctv_offline", cctv="Toko Wati")
    with scene.database.system() as connection:
        outbox.plan(connection, host.channels_for, host.is_in_app)
        (row,) = outbox.claim(connection, "phone", limit=10, token=secrets.randbits(62), lease_s=60)
    tell(host)
    assert [] == host.calls
    later(61)
    tell(host)
    assert [str(row.recipient_id)] == [notice.id for *_, notice in host.calls]
    assert ("accepted", 2) == (lambda d: (d.status, d.attempts))(deliveries()["phone", "owner", scene.owner])


def test_who_settles_after_the_lease_changes_nothing(scene, channels, tell, deliveries, later):
    host = channels(phone=takes)
    scene.announce("cctv_offline", cctv="Toko Wati")
    with scene.database.system() as connection:
        outbox.plan(connection, host.channels_for, host.is_in_app)
        (slow,) = outbox.claim(connection, "phone", limit=10, token=1, lease_s=60)
    later(61)
    tell(host)
    with scene.database.system() as connection:
        outbox.settle(connection, [outbox.Outcome(row=slow, state=outbox.State.DEAD, error="late")])
    assert "accepted" == deliveries()["phone", "owner", scene.owner].status


def test_two_workers_tell_each_person_once(scene, channels):
    barrier = threading.Barrier(2)
    host = channels(phone=takes)
    scene.announce("weapon_detected")

    def work():
        barrier.wait()
        NoticeDesk(scene.database, host, stop=threading.Event()).look(wait=True)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [("officer", scene.officer), ("officer", scene.second), ("owner", scene.owner)] == host.told("phone")


def test_a_channel_that_raises_anything_costs_no_other_its_notices(scene, channels, tell, deliveries):
    def breaks(notice, recipient):
        raise RuntimeError("secret token in here")

    host = channels(in_app=("socket", "pusher"), socket=breaks, pusher=takes)
    scene.announce("incident_update", status="verified")
    tell(host)
    rows = deliveries()
    assert "accepted" == rows["pusher", "dashboard", 0].status
    assert ("pending", "RuntimeError") == (rows["socket", "dashboard", 0].status,
                                           rows["socket", "dashboard", 0].last_error)  # fmt: skip


def test_the_picture_is_linked_when_it_is_told(scene, channels, tell):
    from core.incidents.tables import report_evidence

    for role in ("frame", "annotated"):
        scene.add(
            report_evidence, report_id=scene.report, sha256=role.encode(), type="IMAGE", role=role, mime="image/jpeg",
            size=1, actor_role="system",
        )  # fmt: skip
    host = channels(phone=takes)
    scene.announce("assigned", police_id=scene.police)
    tell(host, link=lambda vendor, sha256, holder: f"https://x/{vendor}/{sha256.decode()}?h={holder}")
    urls = {role: notice.payload["evidenceUrl"] for _, role, _, notice in host.calls}
    assert f"https://x/{scene.vendor}/annotated?h=police:{scene.police}" == urls["police"]


@pytest.mark.parametrize("attempts", range(1, 12))
def test_waits_double_with_jitter_up_to_a_minute(attempts):
    longest = wait_s(attempts, draw=1.0)
    assert min(MAX_WAIT_S, FIRST_WAIT_S * 2 ** (attempts - 1)) == longest
    assert longest / 2 == wait_s(attempts, draw=0.0)
    assert longest + 100 == wait_s(attempts, longest + 100)


def test_channels_that_told_before_go_first_together():
    assert {"c": 0, "b": 0, "a": 1, "d": 2} == positions(["a", "b", "c", "d"], {"b", "c"})
    assert {"a": 0, "b": 1} == positions(["a", "b"], set())


def test_notices_carry_the_time_of_the_happening(scene, channels, tell):
    host = channels(phone=takes)
    scene.announce("cctv_offline", cctv="Toko Wati")
    tell(host)
    ((*_, notice),) = host.calls
    assert isinstance(notice.at, datetime) and notice.at.tzinfo is not None
