"""The detect process's book: what was read, held back, skipped and looked at, for each camera and day.

Counted in memory, written to detection_stats every few seconds; a database that is away costs nothing but time.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from core.accounts.tables import devices
from core.db.engine import Database
from core.domain.observations import Device
from core.incidents.tables import detection_stats

NOBODY = ""
"""The detector of what none looked at."""
COUNTED = (
    "watched_ms", "frames_read", "frames_still", "frames_skipped", "frames_detected", "frames_positive", "latency_us",
    "reports", "silenced",
)  # fmt: skip
Key = tuple[date, int, int, str]


class Book:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Key, Counter[str]] = {}

    def count(self, device: Device, detector: str = NOBODY, **numbers: int) -> None:
        """Add to a camera's numbers of today (UTC)."""
        key = (datetime.now(UTC).date(), device.id, device.vendor_id, detector)
        with self._lock:
            self._counts.setdefault(key, Counter()).update(numbers)

    def looked(self, device: Device, detector: str, *, positive: bool, taken_at: datetime) -> None:
        """A detector looked at a frame; the latency is from the frame's time to now."""
        latency = (datetime.now(UTC) - taken_at).total_seconds()
        self.count(
            device, detector, frames_detected=1, frames_positive=int(positive), latency_us=max(0, int(latency * 1e6))
        )

    def write(self, database: Database) -> None:
        """Add what was counted since the last time; when that fails it is kept. Raises SQLAlchemy's errors."""
        with self._lock:
            taken, self._counts = self._counts, {}
        rows = [
            {"day": day, "device_id": device, "vendor_id": vendor, "model": detector,
             **{name: counts[name] for name in COUNTED}}
            for (day, device, vendor, detector), counts in sorted(taken.items())
            if any(counts.values())
        ]  # fmt: skip
        if not rows:
            return
        statement = insert(detection_stats)
        added = {name: detection_stats.c[name] + statement.excluded[name] for name in COUNTED}
        try:
            with database.system() as connection:
                connection.execute(
                    statement.on_conflict_do_update(index_elements=["day", "device_id", "model"], set_=added), rows
                )
        except Exception:
            self._put_back(taken)
            raise

    def _put_back(self, taken: Mapping[Key, Counter[str]]) -> None:
        with self._lock:
            for key, counts in taken.items():
                self._counts.setdefault(key, Counter()).update(counts)


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """What one camera's frames came to, with one detector ("": those that none looked at).

    latency_s  mean from a frame to its verdict; None where nothing was looked at
    """

    device: str
    detector: str
    watched_h: float
    read: int
    still: int
    skipped: int
    looked_at: int
    positive: int
    latency_s: float | None
    reports: int
    silenced: int


def workloads(connection: Connection, *, since: date | None = None) -> list[Workload]:
    """By camera and detector, over the days from `since` on."""
    sums = {name: func.sum(detection_stats.c[name]).label(name) for name in COUNTED}
    query = (
        select(devices.c.device_code, detection_stats.c.model, *sums.values())
        .join(devices, devices.c.id == detection_stats.c.device_id)
        .group_by(devices.c.device_code, detection_stats.c.model)
        .order_by(devices.c.device_code, detection_stats.c.model)
    )
    if since is not None:
        query = query.where(detection_stats.c.day >= since)
    return [
        Workload(
            device=row["device_code"], detector=row["model"], watched_h=int(row["watched_ms"]) / 3_600_000,
            read=int(row["frames_read"]), still=int(row["frames_still"]), skipped=int(row["frames_skipped"]),
            looked_at=int(row["frames_detected"]), positive=int(row["frames_positive"]),
            latency_s=int(row["latency_us"]) / 1e6 / int(row["frames_detected"]) if row["frames_detected"] else None,
            reports=int(row["reports"]), silenced=int(row["silenced"]),
        )
        for row in connection.execute(query).mappings()
    ]  # fmt: skip


def totals(database: Database, device_id: int) -> dict[str, dict[str, int]]:
    """Detector -> its sums over all days, for one camera."""
    columns = [func.sum(detection_stats.c[name]).label(name) for name in COUNTED]
    query = (
        select(detection_stats.c.model, *columns)
        .where(detection_stats.c.device_id == device_id)
        .group_by(detection_stats.c.model)
    )
    with database.system() as connection:
        return {
            row["model"]: {name: int(row[name]) for name in COUNTED} for row in connection.execute(query).mappings()
        }
