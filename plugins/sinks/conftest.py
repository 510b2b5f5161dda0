"""A case to build requests from, and a way to make an instance from a config table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.api import CaseView
from core.testing.sinks import example_case, sink


@pytest.fixture
def case() -> CaseView:
    return example_case()


@pytest.fixture
def make_sink(tmp_path: Path) -> Callable[..., Any]:
    """make_sink("etnas", environ, url="…")"""

    def make(name: str, environ: dict[str, str] | None = None, **table: Any) -> Any:
        return sink(f"plugins.sinks.{name}", tmp_path, environ or {}, table)

    return make
