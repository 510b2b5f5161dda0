"""Contract tests for rule sets: a test class inherits RulesContract.

class TestPoldaBali(RulesContract):
    use = "plugins.poldas.polda_bali"
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from core.domain.cases import CaseDraft, Passage
from core.domain.observations import Device, ViolationType
from core.hooks.checks import inspect_plugin
from core.hooks.deployment import convert_config, find_class
from core.hooks.plugin import PluginContext
from core.testing.fixtures import device

AT = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)


def passages() -> Iterator[tuple[Passage, Device]]:
    """Passages that are plain, empty, extreme and contradictory, at cameras of several purposes."""
    plates = ("B1234XYZ", "A1B", None)
    speeds = (None, 0.0, 61.0, 999.0)
    offences = ((), (ViolationType.LAMPU_MERAH,), tuple(ViolationType))
    cameras = (
        device("generic"),
        device("generic", purposes=("lampu_merah", "parkir_berbayar"), speed_limit_kmh=40.0),
        device("generic", purposes=("ganjil_genap",), zone="Asia/Jayapura"),
    )
    for plate, speed, claimed, camera in itertools.product(plates, speeds, offences, cameras):
        seen = Passage(
            device_id=1, vendor_id=1, plate_number=plate, first_at=AT, last_at=AT, speed_kmh=speed, offences=claimed
        )
        yield seen, camera


class RulesContract:
    """What every rule set keeps. `config` and `environ` are its table in plugins.toml and the secrets it names."""

    use: ClassVar[str]
    config: ClassVar[Mapping[str, Any]] = {}
    environ: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def told(self, tmp_path: Path) -> Any:
        """The rule set under test."""
        cls = find_class(self.use)
        config = convert_config(
            dict(self.config), cls.Config, where="test", environ=dict(self.environ), folder=tmp_path
        )
        return cls(config, PluginContext(instance=self.use.rpartition(".")[2]))

    def test_the_plugin_may_be_loaded(self) -> None:
        assert inspect_plugin(find_class(self.use)) == []

    def test_any_passage_is_judged_without_a_crash_and_with_one_draft_a_type(self, told: Any) -> None:
        for passage, camera in passages():
            drafts = told.classify_passage(passage, camera)
            assert all(isinstance(draft, CaseDraft) for draft in drafts)
            kinds = [draft.violation_type for draft in drafts]
            assert len(set(kinds)) == len(kinds), "one draft for each violation type"

    def test_the_same_passage_is_judged_the_same_again(self, told: Any) -> None:
        for passage, camera in passages():
            first, second = told.classify_passage(passage, camera), told.classify_passage(passage, camera)
            assert msgspec.to_builtins(first) == msgspec.to_builtins(second)

    def test_what_is_told_beside_a_draft_can_be_stored(self, told: Any) -> None:
        for passage, camera in passages():
            for draft in told.classify_passage(passage, camera):
                msgspec.json.encode(draft.detail)
