"""A home for a drill, and proof that nothing outlives it."""

import os
import secrets
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from core.settings import load_settings
from core.testing.drill import processes_of


@pytest.fixture
def drill_home():
    """A short folder (sockets lie below it). At the end nothing that was started for it may be left."""
    home = Path(tempfile.mkdtemp(prefix="tkp-drill-")).resolve()
    yield home
    deadline = time.monotonic() + 20
    while (left := processes_of(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)
    assert {} == left


@pytest.fixture
def drill_settings(drill_home):
    """Settings of a house that lies in the drill's home alone."""
    environ = {
        "TANGKAPIN_HOME": str(drill_home),
        "TANGKAPIN_PORT": "0",
        "TANGKAPIN_UNDO_S": "1",
        "TANGKAPIN_LOG_FORMAT": "json",
    }
    return load_settings(environ=environ)


@pytest.fixture
def seed():
    """A new seed each time, printed for those who look into a failure."""
    number = secrets.randbelow(1 << 30)
    print(f"drill seed {number}")
    return number
