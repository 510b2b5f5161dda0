"""From an approved violation to exactly one effect at the centre, whatever the centre does."""

import base64
import hashlib
import json

import pytest

from core.realtime.bus import use_bus
from core.testing.deliveries import KEY
from core.testing.fake_etnas import MISBEHAVIOURS


def test_an_approved_violation_reaches_the_centre_once(world, etnas, sink):
    (violation,) = world.approve()
    world.settle(world.desk(world.host(etnas=sink())))
    assert {violation: "synced"} == world.statuses()
    assert (1, []) == (etnas.report()["effects"], etnas.report()["doubled"])
    (row,) = world.rows()
    (seen,) = etnas.received
    assert ("accepted", 0, "p1024") == (row["status"], row["retry_count"], row["trace"])
    assert seen.body_sha256 == row["request_sha256"].hex()
    assert (row["idempotency_key"], "p1024") == (seen.key, seen.trace)
    assert {"status": "ok", "reference": row["reference"]} == row["response_payload"]["body"]


def test_the_dashboards_of_the_agency_hear_of_it_at_once(world, etnas, sink):
    heard = []
    use_bus(Told(heard))
    try:
        (violation,) = world.approve()
        world.settle(world.desk(world.host(etnas=sink())))
    finally:
        use_bus(None)
    assert {"1:officers-dashboard"} == {topic for topic, _ in heard}
    told = [json.loads(event) for _, event in heard]
    assert {("changed", violation)} == {(one["event"], *one["data"]["violations"]) for one in told}
    assert ["sync", "sinks"] == told[-1]["data"]["topics"]


class Told:
    """A bus that remembers."""

    def __init__(self, heard):
        self.heard = heard

    def publish(self, topic, event):
        self.heard.append((topic, event))
        return 1


def test_the_row_names_evidence_by_hash_and_the_centre_gets_the_pictures(world, etnas, sink):
    world.approve()
    world.settle(world.desk(world.host(etnas=sink())))
    stored = world.rows()[0]["request_payload"]
    seen = etnas.received[0].payload
    for name in ("evidence_plate", "evidence_vehicle"):
        assert seen[name] == stored["body"][name]["$evidence"]
        assert seen[name] in world.pictures
        assert base64.b64encode(world.pictures[seen[name]]).decode() not in json.dumps(stored)


def test_the_validator_s_correction_is_what_the_centre_hears(world, etnas, sink):
    world.approve()
    world.execute("UPDATE violations SET corrected_plate = 'B4321ABC'")
    world.settle(world.desk(world.host(etnas=sink())))
    assert "B4321ABC" == etnas.received[0].payload["plate_number"]
    assert "2026-03-02T10:20:01Z" == etnas.received[0].payload["capture_time"]


@pytest.mark.threat("T29")
@pytest.mark.parametrize("behaviour", [*MISBEHAVIOURS, "slow_before", "garbage_before"])
def test_a_centre_that_honours_the_key_has_it_once(world, etnas, sink, behaviour):
    etnas.script(behaviour, behaviour)
    (violation,) = world.approve()
    world.settle(world.desk(world.host(etnas=sink(idempotent=True))))
    assert {violation: "synced"} == world.statuses()
    assert (1, []) == (etnas.report()["effects"], etnas.report()["doubled"])


@pytest.mark.threat("T29")
@pytest.mark.parametrize("behaviour", [*MISBEHAVIOURS, "garbage_before"])
def test_a_centre_that_can_be_asked_has_it_once(world, etnas, sink, behaviour):
    etnas.honours_key = False
    etnas.script(behaviour, behaviour)
    (violation,) = world.approve()
    world.settle(world.desk(world.host(etnas=sink(look_up_url=etnas.look_up_url))))
    assert {violation: "synced"} == world.statuses()
    assert (1, []) == (etnas.report()["effects"], etnas.report()["doubled"])


@pytest.mark.threat("T29")
@pytest.mark.parametrize("behaviour", [*MISBEHAVIOURS, "garbage_before"])
def test_a_centre_that_can_do_neither_never_has_it_twice(world, etnas, sink, behaviour):
    etnas.honours_key = False
    etnas.script(behaviour)
    (violation,) = world.approve()
    world.settle(world.desk(world.host(etnas=sink())))
    surely_not_stored = behaviour in ("too_many", "error_body")
    assert {violation: "synced" if surely_not_stored else "uncertain"} == world.statuses()
    assert [] == etnas.report()["doubled"]
    assert 1 >= etnas.report()["effects"]


def test_a_centre_that_does_not_commit_until_later_is_not_asked_too_early(world, etnas, sink):
    etnas.honours_key = False
    etnas.script("slow_before")
    world.approve()
    world.settle(world.desk(world.host(etnas=sink(look_up_url=etnas.look_up_url, settle_s=2.0))))
    assert (1, []) == (etnas.report()["effects"], etnas.report()["doubled"])


def test_errors_of_a_centre_that_never_stores_before_them_are_simply_retried(world, etnas, sink):
    etnas.honours_key = False
    etnas.script("error_before", "error_before")
    (violation,) = world.approve()
    world.settle(world.desk(world.host(etnas=sink(trust_errors=True))))
    assert {violation: "synced"} == world.statuses()
    assert [("send", "transient"), ("send", "transient"), ("send", "accepted")] == world.attempts()


def test_a_refusal_is_final_and_shown(world, etnas, sink):
    etnas.script("refuse")
    (violation,) = world.approve()
    world.settle(world.desk(world.host(etnas=sink())))
    assert {violation: "refused"} == world.statuses()
    assert "plate_number tidak valid" in world.rows()[0]["last_error"]
    assert [("send", "refused")] == world.attempts()


def test_a_no_to_the_repeat_says_nothing_of_the_first_sending(world, etnas, sink):
    etnas.script("drop_after", "refuse")
    (violation,) = world.approve()
    world.settle(world.desk(world.host(etnas=sink(idempotent=True))))
    assert {violation: "uncertain"} == world.statuses()


def test_patience_after_a_lost_answer_does_not_make_the_case_absent(world, etnas, sink):
    etnas.script("drop_after", "too_many", "too_many")
    world.approve()
    desk = world.desk(world.host(etnas=sink(idempotent=True, retry_first_s=0.3, retry_max_s=0.3)))
    desk.enqueue()
    while len(etnas.received) < 2:
        desk.drain("etnas")
    (row,) = world.rows()
    assert ("pending", 1) == (row["status"], row["look_up_first"])


def test_many_cases_with_random_misbehaviour_have_one_effect_each(world, etnas, sink):
    etnas.honours_key = False
    etnas.mix, etnas.slow_s = 0.4, 0.8
    ids = world.approve(60)
    world.settle(world.desk(world.host(etnas=sink(look_up_url=etnas.look_up_url, in_flight=16))))
    assert dict.fromkeys(ids, "synced") == world.statuses()
    assert (60, 60, []) == tuple(etnas.report()[name] for name in ("effects", "violations", "doubled"))


def test_a_centre_that_is_not_there_surely_has_nothing(world, sink):
    world.approve()
    desk = world.desk(world.host(etnas=sink() | {"url": "http://127.0.0.1:9/closed"}))
    desk.enqueue()
    desk.drain("etnas")
    (row,) = world.rows()
    assert ("pending", 0, True) == (row["status"], row["look_up_first"], row["retry_count"] > 0)
    assert {("send", "not_sent")} == set(world.attempts())


def test_two_sinks_must_both_accept(world, etnas, sink, tmp_path):
    (tmp_path / "drop").mkdir()
    (violation,) = world.approve()
    drop = {"use": "plugins.sinks.file_drop", "folder": "drop"}
    desk = world.desk(world.host(etnas=sink(), drop=drop))
    desk.enqueue()
    desk.drain("etnas")
    assert {violation: "queued"} == world.statuses()
    desk.drain("drop")
    assert {violation: "synced"} == world.statuses()
    (path,) = (tmp_path / "drop" / "polda-banten").iterdir()
    dropped = json.loads(path.read_bytes())
    row = next(row for row in world.rows() if row["sink"] == "drop")
    assert hashlib.sha256(path.read_bytes()).digest() == row["request_sha256"]
    assert base64.b64decode(dropped["evidence_plate"]) in world.pictures.values()


def test_a_sink_of_another_vendor_is_not_asked(world, etnas, sink):
    world.approve(vendor="polda-banten")
    (other,) = world.approve(vendor="polda-jabar")
    desk = world.desk(world.host(etnas=sink(vendors=["polda-banten"])))
    desk.enqueue()
    desk.drain("etnas")
    assert ["polda-banten"] == list(etnas.report()["by_vendor"])
    assert "approved" == world.statuses()[other]


def test_one_instance_can_serve_vendors_with_their_own_address_and_key(world, etnas, sink, monkeypatch):
    etnas.api_key = "kunci-banten"
    monkeypatch.setenv("KEY_BANTEN", "kunci-banten")
    world.vendor("polda-banten", etnas_url=etnas.url, api_key="env:KEY_BANTEN")
    (violation,) = world.approve()
    table = {key: value for key, value in sink().items() if key not in ("url", "api_key")}
    world.settle(world.desk(world.host(etnas=table)))
    assert {violation: "synced"} == world.statuses()


def test_missing_evidence_keeps_the_case_and_says_so(world, etnas, sink):
    world.approve()
    world.execute("DELETE FROM media")
    desk = world.desk(world.host(etnas=sink()))
    desk.enqueue()
    desk.drain("etnas")
    (row,) = world.rows()
    assert ("pending", True) == (row["status"], "is not among the vendor's media" in row["last_error"])
    assert [] == etnas.received


def test_altered_evidence_is_never_sent(world, etnas, sink):
    world.approve()
    for segment in (world.home / "media" / "segments").iterdir():
        with segment.open("r+b") as file:
            file.seek(100)
            file.write(b"!")
    desk = world.desk(world.host(etnas=sink()))
    desk.enqueue()
    desk.drain("etnas")
    assert "altered" in world.rows()[0]["last_error"]
    assert [] == etnas.received


def test_a_resent_request_has_the_very_bytes_of_the_first(world, etnas, sink):
    etnas.script("error_after", "garbage", "drop_before")
    world.approve()
    world.settle(world.desk(world.host(etnas=sink(idempotent=True))))
    assert 4 == len(etnas.received)
    assert 1 == len({one.body_sha256 for one in etnas.received})
    assert 1 == len({one.key for one in etnas.received})


@pytest.mark.threat("T28")
def test_the_key_is_in_no_row_and_no_log(world, etnas, sink, capfd):
    etnas.api_key = "another key"
    world.approve(2)
    desk = world.desk(world.host(etnas=sink()))
    desk.enqueue()
    desk.drain("etnas")
    assert 0 == etnas.report()["effects"]
    etnas.api_key = KEY
    world.settle(desk)
    assert 2 == etnas.report()["effects"]
    with world.database.system() as connection:
        for table in ("etnas_sync", "sync_attempts", "sink_breakers", "audit_log"):
            for row in connection.exec_driver_sql(f"SELECT t::text FROM {table} t"):
                assert KEY not in row[0]
    out, err = capfd.readouterr()
    assert KEY not in out + err
