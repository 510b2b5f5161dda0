"""`tangkapin demo` as a person starts it: once, again, and ended with Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home of the demo's own; short, since a socket's path has room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="tkp-") as folder:
        yield Path(folder)


def start(home: Path, *arguments: str, stderr: int | None = None) -> subprocess.Popen[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TANGKAPIN_")}
    environ |= {"TANGKAPIN_HOME": str(home), "TANGKAPIN_PORT": "0"}
    command = [sys.executable, "-P", "-m", "core.cli.main", "demo", "--json", *arguments]
    return subprocess.Popen(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
    )


@pytest.fixture(scope="module")
def first(home: Path) -> tuple[int, list[dict[str, Any]]]:
    """(exit code, JSON lines) of a bounded run in a new home."""
    with start(home, "--once") as demo:
        out, _ = demo.communicate(timeout=300)
    return demo.returncode, [json.loads(line) for line in out.splitlines()]


def running(home: Path) -> list[str]:
    """Processes that have to do with this home: by command line, environment or working folder."""
    mark = str(home).encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
            folder = bytes((process / "cwd").readlink())
        except OSError:
            continue  # ended meanwhile
        if any(mark in text for text in (*told, folder)):
            found.append(told[0].replace(b"\0", b" ").decode())
    return found


def call(url: str, body: object = None, token: str = "") -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body is not None else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return json.load(answer)


def test_once_prints_urls_and_logins_then_the_result_and_ends_well(first):
    code, lines = first
    assert (0, 2) == (code, len(lines))
    told, result = lines
    assert {"url", "api", "openapi", "etnas", "logins"} == set(told)
    assert {"admin", "officer", "owner", "police"} == {login["role"] for login in told["logins"]}
    assert all(login["password"] for login in told["logins"])
    assert result["accepted"] == result["posts"] > result["vehicles"] >= result["approved"] > 0
    assert {"hikvision", "dahua", "generic", "milesight", "uniview", "axis"} == {
        form.split("/")[0] for form in result["forms"]
    }


def test_once_leaves_no_process_running(home, first):
    assert [] == running(home)


def test_ctrl_c_while_it_starts_ends_it_and_leaves_nothing_running(home, first):
    log = home / "demo" / "processes.log"
    before = log.stat().st_size
    with start(home) as demo:
        deadline = time.monotonic() + 120
        while b'"ingest", "pid"' not in log.read_bytes()[before:]:
            assert time.monotonic() < deadline, "the server was not started"
            time.sleep(0.05)
        demo.send_signal(signal.SIGINT)
        out, _ = demo.communicate(timeout=60)
    assert (1, "") == (demo.returncode, out)
    assert [] == running(home)


@pytest.fixture
def demo(home: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo, started again in the same home; ended after the test, and by itself where the test hangs."""
    with start(home, "--rate", "5") as process:
        watchdog = threading.Timer(200, process.terminate)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.terminate()


def test_the_next_start_goes_on_and_ctrl_c_leaves_nothing_running(home, first, demo):
    _, (told, result) = first
    again = json.loads(demo.stdout.readline())
    assert told["logins"] == again["logins"]

    with start(home, stderr=subprocess.PIPE) as second:
        out, error = second.communicate(timeout=60)
    assert (1, "") == (second.returncode, out)
    assert f"runs at {again['url']} over {home} (process {demo.pid})" in error

    admin = again["logins"][0]
    login = call(f"{again['url']}/api/auth/login", {"username": admin["username"], "password": admin["password"]})
    token = login["data"]["token"]

    owner = {"name": "Bu Wati", "email": "wati@toko.example", "password": "nasi-goreng-jam-tujuh"}
    assert call(f"{again['url']}/api/register", owner)["success"], "whoever looks at the demo may register"

    def violations(query: str = "") -> set[int]:
        answer = call(f"{again['url']}/api/violations?limit=200{query}", token=token)
        return {case["id"] for case in answer["data"]["data"]}

    assert result["approved"] <= len(violations("&status=synced"))
    seen = violations()
    deadline = time.monotonic() + 120
    while seen >= violations():
        assert time.monotonic() < deadline, "no new violation came"
        time.sleep(0.5)

    names = " ".join(running(home))
    parts = ("postgres", "valkey", "fake_etnas", "--only ingest", "--only parse", "--only work")
    assert [] == [part for part in parts if part not in names]
    demo.send_signal(signal.SIGINT)
    rest, _ = demo.communicate(timeout=60)
    assert (0, "") == (demo.returncode, rest)
    assert [] == running(home)
