"""Milesight: what the contract does not say (camera-payloads reference §4)."""

import json

import pytest

from core.api import MalformedPayload, UnsupportedEvent, ViolationType
from core.testing.contract import ParserContract


class TestMilesight(ParserContract):
    maker = "milesight"

    def reads(self, body, **how):
        return self.parse(body if isinstance(body, bytes) else json.dumps(body).encode(), **how)

    @pytest.mark.parametrize(
        ("word", "meaning"),
        [("Approach", "approach"), ("away", "depart"), ("In", "in"), ("OUT", "out"), ("-", "unknown"), ("0", "unknown"),
         ("1", "approach"), (2, "depart")],
    )  # fmt: skip
    def test_directions_are_words_in_a_push_and_codes_in_a_list(self, word, meaning):
        assert [meaning] == [r.direction for r in self.reads({"plate": "B 1 A", "direction": word})]

    @pytest.mark.parametrize(("text", "percent"), [("88", 88.0), ("0.88", 88.0), ("1", 1.0), ("-", None), ("", None)])
    def test_a_confidence_is_percent_unless_it_can_only_be_a_fraction(self, text, percent):
        assert [percent] == [r.confidence for r in self.reads({"plate": "B 1 A", "confidence": text})]

    def test_vehicles_in_a_wrapper_share_what_it_says(self):
        body = {"device": "Gerbang", "time": "2026-03-02 17:20:00", "data": [{"plate": "B1A"}, {"Plate": "-"}]}

        assert [("B1A", "Gerbang", 10), (None, "Gerbang", 10)] == [
            (r.plate_number, r.hint.name, r.capture_time.hour) for r in self.reads(body)
        ]

    def test_what_a_violation_names_is_claimed(self):
        (read,) = self.reads({"plate": "B 1 A", "violation_type": "Wrong Direction"})

        assert (ViolationType.LAWAN_ARAH,) == read.offences

    def test_a_count_is_no_event_and_a_strange_object_is_refused(self):
        with pytest.raises(UnsupportedEvent, match="counting"):
            self.reads({"event": "People Counting", "time": "2026-03-02 17:20:00"})
        with pytest.raises(MalformedPayload, match="the keys ping"):
            self.reads({"ping": 1})
