"""Device health as the endpoint sees it: who was heard, when, from where. Kept in memory, written every few seconds.

A heartbeat stores nothing else. Losing the last seconds of it with the process loses no event.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import structlog
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from core.accounts.tables import device_health
from core.db.engine import Database

log = structlog.get_logger(__name__)


class _Note:
    __slots__ = ("events", "heartbeats", "last_event", "last_heartbeat", "peer", "seen", "vendor_id")

    def __init__(self, vendor_id: int) -> None:
        self.vendor_id = vendor_id
        self.events = 0
        self.heartbeats = 0
        self.seen = 0.0
        self.last_event: float | None = None
        self.last_heartbeat: float | None = None
        self.peer = ""


class HealthBook:
    """note() is called on the event loop, flush() from a timer thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._notes: dict[int, _Note] = {}
        self._lock = threading.Lock()

    def note(self, device_id: int, vendor_id: int, *, heartbeat: bool, now: float, peer: str) -> None:
        """A device was heard."""
        with self._lock:
            note = self._notes.get(device_id)
            if note is None:
                note = self._notes[device_id] = _Note(vendor_id)
            note.seen = now
            note.peer = peer
            if heartbeat:
                note.heartbeats += 1
                note.last_heartbeat = now
            else:
                note.events += 1
                note.last_event = now

    def flush(self) -> None:
        """Write what was noted; on failure it is kept for the next time."""
        with self._lock:
            notes, self._notes = self._notes, {}
        if not notes:
            return
        rows = [
            {
                "device_id": device_id,
                "vendor_id": n.vendor_id,
                "last_seen": _at(n.seen),
                "last_event": _at(n.last_event),
                "last_heartbeat": _at(n.last_heartbeat),
                "last_peer": n.peer[:64],
                "events": n.events,
                "heartbeats": n.heartbeats,
            }
            for device_id, n in sorted(notes.items())
        ]
        statement = insert(device_health).values(rows)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=[device_health.c.device_id],
            set_={
                "last_seen": func.greatest(device_health.c.last_seen, new.last_seen),
                "last_event": func.greatest(device_health.c.last_event, new.last_event),
                "last_heartbeat": func.greatest(device_health.c.last_heartbeat, new.last_heartbeat),
                "last_peer": new.last_peer,
                "events": device_health.c.events + new.events,
                "heartbeats": device_health.c.heartbeats + new.heartbeats,
                "updated_at": func.now(),
            },
        )
        try:
            with self._database.system() as connection:
                connection.execute(statement)
        except Exception as error:
            log.warning("device_health_not_written", error=str(error)[:200])
            with self._lock:
                for device_id, note in notes.items():
                    newer = self._notes.setdefault(device_id, note)
                    if newer is not note:
                        newer.events += note.events
                        newer.heartbeats += note.heartbeats


def _at(unix: float | None) -> datetime | None:
    return None if unix is None else datetime.fromtimestamp(unix, UTC)
