"""Who is asking."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Role = Literal["owner", "officer", "police", "admin"]
"""owner: of CCTV cameras; officer: of a station, verifies and assigns; police: in the field; admin: of the agency."""
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


class ServicePrincipal(msgspec.Struct, frozen=True, kw_only=True):
    """A program with a service key, such as an external detector. It belongs to one vendor and may do one thing.

    scope  what the key is for: "detection"
    """

    id: int
    name: str
    vendor_id: int
    scope: str
    role: Literal["service"] = "service"

    @property
    def vendor_ids(self) -> tuple[int, ...]:
        """As a person's."""
        return (self.vendor_id,)

    @property
    def signature(self) -> str:
        """As it stands in logs."""
        return self.name[:100]
