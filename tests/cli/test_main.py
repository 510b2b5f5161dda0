"""The command table, the errors, and the commands of config and plugins."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from importlib.util import find_spec

import click
import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy.exc import ProgrammingError

from core.cli.main import COMMANDS, cli


@pytest.fixture
def run(tmp_path, monkeypatch):
    for name in ("TANGKAPIN_CONFIG", "TANGKAPIN_DATABASE_URL", "TANGKAPIN_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TANGKAPIN_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **options):
        return CliRunner().invoke(cli, list(arguments), **options)

    return call


def test_help_lists_the_commands_that_are_there_without_importing_them():
    code = (
        "import sys\nfrom core.cli.main import cli\n"
        "try: cli(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith('core.cli.') and m != 'core.cli.main'], file=sys.stderr)\n"
        "print([m for m in ('sqlalchemy', 'litestar', 'lxml', 'msgspec._json') if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n[]\n" == result.stderr
    assert "Decode one payload of a camera" in result.stdout


def test_parse_needs_neither_a_database_nor_the_web():
    code = (
        "import sys\nimport core.cli.parse\n"
        "print([m for m in ('sqlalchemy', 'litestar', 'psycopg', 'dramatiq', 'redis') if m in sys.modules])"
    )
    assert (
        "[]" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    )


def test_the_version_is_printed(run):
    assert run("--version").output.startswith("tangkapin ")


def test_a_command_whose_module_is_not_there_breaks_no_other(run, monkeypatch):
    monkeypatch.setitem(COMMANDS, "absent", ("core.cli.absent:command", "Not there."))
    assert "absent" not in run("--help").output
    assert 2 == run("absent").exit_code
    assert 0 == run("config", "check").exit_code


def test_a_command_that_breaks_at_import_is_named(run, monkeypatch):
    monkeypatch.setitem(COMMANDS, "broken", ("core.cli.config:nothing", "Broken."))
    result = run("broken")
    assert (1, True) == (result.exit_code, "the command broken cannot be loaded" in result.stderr)


def test_serve_says_that_its_port_is_taken_before_it_starts_anything(run, tmp_path, monkeypatch):
    monkeypatch.setattr("core.cli.serve.PORT_PATIENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("--set", "host=127.0.0.1", "--set", f"port={port}", "serve")
    assert (1, True) == (result.exit_code, f"port {port} of 127.0.0.1 is taken" in result.stderr)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("name", [name for name, (target, _) in COMMANDS.items() if find_spec(target.split(":")[0])])
def test_every_command_that_is_there_has_help(run, name):
    result = run(name, "--help")
    assert (0, True) == (result.exit_code, result.output.startswith("Usage: tangkapin"))


def test_a_known_mistake_is_one_line_on_standard_error_and_exit_1(run):
    result = run("--set", "prot=1", "config", "check")
    assert (1, "", "Error: flag prot: unknown setting; did you mean port?\n") == (
        result.exit_code,
        result.stdout,
        result.stderr,
    )


def test_a_usage_error_is_exit_2(run):
    assert 2 == run("config", "nonsense").exit_code
    assert 2 == run("--set", "port", "config", "check").exit_code


def test_config_check_says_how_many_settings_were_given(run):
    assert run("--set", "port=9", "config", "check").output.startswith("The settings are right: 2 given")


def test_config_show_tells_values_and_origins_and_no_secret(run, monkeypatch):
    monkeypatch.setenv("TANGKAPIN_SECRET_KEY", "planted-key")
    result = run("--set", "port=9", "config", "show", "--origin", "--json")
    shown = json.loads(result.output)
    assert {"value": 9, "origin": "flag port"} == shown["port"]
    assert {"value": "***", "origin": "TANGKAPIN_SECRET_KEY"} == shown["secret_key"]
    assert {"value": "127.0.0.1", "origin": "default"} == shown["host"]
    assert 9 == json.loads(run("--set", "port=9", "config", "show", "--json").output)["port"]
    plain = run("--set", "port=9", "config", "show", "--origin").output
    assert "# flag port" in plain
    assert "planted-key" not in plain + result.output


def test_the_home_option_finds_the_file_in_it(run, tmp_path):
    home = tmp_path / "other"
    home.mkdir()
    (home / "tangkapin.toml").write_text("port = 7")
    assert 7 == json.loads(run("--home", str(home), "config", "show", "--json").output)["port"]
    assert 7 == json.loads(run("--config", str(home / "tangkapin.toml"), "config", "show", "--json").output)["port"]


PLUGIN = """
from core.api import *
from core.api import Plugin as Base

class Plugin(Base):
    maker = "planted"
    class Config(PluginConfig):
        key: Secret = Secret("")
    @hookimpl
    def parse_payload(self, payload): return []
"""


@pytest.fixture
def deployment(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PLANTED_KEY", "planted-secret")
    folder = tmp_path / "planted_cli"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "plugin.py").write_text(PLUGIN)
    file = tmp_path / "plugins.toml"
    file.write_text(
        "hooks = 1\n[plugin.good]\nuse = 'planted_cli'\n[plugin.good.config]\nkey = {env = 'PLANTED_KEY'}\n"
        "[plugin.bad]\nuse = 'planted_nowhere'\n"
    )
    yield file
    for name in [name for name in sys.modules if name.startswith("planted_cli")]:
        del sys.modules[name]


def test_plugins_list_shows_all_instances_even_when_a_required_one_is_broken(run, deployment):
    result = run("plugins", "list", "--json")
    good, bad = json.loads(result.stdout)
    assert ("good", "ready", "parser", ["parse_payload"]) == (good["id"], good["state"], good["kind"], good["hooks"])
    assert ("bad", "quarantined") == (bad["id"], bad["state"])
    assert {"key": "***"} == good["config"]
    table = run("plugins", "list").output
    assert "planted_cli" in table
    assert "bad is quarantined: " in table
    assert "planted-secret" not in table + result.output


def test_plugins_check_names_what_is_wrong_and_exits_1(run, deployment):
    result = run("plugins", "check")
    assert 1 == result.exit_code
    assert "good: right (parser, planted_cli 1, ready)" in result.stdout
    assert "[plugin.bad]: use = 'planted_nowhere': no folder" in result.stderr


def test_plugins_check_of_one_instance_looks_at_that_one(run, deployment):
    good = run("plugins", "check", "good", "--at-least", "none", "--rounds", "20")
    assert (0, True) == (good.exit_code, "good: none (parser, planted_cli)" in good.stdout)
    assert 1 == run("plugins", "check", "bad").exit_code
    unknown = run("plugins", "check", "goood")
    assert (1, True) == (unknown.exit_code, "no instance 'goood'; did you mean good?" in unknown.stderr)


def test_a_database_that_does_not_answer_is_one_line_and_exit_1(run, monkeypatch):
    monkeypatch.setenv("TANGKAPIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = run("vendor", "list")
    assert (1, "", 1) == (result.exit_code, result.stdout, len(result.stderr.splitlines()))
    assert "the database does not answer" in result.stderr


def test_a_database_without_the_schema_is_told_what_to_run(run, monkeypatch):
    lost = ProgrammingError("SELECT 1", {}, psycopg.errors.UndefinedTable("there is no table devices"))

    @click.command()
    def ask() -> None:
        raise lost

    monkeypatch.setattr("core.cli.vendor.command", ask)
    result = run("vendor")
    assert (1, True) == (result.exit_code, "run `tangkapin migrate`" in result.stderr)
