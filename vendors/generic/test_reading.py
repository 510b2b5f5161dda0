"""How generic bodies spell plates, times, confidences, speeds, directions and claims."""

import json

import msgspec
import pytest

from core.api import MalformedPayload, ViolationType
from core.testing.contract import Reader
from core.testing.fixtures import as_payload


class TestReading(Reader):
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
        with pytest.raises(MalformedPayload, match="names no vehicle: expected one of plateNumber, plate"):
            self.read({"speed": 4})

    def test_a_plate_that_was_not_read_is_still_evidence(self):
        assert self.read({"plate": ""}).plate_number is None
        assert self.read({"plateNumber": "noPlate"}).plate_number is None

    @pytest.mark.parametrize(
        ("time", "utc"),
        [("02-03-2026 17:20:00", "2026-03-02T10:20:00"), ("02/03/2026 17.20.00", "2026-03-02T10:20:00"),
         ("3/14/2026 17:20", "2026-03-14T10:20:00"), ("2026-03-02 17:20:00 WIB", "2026-03-02T10:20:00"),
         ("2026-03-02 18:20:00 WITA", "2026-03-02T10:20:00"), ("2026.03.02 17:20:00", "2026-03-02T10:20:00"),
         (1772446800123456, "2026-03-02T10:20:00.123456"), ("20260302172000123", "2026-03-02T10:20:00.123000"),
         ("2026-03-02T10:20:00.5Z", "2026-03-02T10:20:00.500000")],
    )  # fmt: skip
    def test_times_as_they_are_written_in_indonesia_and_by_programs(self, time, utc):
        assert utc == self.read({"plate": "B1A", "timestamp": time}).capture_time.replace(tzinfo=None).isoformat()

    def test_date_and_time_in_two_fields_are_one_time(self):
        read = self.read({"plate": "B1A", "tanggal": "2026-03-02", "jam": "17:20:00"})

        assert ("2026-03-02T10:20:00+00:00", "wall_clock") == (read.capture_time.isoformat(), read.time_source)

    def test_a_date_alone_is_no_time(self):
        assert self.read({"plate": "B1A", "timestamp": "2026-03-02"}).capture_time is None

    def test_a_zone_in_a_field_of_its_own_counts_where_the_time_has_none(self):
        body = {"plate": "B1A", "timestamp": "2026-03-02T19:20:00", "timezone": "+09:00"}

        assert "10:20" == f"{self.read(body).capture_time:%H:%M}"
        assert "10:20" == f"{self.read(body | {'timestamp': '2026-03-02T17:20:00+07:00'}).capture_time:%H:%M}"

    @pytest.mark.parametrize(
        ("body", "percent"),
        [({"score": 1}, 100), ({"score": 0.25}, 25), ({"confidence": "92,5 %"}, 92.5), ({"confidence": "0.5%"}, 0.5),
         ({"confidence": None}, None), ({"confidence": True}, None), ({"confidence": 0}, 0),
         ({"plate_confidence": 71, "confidence": 12}, 71), ({"vehicle": {"confidence": 33}}, None),
         ({"licensePlate": {"text": "B1A", "confidence": 44}}, 44), ({"confidence": {"plate": 55, "color": 1}}, 55)],
    )  # fmt: skip
    def test_a_confidence_is_the_plates_own_and_scaled_by_its_name(self, body, percent):
        assert percent == self.read({"plateNumber": "B1A", **body}).confidence

    def test_a_device_may_say_how_it_counts(self):
        payload = as_payload(b'{"plate":"B1A","confidence":1,"time":1772472000}', "generic")
        settings = {"generic": {"confidence": "fraction", "epoch_clock": "wall"}}
        known = msgspec.structs.replace(payload.device, settings=settings)
        (read,) = self.parse_payload(msgspec.structs.replace(payload, device=known))

        assert (100, "2026-03-02T10:20:00+00:00") == (read.confidence, read.capture_time.isoformat())

    def test_settings_that_cannot_be_used_are_named_in_the_quarantine(self):
        payload = as_payload(b'{"plate":"B1A"}', "generic")
        known = msgspec.structs.replace(payload.device, settings={"generic": {"confidence": "permille"}})

        with pytest.raises(MalformedPayload, match=r"device generic-uji has settings\.generic"):
            self.parse_payload(msgspec.structs.replace(payload, device=known))

    @pytest.mark.parametrize(
        ("body", "kmh"),
        [({"speed": 64}, 64), ({"kecepatan": "83,5 km/jam"}, 83.5), ({"speed": "40 mph"}, 64.37),
         ({"speed_mph": 40}, 64.37), ({"speed": 10, "speedUnit": "m/s"}, 36), ({"speed": -1}, None),
         ({"speed": 9**9}, None), ({}, None)],
    )  # fmt: skip
    def test_a_speed_is_read_in_kmh(self, body, kmh):
        assert kmh == self.read({"plate": "B1A", **body}).speed_kmh

    @pytest.mark.parametrize(
        ("claim", "offences"),
        [("red_light", (ViolationType.LAMPU_MERAH,)), ("No Helmet, seat belt", (ViolationType.HELM,
          ViolationType.SABUK_KESELAMATAN)), (["phone", "phone"], (ViolationType.PONSEL,)), ("none", ()), (None, ()),
         ([{"type": "wrong-way"}], (ViolationType.LAWAN_ARAH,)), ("parkir liar", (ViolationType.OTHER,)),
         ("Tidak Memakai Helm", (ViolationType.HELM,)), ("pelanggaran lampu merah", (ViolationType.LAMPU_MERAH,)),
         ("helm atau sabuk", (ViolationType.OTHER,))],
    )  # fmt: skip
    def test_claims_are_mapped_and_unknown_ones_are_other(self, claim, offences):
        assert offences == self.read({"plate": "B1A", "violationType": claim}).offences

    def test_an_event_named_after_a_violation_claims_it(self):
        assert (ViolationType.LAMPU_MERAH,) == self.read({"plate": "B1A", "eventType": "RedLight"}).offences
        assert () == self.read({"plate": "B1A", "eventType": "new plate"}).offences

    def test_json_inside_a_string_is_opened_and_a_plate_in_braces_is_not(self):
        assert "B1A" == self.read({"event_data": '{"plate": "B 1 A"}'}).plate_number
        assert ("{B1A}", "B1A") == ((r := self.read({"plate": "{B1A}"})).plate_raw, r.plate_number)

    def test_a_form_without_a_content_type_and_json_under_a_forms_type_are_read(self):
        assert "B1A" == self.read(b"plate=B+1+A&lane=2", content_type="").plate_number
        assert "B1A" == self.read(b'{"plate":"B1A"}', content_type="application/x-www-form-urlencoded").plate_number
        assert "B1A" == self.read(b"event[plate]=B1A", content_type="application/x-www-form-urlencoded").plate_number
