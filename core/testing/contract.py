"""Contract tests for parsers: a make's test class inherits ParserContract and gets these for nothing.

class TestAcme(ParserContract):
    maker = "acme"
"""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from core.domain.errors import MalformedPayload, UnsupportedEvent
from core.domain.observations import Observation, Payload
from core.hooks.plugin import Plugin, PluginContext
from core.testing.fixtures import as_payload, describe, fixture_pairs, load_http

MUTATIONS = 200


class ParserContract:
    """What every parser keeps, whatever the make.

    maker    the make, and the folder under vendors/
    package  the import path of a plugin that lies elsewhere
    """

    maker: ClassVar[str]
    package: ClassVar[str] = ""
    config: ClassVar[dict[str, Any]] = {}

    @property
    def plugin(self) -> Plugin:
        """A fresh instance with the class's config."""
        cls = importlib.import_module(f"{self.package or f'vendors.{self.maker}'}.plugin").Plugin
        plugin = cls(msgspec.convert(self.config, cls.Config), PluginContext(instance=self.maker))
        assert isinstance(plugin, Plugin)
        return plugin

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

    def test_every_fixture_decodes_to_its_expected_values(self) -> None:
        pairs = list(fixture_pairs(self.fixtures))
        assert pairs, f"{self.fixtures} holds no fixture"
        for request, expected in pairs:
            assert json.loads(expected.read_text()) == describe(self.parse(request)), request.name

    def test_times_are_utc_and_confidences_percent(self) -> None:
        for request, _ in fixture_pairs(self.fixtures):
            for o in self.parse(request):
                assert o.capture_time is None or o.capture_time.tzinfo is UTC, request.name
                confidence = getattr(o, "confidence", None)
                assert confidence is None or 0 <= confidence <= 100, request.name

    def test_a_picture_in_place_stands_where_its_offset_says(self) -> None:
        for request, _ in fixture_pairs(self.fixtures):
            payload = as_payload(request, self.maker)
            for o in self.parse_payload(payload):
                for image in o.images:
                    if image.offset is not None and image.data is not None:
                        end = image.offset + len(image.data)
                        assert payload.body[image.offset : end] == bytes(image.data), request.name

    def test_nothing_and_rubbish_are_malformed_and_never_a_crash(self) -> None:
        for body in (b"", b"\x00" * 64, b"rubbish", b"{", b"<a", b"[]", b"null", b"\xff\xd8\xff\xe0", b"--b\r\n"):
            self._outcome(body, "application/octet-stream")
            self._outcome(body, "multipart/form-data; boundary=b")

    def test_bombs_are_refused_in_no_time(self) -> None:
        entity = (
            b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><EventNotificationAlert>&b;</EventNotificationAlert>'
        )
        for body in (entity, b"[" * 200_000, b'{"a":' * 100_000, b"<a>" * 50_000, b"{" + b'"k":1,' * 20_000):
            self._outcome(body, "application/xml")
            self._outcome(body, "application/json")

    def test_mutated_fixtures_are_read_or_refused_and_never_crash(self) -> None:
        self.mutate(MUTATIONS)

    def mutate(self, rounds: int, seed: int = 20260302) -> None:
        """Damage the fixtures `rounds` times and parse each; raises what the parser should not have raised."""
        chance = random.Random(seed)
        requests = [load_http(request) for request, _ in fixture_pairs(self.fixtures)]
        for _ in range(rounds):
            _, _, headers, body = chance.choice(requests)
            content_type = next((v for k, v in headers.items() if k.lower() == "content-type"), "")
            self._outcome(damaged(body, chance), content_type)

    def _outcome(self, body: bytes, content_type: str) -> Sequence[Observation] | None:
        try:
            return self.parse(body, content_type=content_type)
        except (MalformedPayload, UnsupportedEvent) as error:
            assert str(error), "an error without a text helps nobody"
            return None


def damaged(body: bytes, chance: random.Random) -> bytes:
    """One random injury: cut, flip, insert, delete, double, or swap."""
    data = bytearray(body)
    for _ in range(chance.choice((1, 1, 1, 3, 8))):
        if not data:
            break
        at = chance.randrange(len(data))
        span = chance.choice((1, 2, 8, 64, 512))
        match chance.randrange(6):
            case 0:
                del data[at:]
            case 1:
                data[at] ^= 1 << chance.randrange(8)
            case 2:
                data[at:at] = chance.choice((b"\x00", b"<", b'"', b"\r\n", b"--", b"\xff", b"{", b"=", b"9" * 40))
            case 3:
                del data[at : at + span]
            case 4:
                data[at:at] = data[at : at + span]
            case _:
                other = chance.randrange(len(data))
                data[at : at + span], data[other : other + span] = data[other : other + span], data[at : at + span]
    return bytes(data)
