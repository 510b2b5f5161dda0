"""A small world for tests of the outbox: a vendor, a camera, pictures in a real media store, approved violations."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import insert, text

from core.accounts.tables import devices, vendors
from core.db.engine import Database
from core.evidence.store import MediaStore
from core.evidence.tables import media
from core.hooks.host import Host
from core.sync.tables import etnas_sync
from core.tasks.desk import Desk
from core.traffic.tables import plate_reads, violations

START = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)
KEY = "kunci-rahasia-untuk-uji"
"""The canary: the sinks' API key, which must turn up nowhere."""
QUICK: dict[str, Any] = {
    "timeout_s": 0.6, "retry_first_s": 0.01, "retry_max_s": 0.02, "settle_s": 0.0, "breaker_failures": 1000,
    "breaker_wait_s": 0.05, "breaker_max_s": 0.1,
}  # fmt: skip
"""A sink config whose waits are short enough for tests."""


class Deliveries:
    """Makes rows and runs drains in this thread until nothing is due."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.home = home
        self.media = MediaStore(home / "media", segment_bytes=1024 * 1024)
        self.pictures: dict[str, bytes] = {}
        self._vendors: dict[str, tuple[int, int]] = {}
        self._made = 0

    def vendor(self, code: str = "polda-banten", *, etnas_url: str | None = None, api_key: str | None = None) -> int:
        """A reporting agency with one camera; the same code gives the same."""
        if code not in self._vendors:
            with self.database.system() as connection:
                vendor_id = connection.execute(
                    insert(vendors).values(vendor_code=code, vendor_name=code, etnas_url=etnas_url, api_key=api_key)
                    .returning(vendors.c.id)
                ).scalar_one()  # fmt: skip
                device_id = connection.execute(
                    insert(devices).values(
                        device_code=f"kamera-{code}", vendor_id=vendor_id, maker="generic", location="Simpang XYZ"
                    ).returning(devices.c.id)
                ).scalar_one()  # fmt: skip
            self._vendors[code] = (vendor_id, device_id)
        return self._vendors[code][0]

    def approve(self, count: int = 1, *, vendor: str = "polda-banten", pictures: bool = True) -> list[int]:
        """Approved violations that are due for sync, each with its own plate and time. Returns their ids."""
        vendor_id, device_id = (self.vendor(vendor), self._vendors[vendor][1])
        ids = []
        with self.database.system() as connection:
            for _ in range(count):
                self._made += 1
                plate, at = f"B {self._made:04d} XYZ".replace(" ", ""), START + timedelta(seconds=self._made)
                hashes = [self._picture(connection, vendor_id, role) if pictures else None for role in (0, 1)]
                read_id = connection.execute(
                    insert(plate_reads).values(
                        vendor_id=vendor_id, device_id=device_id, plate_number=plate, capture_time=at, payload_id=1024,
                        plate_image=hashes[0], vehicle_image=hashes[1], time_source="offset", received_at=at,
                        verdict="accept",
                    ).returning(plate_reads.c.id)
                ).scalar_one()  # fmt: skip
                ids.append(connection.execute(
                    insert(violations).values(
                        plate_read_id=read_id, vendor_id=vendor_id, violation_type="lampu_merah", status="approved",
                        verified_by="Bripka Sari", verified_at=at, device_id=device_id, passage_id=self._made,
                        payload_id=1024, capture_time=at, plate_number=plate, due_at=at,
                        sync_due_at=datetime.now(UTC) - timedelta(seconds=1),
                    ).returning(violations.c.id)
                ).scalar_one())  # fmt: skip
        return ids

    def _picture(self, connection: Any, vendor_id: int, role: int) -> str:
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (self._made % 256, role * 90, 17)).save(buffer, "JPEG")
        data = buffer.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in self.pictures:
            self.pictures[sha256] = data
            connection.execute(
                insert(media).values(
                    vendor_id=vendor_id, sha256=bytes.fromhex(sha256), size=len(data), mime="image/jpeg",
                    ref=self.media.append([data])[0], at_offset=0, payload_id=1024,
                )
            )  # fmt: skip
        return sha256

    def plugins_toml(self, **sinks: dict[str, Any]) -> Path:
        """A plugins.toml: instance id -> {"use": …, "vendors": [...], anything else: config}."""
        lines = ["hooks = 1"]
        for name, table in sinks.items():
            table = dict(table)
            lines += [f"[plugin.{name}]", f"use = {_toml(table.pop('use', 'plugins.sinks.etnas'))}"]
            if "vendors" in table:
                lines.append(f"vendors = {_toml(table.pop('vendors'))}")
            lines.append(f"[plugin.{name}.config]")
            lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
        path = self.home / "plugins.toml"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    def host(self, **sinks: dict[str, Any]) -> Host:
        """A host of these sinks; `{"env": "ETNAS_KEY"}` is the canary."""
        environ: Mapping[str, str] = {**os.environ, "ETNAS_KEY": KEY}
        return Host.load(self.plugins_toml(**sinks), environ=environ, data_dir=self.home / "plugins")

    def desk(self, host: Host) -> Desk:
        """A desk over this world."""
        return Desk(self.database, host, self.media, stop=threading.Event())

    def settle(self, desk: Desk, *, rounds: int = 200) -> None:
        """Enqueue and drain until nothing is pending or on its way. Raises AssertionError after `rounds`."""
        for _ in range(rounds):
            desk.enqueue()
            desk.sweep()
            for sink in desk.sinks:
                desk.drain(sink)
            with self.database.system() as connection:
                left = connection.execute(
                    text("SELECT (SELECT count(*) FROM etnas_sync WHERE status IN ('pending', 'sending'))"
                         " + (SELECT count(*) FROM violations WHERE status = 'approved')")
                ).scalar_one()  # fmt: skip
            if left == 0:
                return
            desk.stop.wait(0.02)
        raise AssertionError(f"not settled after {rounds} rounds: {self.rows()}")

    def rows(self) -> list[dict[str, Any]]:
        """All outbox rows in the order of their ids."""
        with self.database.system() as connection:
            return [dict(row) for row in connection.execute(etnas_sync.select().order_by(etnas_sync.c.id)).mappings()]

    def statuses(self) -> dict[int, str]:
        """Violation id -> status."""
        with self.database.system() as connection:
            return {row.id: row.status for row in connection.execute(text("SELECT id, status FROM violations"))}

    def attempts(self) -> list[tuple[str, str]]:
        """(purpose, outcome) of every attempt, in order."""
        with self.database.system() as connection:
            found = connection.execute(text("SELECT purpose, outcome FROM sync_attempts ORDER BY id"))
            return [(row.purpose, row.outcome) for row in found]

    def execute(self, statement: str, **values: Any) -> None:
        """One statement in a transaction of its own: time travel and damage."""
        with self.database.system() as connection:
            connection.execute(text(statement), values)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(str(value)) if isinstance(value, str | Path) else repr(value)
