"""Frigate: what the contract does not say (camera-payloads reference §7)."""

import json

import pytest

from core.api import Alarm, MalformedPayload, UnsupportedEvent
from core.testing.contract import ParserContract


class TestFrigate(ParserContract):
    maker = "frigate"

    def event(self, kind="update", **after):
        body = {"type": kind, "before": {}, "after": {"id": "1.2-ab", "camera": "c", "label": "car"} | after}
        return self.parse(json.dumps(body).encode())

    @pytest.mark.parametrize("told", ["B1A", ["B1A", 0.5], ["B1A"]])
    def test_a_plate_is_a_text_or_a_pair_and_an_objects_own_score_is_not_its_plates(self, told):
        (found,) = self.event(recognized_license_plate=told, score=0.99)

        assert ("B1A", 50.0 if told == ["B1A", 0.5] else None) == (found.plate_number, found.confidence)

    @pytest.mark.parametrize(("kind", "phase"), [("new", "start"), ("update", "update"), ("end", "stop")])
    def test_an_object_without_a_plate_is_an_alarm_that_begins_and_ends(self, kind, phase):
        (found,) = self.event(kind, recognized_license_plate=None)

        assert (Alarm, phase, "car", "1.2-ab") == (type(found), found.phase, found.target, found.event_id)
        assert [] == self.event(kind, false_positive=True)

    def test_speed_is_taken_only_where_its_unit_is_known(self):
        class Miles(type(self)):
            config = {"speed_unit": "mph"}  # noqa: RUF012

        body = {"after": {"camera": "c", "recognized_license_plate": "B1A", "current_estimated_speed": 10}}

        assert [None, 16.09] == [t.parse(json.dumps(body).encode())[0].speed_kmh for t in (self, Miles())]

    def test_the_event_list_is_read_too_with_its_plate_under_data(self):
        listed = b'[{"id": "1", "camera": "c", "label": "car", "end_time": 1772446800.5, "start_time": 1772446790.5,' \
                 b' "data": {"recognized_license_plate": "B 1 A", "recognized_license_plate_score": 0.9}}]'  # fmt: skip
        (found,) = self.parse(listed)

        assert ("B1A", 90.0, "stop") == (found.plate_number, found.confidence, found.phase)

    def test_signs_of_life_are_nothing_and_other_messages_are_not_for_us(self):
        assert [] == self.parse(b'{"topic": "frigate/available", "payload": "online"}')
        with pytest.raises(UnsupportedEvent, match="description"):
            self.parse(b'{"type": "description", "id": "1.2-ab", "description": "x", "camera": "c"}')
        with pytest.raises(MalformedPayload, match="expected after"):
            self.parse(b'{"x": 1}')
