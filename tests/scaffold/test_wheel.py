"""A plugin outside the tree, as a wheel: built, installed, configured, used, removed. No network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial-first-camera.md").read_text("utf-8")
BODY = '{"device": {"sn": "NC-1"}, "result": {"plate": "A 1234 XYZ", "score": 0.934, "time": "2026-03-02 17:20:00"}}'
USE = """
import sys
from core.hooks.host import Host
from core.testing.fixtures import as_payload
host = Host.load(__import__("pathlib").Path(sys.argv[1]), environ={})
(read,) = host.parse_payload(as_payload(sys.argv[2].encode(), "nusacam", content_type="application/json"))
print(read.plate_number, read.confidence, read.capture_time.isoformat(), sys.modules["tangkapin_nusacam"].__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The tutorial's plugin as a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    told = CliRunner().invoke(cli, ["plugins", "new", "vendor", "nusacam", "--package", "--into", str(folder)])
    assert 0 == told.exit_code, told.output
    (code,) = re.findall(r"dialect\.py <<END\n(.*?)^END$", PAGE, re.MULTILINE | re.DOTALL)
    (folder / "tangkapin-nusacam" / "tangkapin_nusacam" / "dialect.py").write_text(code)
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder, folder / "tangkapin-nusacam")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A fresh environment beside the project's: it sees what is installed there, and has a folder of its own."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    (own,) = folder.glob("lib/python3*/site-packages")
    # as --system-site-packages does for a system's Python: this project's own environment is one itself
    shared = [path for path in sys.path if path.endswith("site-packages")]
    (own / "shared.pth").write_text("\n".join([str(ROOT), *shared]) + "\n")
    return folder / "bin" / "python"


def run(*command, environ=None):
    ran = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=150, env=environ or dict(os.environ), cwd="/"
    )
    assert 0 == ran.returncode, ran.stdout + ran.stderr
    return ran.stdout


def pip(*arguments, python=sys.executable):
    return run(sys.executable, "-m", "pip", f"--python={python}", "--disable-pip-version-check", *arguments)


def test_a_plugin_is_built_installed_configured_used_and_removed(wheel, environment, tmp_path):
    plugins = tmp_path / "plugins.toml"
    plugins.write_text('hooks = 1\n[plugin.nusacam]\nuse = "nusacam"\n')
    check = (environment, "-m", "tangkapin", "plugins", "check", "--file", plugins)

    pip("install", "--no-deps", "--no-index", wheel, python=environment)
    listed = run(environment, "-m", "tangkapin", "plugins", "list", "--file", plugins)
    used = run(environment, "-c", USE, plugins, BODY)
    plate, confidence, at, place = used.split()

    assert "nusacam: right (parser, nusacam 1, trial)" in run(*check)
    assert re.search(r"^nusacam +nusacam +parser", listed, re.MULTILINE)
    assert ("A1234XYZ", "93.4", "2026-03-02T10:20:00+00:00") == (plate, confidence, at)
    assert Path(place).is_relative_to(environment.parents[1])

    # an installed plugin is available, and enabled by plugins.toml alone
    plugins.write_text('hooks = 1\n[plugin.generic]\nuse = "vendors.generic"\n')
    assert "nusacam" not in run(*check)

    pip("uninstall", "--yes", "tangkapin-nusacam", python=environment)
    plugins.write_text('hooks = 1\n[plugin.nusacam]\nuse = "nusacam"\n')
    gone = subprocess.run([*map(str, check)], capture_output=True, text=True, timeout=100)
    assert (1, True) == (gone.returncode, "nusacam" in gone.stderr)
