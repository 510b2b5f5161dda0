"""Verkada: what the contract does not say (camera-payloads reference §7)."""

import json

import pytest

from core.api import MalformedPayload, UnsupportedEvent
from core.testing.contract import ParserContract


class TestVerkada(ParserContract):
    maker = "verkada"

    def read(self, **data):
        body = {"webhook_type": "lpr", "created_at": 1772446805, "data": {"license_plate_number": "B1A"} | data}
        (found,) = self.parse(json.dumps(body).encode())
        return found

    @pytest.mark.parametrize(
        ("times", "second"),
        [({"detected": 1772446800999, "created": 1772446802}, 0), ({"created": 1772446802}, 2), ({}, 5),
         ({"detected": "1772446801000"}, 1), ({"detected": None, "created": "2026-03-02T10:20:03Z"}, 3)],
    )  # fmt: skip
    def test_the_moment_of_detection_counts_whatever_its_unit(self, times, second):
        assert f"2026-03-02T10:20:0{second}" == self.read(**times).capture_time.isoformat()[:19]

    def test_confidence_is_a_fraction_and_an_unread_plate_is_none(self):
        assert [95.58, 100.0, None] == [self.read(confidence=v).confidence for v in ("0.9558", 1, None)]
        assert self.read(license_plate_number=None).plate_number is None

    def test_only_whole_addresses_are_pictures(self):
        urls = ("https://gambar.example/1.jpg", "IMAGE_URL", "/1.jpg", "")

        assert [1, 0, 0, 0] == [len(self.read(image_url=url).images) for url in urls]

    def test_several_webhooks_in_a_body_and_a_bare_data_object_are_read(self):
        bare = b'{"LICENSE_PLATE_NUMBER": "B 2 B", "detected": 1772446800000}'

        assert ["B2B"] == [read.plate_number for read in self.parse(bare)]
        assert ["B2B"] * 2 == [
            r.plate_number for r in self.parse(b'[{"data": ' + bare + b'}, {"data": ' + bare + b"}]")
        ]

    def test_doors_are_not_for_us_and_rubbish_says_what_was_expected(self):
        with pytest.raises(UnsupportedEvent, match="door_events"):
            self.parse(b'{"webhook_type": "door_events", "data": {"door_id": "1"}}')
        with pytest.raises(MalformedPayload, match="expected webhook_type"):
            self.parse(b'{"x": 1}')
