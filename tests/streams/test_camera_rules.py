"""One camera's own rules, by the command line."""

from datetime import date

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select

from core.accounts.tables import audit_log, devices
from core.cli.main import cli
from core.incidents.tables import detection_stats
from core.streams.book import Book


@pytest.fixture
def run(database, tmp_path, redis_url):
    def run(*arguments):
        given = ["--home", str(tmp_path), "--set", f"database_url={database.url}", "--set", f"redis_url={redis_url}"]
        return CliRunner().invoke(cli, [*given, "model", "camera", *arguments])

    return run


def test_what_holds_at_a_camera_is_shown_and_changed(database, make_device, tmp_path, run):
    make_device(database, code="toko-1", settings={"stream": {"fps": 2}})
    assert "do not go to the detectors" in run("toko-1").output
    file = tmp_path / "rules.json"
    file.write_text('{"scores": {"knife": 0.5}, "masks": [[[0, 0], [0.2, 0], [0.2, 1]]]}')
    told = run("toko-1", "--detect", "--rules", str(file)).output
    assert "toko-1: its pictures go to the detectors" in told
    assert "scores = {'knife': 0.5}" in told
    with database.system() as connection:
        row = connection.execute(select(devices)).mappings().one()
        audited = connection.execute(select(audit_log.c.action)).scalars().all()
    assert (True, {"fps": 2}) == (row["detect"], row["settings"]["stream"])
    assert msgspec.json.decode(file.read_bytes()) == row["settings"]["detection"]
    assert ["detection_set"] == audited


@pytest.mark.parametrize(
    ("rules", "told"),
    [('{"score": 2}', "<= 1.0"), ('{"treshold": 1}', "treshold"), ("[", "Expected `object`")],
)
def test_wrong_rules_are_refused_by_name_and_change_nothing(database, make_device, tmp_path, run, rules, told):
    make_device(database, code="toko-1")
    (tmp_path / "rules.json").write_text(rules)
    result = run("toko-1", "--detect", "--rules", str(tmp_path / "rules.json"))
    assert 1 == result.exit_code
    assert told in result.output
    with database.system() as connection:
        assert [False] == connection.execute(select(devices.c.detect)).scalars().all()


def test_a_camera_that_is_not_there_is_named(run):
    assert "there is no device 'toko-9'" in run("toko-9").output


def test_what_the_frames_came_to_is_shown_by_camera_and_detector(run, tmp_path, database, make_device, redis_url):
    given = ["--home", str(tmp_path), "--set", f"database_url={database.url}", "--set", f"redis_url={redis_url}"]
    asked = [*given, "model", "counts"]
    assert "no camera has been watched" in CliRunner().invoke(cli, asked).output
    camera, book = make_device(database, code="toko-1"), Book()
    book.count(camera, watched_ms=5_400_000, frames_read=90, frames_still=60, frames_skipped=10, reports=2, silenced=1)
    book.count(camera, "nanodet", frames_detected=20, frames_positive=6, latency_us=5_000_000)
    book.write(database)
    with database.system() as connection:
        old = {"day": date(2026, 1, 1), "device_id": camera.id, "vendor_id": camera.vendor_id, "model": "lama"}
        connection.execute(insert(detection_stats).values(**old, frames_detected=7))
    told = CliRunner().invoke(cli, asked).output.splitlines()
    assert [
        "toko-1  all frames: watched 1.5 h, read 90, still 60, skipped 10; reports 2, silenced 1",
        "toko-1  nanodet: looked at 20, 0.25 s after the frame, positive 6",
    ] == told


def test_verdicts_can_be_asked_for(run, tmp_path, database, redis_url):
    given = ["--home", str(tmp_path), "--set", f"database_url={database.url}", "--set", f"redis_url={redis_url}"]
    assert "no detector has opened a report yet" in CliRunner().invoke(cli, [*given, "model", "verdicts"]).output
