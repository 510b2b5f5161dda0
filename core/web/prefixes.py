"""The routes of the written contract stand under two prefixes, from one definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Router
from litestar.types import Empty

PREFIXES = ("/api", "/api/v1")


def under_both(handlers: Sequence[Any]) -> list[Router]:
    """Routers for handlers whose paths have no prefix. The description shows the first; the second is the same."""
    return [
        Router(prefix, route_handlers=list(handlers), include_in_schema=Empty if number == 0 else False)
        for number, prefix in enumerate(PREFIXES)
    ]
