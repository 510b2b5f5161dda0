"""Genetec AutoVu: what the contract does not say (camera-payloads reference §5, §6)."""

import json

import pytest

from core.api import MalformedPayload
from core.testing.contract import ParserContract


class TestGenetec(ParserContract):
    maker = "genetec"

    def read(self, **fields):
        (found,) = self.parse(json.dumps({"Plate": "B1A"} | fields).encode(), content_type="application/json")
        return found

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"Confidence": "0.95"}, 95.0), ({"ConfidenceScore": "95"}, 95.0), ({"ConfidenceScore": 1}, 1.0),
            ({"PlateAnalytics": [{"Key": "Confidence Score", "Score": -1.0, "Value": "64"}]}, 64.0),
            ({"PlateAnalytics": [{"Key": "Confidence Score", "Score": -1.0, "Value": "-"}]}, None), ({}, None),
        ],
    )  # fmt: skip
    def test_each_dialect_has_its_own_scale_of_confidence(self, fields, expected):
        assert expected == self.read(**fields).confidence

    @pytest.mark.parametrize(
        ("motion", "expected"),
        [("Moving Away", "depart"), ("moving closer", "approach"), ("Approaching", "approach"), ("-", "unknown")],
    )
    def test_relative_motion_is_the_direction(self, motion, expected):
        assert expected == self.read(Attributes={"Relative Motion": motion}).direction
        assert "in" == self.read(Attributes={"Relative Motion": motion}, VehicleDirection="In").direction

    def test_an_id_of_zeros_is_none_and_several_reads_in_a_body_are_several(self):
        assert "" == self.read(Id="00000000-0000-0000-0000-000000000000").event_id
        reads = self.parse(b'{"reads": [{"plateread": "B 1 A", "ID": "7"}, {"PLATE": "B 2 B"}]}')
        assert [("B1A", "7"), ("B2B", "")] == [(r.plate_number, r.event_id) for r in reads]

    def test_a_body_without_a_read_says_what_was_expected(self):
        with pytest.raises(MalformedPayload, match="expected one of PlateRead"):
            self.parse(b'{"CameraName": "x"}')
