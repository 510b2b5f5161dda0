"""The one way from a report to those who are told: in the report's own transaction."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import Connection


class Announce(Protocol):
    """As core.notices.service.announce: writes notices and deliveries; the same dedup_key twice is told once."""

    def __call__(
        self, connection: Connection, *, vendor_id: int, kind: str, report_id: int | None = None,
        device_id: int | None = None, facts: dict[str, Any], dedup_key: str,
    ) -> object: ...  # fmt: skip


def announce(
    connection: Connection, *, vendor_id: int, kind: str, report_id: int | None = None,
    device_id: int | None = None, facts: dict[str, Any], dedup_key: str,
) -> None:  # fmt: skip
    """Tell by the notices. Imported on use: the detect process and the tests tell by other means."""
    from core.notices import service

    service.announce(
        connection, vendor_id=vendor_id, kind=kind, report_id=report_id, device_id=device_id, facts=facts,
        dedup_key=dedup_key,
    )  # fmt: skip
