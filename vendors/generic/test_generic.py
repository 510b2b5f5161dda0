"""Generic bodies: what the contract does not say."""

import json

import pytest

from core.api import MalformedPayload, ViolationType
from core.testing.contract import ParserContract


class TestGeneric(ParserContract):
    maker = "generic"

    def read(self, body, content_type="application/json", **how):
        source = body if isinstance(body, bytes) else json.dumps(body).encode()
        (found,) = self.parse(source, content_type=content_type, **how)
        return found

    @pytest.mark.parametrize(
        "body",
        [{"plateNumber": "b 1234 xyz"}, {"PLATE_NUMBER": "B1234XYZ"}, {"data": {"license-plate": "B-1234-XYZ"}},
         {"params": {"plateNo": "{B1234XYZ}"}}, {"event": {"info": {"Carplate": "B.1234.XYZ"}}},
         [{"nopol": "B1234XYZ"}],
         {"results": [{"plate": "B1234XYZ"}]}, {"vehicle": {"plate": {"text": "B1234XYZ"}}, "plate": "B1234XYZ"}],
    )  # fmt: skip
    def test_a_plate_is_found_however_its_key_is_spelt_and_wrapped(self, body):
        assert "B1234XYZ" == self.read(body).plate_number

    @pytest.mark.parametrize(
        ("time", "utc"),
        [("2026-03-02T17:20:00+07:00", "10:20"), ("2026-03-02 17:20:00", "10:20"), ("2026-03-02T10:20:00Z", "10:20"),
         (1772446800, "10:20"), (1772446800123, "10:20"), ("20260302172000", "10:20"), ("1772446800.5", "10:20")],
    )  # fmt: skip
    def test_a_time_is_read_in_every_form(self, time, utc):
        assert utc == f"{self.read({'plate': 'B1A', 'timestamp': time}).capture_time:%H:%M}"

    def test_an_unreadable_time_costs_nothing_but_itself(self):
        read = self.read({"plate": "B1A", "timestamp": "kemarin sore"})

        assert (None, "receive", "kemarin sore") == (read.capture_time, read.time_source, read.capture_time_raw)

    @pytest.mark.parametrize(
        ("given", "percent"), [(92.5, 92.5), ("88", 88), (0.5, 50), (1, 1), (160, 100), ("-", None)]
    )
    def test_confidence_is_percent_and_a_fraction_only_with_a_point(self, given, percent):
        assert percent == self.read({"plate": "B1A", "confidence": given}).confidence

    @pytest.mark.parametrize(
        ("word", "direction"),
        [
            ("in", "in"),
            ("Masuk", "in"),
            ("KELUAR", "out"),
            ("approach", "approach"),
            ("mendekat", "approach"),
            ("?", "unknown"),
        ],
    )
    def test_directions_in_english_and_indonesian(self, word, direction):
        assert direction == self.read({"plate": "B1A", "direction": word}).direction

    @pytest.mark.parametrize("kind", list(ViolationType))
    def test_every_violation_type_may_be_claimed(self, kind):
        assert (kind,) == self.read({"plate": "B1A", "violationType": kind.value}).offences

    def test_a_body_without_a_vehicle_says_what_was_expected(self):
        with pytest.raises(MalformedPayload, match="names no vehicle: expected one of platenumber"):
            self.read({"speed": 4})

    def test_a_plate_that_was_not_read_is_still_evidence(self):
        assert self.read({"plate": ""}).plate_number is None
        assert self.read({"plateNumber": "noPlate"}).plate_number is None

    def test_a_picture_that_is_none_costs_nothing_but_itself(self):
        assert () == self.read({"plate": "B1A", "plateImage": "aGFsbG8=" * 20, "vehicleImage": "???" * 30}).images

    def test_one_broken_event_of_a_list_is_an_error_for_all(self):
        with pytest.raises(MalformedPayload):
            self.parse(b'[{"plate":"B1A"},{"speed":1}]')
