"""What plugins hear of after it was committed, and what they say of themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec


class DomainEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. `name` is snake_case past tense ("violation_approved"), times are aware UTC."""

    name: str
    at: datetime
    vendor_id: int
    trace: str = ""
    object_kind: str = ""
    object_id: int = 0
    detail: dict[str, Any] = msgspec.field(default_factory=dict)


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin's own word on its state; `detail` is for people and holds no secret."""

    state: Literal["ok", "degraded", "error"]
    detail: str = ""
