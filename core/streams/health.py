"""How the cameras are, written every few seconds for everybody who asks; and a word to people when one stays away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import Connection, func
from sqlalchemy.dialects.postgresql import insert

from core.db.engine import Database
from core.domain.observations import Device
from core.incidents.tables import camera_health
from core.notices.service import announce
from core.streams.cameras import State

log = structlog.get_logger(__name__)

AWAY_S = 60
"""A camera that was online and stays away so long is announced; what drops and returns sooner is not."""


class Followed(Protocol):
    """A reader of a camera or of a vendor stream."""

    state: State

    @property
    def device(self) -> Device: ...


class CameraHealth:
    """Writes the states of this process's readers. write() is called from one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._told: dict[int, datetime] = {}

    def write(self, readers: Iterable[Followed]) -> None:
        """Upsert all rows, and announce whoever is newly away. A database that is away costs this round only."""
        followed = list(readers)
        rows = [
            {
                "device_id": reader.device.id,
                "vendor_id": reader.device.vendor_id,
                "state": reader.state.state,
                "detail": reader.state.detail,
                "fps": reader.state.fps,
                "last_frame_at": reader.state.last_frame_at,
                "since": reader.state.since,
                "reconnects": reader.state.reconnects,
            }
            for reader in sorted(followed, key=lambda one: one.device.id)
        ]
        if not rows:
            return
        statement = insert(camera_health).values(rows)
        fields = ("state", "detail", "fps", "last_frame_at", "since", "reconnects")
        statement = statement.on_conflict_do_update(
            index_elements=[camera_health.c.device_id],
            set_={**{name: statement.excluded[name] for name in fields}, "updated_at": func.now()},
        )
        away = [reader for reader in followed if self._is_newly_away(reader)]
        try:
            with self._database.system() as connection:
                connection.execute(statement)
                for reader in away:
                    _announce(connection, reader)
        except Exception as error:  # the next round writes it
            log.warning("camera_health_not_written", error=str(error)[:200])
            return
        for reader in away:
            self._told[reader.device.id] = reader.state.since

    def _is_newly_away(self, reader: Followed) -> bool:
        state = reader.state
        if state.state != "offline" or state.last_frame_at is None:
            return False
        long = datetime.now(UTC) - state.since >= timedelta(seconds=AWAY_S)
        return long and self._told.get(reader.device.id) != state.since


def _announce(connection: Connection, reader: Followed) -> None:
    device, state = reader.device, reader.state
    announce(
        connection,
        vendor_id=device.vendor_id,
        kind="cctv_offline",
        device_id=device.id,
        facts={"cctv": device.name or device.code, "since": state.since.isoformat(), "reason": state.detail},
        dedup_key=f"cctv_offline:{device.id}:{state.since.timestamp():.0f}",
    )
