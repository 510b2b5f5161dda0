"""`tangkapin capture`: from a payload that nobody reads to a redacted sample and an opinion whose it is."""

import json

import pytest
from click.testing import CliRunner

from core.cli.main import cli
from core.testing.drawing import draw_plate
from core.testing.fixtures import load_http

STRANGE = b'{"lp": "B 1234 XYZ", "serial": "SN-778899", "lat": -6.2016001, "at": "2026-03-02T17:20:00+07:00"}'


@pytest.fixture(scope="module")
def kept(house):
    """Three stored requests: of a make without a plugin, one that its parser refuses, one that is read."""
    acme, generic, good = house.camera("acme"), house.spare("generic"), house.spare("generic")
    house.send(acme, STRANGE)
    house.send(generic, b'{"apa": 1}')
    picture = __import__("base64").b64encode(draw_plate("B 4321 ABC")).decode()
    event = {"plate_number": "B 4321 ABC", "capture_time": "2026-03-02T17:20:00+07:00", "plate_image": picture,
             "confidence": 0.97, "violation_type": "lampu_merah"}  # fmt: skip
    house.send(good, event)
    house.wait_until(house.parsed, what="all is parsed")
    ids = [house.one("SELECT max(id) FROM payloads WHERE device_id = %s", c.id) for c in (acme, generic, good)]
    return house, dict(zip(("acme", "refused", "good"), ids, strict=True)), acme


def run(house, *arguments):
    told = house.cli("capture", *map(str, arguments))
    return told.returncode, told.stdout + told.stderr


def test_what_nobody_reads_is_listed_with_the_reason(kept):
    house, ids, acme = kept
    rows = {row["id"]: row for row in json.loads(run(house, "list", "--json")[1])}

    assert {ids["acme"], ids["refused"]} <= set(rows)
    assert ids["good"] not in rows
    assert ("acme", acme.code) == (rows[ids["acme"]]["maker"], rows[ids["acme"]]["device_code"])
    assert "acme" in rows[ids["acme"]]["reason"]


def test_a_stored_request_is_shown_with_its_headers(kept):
    house, ids, _ = kept

    assert '"lp": "B 1234 XYZ"' in run(house, "show", ids["acme"])[1]
    assert STRANGE.decode() == run(house, "show", ids["acme"], "--raw")[1]


def test_an_export_is_a_fixture_and_redacted_holds_nobodys_data(kept, tmp_path):
    house, ids, _ = kept
    plain, safe = tmp_path / "a.http", tmp_path / "b.http"
    assert 0 == run(house, "export", ids["acme"], plain)[0]
    code, told = run(house, "export", ids["acme"], safe, "--redact")

    assert (0, STRANGE) == (code, load_http(plain)[3])
    assert f"plugins new vendor acme --from-capture {safe}" in told
    body = load_http(safe)[3]
    assert len(STRANGE) == len(body)
    assert [] == [gone for gone in (b"1234 XYZ", b"778899", b"2016001") if gone in body]
    assert "plates found and replaced: 1" in told
    assert b"X-Api-Key" not in safe.read_bytes().title()
    assert 0 != run(house, "export", ids["acme"], plain)[0], "nothing is overwritten"


def test_a_sample_that_is_read_is_read_the_same_way_when_it_is_redacted(kept, tmp_path):
    house, ids, _ = kept
    safe = tmp_path / "c.http"
    assert 0 == run(house, "export", ids["good"], safe, "--redact")[0]
    (row,) = json.loads(house.cli("parse", "generic", str(safe), "--json").stdout)

    assert "B4321ABC" != row["plate_number"]
    assert ("2026-03-02T10:20:00Z", 97.0, 1) == (row["capture_time"], row["confidence"], len(row["images"]))


def test_plugins_say_whose_it_is_and_why(kept, tmp_path):
    house, ids, _ = kept
    opinions = json.loads(run(house, "sniff", ids["good"], "--json")[1])
    assert "generic" == opinions[0]["plugin"]
    assert opinions[0]["why"]
    file = tmp_path / "x.http"
    file.write_bytes(b"POST /NotificationInfo/TollgateInfo HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{}")
    assert "dahua" in run(house, "sniff", file)[1]
    assert 0 != run(house, "sniff", "tidak-ada")[0]


def test_a_file_needs_no_deployment_to_be_recognised(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "x.xml"
    file.write_bytes(b"<CAR_PLATE plate='B1A'/>")

    told = CliRunner().invoke(cli, ["capture", "sniff", str(file)])

    assert (0, True) == (told.exit_code, "axxon" in told.output), told.output


def test_a_payload_that_is_not_there_is_said(kept):
    assert "there is no payload 7" in run(kept[0], "show", 7)[1]
