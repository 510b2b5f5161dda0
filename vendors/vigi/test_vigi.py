"""VIGI: what the contract does not say (camera-payloads reference §8)."""

import json

import pytest

from core.api import Alarm, MalformedPayload, Status
from core.testing.contract import ParserContract


class TestVigi(ParserContract):
    maker = "vigi"

    def told(self, *events, **around):
        return self.parse(json.dumps({"event_list": list(events)} | around).encode())

    def test_every_event_of_a_list_is_one_and_the_camera_stands_around_them(self):
        found = self.told(
            {"event_type": ["motion"]}, {"event_type": "PERSON"}, mac="20-23-51-00-04-17", ip="192.0.2.17"
        )

        assert [("motion", ""), ("PERSON", "human")] == [(o.event, o.target) for o in found]
        assert {("20-23-51-00-04-17", "192.0.2.17")} == {(o.hint.mac, o.hint.ip) for o in found}

    @pytest.mark.parametrize("event", [{}, {"dateTime": None, "event_type": []}, {"dateTime": "", "event_type": ""}])
    def test_an_event_with_nothing_in_it_is_an_event(self, event):
        assert [(Alarm, "event", None, "receive")] == [
            (type(o), o.event, o.capture_time, o.time_source) for o in self.told(event)
        ]

    def test_several_types_are_one_event_with_all_of_them_kept(self):
        (found,) = self.told({"dateTime": "20260302172000", "event_type": ["motion", "vehicle"]})

        assert ("motion", "vehicle", ["motion", "vehicle"], "2026-03-02T10:20:00+00:00") == (
            found.event, found.target, found.extra["event_types"], found.capture_time.isoformat()
        )  # fmt: skip

    def test_news_of_the_recorder_is_no_alarm(self):
        assert [Status] == [type(o) for o in self.told({"event_type": ["DISK_FULL"]})]

    def test_a_test_message_and_an_empty_list_are_signs_of_life(self):
        assert [] == self.parse(b'{"device_name": "Pintu", "protocol": "HTTP"}')
        assert [] == self.told(mac="20-23-51-00-04-17")
        with pytest.raises(MalformedPayload, match="expected event_list"):
            self.parse(b'{"x": 1}')

    def test_a_relay_may_leave_the_list_out(self):
        assert ["motion"] == [o.event for o in self.parse(b'{"Date_Time": "20260302172000", "eventType": ["motion"]}')]
