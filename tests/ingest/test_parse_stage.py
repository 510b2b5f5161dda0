"""Broken parsers beside good ones, on the real parse stage: no event is lost, nobody else waits, replay recovers."""

import os
import random
import signal
import time

import msgspec
import pytest

from core.testing.house import MAKES, RULE, event

READ = """
def read(self, payload):
    plate = payload.body.decode().split()[1]
    return [PlateRead(event="uji", plate_number=plate, plate_raw=plate, capture_time=payload.received_at)]
"""
PARSER = (
    READ
    + """
@hookimpl
def parse_payload(self, payload):
    if payload.body.startswith(b"BAD"):
        {break_}
    return self.read(payload)
"""
)
MENDED = PARSER.format(break_="pass")
BREAKS = {
    "raising": 'raise RuntimeError("boom")',
    "hanging": "while True: pass",
    "hanging_in_c": 're.match("(a+)+$", "a" * 60 + "b")',
    "exiting": "raise SystemExit(3)",
    "ending": "os._exit(3)",
    "hungry": "self.kept = bytearray(1 << 40)",
    "babbling": "return [object(), 17]",
    "silent": "return None",
    "endless": "return self.read(payload) * 20_000",
    "recursing": "return self.parse_payload(payload)",
    "interrupting": "raise KeyboardInterrupt",
}
KINDS = {"hanging": "parser_hang", "hanging_in_c": "parser_hang", "ending": "parser_crash"}


@pytest.fixture
def planted(open_house):
    """planted(name=break, …): a House whose makes of these names break like that on a body that begins with BAD."""

    def start(*roles, settings=None, cameras=(), **breaks):
        house = open_house(
            plugins={**MAKES, **{name: name for name in breaks}, "rule": "rule"},
            write={name: (name, PARSER.format(break_=how)) for name, how in breaks.items()} | {"rule": ("", RULE)},
            settings={"parse_timeout_s": 1.0, **(settings or {})},
        )
        made = {name: house.camera(name) for name in (*breaks, *cameras)}
        house.start(*(roles or ("ingest", "parse")))
        return house, made

    return start


def reads(house, camera):
    return {row[0] for row in house.rows("SELECT plate_number FROM plate_reads WHERE device_id = %s", camera.id)}


def quarantined(house, camera, still_open=True):
    return house.rows(
        "SELECT kind, reason FROM quarantine WHERE device_id = %s AND (resolved_at IS NULL) = %s ORDER BY payload_id",
        camera.id, still_open,
    )  # fmt: skip


def test_each_broken_parser_costs_only_its_own_bad_payload(planted):
    house, cameras = planted(cameras=("generic",), **BREAKS)
    good = cameras.pop("generic")

    for n, camera in enumerate(cameras.values()):
        statuses = [house.send(camera, body, "text/plain").status for body in (b"OK B1A", b"BAD B2A", b"OK B3A")]
        assert [200] * 3 == statuses
        assert 200 == house.send(good, event(f"B 10{n:02} OK")).status
    house.settle(60)

    for name, camera in cameras.items():
        assert {"B1A", "B3A"} == reads(house, camera), name
        ((kind, reason),) = quarantined(house, camera)
        assert KINDS.get(name, "parser_error") == kind, (name, reason)
        assert name in reason or kind == "parser_error"
    assert {f"B10{n:02}OK" for n in range(len(cameras))} == reads(house, good)
    assert [] == house.rows("SELECT * FROM plugin_states")


def test_a_second_hang_takes_the_plugin_out_and_replay_recovers_everything_once_it_is_mended(planted):
    house, cameras = planted(cameras=("generic",), hanging=BREAKS["hanging"])
    camera, good = cameras["hanging"], cameras["generic"]

    for n in range(3):
        house.send(camera, b"BAD B%d%d%dXYZ" % (n, n, n), "text/plain")
        house.settle()
    house.send(camera, b"OK B999XYZ", "text/plain")
    house.send(good, event("B 1 OK"))
    house.settle()

    assert ["parser_hang", "parser_hang", "plugin_quarantined", "plugin_quarantined"] == [
        kind for kind, _ in quarantined(house, camera)
    ]
    assert "tangkapin plugins release hanging" in quarantined(house, camera)[-1][1]
    assert {"B1OK"} == reads(house, good)
    assert "quarantined" == states(house)["hanging"]

    house.write_plugin("hanging", MENDED, maker="hanging")
    assert 0 == house.cli("plugins", "release", "hanging").returncode
    assert "ready" == states(house)["hanging"]
    house.restart("parse")
    told = house.cli("replay", "--quarantine", "--apply", "--yes", "--json")

    assert {"new": 4} == msgspec.json.decode(told.stdout)["counts"], told.stderr
    assert {"B000XYZ", "B111XYZ", "B222XYZ", "B999XYZ"} == reads(house, camera)
    assert [] == quarantined(house, camera)
    assert 4 == len(quarantined(house, camera, still_open=False))
    assert 5 == house.one("SELECT count(*) FROM violations")
    house.send(camera, b"BAD B888XYZ", "text/plain")
    house.settle()
    assert "B888XYZ" in reads(house, camera)


def states(house):
    return {info["id"]: info["state"] for info in msgspec.json.decode(house.cli("plugins", "list", "--json").stdout)}


def test_releasing_a_plugin_that_does_not_exist_names_the_known_ones(planted):
    house, _ = planted("parse", raising=BREAKS["raising"])

    told = house.cli("plugins", "release", "rasing")

    assert 1 == told.returncode
    assert "raising" in told.stderr


def test_a_released_plugin_works_again_without_a_restart(planted):
    house, cameras = planted(ending=BREAKS["ending"])
    camera = cameras["ending"]
    for n in range(2):
        house.send(camera, b"BAD B%dA" % n, "text/plain")
        house.settle()
    house.wait_until(lambda: house.rows("SELECT 1 FROM plugin_states WHERE instance = 'ending'"))

    house.cli("plugins", "release", "ending")
    house.wait_until(lambda: '"plugin_released"' in house.logs("parse"), what="the parser follows")
    house.send(camera, b"OK B7A", "text/plain")
    house.settle()

    assert {"B7A"} == reads(house, camera)


def test_twenty_failures_in_a_row_take_a_plugin_out(planted):
    house, cameras = planted(raising=BREAKS["raising"])
    for n in range(22):
        house.send(cameras["raising"], b"BAD B%dA" % n, "text/plain")
    house.settle()

    kinds = [kind for kind, _ in quarantined(house, cameras["raising"])]

    assert ["parser_error"] * 20 + ["plugin_quarantined"] * 2 == kinds
    assert [("raising",)] == house.rows("SELECT instance FROM plugin_states WHERE state = 'quarantined'")


def test_two_parsers_never_fall_into_the_same_pit(planted):
    house, cameras = planted("ingest", hanging=BREAKS["hanging"], settings={"parse_processes": 2})
    camera = cameras["hanging"]
    for body in (b"OK B1A", b"BAD B2A", b"OK B3A"):
        house.send(camera, body, "text/plain")

    house.start("parse")
    house.settle()

    assert [("parser_hang",)] == [row[:1] for row in quarantined(house, camera)]
    assert {"B1A", "B3A"} == reads(house, camera)
    assert 1 == house.logs("parse").count('"parser_hung"')
    assert [] == house.rows("SELECT * FROM plugin_states")


def test_parsers_killed_in_the_middle_of_their_batches_lose_and_double_nothing(planted):
    chance = random.Random(5)
    house, cameras = planted("ingest", slow="pass", settings={"parse_processes": 2})
    house.write_plugin("slow", PARSER.format(break_="time.sleep(0.004)"), maker="slow")
    camera = cameras["slow"]
    for n in range(400):
        house.send(camera, b"BAD B%dA" % n, "text/plain")

    house.start("parse")
    for turn in range(6):
        time.sleep(chance.uniform(0.15, 0.5))
        if turn % 3 == 2:
            house.kill("parse", signal.SIGKILL)
            house.start("parse")
        else:
            house.wait_until(lambda: house.children("parse"), what="a parser is at work")
            os.kill(chance.choice(house.children("parse")), signal.SIGKILL)
    house.settle(60)

    seen = house.rows("SELECT payload_id FROM plate_reads UNION ALL SELECT payload_id FROM quarantine")
    assert sorted(house.rows("SELECT id FROM payloads")) == sorted(seen)
    assert 400 == len(seen)
    assert [] == [row for row in quarantined(house, camera) if row[0] != "parser_crash"]
    passages = "SELECT sum(reads) FROM passages WHERE device_id = %s"
    assert house.one(passages, camera.id) == house.count("plate_reads", camera)


def test_a_make_without_a_table_of_answers_hears_a_plain_200(planted):
    house, cameras = planted("ingest", raising=BREAKS["raising"])

    answer = house.send(cameras["raising"], b"OK B1A", "text/plain")

    assert (200, b"") == (answer.status, answer.body)
