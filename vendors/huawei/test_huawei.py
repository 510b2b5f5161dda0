"""Huawei: what the contract does not say (camera-payloads reference §8)."""

import json

import pytest

from core.api import Alarm, MalformedPayload, ViolationType
from core.testing.contract import ParserContract


class TestHuawei(ParserContract):
    maker = "huawei"

    def reads(self, **event):
        return self.parse(json.dumps({"event_type": 75008, "timestamp": 1772446800} | event).encode())

    def test_each_vehicle_of_an_event_is_a_read_of_its_own(self):
        plates = ("B 1 A", "unknown", None)
        found = self.reads(message_id="M1", data={"vehicles": [{"license_plate_id": plate} for plate in plates]})

        assert [("B1A", "M1"), (None, "M1:1"), (None, "M1:2")] == [(o.plate_number, o.event_id) for o in found]

    @pytest.mark.parametrize("kind", [75009, "75009"])
    def test_a_wrong_way_event_claims_its_offence(self, kind):
        (read,) = self.reads(event_type=kind, data={"vehicles": [{"license_plate_id": "B1A"}]})

        assert (ViolationType.LAWAN_ARAH,) == read.offences

    def test_codes_are_kept_as_codes_and_words_are_words(self):
        (coded,) = self.reads(data={"vehicles": [{"license_plate_id": "B1A", "vehicle_type": 0, "direction": 1}]})
        (worded,) = self.reads(data={"vehicles": [{"license_plate_id": "B1A", "vehicle_type": "Truck"}]})

        assert ("", "0", "1", "unknown") == (
            coded.vehicle_type, coded.extra["vehicle_type_code"], coded.extra["direction"], coded.direction
        )  # fmt: skip
        assert "truck" == worded.vehicle_type

    @pytest.mark.parametrize("written", [1772446800, "1772446800", 1772446800000, "2026-03-02T10:20:00Z"])
    def test_times_are_epochs_of_any_unit(self, written):
        (found,) = self.reads(timestamp=written)

        assert (Alarm, "2026-03-02T10:20:00+00:00") == (type(found), found.capture_time.isoformat())

    def test_a_body_without_events_is_refused(self):
        with pytest.raises(MalformedPayload, match="expected event_type"):
            self.parse(b'{"stream": 1}')
