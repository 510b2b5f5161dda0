"""Replay says first what it would do, then does just that, and leaves alone what a person decided."""

import msgspec
import pytest

from core.testing.house import RULE, House, fresh_database, plugins_toml

BEFORE = """
@hookimpl
def parse_payload(self, payload):
    kind, plate = payload.body.decode().split()
    if kind == "MORE":
        raise MalformedPayload("not understood yet")
    if kind == "EMPTY":
        raise MalformedPayload("a heartbeat is not understood yet")
    return [PlateRead(event="uji", plate_number=plate, lane_no="1", capture_time=payload.received_at)]
"""
AFTER = """
@hookimpl
def parse_payload(self, payload):
    kind, plate = payload.body.decode().split()
    if kind in ("LESS", "EMPTY"):
        return []
    if kind == "FAIL":
        raise RuntimeError("broken today")
    lane = "2" if kind in ("OTHER", "DECIDED") else "1"
    return [PlateRead(event="uji", plate_number=plate, lane_no=lane, capture_time=payload.received_at)]
"""
STORY = {"MORE": "new", "OTHER": "changed", "EQUAL": "same", "LESS": "lost", "FAIL": "failed", "DECIDED": "decided"}


@pytest.fixture(scope="module")
def house(tmp_path_factory, postgres_url, template_url, valkey_url):
    """A house that parsed one payload of each kind from each camera by BEFORE and whose parser is now AFTER."""
    with fresh_database(postgres_url, template_url) as url:
        found = House(
            tmp_path_factory.mktemp("replay"), url, valkey_url, plugins_toml({"acme": "acme", "rule": "rule"})
        )
        found.write_plugin("acme", BEFORE, maker="acme")
        found.write_plugin("rule", RULE)
        found.cameras = [found.camera("acme") for _ in range(7)]
        try:
            found.start("ingest", "parse")
            for one in found.cameras:
                for n, kind in enumerate([*STORY, "EMPTY"]):
                    assert 200 == found.send(one, f"{kind} B{n}{n}{n}XYZ".encode(), "text/plain").status
            found.settle()
            found.rows(
                "UPDATE violations SET status = 'approved', verified_by = 'petugas', verified_at = now() "
                "WHERE plate_number = 'B555XYZ' RETURNING id"
            )
            found.kill("parse", 15)
            found.write_plugin("acme", AFTER, maker="acme")
            yield found
        finally:
            found.stop()


@pytest.fixture
def camera(house):
    """A camera whose payloads no other test replays."""
    return house.cameras.pop()


def replay(house, *arguments):
    told = house.cli("replay", "--json", *arguments)
    assert 0 == told.returncode, told.stderr
    return msgspec.json.decode(told.stdout)


def everything(house):
    """All that a replay could touch."""
    return [
        house.rows(f"SELECT * FROM {table} ORDER BY 1")
        for table in ("plate_reads", "passages", "violations", "quarantine", "replays", "event_counts", "plugin_states")
    ]


def test_without_apply_each_kind_of_change_is_told_and_nothing_is_written(house, camera):
    before = everything(house)

    told = replay(house, "--device", camera.code)

    assert {**dict.fromkeys(STORY.values(), 1), "same": 2} == told["counts"]
    assert not told["written"]
    assert ["lane_no"] == next(c["fields"] for c in told["changes"] if c["kind"] == "changed")
    assert "broken today" in next(c["note"] for c in told["changes"] if c["kind"] == "failed")
    assert before == everything(house)


def test_apply_writes_it_and_leaves_the_decided_one_as_it_was(house, camera):
    decided = "SELECT * FROM violations WHERE device_id = %s AND status = 'approved'"
    before = house.rows(decided, camera.id)

    told = replay(house, "--device", camera.code, "--apply", "--yes")

    assert told["written"]
    live = "SELECT plate_number, lane_no FROM plate_reads WHERE device_id = %s AND voided_at IS NULL"
    assert {"B000XYZ": "1", "B111XYZ": "2", "B222XYZ": "1", "B444XYZ": "1", "B555XYZ": "1"} == dict(
        house.rows(live, camera.id)
    )
    assert 1 == len(before)
    assert before == house.rows(decided, camera.id)
    cases = "SELECT plate_number, status, reason_code FROM violations WHERE device_id = %s ORDER BY plate_number, id"
    assert [
        ("B000XYZ", "pending", None),
        ("B111XYZ", "rejected", "replay_withdrawn"),
        ("B111XYZ", "pending", None),
        ("B222XYZ", "pending", None),
        ("B333XYZ", "rejected", "replay_withdrawn"),
        ("B444XYZ", "pending", None),
        ("B555XYZ", "approved", None),
    ] == house.rows(cases, camera.id)
    assert [(1,)] == house.rows("SELECT count(*) FROM replays WHERE selection ->> 'device' = %s", camera.code)


def test_a_second_replay_finds_nothing_left_to_do(house, camera):
    replay(house, "--device", camera.code, "--apply", "--yes")
    before = everything(house)

    told = replay(house, "--device", camera.code, "--apply", "--yes")

    assert {"same": 5, "failed": 1, "decided": 1} == told["counts"]
    assert not told["written"]
    assert before == everything(house)


def test_a_parser_that_hangs_costs_one_payload_its_replay(house, camera):
    hangs = AFTER.replace('raise RuntimeError("broken today")', "while True:\n            pass")
    house.write_plugin("acme", hangs, maker="acme")
    try:
        told = replay(house, "--device", camera.code)
    finally:
        house.write_plugin("acme", AFTER, maker="acme")

    assert {**dict.fromkeys(STORY.values(), 1), "same": 2} == told["counts"]
    assert "did not return within 2 s" in next(c["note"] for c in told["changes"] if c["kind"] == "failed")


def test_a_parser_that_is_broken_today_voids_nothing(house, camera):
    broken = '@hookimpl\ndef parse_payload(self, payload):\n    raise RuntimeError("broken")\n'
    before = everything(house)
    house.write_plugin("acme", broken, maker="acme")
    try:
        told = replay(house, "--device", camera.code, "--apply", "--yes")
    finally:
        house.write_plugin("acme", AFTER, maker="acme")

    assert {"failed": 7} == told["counts"]
    assert before == everything(house)


def test_what_is_understood_now_and_records_nothing_leaves_the_quarantine(house, camera):
    lying = "SELECT count(*) FROM quarantine WHERE device_id = %s AND resolved_at IS NULL"
    assert 2 == house.one(lying, camera.id)

    told = replay(house, "--quarantine", "--device", camera.code, "--apply", "--yes")

    assert {"new": 1, "same": 1} == told["counts"]
    assert 0 == house.one(lying, camera.id)


def test_a_window_a_make_or_a_device_narrows_it(house):
    assert {} == replay(house, "--from", "2099-01-01T00:00:00Z")["counts"]
    assert {} == replay(house, "--to", "2020-01-01T00:00:00+07:00")["counts"]
    assert {} == replay(house, "--maker", "generic")["counts"]
