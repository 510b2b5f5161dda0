"""One camera's own rules, by the command line."""

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from core.accounts.tables import audit_log, devices
from core.cli.main import cli


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


def test_verdicts_can_be_asked_for(run, tmp_path, database, redis_url):
    given = ["--home", str(tmp_path), "--set", f"database_url={database.url}", "--set", f"redis_url={redis_url}"]
    assert "no detector has opened a report yet" in CliRunner().invoke(cli, [*given, "model", "verdicts"]).output
