"""A case to build requests from, and a way to make an instance from a config table."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from core.api import CaseView, Device, EvidenceRef, PluginContext, VendorView
from core.hooks.deployment import convert_config, find_class

JAKARTA = timezone(timedelta(hours=7))


@pytest.fixture
def case():
    """An approved red-light case of polda-banten."""
    return CaseView(
        violation_id=41,
        idempotency_key="tkp_0123456789abcdef",
        trace="p2048",
        vendor=VendorView(id=3, code="polda-banten", name="Polda Banten", region="Banten", etnas_url="http://e.test/in"),
        device=Device(
            id=7, code="simpang-5", maker="hikvision", vendor_id=3, vendor_code="polda-banten",
            latitude=-6.12, longitude=106.15,
        ),
        plate_number="B1234XYZ",
        violation_type="lampu_merah",
        capture_time=datetime(2026, 3, 2, 17, 20, 0, 987_000, tzinfo=JAKARTA),
        location="Simpang XYZ",
        verified_by="Bripka Sari",
        verified_at=datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
        plate_image=EvidenceRef(sha256="aa" * 32, role="plate", mime="image/jpeg", size=10),
        vehicle_image=EvidenceRef(sha256="bb" * 32, role="vehicle", mime="image/jpeg", size=20),
        speed_kmh=62.0,
        lane_no="2",
        direction="depart",
        detail={"limit_kmh": 40},
    )  # fmt: skip


@pytest.fixture
def make_sink(tmp_path: Path):
    """make_sink("etnas", url="…"): an instance with this config table, secrets from `environ`."""

    def make(name, environ=None, **table):
        cls = find_class(f"plugins.sinks.{name}")
        config = convert_config(table, cls.Config, where="test", environ=environ or {}, folder=tmp_path)
        return cls(config, PluginContext(instance=name))

    return make
