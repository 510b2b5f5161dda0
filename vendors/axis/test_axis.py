"""Axis: what the contract does not say (camera-payloads reference §5)."""

import json

import msgspec
import pytest

from core.api import MalformedPayload
from core.testing.contract import ParserContract
from core.testing.fixtures import as_payload


class TestAxis(ParserContract):
    maker = "axis"

    def reads(self, *bodies):
        return self.parse(json.dumps(bodies[0] if len(bodies) == 1 else bodies).encode())

    @pytest.mark.parametrize(
        "written",
        [{"capture_timestamp": "1772446800000"}, {"capture_timestamp": 1772446800, "datetime": "20260302 172000999"},
         {"capture_timestamp": "0", "capture_ts": "1772446800000000000"}, {"frame_timestamp": "1772446800000000"},
         {"datetime": "20260302 172000000", "capture_timestamp": None}, {"TS": "1772446800000", "MOD_TS": "x"}],
    )  # fmt: skip
    def test_an_epoch_of_any_unit_goes_before_the_wall_clock(self, written):
        (read,) = self.reads({"plateText": "B 1 A"} | written)

        assert "2026-03-02T10:20:00+00:00" == read.capture_time.isoformat()

    def test_where_the_clock_s_zone_is_not_trusted_its_digits_are(self):
        body = b'{"plateText": "B1A", "capture_timestamp": "1772421600000", "datetime": "20260302 172000000"}'
        payload = as_payload(body, "axis")
        device = msgspec.structs.replace(payload.device, time_rule="wall_clock")

        (read,) = self.parse_payload(msgspec.structs.replace(payload, device=device))
        assert 10 == read.capture_time.hour

    def test_new_update_and_lost_of_one_car_are_phases_of_one_event(self):
        states = ("new", "UPDATE", "lost")
        reads = [self.reads({"plateUTF8": "B 1 A", "carID": "7", "carState": state})[0] for state in states]

        assert [("7:B1A", phase) for phase in ("start", "update", "stop")] == [(r.event_id, r.phase) for r in reads]

    def test_in_a_batch_the_best_reading_of_a_car_counts(self):
        rows = (("B1", 7, "new", "0.4"), ("B1A", 7, "update", "0.9"), ("B2", 8, None, None))
        keys = ("plateText", "carID", "carState", "plateConfidence")
        one, two = self.reads(*(dict(zip(keys, row, strict=True)) for row in rows))

        assert ("B1A", 90.0, "start", "B2") == (one.plate_number, one.confidence, one.phase, two.plate_number)

    def test_a_vehicle_without_a_plate_is_a_read_and_something_else_is_refused(self):
        assert [None] == [read.plate_number for read in self.reads({"carID": "9", "carState": "new", "plateText": ""})]
        with pytest.raises(MalformedPayload, match="expected plateText"):
            self.reads({"x": 1})
