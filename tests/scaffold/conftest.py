"""A parser's package in a folder outside the tree, with the faults that a test plants in it."""

from __future__ import annotations

import importlib
import itertools
import json
import sys

import pytest

_NUMBERS = itertools.count()
PLUGIN = """
from __future__ import annotations
import json, os, time
from datetime import UTC, datetime
from core.api import (
    Answer, MalformedPayload, Observation, Payload, PlateRead, PluginConfig, hookimpl, normalise_plate, read_time,
)
from core.api import Plugin as Base
{top}

class Config(PluginConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    minimum: float = 0.0

class Plugin(Base):
    Config = Config
    maker = "uji"

    @hookimpl
    def answers(self) -> list[Answer]:
        return [Answer(kind="event")]

    @hookimpl
    def parse_payload(self, payload: Payload) -> list[Observation]:
        text = bytes(payload.body)
        {first}
        try:
            body = json.loads(text)
            plate, at = str(body["plate"]), str(body["time"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise MalformedPayload(f"expected plate and time: {{type(error).__name__}}") from None
        time = read_time(at, payload.device)
        {then}
        return [PlateRead(event="uji", plate_number=normalise_plate(plate), plate_raw=plate, capture_time=time.utc,
                          capture_time_raw=time.raw, time_source=time.source)]
    {more}
"""
TEST = """from core.testing.contract import ParserContract

class TestUji(ParserContract):
    maker = "uji"
    package = {name!r}
"""
TIMES = ("2026-03-02T17:20:00+07:00", "2026-03-02 17:20:00", "2026-03-02T10:20:00Z")


@pytest.fixture
def plant(tmp_path, monkeypatch):
    """plant(first=…, then=…, top=…, more=…, times=…): the import path of a parser with these lines in it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(*, first="pass", then="pass", top="", more="", times=TIMES):
        name = f"tanam_{next(_NUMBERS)}"
        folder = tmp_path / name
        (folder / "fixtures").mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        (folder / "plugin.py").write_text(PLUGIN.format(first=first, then=then, top=top, more=more))
        (folder / "doc.md").write_text("# Uji\n\n`minimum` is a key.\n")
        (folder / f"test_{name}.py").write_text(TEST.format(name=name))
        for number, at in enumerate(times):
            body = json.dumps({"plate": f"B {number} XYZ", "time": at}).encode()
            request = folder / "fixtures" / f"n{number}.http"
            request.write_bytes(b"POST /cam/uji HTTP/1.1\r\nContent-Type: application/json\r\n\r\n" + body)
            request.with_suffix(".expected.json").write_text(json.dumps([expected(number, at)]))
        importlib.invalidate_caches()
        return name

    yield write
    for module in [m for m in sys.modules if m.startswith("tanam_")]:
        del sys.modules[module]


def expected(number, at):
    return {
        "kind": "plate_read", "event": "uji", "plate_number": f"B{number}XYZ", "plate_raw": f"B {number} XYZ",
        "confidence": None, "capture_time": "2026-03-02T10:20:00Z", "direction": "unknown", "lane_no": "",
        "vehicle_type": "", "vehicle_color": "", "images": [],
    }  # fmt: skip
