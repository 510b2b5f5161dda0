"""For tests of sinks: a case to build requests from, and an instance made from a config table as the host makes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from core.domain.cases import CaseView, EvidenceRef, VendorView
from core.domain.errors import TangkapinError
from core.domain.observations import Device
from core.hooks.deployment import convert_config, find_class
from core.hooks.plugin import PluginContext

ConfigMistake = TangkapinError
"""What `sink` raises for a wrong table."""


def example_case() -> CaseView:
    """An approved red-light case of polda-banten, captured at 17:20:00.987 in Jakarta."""
    device = Device(
        id=7, code="simpang-5", maker="hikvision", vendor_id=3, vendor_code="polda-banten", latitude=-6.12,
        longitude=106.15,
    )  # fmt: skip
    return CaseView(
        violation_id=41,
        idempotency_key="tkp_0123456789abcdef",
        trace="p2048",
        vendor=VendorView(
            id=3, code="polda-banten", name="Polda Banten", region="Banten", etnas_url="http://e.test/in"
        ),
        device=device,
        plate_number="B1234XYZ",
        violation_type="lampu_merah",
        capture_time=datetime(2026, 3, 2, 17, 20, 0, 987_000, tzinfo=timezone(timedelta(hours=7))),
        location="Simpang XYZ",
        verified_by="Bripka Sari",
        verified_at=datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
        plate_image=EvidenceRef(sha256="aa" * 32, role="plate", mime="image/jpeg", size=10),
        vehicle_image=EvidenceRef(sha256="bb" * 32, role="vehicle", mime="image/jpeg", size=20),
        speed_kmh=62.0,
        lane_no="2",
        direction="depart",
        detail={"limit_kmh": 40},
    )


def sink(use: str, folder: Path, environ: Mapping[str, str], table: dict[str, Any]) -> Any:
    """An instance of a sink plugin with this config table. Raises ConfigMistake."""
    cls = find_class(use)
    config = convert_config(table, cls.Config, where="test", environ=environ, folder=folder)
    return cls(config, PluginContext(instance=use.rpartition(".")[2]))
