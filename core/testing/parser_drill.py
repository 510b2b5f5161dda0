"""Parses a make's fixtures and damaged bodies in a process of its own, telling each step in a line of JSON.

`python -m core.testing.parser_drill USE ROUNDS CONFIG`: whoever started it sees a hang as silence and an exit as an
end without the last line. What a plugin raises, SystemExit included, is contained by the host and told as a failure.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.observations import Payload
from core.hooks.deployment import Declared, find_class
from core.hooks.errors import PluginFailed
from core.hooks.host import Host
from core.testing.fixtures import as_payload, describe, device
from core.testing.mutations import SEED, mutated

LIMIT_S = 2.0
"""The house kills a parser that takes longer."""
CALLS = 15
MOST_FAILURES = 5
_ABSENT = object()


def main() -> None:
    """Run from the command line."""
    use, rounds, config = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    own = config_of_tests(use)
    maker = "uji"
    declared = Declared(id="uji", use=use, maker=maker, config=config if own is None else own)
    host = Host.build([declared], environ=os.environ)
    folder = Path(sys.modules[find_class(use).__module__].__file__ or "").parent
    requests = sorted((folder / "fixtures").glob("*.http"))
    tell(step="start")
    for request in requests:
        tell(step="fixture", name=request.name, wrong=_compared(host, request, maker))
    payloads = [as_payload(request, maker) for request in requests]
    for request, payload in zip(requests, payloads, strict=True):
        tell(step="cost", name=request.name, **_cost(host, payload))
    _damage(host, payloads, rounds, maker)
    tell(step="done")


def tell(**step: Any) -> None:
    """One line to whoever listens."""
    sys.__stdout__.write(json.dumps(step) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def config_of_tests(use: str) -> dict[str, Any] | None:
    """The config that the plugin's own contract test uses, where it has one: its fixtures are read with that."""
    name = f"{use}.test_{use.rpartition('.')[2].removeprefix('tangkapin_')}"
    try:
        if importlib.util.find_spec(name) is None:
            return None
        from core.testing.contract import ParserContract

        module = importlib.import_module(name)
    except ImportError:  # an entry point's name, or no pytest here
        return None
    kits = [v for v in vars(module).values() if isinstance(v, type) and issubclass(v, ParserContract)]
    return dict(kits[-1].config) if kits and kits[-1] is not ParserContract else None


def _compared(host: Host, request: Path, maker: str) -> str:
    expected = request.with_suffix(".expected.json")
    if not expected.exists():
        return f"has no {expected.name} beside it"
    try:
        found = describe(host.parse_payload(as_payload(request, maker)))
    except PluginFailed as error:
        return _told(error)
    except (MalformedPayload, UnsupportedEvent) as error:
        return str(error)[:300]
    other = difference(json.loads(expected.read_text("utf-8")), json.loads(json.dumps(found)))
    return f"reads otherwise than {expected.name} says: {other}" if other else ""


def difference(expected: Any, found: Any) -> str:
    """The first place where two lists of observations differ; "" when they do not."""
    if expected == found:
        return ""
    if not isinstance(expected, list) or len(expected) != len(found):
        return f"{len(found)} observations instead of {len(expected) if isinstance(expected, list) else 'a list'}"
    number, want, got = next((n, w, g) for n, (w, g) in enumerate(zip(expected, found, strict=True)) if w != g)
    if not isinstance(want, dict):
        return f"[{number}] is no object"
    key = next(key for key in {**want, **got} if want.get(key, _ABSENT) != got.get(key, _ABSENT))
    return f"[{number}].{key} is {json.dumps(got.get(key))[:80]}, expected {json.dumps(want.get(key))[:80]}"


def _told(error: PluginFailed) -> str:
    """What went wrong and the line of the plugin where it did."""
    places = re.findall(r'File "([^"]+)", line (\d+)', error.trace_text)
    core = Path(__file__).parents[1]
    own = [(name, line) for name, line in places if core not in Path(name).parents]
    where = f" ({Path(own[-1][0]).name}:{own[-1][1]})" if own else ""
    return f"{error.error_text[:250]}{where}"


def _cost(host: Host, payload: Payload) -> dict[str, Any]:
    times, pictures = [], False
    for _ in range(CALLS):
        before = time.thread_time_ns()
        try:
            pictures = any(i.data is not None for o in host.parse_payload(payload) for i in o.images)
        except (MalformedPayload, UnsupportedEvent, PluginFailed):
            pass
        times.append(time.thread_time_ns() - before)
    return {"us": statistics.median(times) / 1000, "pictures": pictures, "bytes": len(payload.body)}


def _damage(host: Host, payloads: list[Payload], rounds: int, maker: str) -> None:
    failures = 0
    camera = device(maker)
    bodies = [(payload.body, payload.content_type) for payload in payloads]
    for number, (body, content_type) in enumerate(mutated(bodies, rounds, SEED) if bodies else (), 1):
        payload = Payload(
            body=body, device=camera, received_at=payloads[0].received_at, content_type=content_type,
            headers={"content-type": content_type},
        )  # fmt: skip
        before, wrong = time.thread_time(), ""
        try:
            host.parse_payload(payload)
        except (MalformedPayload, UnsupportedEvent):
            pass
        except PluginFailed as error:
            wrong = _told(error)
        if not wrong and (took := time.thread_time() - before) > LIMIT_S:
            wrong = f"took {took:.1f} s, {LIMIT_S:.0f} s are allowed"
        if wrong:
            failures += 1
            tell(step="failed", n=number, wrong=wrong[:300])
            if failures >= MOST_FAILURES:
                return
        if number % 20 == 0 or number == rounds:
            tell(step="body", n=number)


if __name__ == "__main__":
    main()
