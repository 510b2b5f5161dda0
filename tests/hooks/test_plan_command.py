"""`tangkapin plugins plan` as it is typed, where no database answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.plan import in_use
from core.cli.plugins import command
from core.settings import Settings

OLD = """hooks = 1
[plugin.generic]
use = "vendors.generic"
[plugin.anpr_filter]
use = "detectors.anpr_filter"
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """plan(new text, *arguments) -> (exit code, output) against OLD as the file that was loaded."""
    for name, value in {"HOME": tmp_path, "PLUGINS_FILE": tmp_path / "plugins.toml"}.items():
        monkeypatch.setenv(f"TANGKAPIN_{name}", str(value))
    monkeypatch.setenv("TANGKAPIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("TANGKAPIN_REDIS_URL", "redis://127.0.0.1:1/0")

    def run(new, *arguments):
        (tmp_path / "plugins.toml").write_text(new)
        copy = in_use(Settings(home=Path(tmp_path)))
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(OLD)
        result = CliRunner().invoke(command, ["plan", *arguments])
        return result.exit_code, result.output

    return run


def test_the_file_that_runs_changes_nothing(plan):
    code, told = plan(OLD)

    assert 0 == code, told
    assert "nothing changes" in told
    assert "no database answers" in told


def test_a_change_is_shown_and_is_no_loss_by_itself(plan):
    code, told = plan(OLD + "[plugin.anpr_filter.config.default]\naccept = 85\n")

    assert 0 == code, told
    assert "~ anpr_filter  detectors.anpr_filter, serves all" in told
    assert "config.default.accept = 85" in told


def test_a_file_that_would_not_start_exits_1_and_says_why(plan):
    code, told = plan(OLD.replace("vendors.generic", "vendors.nirgends"))

    assert 1 == code
    assert "would not start" in told and "vendors.nirgends" in told


def test_json_has_the_same(plan):
    code, told = plan(OLD.split("[plugin.anpr_filter]")[0], "--json")
    found = json.loads(told[: told.rindex("}") + 1])

    assert 0 == code
    assert [("anpr_filter", "removed", ["judge_read"])] == [
        (change["instance"], change["change"], change["lost"]) for change in found["instances"]
    ]
