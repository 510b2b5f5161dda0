"""Events of Intelbras' cameras (camera-payloads reference §2)."""

import json

import pytest

from core.api import Alarm, MalformedPayload, PlateRead, Status, UnsupportedEvent, ViolationType
from core.testing.contract import Reader


class TestEvents(Reader):
    maker = "intelbras"

    def event(self, code="TrafficJunction", action="Pulse", **data):
        (found,) = self.parse(f"Code={code};action={action};index=3;data={json.dumps(data)}".encode())
        return found

    @pytest.mark.parametrize(
        "written",
        [{"UTC": 1772472000}, {"UTC": 1, "RealUTC": 1772446800}, {"RealUTC": "1772446800", "UTC": 1772472009},
         {"SnapInfo": {"AccurateTime": "2026-03-02 17:20:00"}, "UTC": 5},
         {"SnapInfo": {"SnapTime": "2026/03/02 17:20:00"}}],
    )  # fmt: skip
    def test_utc_is_the_wall_clock_and_real_utc_is_true(self, written):
        assert "2026-03-02T10:20:00+00:00" == self.event(**written).capture_time.isoformat()

    def test_a_clock_in_1970_tells_no_time(self):
        assert self.event(UTC=1).capture_time is None

    @pytest.mark.parametrize(
        ("said", "way"),
        [({"JunctionDirection": "Obverse"}, "approach"), ({"DrivingDirection": ["Leave", "x"]}, "depart"),
         ({"Direction": "LeftToRight"}, "unknown"), ({"CarDrivingInOut": 2}, "out"),
         ({"CommInfo": {"ParkType": "1"}}, "in")],
    )  # fmt: skip
    def test_directions_are_words_or_codes(self, said, way):
        assert way == self.event(**said).direction

    def test_the_text_of_a_vehicle_object_is_no_plate_and_zero_is_no_confidence(self):
        brand = {"ObjectType": "Vehicle", "Text": "Toyota", "Confidence": 0}
        plate = {"ObjectType": "Plate", "Text": "B 1 A", "Confidence": 160}

        assert (None, None) == (self.event(Object=brand).plate_number, self.event(Object=brand).confidence)
        assert ("B1A", 100.0) == (self.event(Object=plate).plate_number, self.event(Object=plate).confidence)

    def test_a_car_and_a_motorcycle_in_one_event_are_two_reads(self):
        body = {"TrafficCar": {"PlateNumber": "B 1 A"}, "NonMotor": {"PlateNumber": "D 2 B", "Helmet": "Without"}}

        found = self.parse(f"Code=TrafficManualSnap;action=Pulse;index=0;data={json.dumps(body)}".encode())
        assert [("B1A", ()), ("D2B", (ViolationType.HELM,))] == [(o.plate_number, o.offences) for o in found]

    def test_codes_claim_offences_tell_of_the_camera_or_are_housekeeping(self):
        assert (ViolationType.PONSEL,) == self.event("TrafficDriverCalling").offences
        assert Status is type(self.event("VideoLoss", "Start"))
        assert (Alarm, "stop") == (type(self.event(action="Stop")), self.event(action="Stop").phase)
        with pytest.raises(UnsupportedEvent, match="NTPAdjustTime"):
            self.event("NTPAdjustTime")

    def test_several_blocks_in_a_text_are_read_one_by_one_even_behind_broken_data(self):
        lines = (
            b"Code=A;action=Start;index=0;data={x",
            b'Code=B;action=Pulse;index=0;data={"N":"Code=C;"}',
            b"Code=D;action=Stop;index=1",
        )

        found = self.parse(b"\n".join(lines))
        assert ["A", "B", "D"] == [o.event for o in found]
        assert ["{x", None, None] == [o.extra.get("raw") for o in found]
        assert "4" == self.event().hint.channel

    def test_plates_are_read_in_any_wrapper_and_rubbish_is_refused(self):
        body = {"Params": {"events": [{"PLATE": {"platenumber": "B 1 A"}, "snapinfo": {"lane": 2}}]}}

        (read,) = self.parse(json.dumps(body).encode())
        assert (PlateRead, "B1A", "2") == (type(read), read.plate_number, read.lane_no)
        with pytest.raises(MalformedPayload, match="expected Picture"):
            self.parse(b'{"x": {"y": 1}}')
