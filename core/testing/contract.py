"""Contract tests for parsers: a make's test class inherits ParserContract and gets these for nothing.

class TestAcme(ParserContract):
    maker = "acme"

What a make has beyond it is tested in files by subject (test_events.py, test_pictures.py), by classes that inherit
Reader, so that the contract is run once.
"""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from core.domain.answers import Answer, Recognition
from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.observations import Observation, Payload
from core.hooks.checks import implemented, inspect_plugin
from core.hooks.plugin import Plugin, PluginContext
from core.testing.fixtures import as_payload, describe, device, fixture_pairs
from core.testing.mutations import mutated, other_encodings, rewritten_times, sent_offset

MUTATIONS = 200
ZONES = {"Asia/Jakarta": 7, "Asia/Jayapura": 9, "UTC": 0}
"""Zones of cameras and their hours from UTC; none has a summer time."""
NO_ZONES = ("", "Mars/Olympus")


class Reader:
    """A make's parser for tests of its own: bytes or a fixture in, observations out.

    maker    the make, and the folder under vendors/
    package  the import path of a plugin that lies elsewhere
    """

    maker: ClassVar[str]
    package: ClassVar[str] = ""
    config: ClassVar[dict[str, Any]] = {}

    @property
    def plugin(self) -> Plugin:
        """A fresh instance with the class's config."""
        plugin = self.plugin_class(msgspec.convert(self.config, self.plugin_class.Config), self._context)
        assert isinstance(plugin, Plugin)
        return plugin

    @property
    def plugin_class(self) -> type[Plugin]:
        """The plugin's class."""
        cls: type[Plugin] = importlib.import_module(f"{self.package or f'vendors.{self.maker}'}.plugin").Plugin
        return cls

    @property
    def _context(self) -> PluginContext:
        return PluginContext(instance=self.maker)

    @property
    def fixtures(self) -> Path:
        """The make's fixtures folder."""
        return Path(importlib.import_module(self.package or f"vendors.{self.maker}").__path__[0]) / "fixtures"

    def parse(self, source: Path | bytes, **how: Any) -> list[Observation]:
        """What the plugin makes of a fixture or of bytes."""
        return self.parse_payload(as_payload(source, self.maker, **how))

    def parse_payload(self, payload: Payload) -> list[Observation]:
        """One call of the hook."""
        found: list[Observation] = self.plugin.parse_payload(payload)  # type: ignore[attr-defined]
        return found

    def outcome(self, body: bytes, content_type: str) -> Sequence[Observation] | None:
        """What it makes of bytes; None where it refuses them as a parser may."""
        try:
            return self.parse(body, content_type=content_type)
        except (MalformedPayload, UnsupportedEvent) as error:
            assert str(error), "an error without a text helps nobody"
            return None


class ParserContract(Reader):
    """What every parser keeps, whatever the make."""

    def test_every_fixture_decodes_to_its_expected_values(self) -> None:
        pairs = list(fixture_pairs(self.fixtures))
        assert pairs, f"{self.fixtures} holds no fixture"
        for request, expected in pairs:
            assert json.loads(expected.read_text()) == describe(self.parse(request)), request.name

    def test_times_are_utc_and_confidences_percent(self) -> None:
        for request, payload in self._decoding():
            for o in self.parse_payload(payload):
                assert o.capture_time is None or o.capture_time.tzinfo is UTC, request.name
                confidence = getattr(o, "confidence", None)
                assert confidence is None or 0 <= confidence <= 100, request.name

    def test_a_picture_in_place_stands_where_its_offset_says(self) -> None:
        for request, payload in self._decoding():
            for o in self.parse_payload(payload):
                for image in o.images:
                    if image.offset is not None and image.data is not None:
                        end = image.offset + len(image.data)
                        assert payload.body[image.offset : end] == bytes(image.data), request.name

    def test_nothing_and_rubbish_are_malformed_and_never_a_crash(self) -> None:
        for body in (b"", b"\x00" * 64, b"rubbish", b"{", b"<a", b"[]", b"null", b"\xff\xd8\xff\xe0", b"--b\r\n"):
            self.outcome(body, "application/octet-stream")
            self.outcome(body, "multipart/form-data; boundary=b")

    def test_bombs_are_refused_in_no_time(self) -> None:
        entity = (
            b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><EventNotificationAlert>&b;</EventNotificationAlert>'
        )
        for body in (entity, b"[" * 200_000, b'{"a":' * 100_000, b"<a>" * 50_000, b"{" + b'"k":1,' * 20_000):
            self.outcome(body, "application/xml")
            self.outcome(body, "application/json")

    def test_every_fixture_may_be_cut_anywhere_or_empty(self) -> None:
        for body, content_type in self._bodies():
            for eighth in range(8):
                self.outcome(body[: len(body) * eighth // 8], content_type)

    def test_oversized_bodies_are_read_or_refused(self) -> None:
        for size, filler, most in ((300_000, b"x", 3), (300_000, b" ", 3), (20_000_000, b"\0", 1)):
            for body, content_type in self._bodies()[:most]:
                half = len(body) // 2
                self.outcome(body[:half] + filler * size + body[half:], content_type)

    def test_a_body_in_another_encoding_is_read_or_refused(self) -> None:
        for body, content_type in self._bodies():
            for other in other_encodings(body):
                self.outcome(other, content_type)

    def test_a_sent_offset_or_epoch_means_one_instant_wherever_the_camera_stands(self) -> None:
        for name, reads in self._by_zone("offset"):
            for zone, observations in reads.items():
                for o, home in zip(observations, reads["Asia/Jakarta"], strict=True):
                    assert o.time_source == home.time_source or zone in NO_ZONES, name
                    if home.time_source in ("offset", "epoch"):
                        assert home.capture_time == o.capture_time, f"{name} in zone {zone!r}"

    def test_a_time_without_a_zone_is_the_wall_clock_of_the_camera(self) -> None:
        for rule in ("offset", "wall_clock"):
            for name, reads in self._by_zone(rule):
                for zone, observations in reads.items():
                    for o, home in zip(observations, reads["UTC"], strict=True):
                        if home.time_source != "wall_clock" or home.capture_time is None:
                            continue
                        told = f"{name} in zone {zone!r}, time_rule {rule}"
                        if zone in NO_ZONES:
                            assert o.time_source in ("receive", "epoch"), f"{told}: a time was guessed"
                        else:
                            meant = home.capture_time - timedelta(hours=ZONES[zone])
                            assert meant == o.capture_time, told

    def test_no_usable_time_is_no_time(self) -> None:
        for rule in ("offset", "wall_clock"):
            for name, reads in self._by_zone(rule):
                for o in (o for observations in reads.values() for o in observations):
                    assert (o.capture_time is None) == (o.time_source == "receive"), name

    def test_the_same_instant_in_another_offset_is_the_same_instant(self) -> None:
        for request, payload in self._decoding():
            told = self.parse_payload(payload)
            for o in told:
                if o.time_source == "wall_clock":
                    assert not sent_offset(payload.body, o.capture_time_raw), f"{request.name}: its offset is ignored"
                if o.time_source != "offset" or o.capture_time is None:
                    continue
                for body, zoneless in rewritten_times(payload.body, o.capture_time_raw):
                    times = {n.capture_time for n in self._read(msgspec.structs.replace(payload, body=body))}
                    allowed = {o.capture_time}
                    if zoneless is not None:  # the camera's own clock; UTC where the make's document says so
                        allowed = {_utc(zoneless, 7), _utc(zoneless, 0)}
                    assert times & allowed, f"{request.name} with another offset"

    def test_it_may_be_made_loaded_and_closed_twice(self) -> None:
        assert inspect_plugin(self.plugin_class) == []
        for _ in range(2):
            plugin: Any = self.plugin
            hooks = implemented(self.plugin_class)
            if "answers" in hooks:
                assert all(isinstance(answer, Answer) for answer in plugin.answers())
            if "close" in hooks:
                plugin.close()
                plugin.close()

    def test_its_opinion_of_any_payload_is_an_opinion(self) -> None:
        if "recognise_payload" not in implemented(self.plugin_class):
            return
        plugin: Any = self.plugin
        bodies = [*self._bodies(), (b"", ""), (b"\xff\xfe{", "application/json"), (b"<" * 1000, "text/xml")]
        for body, content_type in bodies:
            opinion = plugin.recognise_payload(as_payload(body, self.maker, content_type=content_type))
            assert opinion is None or (isinstance(opinion, Recognition) and 0 <= opinion.confidence <= 1)

    def test_mutated_fixtures_are_read_or_refused_and_never_crash(self) -> None:
        self.mutate(MUTATIONS)

    def mutate(self, rounds: int, seed: int = 20260302) -> None:
        """Damage the fixtures `rounds` times and parse each; raises what the parser should not have raised."""
        for body, content_type in mutated(self._bodies(), rounds, seed):
            self.outcome(body, content_type)

    def _bodies(self) -> list[tuple[bytes, str]]:
        """Body and content type of each fixture, Content-Encoding undone."""
        return _bodies(self.fixtures, self.maker)

    def _decoding(self) -> Iterator[tuple[Path, Payload]]:
        """The fixtures that decode at all: of the others one test speaks, and the rest would only repeat it."""
        for request, _ in fixture_pairs(self.fixtures):
            payload = as_payload(request, self.maker)
            try:
                self.parse_payload(payload)
            except (MalformedPayload, UnsupportedEvent):
                continue
            yield request, payload

    def _by_zone(self, rule: Literal["offset", "wall_clock"]) -> Iterator[tuple[str, dict[str, list[Observation]]]]:
        """Each fixture as cameras in several zones would have sent it."""
        for request, payload in self._decoding():
            cameras = {zone: device(self.maker, zone=zone, time_rule=rule) for zone in (*ZONES, *NO_ZONES)}
            yield (
                request.name,
                {
                    zone: self.parse_payload(msgspec.structs.replace(payload, device=camera))
                    for zone, camera in cameras.items()
                },
            )

    def _read(self, payload: Payload) -> list[Observation]:
        try:
            return self.parse_payload(payload)
        except (MalformedPayload, UnsupportedEvent):
            return []


@functools.lru_cache(maxsize=64)
def _bodies(folder: Path, maker: str) -> list[tuple[bytes, str]]:
    payloads = [as_payload(request, maker) for request, _ in fixture_pairs(folder)]
    return [(payload.body, payload.content_type) for payload in payloads]


def _utc(wall: datetime, hours: int) -> datetime:
    return wall.replace(tzinfo=UTC) - timedelta(hours=hours)
