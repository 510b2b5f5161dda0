"""docs/quick-start.md is executed as it stands, in a home of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "quick-start.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def home() -> Iterator[Path]:
    """The reader's home folder; short, since a socket's path has room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tkp-") as folder:
        yield Path(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TANGKAPIN_")}
    environ |= {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}",
        "TANGKAPIN_PORT": str(free_port()),
        "NO_PROXY": "127.0.0.1",
    }
    shell = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script], cwd=home, env=environ, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        out, _ = shell.communicate(timeout=150)
    finally:
        try:
            os.killpg(shell.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    return subprocess.CompletedProcess(script, shell.returncode, out)


def test_only_the_installation_is_not_executed():
    assert [["make setup", 'export PATH="$PWD/.venv/bin:$PATH"']] == [block.splitlines() for block in blocks("sh")]


def test_a_newcomer_sees_the_event_become_a_violation_and_reach_the_sink(home):
    result = run("\n".join(blocks("bash")), home)

    assert 0 == result.returncode, result.stdout
    assert '{"status":"ok","id":' in result.stdout
    (delivered,) = (home / "tangkapin-mulai" / "keluar" / "polda-banten").glob("*.json")
    case = json.loads(delivered.read_text())
    assert ("polda-banten", "A1234XYZ", "lampu_merah", "Simpang Lima, Serang", "Petugas Satu") == (
        case["vendor_id"], case["plate_number"], case["violation_type"], case["location"], case["verified_by"],
    )  # fmt: skip
    listed = result.stdout[result.stdout.rindex("violation  vendor") :]
    assert re.search(r"\bdrop +accepted\b", listed)
    payload_id = re.search(r'\{"status":"ok","id":"?(\d+)', result.stdout)[1]
    assert f"p{payload_id}" == case["trace"]
