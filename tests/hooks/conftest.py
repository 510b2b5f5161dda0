"""A deployment in a temporary folder: plugin folders written by the test, and a plugins.toml that names them."""

from __future__ import annotations

import importlib
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from core.api import CaseView, Device, Passage, Payload, PlateRead, VendorView
from core.hooks.host import Host

_NUMBERS = itertools.count()
_HEAD = """from __future__ import annotations
from pathlib import Path
from core.api import *
from core.api import Plugin as Base

"""
NOW = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)


class Deployment:
    """Writes plugin folders under names that no other test uses, and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "plugins.toml"
        self.tables: list[str] = []

    def add(self, instance: str, body: str = "", table: str = "", *, head: str = "class Plugin(Base):") -> str:
        """A plugin folder whose class has this body, and its [plugin.<instance>] table. Returns the folder's name."""
        name = f"planted{next(_NUMBERS)}"
        (self.folder / name).mkdir()
        (self.folder / name / "__init__.py").touch()
        source = f"{_HEAD}{head}\n    maker = {instance!r}\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        (self.folder / name / "plugin.py").write_text(source)
        importlib.invalidate_caches()
        self.use(instance, name, table)
        return name

    def use(self, instance: str, use: str, table: str = "") -> None:
        """Only the table, for a plugin that is there already."""
        self.tables.append(f'[plugin.{instance}]\nuse = "{use}"\n{textwrap.dedent(table)}\n')

    def write(self, text: str | None = None) -> Path:
        self.file.write_text(text if text is not None else "hooks = 1\n" + "\n".join(self.tables))
        return self.file

    def load(self, **options: Any) -> Host:
        options.setdefault("environ", {})
        return Host.load(self.write(), **options)


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Deployment(tmp_path)
    for name in [name for name in sys.modules if name.startswith("planted")]:
        del sys.modules[name]


@pytest.fixture
def device() -> Callable[..., Device]:
    def make(maker: str = "acme", vendor: str = "polda-a", code: str = "cam-1") -> Device:
        return Device(id=1, code=code, maker=maker, vendor_id=1, vendor_code=vendor)

    return make


@pytest.fixture
def payload(device: Callable[..., Device]) -> Callable[..., Payload]:
    def make(maker: str = "acme", body: bytes = b"", **about: str) -> Payload:
        return Payload(body=body, device=device(maker, **about), received_at=NOW)

    return make


@pytest.fixture
def read() -> PlateRead:
    return PlateRead(event="ANPR", plate_number="B1234XYZ", confidence=90.0, capture_time=NOW)


@pytest.fixture
def passage() -> Passage:
    return Passage(device_id=1, vendor_id=1, plate_number="B1234XYZ", first_at=NOW, last_at=NOW)


@pytest.fixture
def case(device: Callable[..., Device]) -> CaseView:
    return CaseView(
        violation_id=7,
        idempotency_key="k7",
        trace="t",
        vendor=VendorView(id=1, code="polda-a"),
        device=device(),
        plate_number="B1234XYZ",
        violation_type="lampu_merah",
        capture_time=NOW,
        location="Simpang Lima",
        verified_by="officer",
        verified_at=NOW,
    )


@pytest.fixture
def quiet() -> Iterator[list[Any]]:
    """What is logged, instead of on the screen."""
    with structlog.testing.capture_logs() as lines:
        yield lines
