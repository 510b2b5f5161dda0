"""What the operator writes under an instance of the mapping plugin, and what is read by it."""

import json

import msgspec
import pytest

from core.api import MalformedPayload
from core.testing.contract import Reader
from core.testing.fixtures import as_payload

LIST = {"each": "reads[*]", "fields": {"plate": "lp", "time": ["clock", "ts"], "serial": "$.device"}}


def flat(**more):
    """A config for bodies without a list of vehicles."""
    return {"fields": {"plate": "lp", "time": "t", "confidence": "c"}} | more


class TestConfig(Reader):
    maker = "mapping"
    config = flat()

    def by(self, config, body, **how):
        class Site(type(self)):
            pass

        Site.config = config
        return Site().parse(body if isinstance(body, bytes) else json.dumps(body).encode(), **how)

    def test_each_vehicle_of_a_list_is_a_read_and_the_body_lends_what_is_beside_them(self):
        reads = self.by(
            LIST, {"device": "S1", "ts": 1772446800, "reads": [{"lp": "B 1 A"}, {"lp": "", "ts": 1772446801}]}
        )

        assert [("B1A", "S1", 0), (None, "S1", 1)] == [
            (r.plate_number, r.hint.serial, r.capture_time.second) for r in reads
        ]

    @pytest.mark.parametrize(
        ("written", "form", "zone"),
        [("02/03/2026 17.20.00", "%d/%m/%Y %H.%M.%S", "camera"), ("2026-03-02 10:20:00", "", "utc"),
         (1772446800000, "", "camera"), ("2026-03-02T17:20:00+07:00", "%d/%m/%Y", "camera")],
    )  # fmt: skip
    def test_times_follow_the_form_and_the_clock_that_the_config_names(self, written, form, zone):
        (read,) = self.by(flat(time_format=form, time_zone=zone), {"lp": "B1A", "t": written})

        assert "2026-03-02T10:20:00+00:00" == read.capture_time.isoformat()

    @pytest.mark.parametrize(
        ("full", "written", "expected"), [(1, "0.93", 93.0), (999, 999, 100.0), (100, "91 %", 91.0)]
    )
    def test_confidence_has_the_full_value_that_the_config_names(self, full, written, expected):
        assert expected == self.by(flat(confidence_full=full), {"lp": "B1A", "c": written})[0].confidence

    def test_a_query_without_a_body_is_a_body(self):
        payload = msgspec.structs.replace(as_payload(b"", "mapping"), query="lp=B+1+A&c=91")

        (read,) = self.plugin.parse_payload(payload)
        assert ("B1A", 91.0) == (read.plate_number, read.confidence)

    def test_lines_of_names_and_values_are_a_body(self):
        config = {"fields": {"plate": "['Events[0].Car.Plate']"}}

        (read,) = self.by(config, b"Events[0].Code=T\r\nEvents[0].Car.Plate=B 1 A\r\n")
        assert "B1A" == read.plate_number

    def test_a_body_that_the_paths_do_not_fit_names_the_key_and_what_is_there(self):
        with pytest.raises(MalformedPayload, match=r"nothing at fields.plate = 'lp'; the body has plaat, t"):
            self.by(flat(), {"plaat": "B1A", "t": 1})
        with pytest.raises(MalformedPayload, match=r"nothing at each = 'reads\[\*\]'"):
            self.by(LIST, {"lp": "B1A"})
