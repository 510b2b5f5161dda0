"""Runs the shell blocks of a page as its reader would: in a home of its own, the project's commands on the path."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def home() -> Iterator[Path]:
    """The reader's home folder; short, since a socket's path has room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tkp-") as folder:
        yield Path(folder)


@pytest.fixture
def blocks() -> Callable[[str, str], list[str]]:
    """blocks(page, language): the fenced blocks of docs/<page>; `sh` is the installation, `bash` is executed."""

    def find(page: str, language: str) -> list[str]:
        text = (DOCS / page).read_text("utf-8")
        return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

    return find


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def run(home: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """run(script) in bash; stdout and stderr together."""

    def call(script: str, timeout_s: float = 170) -> subprocess.CompletedProcess[str]:
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
        out = ""
        try:
            out, _ = shell.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGTERM)
            out, _ = shell.communicate(timeout=10)
        finally:
            try:
                os.killpg(shell.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        return subprocess.CompletedProcess(script, shell.returncode, out)

    return call
