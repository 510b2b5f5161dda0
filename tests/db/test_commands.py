"""`tangkapin init`, `migrate` and `doctor` over an embedded database of their own."""

import json
import os
import stat
import tomllib

import psycopg
import pytest
from click.testing import CliRunner

from core.cli.main import cli
from core.db import migrate
from core.db.embedded import EmbeddedPostgres
from core.db.engine import dsn

BEFORE = migrate.revisions()[-2] if len(migrate.revisions()) > 1 else "(empty)"
"""The schema one step behind."""


@pytest.fixture
def tangkapin(short_dir, monkeypatch):
    """tangkapin(*arguments) -> the result of the command, in a folder and environment of its own."""
    for name in [name for name in os.environ if name.startswith("TANGKAPIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(short_dir)
    monkeypatch.setenv("TANGKAPIN_HOME", str(short_dir / "var"))

    def run(*arguments, **told):
        return CliRunner().invoke(cli, arguments, **told)

    return run


@pytest.fixture
def home(tangkapin, short_dir):
    """The home of a deployment that `init` made."""
    result = tangkapin("init")
    assert 0 == result.exit_code, result.output
    return short_dir / "var"


def checks(result):
    return {check["name"]: check for check in json.loads(result.stdout)["checks"]}


def rows(home, statement):
    with EmbeddedPostgres(home / "postgres") as server:
        with psycopg.connect(dsn(server.start()), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


def test_init_makes_a_deployment_that_the_doctor_finds_well(tangkapin, home):
    assert {"plugins.toml", "postgres", "secret.key", "tangkapin.toml"} == {path.name for path in home.iterdir()}
    assert [0o700, 0o600] == [stat.S_IMODE(path.stat().st_mode) for path in (home, home / "secret.key")]
    assert [(migrate.head(),)] == rows(home, "SELECT version_num FROM alembic_version")
    result = tangkapin("doctor", "--json")
    assert 0 == result.exit_code, result.output
    found = checks(result)
    assert {"ok"} == {found[name]["state"] for name in ("settings", "home", "key", "plugins", "database", "schema")}
    told = tomllib.loads((home / "plugins.toml").read_text())["plugin"]
    assert f"{len(told)} instances" in found["plugins"]["detail"]


def test_init_leaves_what_is_there_as_it_is(tangkapin, home):
    (home / "plugins.toml").write_text("hooks = 1\n")
    key = (home / "secret.key").read_text()
    rows(home, "CREATE TABLE mine (n int)")
    result = tangkapin("init")
    assert (0, False) == (result.exit_code, "wrote" in result.output), result.output
    assert ("hooks = 1\n", key) == ((home / "plugins.toml").read_text(), (home / "secret.key").read_text())
    assert [] == rows(home, "SELECT * FROM mine")


def test_init_uses_a_plugins_file_that_is_there(tangkapin, short_dir):
    (short_dir / "plugins.toml").write_text("hooks = 1\n")
    assert 0 == tangkapin("init").exit_code
    assert not (short_dir / "var" / "plugins.toml").exists()
    assert "hooks = 1\n" == (short_dir / "plugins.toml").read_text()


def test_init_leaves_no_server_running(tangkapin, home):
    assert None is EmbeddedPostgres(home / "postgres").running()


def test_migrate_goes_one_step_back_only_when_it_is_meant(tangkapin, home):
    refused = tangkapin("migrate", "--downgrade", input="n\n")
    assert (1, migrate.head()) == (refused.exit_code, migrate_state(home))
    assert 0 == tangkapin("migrate", "--check").exit_code
    gone = tangkapin("migrate", "--downgrade", "--yes")
    assert (0, f"schema {migrate.head()} -> {BEFORE}\n") == (gone.exit_code, gone.stdout)


def test_a_schema_that_does_not_fit_is_named_and_mended_by_migrate(tangkapin, home):
    tangkapin("migrate", "--downgrade", "--yes")
    check = tangkapin("migrate", "--check")
    assert 1 == check.exit_code
    assert "run `tangkapin migrate`" in check.stderr
    result = tangkapin("doctor", "--json")
    assert (1, "fail") == (result.exit_code, checks(result)["schema"]["state"])
    mended = tangkapin("migrate")
    assert (0, f"schema {BEFORE} -> {migrate.head()}\n") == (mended.exit_code, mended.stdout)
    assert 0 == tangkapin("migrate", "--check").exit_code


def migrate_state(home):
    return rows(home, "SELECT version_num FROM alembic_version")[0][0]


def test_migrate_refuses_two_wishes_at_once(tangkapin):
    assert 2 == tangkapin("migrate", "--check", "--downgrade").exit_code


def test_the_doctor_sends_a_new_folder_to_init(tangkapin):
    result = tangkapin("doctor", "--json")
    assert 1 == result.exit_code
    found = checks(result)
    assert ("fail", "run `tangkapin init`") == (found["home"]["state"], found["home"]["fix"])
    assert ("fail", "run `tangkapin init`") == (found["database"]["state"], found["database"]["fix"])


def test_the_doctor_names_wrong_settings(tangkapin, monkeypatch):
    monkeypatch.setenv("TANGKAPIN_PROT", "8097")
    result = tangkapin("doctor")
    assert 1 == result.exit_code
    assert "TANGKAPIN_PROT: unknown environment variable; did you mean TANGKAPIN_PORT?" in result.stdout


def test_the_doctor_names_a_plugin_that_cannot_be_loaded_and_goes_on(tangkapin, home):
    with (home / "plugins.toml").open("a") as file:
        file.write('\n[plugin.hikvison]\nuse = "vendors.hikvison"\n')
    found = checks(tangkapin("doctor", "--json"))
    assert "fail" == found["plugins"]["state"]
    assert "hikvison" in found["plugins"]["detail"]
    assert "ok" == found["schema"]["state"]


def test_the_doctor_says_that_an_external_database_is_out_of_reach_and_hides_its_password(tangkapin, home, monkeypatch):
    monkeypatch.setenv("TANGKAPIN_DATABASE_URL", "postgresql://polda:rahasia@127.0.0.1:1/tangkapin")
    result = tangkapin("doctor", "--json")
    assert (1, "fail") == (result.exit_code, checks(result)["database"]["state"])
    assert "TANGKAPIN_DATABASE_URL" in checks(result)["database"]["fix"]
    assert "rahasia" not in result.output


def test_the_doctor_warns_of_a_home_that_others_can_enter(tangkapin, home):
    home.chmod(0o755)
    found = checks(tangkapin("doctor", "--json"))
    assert ("warn", f"chmod 700 {home}") == (found["home"]["state"], found["home"]["fix"])


def test_the_doctor_warns_of_rows_that_fell_out_of_the_partitions(tangkapin, home):
    rows(
        home,
        "SET ROLE tangkapin_system; INSERT INTO plate_reads (id, vendor_id, device_id, capture_time, payload_id,"
        " time_source, received_at, verdict) VALUES (900000000, 1, 1, now(), 1, 'receive', now(), 'accept')",
    )
    result = tangkapin("doctor", "--json")
    warned = [c for c in json.loads(result.stdout)["checks"] if c["name"] == "schema" and c["state"] == "warn"]
    assert ["rows in the default partition of plate_reads"] == [check["detail"] for check in warned]
