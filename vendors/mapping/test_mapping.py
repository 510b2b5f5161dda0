"""The mapping plugin: what the contract does not say. One config reads all its fixtures, by several paths a field."""

import json

import msgspec
import pytest

from core.api import MalformedPayload
from core.testing.contract import ParserContract
from core.testing.fixtures import as_payload
from vendors.mapping.paths import compile_path

TREE = {"a": {"Plate_No": "B1A"}, "l": [{"p": 1}, {"p": 2}], "x.y": 3, "Vehicle Brand": "T"}
CONFIG = {
    "each": "reads[*]",
    "fields": {
        "plate": ["lp", "Read/Plate", "plate"], "time": ["utc", "Read/When/Time", "clock", "ts"],
        "date": ["Read/When/Date", "day"], "confidence": ["conf", "Read/Plate/@score"],
        "direction": ["dir", "Read/Way"],
        "lane_no": ["lane", "Read/Lane"], "vehicle_color": "color", "speed": ["kmh"], "event_id": ["id", "Read/@id"],
        "serial": ["$.device", "Read/Camera/@serial"],
    },
    "images": [{"path": "lp_img", "role": "plate"}, {"path": "Read/Images/Plate", "role": "plate"},
               {"path": "Read/Images/Full"}],
    "directions": {"0": "approach", "1": "depart"},
    "heartbeat": {"path": "kind", "values": ["alive"]},
    "extra": {"list": "list_mode"},
}  # fmt: skip


def flat(**more):
    """A config for bodies without a list of vehicles."""
    return {"fields": {"plate": "lp", "time": "t", "confidence": "c"}} | more


class TestMapping(ParserContract):
    maker = "mapping"
    config = {key: value for key, value in CONFIG.items() if key != "each"}  # noqa: RUF012

    def by(self, config, body, **how):
        class Site(type(self)):
            pass

        Site.config = config
        return Site().parse(body if isinstance(body, bytes) else json.dumps(body).encode(), **how)

    def test_each_vehicle_of_a_list_is_a_read_and_the_body_lends_what_is_beside_them(self):
        reads = self.by(
            CONFIG, {"device": "S1", "ts": 1772446800, "reads": [{"lp": "B 1 A"}, {"lp": "", "ts": 1772446801}]}
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
        payload = msgspec.structs.replace(as_payload(b"", "mapping"), query="lp=B+1+A&conf=91")

        (read,) = self.plugin.parse_payload(payload)
        assert ("B1A", 91.0) == (read.plate_number, read.confidence)

    def test_a_body_that_the_paths_do_not_fit_names_the_key_and_what_is_there(self):
        with pytest.raises(MalformedPayload, match=r"nothing at fields.plate = 'lp'; the body has plaat, t"):
            self.by(flat(), {"plaat": "B1A", "t": 1})
        with pytest.raises(MalformedPayload, match=r"nothing at each = 'reads\[\*\]'"):
            self.by(CONFIG, {"lp": "B1A"})


@pytest.mark.parametrize(
    ("path", "found"),
    [("a.plateNo", ["B1A"]), ("A/plate_no", ["B1A"]), ("l[1].p", [2]), ("l[-1]/p", [2]), ("l[*].p", [1, 2]),
     ("l.p", [1]), ("['x.y']", [3]), ("Vehicle Brand", ["T"]), ("$.a.plateno", ["B1A"]), ("l[9].p", []),
     ("a[0].plateno", ["B1A"])],
)  # fmt: skip
def test_a_path_finds_what_it_names(path, found):
    assert found == compile_path(path).find(TREE)
