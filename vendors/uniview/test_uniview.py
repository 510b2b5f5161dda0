"""Uniview: what the contract does not say (camera-payloads reference §3)."""

import json
from datetime import UTC, datetime

import pytest

from core.api import Alarm, MalformedPayload, Status
from core.testing.contract import ParserContract


class TestUniview(ParserContract):
    maker = "uniview"

    def read(self, told, **how):
        (found,) = self.parse(told if isinstance(told, bytes) else json.dumps(told).encode(), **how)
        return found

    @pytest.mark.parametrize(
        "body",
        [{"plateAttributeInfo": {"plateno": "b-1-a"}},
         {"event": {"data": [{"VehicleInfoList": {"PlateAttributeInfo": {"PlateNo": "B 1 A"}}}]}},
         {"MotorVehicleObject": [{"PlateNo": "B1A", "HasPlate": "1"}]},
         {"NonMotorVehicleListObject": {"NonMotorVehicleObject": {"PlateNo": "B1A"}}},
         b'{"PlateAttributeInfo": {"PlateNo": "B\x021\n A\x00"}}'],
        ids=["letter case", "wrapped", "VIID without its list", "motorcycle", "control characters"],
    )  # fmt: skip
    def test_a_plate_is_found_in_forms_that_no_capture_has(self, body):
        assert "B1A" == self.read(body).plate_number

    def test_seconds_that_lie_ahead_of_us_were_counted_on_the_local_clock(self):
        event = {"AlarmType": "MotionAlarmOn", "TimeStamp": 1772446800}
        true = datetime(2026, 3, 2, 10, 20, tzinfo=UTC)

        assert true == self.read(event, received_at=true).capture_time
        assert true == self.read(event | {"TimeStamp": 1772446800 + 7 * 3600}, received_at=true).capture_time

    @pytest.mark.parametrize(
        ("name", "kind", "phase"),
        [("MotionAlarmOn", Alarm, "start"), ("MotionAlarmOff", Alarm, "stop"), ("CrossLineDetection", Alarm, "single"),
         ("VideoLossOn", Status, "start")],
    )  # fmt: skip
    def test_alarms_begin_end_or_happen_and_some_are_news_of_the_device(self, name, kind, phase):
        found = self.read({"AlarmInfo": {"AlarmType": name}})

        assert (kind, phase) == (type(found), found.phase)

    def test_empty_lists_are_nothing_to_record_and_other_objects_are_refused(self):
        assert [] == self.parse(b'{"StructureInfo": {"ObjInfo": {"VehicleInfoList": null}, "ImageInfoList": null}}')
        with pytest.raises(MalformedPayload, match="the keys Response"):
            self.parse(b'{"Response": {"StatusCode": 0}}')
