"""The three example sets, each from its own plugins.toml: a payload of each make comes through to its sink."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import plugins.poldas
from core.domain.cases import CaseView, Passage, VendorView
from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.observations import PlateRead
from core.hooks.host import Host
from core.testing.fixtures import as_payload, device, fixture_pairs
from core.testing.world import fixtures_of

SETS = sorted(Path(plugins.poldas.__path__[0]).glob("*/plugins.toml"))
AT = datetime(2026, 3, 2, 0, 20, tzinfo=UTC)
"""07.20 in Jakarta on a Monday, the second: plates that end odd may not drive where the rules are odd-even."""
CLAIM = {
    "polda-banten": {"purposes": ("lampu_merah",)},
    "polda-jabar": {"speed_limit_kmh": 30},
    "polda-metro-jaya": {"purposes": ("ganjil_genap",)},
}


@pytest.fixture(scope="module", params=SETS, ids=lambda path: path.parent.name)
def deployment(request, tmp_path_factory, set_secrets):
    """(vendor code, the set's host as its own plugins.toml makes it)."""
    home = tmp_path_factory.mktemp(request.param.parent.name)
    (home / "keluar").mkdir()
    (home / "plugins.toml").write_text(request.param.read_text())
    host = Host.load(home / "plugins.toml", environ=set_secrets, data_dir=home / "data")
    yield request.param.parent.name.replace("_", "-"), host
    host.close()


def test_a_set_has_a_make_a_judge_rules_a_sink_and_a_channel_all_ready(deployment):
    vendor, host = deployment

    assert {"parser", "judge", "rules", "sink", "channel"} == {info.kind for info in host.instances}
    assert all("ready" == info.state for info in host.instances)
    assert 1 == len(host.sinks_for(vendor)) and 1 == len(host.channels_for(vendor))
    assert [] == host.sinks_for("polda-lain")


def test_a_payload_of_each_make_becomes_a_case_that_the_sets_sink_can_tell(deployment):
    vendor, host = deployment

    assert 2 == len(host.makers)
    for maker in host.makers:
        camera = device(maker, vendor_code=vendor, **CLAIM[vendor])
        read = first_read(host, maker, camera)
        verdict, failed = host.judge_read(read, camera)
        assert ([], False) == (failed, verdict.action == "drop")
        passage = Passage(
            device_id=camera.id, vendor_id=1, plate_number="B1235XYZ", first_at=AT, last_at=AT, speed_kmh=80.0,
            verdict=verdict.action,
        )  # fmt: skip
        parity = [
            passage,
            Passage(**{f: getattr(passage, f) for f in passage.__struct_fields__} | {"plate_number": "B1234XYZ"}),
        ]
        drafts = [draft for one in parity for draft in host.classify_passage(one, camera)[0]]
        assert drafts, f"{vendor} makes no case of {maker}"
        case = CaseView(
            violation_id=7, idempotency_key="k7", trace="t7", vendor=VendorView(id=1, code=vendor), device=camera,
            plate_number=read.plate_number, violation_type=drafts[0].violation_type.value, capture_time=AT,
            location="Jalan Uji", verified_by="Bripka Sari", verified_at=AT, detail=drafts[0].detail,
        )  # fmt: skip
        (sink,) = host.sinks_for(vendor)
        assert read.plate_number in repr(host.build_sync(sink, case).body)


def first_read(host, maker, camera):
    for path, _ in fixture_pairs(fixtures_of(maker)):
        try:
            found = host.parse_payload(msgspec.structs.replace(as_payload(path, maker), device=camera))
        except (MalformedPayload, UnsupportedEvent):  # fixtures of what the make does wrong
            continue
        for one in found:
            if isinstance(one, PlateRead) and one.plate_number and (one.confidence or 0) > 40:
                return one
    raise AssertionError(f"no fixture of {maker} holds a plate")


def test_the_sets_differ_in_makes_detectors_sinks_and_channels():
    kinds = [{table["use"] for table in tomllib.loads(path.read_text())["plugin"].values()} for path in SETS]

    for prefix in ("vendors.", "plugins.sinks.", "notifiers."):
        used = [sorted(use for use in uses if use.startswith(prefix)) for uses in kinds]
        assert sum(map(len, used)) == len({use for one in used for use in one}), prefix
