"""Tattile: what the contract does not say (camera-payloads reference §8)."""

import msgspec
import pytest

from core.api import MalformedPayload
from core.testing.contract import ParserContract
from core.testing.fixtures import as_payload


class TestTattile(ParserContract):
    maker = "tattile"

    def read(self, fields, **settings):
        inside = "".join(f"<{key}>{value}</{key}>" for key, value in fields.items())
        payload = as_payload(f"<Msg><PLATE_STRING>B 1 A</PLATE_STRING>{inside}</Msg>".encode(), "tattile")
        device = msgspec.structs.replace(payload.device, settings=settings)
        (read,) = self.parse_payload(msgspec.structs.replace(payload, device=device))
        return read

    @pytest.mark.parametrize(
        ("score", "percent"), [("92.5", 92.5), ("999", 100.0), ("500", 50.0501), ("7", 7.0), ("", None), ("-", None)]
    )
    def test_a_score_above_a_hundred_counts_to_999(self, score, percent):
        assert percent == self.read({"OCRSCORE": score}).confidence

    def test_a_camera_that_counts_to_999_may_be_told_so(self):
        assert 9.0991 == pytest.approx(self.read({"OCRSCORE": 90.9}, tattile={"ocrscore_full": 999}).confidence)

    @pytest.mark.parametrize(
        "fields",
        [{"DATE": "2026-03-02", "TIME": "17:20:00"}, {"DATE": "2026-03-02", "TIME": "17-20-00-000"},
         {"DATE": "2026/03/02", "TIME": "17:20:00.000"}, {"DATETIME": "2026-03-02T10:20:00Z"}],
    )  # fmt: skip
    def test_date_and_time_are_the_camera_s_wall_clock_in_several_spellings(self, fields):
        assert "2026-03-02T10:20:00+00:00" == self.read(fields).capture_time.isoformat()

    @pytest.mark.parametrize(
        ("word", "way"), [("GOAWAY", "depart"), ("Go_Away", "depart"), ("APPROACH", "approach"), ("", "unknown")]
    )
    def test_directions_are_words(self, word, way):
        assert way == self.read({"DIRECTION": word}).direction

    def test_another_message_is_refused(self):
        with pytest.raises(MalformedPayload, match="expected PLATE_STRING"):
            self.parse(b"<Msg><DATE>2026-03-02</DATE></Msg>")
