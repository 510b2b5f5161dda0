"""`tangkapin parse`: forms of input, form of output, exit codes."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import zlib

import pytest
from click.testing import CliRunner

from core.cli import parse
from core.cli.main import cli
from core.cli.parse import read_head, split_message

PLUGIN = '''
from datetime import datetime, timedelta, timezone
from core.api import *
from core.api import Plugin as Base

PICTURE = b"\\xff\\xd8picture"

class Plugin(Base):
    """Echoes what it was given; the first word of the body says what to do."""

    @hookimpl
    def parse_payload(self, payload):
        word = payload.body.partition(b" ")[0]
        if word == b"heartbeat":
            return []
        if word == b"malformed":
            raise MalformedPayload("expected a root element")
        if word == b"unsupported":
            raise UnsupportedEvent("NTPAdjustTime", "clock set")
        if word == b"exit":
            raise SystemExit(0)
        if word == b"alarm":
            return [Alarm(event="VMD", direction="in")]
        return [PlateRead(
            event="ANPR", plate_number="B1234XYZ", plate_raw="B 1234 XYZ", confidence=91.5, direction="approach",
            lane_no="2", vehicle_type="car", vehicle_color="white",
            capture_time=datetime(2026, 3, 2, 17, 20, tzinfo=timezone(timedelta(hours=7))),
            images=(Image(role="plate", data=memoryview(PICTURE)), Image(role="scene", url="http://cam/1.jpg")),
            extra={"seen": [payload.body.decode(), payload.content_type, payload.path, payload.query,
                            payload.device.zone, sorted(payload.headers)]},
        )]
'''


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A make named acme, and the payloads its parser was given."""
    folder = tmp_path / "vendors" / "acme"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "plugin.py").write_text(PLUGIN)
    import vendors

    monkeypatch.setattr(vendors, "__path__", [str(tmp_path / "vendors")])
    seen = []
    real = parse.as_row
    monkeypatch.setattr(parse, "as_row", lambda o: (seen.append(o.extra.get("seen")), real(o))[1])
    yield seen
    for name in [name for name in sys.modules if name.startswith("vendors.acme")]:
        del sys.modules[name]


@pytest.fixture
def run(tmp_path):
    def call(body: bytes, *options: str, name: str = "x.bin"):
        (tmp_path / name).write_bytes(body)
        return CliRunner().invoke(cli, ["parse", "acme", str(tmp_path / name), *options])

    return call


def test_the_array_has_exactly_the_promised_fields(acme, run):
    result = run(b"event", "--json")
    picture = b"\xff\xd8picture"
    expected = {
        "kind": "plate_read",
        "event": "ANPR",
        "plate_number": "B1234XYZ",
        "plate_raw": "B 1234 XYZ",
        "confidence": 91.5,
        "capture_time": "2026-03-02T10:20:00Z",
        "direction": "approach",
        "lane_no": "2",
        "vehicle_type": "car",
        "vehicle_color": "white",
        "images": [
            {"role": "plate", "bytes": len(picture), "sha256": hashlib.sha256(picture).hexdigest()},
            {"role": "scene", "url": "http://cam/1.jpg"},
        ],
    }
    assert (0, [expected]) == (result.exit_code, json.loads(result.stdout))


def test_what_is_no_read_has_the_same_fields_with_nulls(acme, run):
    (row,) = json.loads(run(b"alarm", "--json").stdout)
    assert ("alarm", "VMD", None, None, None, "in", []) == tuple(
        row[name] for name in ("kind", "event", "plate_number", "confidence", "capture_time", "direction", "images")
    )


def test_a_heartbeat_is_an_empty_array(acme, run):
    assert (0, "[]\n") == ((result := run(b"heartbeat", "--json")).exit_code, result.stdout)
    assert "heartbeat" in run(b"heartbeat").stdout


def test_malformed_exits_3_and_unsupported_4_with_the_reason_on_standard_error(acme, run):
    for body, code, reason in (
        (b"malformed", 3, "malformed: expected a root element\n"),
        (b"unsupported", 4, "unsupported: NTPAdjustTime: clock set\n"),
    ):
        result = run(body, "--json")
        assert (code, "", reason) == (result.exit_code, result.stdout, result.stderr)


def test_a_parser_that_exits_is_a_plain_failure(acme, run):
    result = run(b"exit")
    assert (1, True) == (result.exit_code, "plugin acme: parse_payload: SystemExit: 0" in result.stderr)


def test_without_json_a_person_can_read_it(acme, run):
    text = run(b"event").stdout
    assert "plate_number   B1234XYZ" in text
    assert "image          scene: http://cam/1.jpg" in text


HEAD = b"POST /cam/acme/x?n=1 HTTP/1.1\r\nContent-Type: text/xml;\r\n charset=utf-8\r\nX-API-KEY: k\r\nX-A: b\r\n"


def test_a_whole_http_message_is_understood(acme, run):
    run(HEAD + b"\r\nevent body\r\n\r\nrest", name="x.http")
    body, kind, path, query, zone, names = acme[0]
    assert ("event body\r\n\r\nrest", "text/xml; charset=utf-8") == (body, kind)
    assert ("/cam/acme/x", "n=1", "Asia/Jakarta", ["content-type", "x-a"]) == (path, query, zone, names)


def test_headers_come_from_a_file_and_the_flag_wins(acme, run, tmp_path):
    headers = tmp_path / "x.headers"
    headers.write_bytes(HEAD)
    run(b"event", "--headers", str(headers))
    run(b"event", "--headers", str(headers), "--content-type", "a/b", "--zone", "Asia/Jayapura")
    assert ["text/xml; charset=utf-8", "/cam/acme/x"] == acme[0][1:3]
    assert ["a/b", "Asia/Jayapura"] == [acme[1][1], acme[1][4]]


def test_a_response_head_is_a_head_too():
    assert ("HTTP/1.1 200 OK", {"content-type": "a/b"}) == read_head(b"HTTP/1.1 200 OK\nContent-Type: a/b\n")


@pytest.mark.parametrize(
    "body", [b"<xml/>", b"--b\r\nA: b\r\n\r\nx", b"Code=VideoMotion;action=Start", b"", b"POSTED /"]
)
def test_a_bare_body_is_left_as_it_is(body):
    assert ("", {}, body) == split_message(body)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("Deflate", lambda b: zlib.compress(b, wbits=-15))],
)
def test_a_content_encoding_in_the_headers_is_undone(acme, run, tmp_path, encoding, pack):
    headers = tmp_path / "x.headers"
    headers.write_text(f"Content-Encoding: {encoding}\n")
    assert 0 == run(pack(b"event packed"), "--headers", str(headers)).exit_code
    assert "event packed" == acme[0][0]


def test_a_broken_content_encoding_is_malformed(acme, run, tmp_path):
    headers = tmp_path / "x.headers"
    headers.write_text("Content-Encoding: gzip\n")
    assert 3 == run(b"event", "--headers", str(headers)).exit_code


def test_the_suffix_gives_a_content_type_where_nothing_else_does(acme, run):
    run(b"event", name="x.json")
    run(b"event", name="x.bin")
    assert ["application/json", ""] == [seen[1] for seen in acme]


def test_a_dash_reads_standard_input(acme):
    result = CliRunner().invoke(cli, ["parse", "acme", "-", "--json"], input=b"event from a pipe")
    assert (0, "event from a pipe") == (result.exit_code, acme[0][0])


def test_an_unknown_make_or_zone_is_a_usage_error(acme, run, tmp_path):
    (tmp_path / "x").touch()
    result = CliRunner().invoke(cli, ["parse", "acmee", str(tmp_path / "x")])
    assert (2, True) == (result.exit_code, "no plugin for 'acmee'; did you mean acme?" in result.stderr)
    result = run(b"event", "--zone", "Mars/Base")
    assert (2, True) == (result.exit_code, "no IANA time zone" in result.stderr)


def test_it_runs_from_any_folder_without_a_deployment(tmp_path):
    (tmp_path / "x").touch()
    command = [sys.executable, "-m", "tangkapin", "parse", "acme", "x"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (2, True) == (result.returncode, "no plugin for 'acme'" in result.stderr)
