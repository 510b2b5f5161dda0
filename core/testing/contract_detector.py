"""Contract tests for detectors of things in pictures: a test class inherits DetectorContract.

class TestMata(DetectorContract):
    use = "detectors.mata"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from core.domain.frames import Frame, Sighting
from core.hooks.checks import implemented, inspect_plugin
from core.hooks.deployment import convert_config, find_class
from core.hooks.plugin import PluginContext
from core.testing.fixtures import device

AT = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)


def frame(height: int = 96, width: int = 128, *, seed: int = 7, image: Any = None) -> Frame:
    """A frame of noise, the same for the same seed."""
    import numpy

    if image is None:
        image = numpy.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    return Frame(device=device("generic"), image=image, taken_at=AT, sequence=seed)


class DetectorContract:
    """What every detector keeps. `config` and `environ` are its table in plugins.toml and the secrets it names."""

    use: ClassVar[str]
    config: ClassVar[Mapping[str, Any]] = {}
    environ: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture(scope="class")
    def told(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
        """The detector under test: one for the class, since models are slow to load."""
        cls = find_class(self.use)
        folder: Path = tmp_path_factory.mktemp("detector")
        config = convert_config(dict(self.config), cls.Config, where="test", environ=dict(self.environ), folder=folder)
        made = cls(config, PluginContext(instance=self.use.rpartition(".")[2], data_dir=folder))
        yield made
        if "close" in implemented(cls):
            made.close()
            made.close()

    def look(self, told: Any, *frames: Frame) -> list[list[Sighting]]:
        """One call of the hook, with what every answer keeps."""
        found: list[list[Sighting]] = told.detect_frames(list(frames))
        assert len(frames) == len(found), "one list for each frame, in order"
        for sighting in (one for listed in found for one in listed):
            assert isinstance(sighting, Sighting)
            assert 0 <= sighting.score <= 1
            box = sighting.box
            assert 0 <= box.x <= 1 and 0 <= box.y <= 1, "boxes are shares of the frame"
            assert 0 <= box.width <= 1.001 - box.x and 0 <= box.height <= 1.001 - box.y
            assert sighting.model, "evidence names its model"
        return found

    def test_the_plugin_may_be_loaded(self) -> None:
        assert inspect_plugin(find_class(self.use)) == []

    def test_no_frames_are_no_sightings(self, told: Any) -> None:
        assert told.detect_frames([]) == []

    def test_frames_of_several_sizes_are_looked_at_together(self, told: Any) -> None:
        self.look(told, frame(96, 128), frame(48, 200), frame(300, 40), frame(1, 1), frame(2, 400))

    def test_a_frame_looks_the_same_alone_and_among_others(self, told: Any) -> None:
        seen = frame(seed=3)
        (alone,) = self.look(told, seen)
        among = self.look(told, frame(seed=1), seen, frame(seed=2))[1]
        assert [s.label for s in alone] == [s.label for s in among]
        assert [pytest.approx(s.score, abs=0.02) for s in alone] == [s.score for s in among]

    def test_frames_are_left_as_they_were(self, told: Any) -> None:
        seen = frame()
        before = seen.image.copy()
        seen.image.setflags(write=False)
        self.look(told, seen)
        assert (before == seen.image).all()

    def test_blank_frames_hold_nothing_to_report(self, told: Any) -> None:
        import numpy

        for grey in (0, 127, 255):
            (found,) = self.look(told, frame(image=numpy.full((240, 320, 3), grey, numpy.uint8)))
            assert [s for s in found if s.incident_type is not None] == []
