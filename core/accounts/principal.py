"""Who is asking."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Role = Literal["officer", "admin"]
INSTALLATION = 0
"""vendor_id of audit rows that belong to no vendor (a national admin's login): national admins see them."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """A person with a valid token, as the database knows them right now.

    vendor_id   None = national (admins only)
    vendor_ids  whose rows they may see; the database enforces it
    """

    role: Role
    id: int
    username: str
    name: str
    vendor_id: int | None
    vendor_ids: tuple[int, ...]
    jti: str
    expires_at: datetime

    @property
    def signature(self) -> str:
        """The name that goes under a decision (`verified_by`)."""
        return (self.name or self.username)[:100]
