"""What a parser costs a payload: every fixture of every make, and what the host adds to a call."""

from __future__ import annotations

import importlib
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.observations import Payload
from core.hooks.deployment import Declared
from core.hooks.host import Host
from core.testing.fixtures import as_payload

MAKERS = ("hikvision", "dahua", "generic")
CALLS = 200


def run() -> dict[str, Any]:
    """Median microseconds (thread CPU) a call: {maker: {fixture: {"bytes", "us"}}}, and the host's share."""
    found: dict[str, Any] = {"makers": {}}
    for maker in MAKERS:
        host = Host.build([Declared(id=maker, use=f"vendors.{maker}")], environ=os.environ)
        folder = Path(importlib.import_module(f"vendors.{maker}").__path__[0]) / "fixtures"
        rows = found["makers"][maker] = {}
        for path in sorted(folder.glob("*.http")):
            payload = as_payload(path, maker)
            rows[path.stem] = {"bytes": len(payload.body), "us": _median(host.parse_payload, payload)}
    found["host_us"] = _overhead()
    return found


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n## parse: median CPU µs a payload, {CALLS} calls each, host included")
    for maker, rows in found["makers"].items():
        everything = statistics.median(row["us"] for row in rows.values())
        print(f"{maker}: median of {len(rows)} fixtures {everything:.0f}")
        for name, row in rows.items():
            print(f"  {name:58} {row['bytes']:8} B {row['us']:8.1f}")
    print(f"the host adds {found['host_us']:.1f} to a call (dispatch, check of the result, counters)")


def _median(parse: Callable[[Payload], object], payload: Payload) -> float:
    times = []
    for _ in range(CALLS):
        before = time.thread_time_ns()
        try:
            parse(payload)
        except (UnsupportedEvent, MalformedPayload):
            pass  # to refuse costs as well
        times.append(time.thread_time_ns() - before)
    return statistics.median(times) / 1000


def _overhead() -> float:
    """A plate read through the host, less the same plugin called directly."""
    host = Host.build([Declared(id="generic", use="vendors.generic")], environ=os.environ)
    folder = Path(importlib.import_module("vendors.generic").__path__[0]) / "fixtures"
    payload = as_payload(folder / "seed_json_picture_urls.http", "generic")
    plugin: Any = host._instances["generic"].plugin
    pairs = [(_median(host.parse_payload, payload), _median(plugin.parse_payload, payload)) for _ in range(5)]
    return statistics.median(through - direct for through, direct in pairs)
