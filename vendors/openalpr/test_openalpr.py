"""OpenALPR / Rekor: what the contract does not say (camera-payloads reference §7)."""

import json

import pytest

from core.api import MalformedPayload, UnsupportedEvent
from core.testing.contract import ParserContract


class TestOpenAlpr(ParserContract):
    maker = "openalpr"

    def group(self, **fields):
        (found,) = self.parse(json.dumps({"data_type": "alpr_group", "best_plate_number": "B1A"} | fields).encode())
        return found

    @pytest.mark.parametrize("epoch", [1772446800, 1772446800000, "1772446800000", 1772446800000000])
    def test_the_unit_of_an_epoch_is_told_by_its_digits(self, epoch):
        assert "2026-03-02T10:20:00+00:00" == self.group(epoch_start=epoch).capture_time.isoformat()

    def test_confidence_is_percent_and_one_is_one_percent(self):
        assert [1.0, 92.08, None] == [self.group(best_confidence=v).confidence for v in (1, "92.08", None)]

    def test_ignored_guesses_and_degrees_mean_nothing(self):
        vehicle = {"color": [{"name": "_ignore_", "confidence": 99}, {"name": "Black", "confidence": 2}], "make": None}
        found = self.group(vehicle=vehicle, travel_direction=184.2)

        assert ("black", "", "unknown", "184.2") == (
            found.vehicle_color, found.vehicle_brand, found.direction, found.extra["travel_direction"],
        )  # fmt: skip

    def test_two_vehicles_of_one_frame_have_ids_of_their_own(self):
        frame = {"data_type": "alpr_results", "uuid": "u", "results": [{"plate": "B1A"}, {"plate": "B2B"}]}

        assert ["u#0", "u#1"] == [read.event_id for read in self.parse(json.dumps(frame).encode())]

    def test_several_messages_in_a_body_are_all_read(self):
        body = b'[{"data_type": "heartbeat"}, {"DATA_TYPE": "alpr_group", "best_plate": {"plate": "B 1 A"}}]'

        assert ["B1A"] == [read.plate_number for read in self.parse(body)]

    def test_other_messages_are_not_for_us_and_rubbish_says_what_was_expected(self):
        assert [] == self.parse(b'{"data_type": "alpr_results", "results": []}')
        with pytest.raises(UnsupportedEvent, match="config"):
            self.parse(b'{"data_type": "config"}')
        with pytest.raises(MalformedPayload, match="expected data_type"):
            self.parse(b'{"x": 1}')
