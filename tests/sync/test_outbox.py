"""The outbox through bad days: crashes, deadlines, breakers, backlogs, broken plugins, people."""

import threading
from datetime import timedelta

import pytest

from core.accounts.audit import Actor
from core.domain.errors import Unbuildable
from core.sync import outbox, queries
from core.sync.service import StillUnderWay, cancel, confirm, enqueue_due, retry
from core.sync.transport import VENDOR_KEY

SARI = Actor("officer", 7, "Bripka Sari")


def test_enqueueing_twice_or_at_once_makes_one_row(world, sink):
    ids = world.approve(20)
    host = world.host(etnas=sink(), second=sink())
    threads = [threading.Thread(target=enqueue_due, args=(world.database, host)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    enqueue_due(world.database, host)
    assert dict.fromkeys(ids, "queued") == world.statuses()
    assert sorted((i, s) for i in ids for s in ("etnas", "second")) == sorted(
        (row["violation_id"], row["sink"]) for row in world.rows()
    )


def test_a_decision_that_can_still_be_undone_is_not_queued(world, sink):
    world.approve()
    world.execute("UPDATE violations SET sync_due_at = now() + interval '1 hour'")
    assert 0 == enqueue_due(world.database, world.host(etnas=sink()))


def test_a_vendor_without_a_sink_waits_and_is_shown(world, sink):
    world.approve(vendor="polda-jabar")
    host = world.host(etnas=sink(vendors=["polda-banten"]))
    assert 0 == enqueue_due(world.database, host)
    with world.database.system() as connection:
        found = queries.overview(connection, host)
    assert (1, 1, ["etnas"]) == (found.approved_due, found.approved_without_sink, [s.sink for s in found.sinks])


def test_a_worker_that_died_before_sending_costs_nothing(world, etnas, sink):
    etnas.honours_key = False
    world.approve(3)
    host = world.host(etnas=sink())
    desk = world.desk(host)
    desk.enqueue()
    with world.database.system() as connection:
        assert 3 == len(outbox.claim(connection, "etnas", limit=9, token=1, lease_s=60))
    assert 0 == desk.drain("etnas")
    world.execute("UPDATE etnas_sync SET lease_until = now() - interval '1 second'")
    world.settle(desk)
    assert {"synced"} == set(world.statuses().values())
    assert {("send", "accepted")} == set(world.attempts())


@pytest.mark.parametrize(("asks", "ends"), [(True, "synced"), (False, "uncertain")])
def test_a_worker_that_died_while_sending_is_followed_by_a_look_up_or_a_person(world, etnas, sink, asks, ends):
    etnas.honours_key = False
    (violation,) = world.approve()
    host = world.host(etnas=sink(look_up_url=etnas.look_up_url) if asks else sink())
    desk = world.desk(host)
    desk.enqueue()
    world.execute("UPDATE etnas_sync SET status = 'sending', lease_token = 1, lease_until = now() - interval '1 s'")
    world.settle(desk)
    assert {violation: ends} == world.statuses()
    assert ("send", "lost") == world.attempts()[0]
    assert (1 if asks else 0) == etnas.report()["effects"]


def test_a_result_that_comes_after_the_lease_changes_nothing(world, etnas, sink):
    world.approve()
    desk = world.desk(world.host(etnas=sink()))
    desk.enqueue()
    with world.database.system() as connection:
        (row,) = outbox.claim(connection, "etnas", limit=1, token=1, lease_s=60)
        outbox.arm(connection, [(row, {"body": None}, b"\0" * 32)], lease_s=60)
    world.execute("UPDATE etnas_sync SET lease_token = 2")
    late = outbox.Outcome(id=row.id, token=1, event=outbox.Event.REFUSE)
    with world.database.system() as connection:
        assert (set(), set()) == outbox.settle(connection, [late], least_s=1, margin_s=1)
    assert "sending" == world.rows()[0]["status"]


def test_the_newest_case_is_not_starved_by_a_backlog(world, etnas, sink):
    backlog = world.approve(40)
    host = world.host(etnas=sink(in_flight=4))
    desk = world.desk(host)
    desk.enqueue()
    world.execute("UPDATE etnas_sync SET next_attempt_at = now() - interval '2 hours'")
    (newest,) = world.approve()
    desk.enqueue()
    with world.database.system() as connection:
        claimed = outbox.claim(connection, "etnas", limit=4, token=1, lease_s=60)
    assert newest in {row.violation_id for row in claimed}
    assert 2 <= len({row.violation_id for row in claimed} & set(backlog))


def test_workers_that_claim_at_once_share_and_never_overlap(world, sink):
    world.approve(30)
    world.desk(world.host(etnas=sink())).enqueue()
    got, lock = [], threading.Lock()

    def work(token):
        with world.database.system() as connection:
            rows = outbox.claim(connection, "etnas", limit=10, token=token, lease_s=60)
            with lock:
                got.extend(row.id for row in rows)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got))
    assert 10 <= len(got)


def test_a_missed_deadline_ends_dead_and_listed_and_a_person_sends_it_again(world, etnas, sink):
    etnas.behaviour = "denied"
    (violation,) = world.approve()
    desk = world.desk(world.host(etnas=sink()))
    desk.enqueue()
    desk.drain("etnas")
    world.execute("UPDATE etnas_sync SET deadline_at = now(), lease_until = NULL")
    world.settle(desk)
    with world.database.system() as connection:
        (listed,) = queries.list_outbox(connection, statuses=["dead"])
    assert "check the sink's key" in listed.last_error
    assert {violation: "queued"} == world.statuses()

    etnas.behaviour = "ok"
    (change,) = retry(world.database, [listed.id], SARI)
    assert (True, "pending") == (change.changed, change.status)
    world.settle(desk)
    assert {violation: "synced"} == world.statuses()
    assert [("sync_retried", "Bripka Sari", listed.id)] == _audit(world)


def test_an_unknown_outcome_at_the_deadline_is_asked_for_and_never_called_dead(world, etnas, sink):
    etnas.honours_key = False
    etnas.script("drop_after")
    world.approve()
    desk = world.desk(world.host(etnas=sink(look_up_url=etnas.look_up_url)))
    desk.enqueue()
    desk.drain("etnas")
    world.execute("UPDATE etnas_sync SET deadline_at = now() WHERE status = 'pending'")
    world.settle(desk)
    assert {"synced"} == set(world.statuses().values())
    assert 1 == etnas.report()["effects"]


def test_past_the_deadline_an_absent_case_is_not_sent_any_more(world, etnas, sink):
    etnas.script("drop_before")
    world.approve()
    desk = world.desk(world.host(etnas=sink(look_up_url=etnas.look_up_url, settle_s=0.3)))
    desk.enqueue()
    desk.drain("etnas")
    world.execute("UPDATE etnas_sync SET deadline_at = now()")
    world.settle(desk)
    assert ["dead"] == [row["status"] for row in world.rows()]
    assert 0 == etnas.report()["effects"]


def test_a_refused_case_goes_out_again_under_a_new_key(world, etnas, sink):
    etnas.script("refuse")
    (violation,) = world.approve()
    desk = world.desk(world.host(etnas=sink()))
    world.settle(desk)
    (before,) = world.rows()
    retry(world.database, [before["id"]], SARI)
    assert {violation: "queued"} == world.statuses()
    world.settle(desk)
    assert {violation: "synced"} == world.statuses()
    assert 2 == len({one.key for one in etnas.received})


def test_an_uncertain_case_is_sent_again_only_by_a_person(world, etnas, sink):
    etnas.honours_key = False
    etnas.script("drop_before")
    (violation,) = world.approve()
    desk = world.desk(world.host(etnas=sink()))
    world.settle(desk)
    assert {violation: "uncertain"} == world.statuses()
    (row,) = world.rows()
    (change,) = retry(world.database, [row["id"]], Actor("system"))
    assert (False, "person_required") == (change.changed, change.refused_because)
    retry(world.database, [row["id"]], SARI)
    world.settle(desk)
    assert {violation: "synced"} == world.statuses()
    assert (1, []) == (etnas.report()["effects"], etnas.report()["doubled"])


def test_a_person_can_confirm_that_the_centre_has_it(world, etnas, sink):
    etnas.script("garbage")
    (violation,) = world.approve()
    world.settle(world.desk(world.host(etnas=sink())))
    (row,) = world.rows()
    (change,) = confirm(world.database, [row["id"]], SARI, note="asked by telephone")
    assert (True, "accepted") == (change.changed, change.status)
    assert {violation: "synced"} == world.statuses()
    assert 1 == len(etnas.received)


def test_what_is_accepted_or_somebody_else_s_cannot_be_retried(world, etnas, sink):
    world.approve()
    world.settle(world.desk(world.host(etnas=sink())))
    (row,) = world.rows()
    assert ["already_accepted"] == [c.refused_because for c in retry(world.database, [row["id"]], SARI)]
    found = retry(world.database, [row["id"], 999], SARI, vendor_ids=[row["vendor_id"] + 1])
    assert ["not_found", "not_found"] == [change.refused_because for change in found]
    assert [] == _audit(world)


def test_a_reopened_case_that_is_approved_again_replaces_the_refused_delivery(world, etnas, sink):
    etnas.script("refuse")
    (violation,) = world.approve()
    desk = world.desk(world.host(etnas=sink()))
    world.settle(desk)
    with world.database.system() as connection:
        assert 0 == cancel(connection, violation)
    world.execute("UPDATE violations SET status = 'approved', corrected_plate = 'B4321ABC', verified_at = now()")
    world.settle(desk)
    assert {violation: "synced"} == world.statuses()
    assert "B4321ABC" == etnas.received[-1].payload["plate_number"]
    assert 1 == len(world.rows())


def test_what_may_have_arrived_cannot_be_taken_back(world, etnas, sink):
    (violation,) = world.approve()
    world.desk(world.host(etnas=sink())).enqueue()
    with world.database.system() as connection:
        assert 1 == cancel(connection, violation)
    world.execute("UPDATE etnas_sync SET status = 'sending'")
    with pytest.raises(StillUnderWay), world.database.system() as connection:
        cancel(connection, violation)


def test_the_breaker_opens_spares_the_centre_and_closes_by_a_probe(world, etnas, sink):
    etnas.behaviour = "error_body"
    ids = world.approve(30)
    desk = world.desk(world.host(etnas=sink(breaker_failures=5, breaker_wait_s=3600, breaker_max_s=3600, in_flight=4)))
    desk.enqueue()
    for _ in range(10):
        desk.drain("etnas")
    with world.database.system() as connection:
        (found,) = queries.overview(connection, desk.host).sinks
    assert ("open", True) == (found.breaker, "busy" in found.breaker_error)
    assert 20 > len(etnas.received)
    assert [] == [row for row in world.rows() if row["retry_count"] > 3]

    tried = len(etnas.received)
    world.execute("UPDATE sink_breakers SET probe_at = now()")
    desk.drain("etnas")
    assert tried + 1 == len(etnas.received)

    etnas.behaviour = "ok"
    world.execute("UPDATE sink_breakers SET probe_at = now()")
    world.settle(desk)
    assert dict.fromkeys(ids, "synced") == world.statuses()
    assert "closed" == _breaker(world)


def test_a_probe_that_finds_nothing_to_send_is_given_back(world, sink):
    world.vendor()
    desk = world.desk(world.host(etnas=sink()))
    world.execute("INSERT INTO sink_breakers (sink, state, probe_at) VALUES ('etnas', 'open', now())")
    assert 0 == desk.drain("etnas")
    assert "open" == _breaker(world)


@pytest.fixture
def broken(world, sink, etnas, monkeypatch):
    """broken(hook, function): an ETNAS host whose hook is this function."""

    def make(hook, function):
        host = world.host(etnas=sink())
        plugin = host._instances["etnas"]
        plugin.callers[hook] = function
        return world.desk(host)

    return make


def _raises(error):
    def raising(**arguments):
        raise error

    return raising


def test_a_sink_that_raises_while_building_loses_nothing(world, etnas, broken):
    world.approve()
    desk = broken("build_sync", _raises(SystemExit("bye")))
    desk.enqueue()
    desk.drain("etnas")
    (row,) = world.rows()
    assert ("pending", True) == (row["status"], "SystemExit" in row["last_error"])
    assert [] == etnas.received
    world.settle(world.desk(world.host(etnas={**_config(etnas)})))
    assert {"synced"} == set(world.statuses().values())


def test_a_case_that_cannot_be_told_goes_back_to_a_person(world, etnas, broken):
    (violation,) = world.approve()
    world.settle(broken("build_sync", _raises(Unbuildable("no plate"))))
    assert {violation: "refused"} == world.statuses()
    assert "no plate" in world.rows()[0]["last_error"]


def test_a_case_that_can_no_longer_be_told_stays_uncertain_when_it_may_have_arrived(world, etnas, broken):
    (violation,) = world.approve()
    desk = broken("build_sync", _raises(Unbuildable("no address any more")))
    desk.enqueue()
    world.execute("UPDATE etnas_sync SET look_up_first = 2")
    world.settle(desk)
    assert {violation: "uncertain"} == world.statuses()


def test_a_sink_that_raises_while_reading_leaves_the_outcome_unknown(world, etnas, broken):
    (violation,) = world.approve()
    world.settle(broken("read_receipt", _raises(RuntimeError("what?"))))
    assert {violation: "uncertain"} == world.statuses()
    assert 1 == len(etnas.received)


def test_a_sink_that_hangs_is_quarantined_and_its_cases_wait(world, etnas, broken, monkeypatch):
    monkeypatch.setattr("core.hooks.bounded.HOOK_TIMEOUT_S", 0.2)
    world.approve()
    forever = threading.Event()
    desk = broken("build_sync", lambda **arguments: forever.wait())
    desk.enqueue()
    desk.drain("etnas")
    forever.set()
    assert [] == desk.sinks
    assert ["pending"] == [row["status"] for row in world.rows()]

    other = world.desk(world.host(etnas=_config(etnas)))
    other.follow()
    assert [] == other.sinks
    world.execute("UPDATE plugin_states SET state = 'ready'")
    other.follow()
    assert ["etnas"] == other.sinks


def test_an_instance_without_key_uses_the_vendor_s_and_says_when_there_is_none(world, etnas):
    world.approve()
    config = {key: value for key, value in _config(etnas).items() if key != "api_key"}
    desk = world.desk(world.host(etnas=config))
    desk.enqueue()
    desk.drain("etnas")
    (row,) = world.rows()
    assert ("pending", True) == (row["status"], "vendors.api_key" in row["last_error"])
    assert {"X-API-KEY": VENDOR_KEY} == row["request_payload"]["secret_headers"]


def test_lists_page_by_id_and_show_attempts(world, etnas, sink):
    etnas.script("too_many")
    world.approve(5)
    world.settle(world.desk(world.host(etnas=sink(in_flight=1))))
    with world.database.system() as connection:
        first = queries.list_outbox(connection, limit=3)
        second = queries.list_outbox(connection, limit=3, before_id=first[-1].id)
        tried = next(row for row in first + second if row.retry_count)
        whole = queries.outbox_row(connection, tried.id)
        attempts = queries.attempts(connection, tried.id)
    assert 5 == len({row.id for row in first + second})
    assert (None, "POST") == (tried.request, whole.request["method"])
    assert ["accepted", "transient"] == [attempt.outcome for attempt in attempts]
    assert 429 == attempts[1].http_status


def test_the_deadline_is_three_days_unless_said_otherwise(world, sink):
    world.approve()
    enqueue_due(world.database, world.host(etnas=sink()), deadline=timedelta(days=8))
    (row,) = world.rows()
    assert 8 == round((row["deadline_at"] - row["created_at"]).total_seconds() / 86400)


def _config(etnas):
    return {"url": etnas.url, "api_key": {"env": "ETNAS_KEY"}, "retry_first_s": 0.01, "retry_max_s": 0.02}


def _breaker(world):
    with world.database.system() as connection:
        return connection.exec_driver_sql("SELECT state FROM sink_breakers").scalar()


def _audit(world):
    with world.database.system() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT action, actor_name, object_id FROM audit_log")]
