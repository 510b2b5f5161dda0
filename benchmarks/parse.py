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
from core.testing.makes_page import makes
from core.testing.parser_drill import config_of_tests

VENDORS = Path(__file__).parents[1] / "vendors"
LIMIT_US = 2000
CALLS = 200


def run() -> dict[str, Any]:
    """Median microseconds (thread CPU) a call, {maker: {fixture: {"bytes", "us", "pictures"}}}, and the host adds."""
    found: dict[str, Any] = {"makers": {}}
    for maker in makes(VENDORS):
        use = f"vendors.{maker}"
        host = Host.build([Declared(id=maker, use=use, config=config_of_tests(use) or {})], environ=os.environ)
        rows = found["makers"][maker] = {}
        for path in sorted((VENDORS / maker / "fixtures").glob("*.http")):
            payload = as_payload(path, maker)
            pictures, us = _pictures(host, payload), _median(host.parse_payload, payload)
            rows[path.stem] = {"bytes": len(payload.body), "us": us, "pictures": pictures}
    found["host_us"] = _overhead()
    return found


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n## parse: median CPU µs a payload, {CALLS} calls each, host included")
    for maker, rows in found["makers"].items():
        everything = statistics.median(row["us"] for row in rows.values())
        bare = [row["us"] for row in rows.values() if not row["pictures"]]
        dearest = f"{max(bare):.0f} of {LIMIT_US}" if bare else "none"
        print(f"{maker}: median of {len(rows)} fixtures {everything:.0f}, the dearest without pictures {dearest}")
        for name, row in rows.items():
            print(f"  {name:58} {row['bytes']:8} B {row['us']:8.1f}")
    print(f"the host adds {found['host_us']:.1f} to a call (dispatch, check of the result, counters)")


def _pictures(host: Host, payload: Payload) -> bool:
    """Whether pictures come in the body."""
    try:
        return any(image.data is not None for o in host.parse_payload(payload) for image in o.images)
    except (UnsupportedEvent, MalformedPayload):
        return False


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
