"""LILIN: what the contract does not say (camera-payloads reference §8)."""

import json

import pytest

from core.api import MalformedPayload, UnsupportedEvent
from core.testing.contract import ParserContract

TS = "1772446800417000"


class TestLilin(ParserContract):
    maker = "lilin"

    def reads(self, *rows):
        return self.parse(json.dumps({"LPR_COUNT": len(rows), "INFORMATION": list(rows)}).encode())

    @pytest.mark.parametrize(
        "times",
        [{"TS": TS, "MOD_TS": "2026-03-02 17:20:00 GMT"}, {"TS": int(TS)}, {"ts": "1772446800417"},
         {"TS": "x", "MOD_TS": "2026-03-02 10:20:00 GMT"}],
    )  # fmt: skip
    def test_ts_goes_before_mod_ts_which_lies_about_its_zone(self, times):
        (read,) = self.reads({"LPR": "B 1 A"} | times)

        assert "2026-03-02T10:20:00" == read.capture_time.isoformat()[:19]

    def test_rows_without_a_time_are_entries_of_a_list(self):
        entry = {"LPR": "D 2 B", "TS": "", "MOD_TS": ""}

        assert ["B1A"] == [read.plate_number for read in self.reads(entry, {"LPR": "B 1 A", "TS": TS})]
        with pytest.raises(UnsupportedEvent, match="own list"):
            self.reads(entry, entry)
        assert [] == self.reads()

    @pytest.mark.parametrize(
        ("written", "percent"), [("0.795461", 79.5461), (1, 100.0), ("", None), (None, None), ("87", 87.0)]
    )
    def test_the_threshold_is_a_fraction(self, written, percent):
        assert [percent] == [read.confidence for read in self.reads({"LPR": "B1A", "TS": TS, "THRESHOLD": written})]

    def test_what_the_camera_did_is_kept_and_decides_nothing(self):
        (read,) = self.reads({"LPR": "B1A", "TS": TS, "ACT_PARAM": "denial", "LP_BMP": "images/1.png"})

        assert {"act_param": "denial", "lp_bmp": "images/1.png"} == read.extra
        assert () == read.images

    def test_another_body_is_refused(self):
        with pytest.raises(MalformedPayload, match="expected LPR_COUNT"):
            self.parse(b'{"x": 1}')
