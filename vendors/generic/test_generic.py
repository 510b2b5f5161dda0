"""Generic bodies: what the contract does not say."""

import base64
import io
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.api import MalformedPayload, ViolationType
from core.testing.contract import ParserContract
from core.testing.fixtures import as_payload, describe
from vendors.generic.plugin import MAX_VEHICLES, PLATE_MARKS
from vendors.generic.words import PLATE_KEYS

OTHER_KEYS = ("time", "date", "timestamp", "confidence", "speed", "image", "plateImage", "direction", "violationType",
              "event", "eventId", "lane", "timezone", "vehicle")  # fmt: skip


def jpeg():
    out = io.BytesIO()
    Image.new("RGB", (16, 8), (200, 30, 30)).save(out, "JPEG")
    return out.getvalue()


JPEG = jpeg()
B64 = base64.b64encode(JPEG).decode()


def form(*parts):
    heads = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'.encode() + data + b"\r\n"
        for name, file, data in parts
    ]
    return b"".join(heads) + b"--b--\r\n"


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
        with pytest.raises(MalformedPayload, match="names no vehicle: expected one of plateNumber, plate"):
            self.read({"speed": 4})

    def test_a_plate_that_was_not_read_is_still_evidence(self):
        assert self.read({"plate": ""}).plate_number is None
        assert self.read({"plateNumber": "noPlate"}).plate_number is None

    def test_a_picture_that_is_none_costs_nothing_but_itself(self):
        assert () == self.read({"plate": "B1A", "plateImage": "aGFsbG8=" * 20, "vehicleImage": "???" * 30}).images

    def test_one_broken_event_of_a_list_is_an_error_for_all(self):
        with pytest.raises(MalformedPayload):
            self.parse(b'[{"plate":"B1A"},{"speed":1}]')

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
         ([{"type": "wrong-way"}], (ViolationType.LAWAN_ARAH,)), ("parkir liar", (ViolationType.OTHER,))],
    )  # fmt: skip
    def test_claims_are_mapped_and_unknown_ones_are_other(self, claim, offences):
        assert offences == self.read({"plate": "B1A", "violationType": claim}).offences

    def test_an_event_named_after_a_violation_claims_it(self):
        assert (ViolationType.LAMPU_MERAH,) == self.read({"plate": "B1A", "eventType": "RedLight"}).offences
        assert () == self.read({"plate": "B1A", "eventType": "new plate"}).offences

    def test_vehicles_of_one_event_keep_their_own_values_and_share_what_stands_around_them(self):
        body = {"eventId": "e1", "time": "2026-03-02T10:20:00Z", "image": B64, "plates": [
            {"text": "B 1 A", "laneNo": 1, "plateImage": B64}, {"text": "D 2 B", "laneNo": 2}]}  # fmt: skip
        first, second = self.parse(json.dumps(body).encode())

        assert [("B1A", "1", "e1#0", ["plate", "scene"]), ("D2B", "2", "e1#1", ["scene"])] == [
            (r.plate_number, r.lane_no, r.event_id, [i.role for i in r.images]) for r in (first, second)
        ]
        assert first.capture_time == second.capture_time

    def test_events_of_a_batch_keep_their_ids(self):
        reads = self.parse(b'{"events":[{"eventId":"a","plate":"B1A"},{"eventId":"b","plate":"B2B"}]}')

        assert ["a", "b"] == [read.event_id for read in reads]

    def test_a_plate_crop_beside_two_vehicles_is_bound_to_neither(self):
        reads = self.parse(json.dumps({"plateImage": B64, "plates": ["B1A", "D2B"]}).encode())

        assert [(), ()] == [read.images for read in reads]

    def test_file_parts_go_to_the_vehicles_one_by_one_where_the_numbers_agree(self):
        body = form(("events", "", b'[{"plate":"B1A"},{"plate":"D2B"}]'), ("plateImage", "1.jpg", JPEG),
                    ("plateImage", "2.jpg", JPEG + b"2"), ("scene", "3.jpg", JPEG + b"3"))  # fmt: skip
        first, second = self.parse(body, content_type="multipart/form-data; boundary=b")

        assert [JPEG, JPEG + b"3"] == [bytes(i.data) for i in first.images]
        assert [JPEG + b"2", JPEG + b"3"] == [bytes(i.data) for i in second.images]

    def test_a_body_with_more_vehicles_than_a_road_holds_is_refused(self):
        plates = [f"B{n}A" for n in range(1, MAX_VEHICLES + 2)]

        assert MAX_VEHICLES == len(self.parse(json.dumps({"plates": plates[:-1], "images": ["a.jpg"] * 3}).encode()))
        with pytest.raises(MalformedPayload, match="501 vehicles"):
            self.parse(json.dumps({"plates": plates}).encode())

    def test_a_field_may_name_the_file_part_of_its_picture(self):
        body = form(("json", "", b'{"plate":"B1A","plateImage":"x7.jpg","photo":"cid:full"}'), ("full", "", JPEG),
                    ("f", "x7.jpg", JPEG))  # fmt: skip
        (read,) = self.parse(body, content_type="multipart/form-data; boundary=b")

        assert [("plate", ""), ("scene", "")] == [(i.role, i.url) for i in read.images]

    def test_json_inside_a_string_is_opened_and_a_plate_in_braces_is_not(self):
        assert "B1A" == self.read({"event_data": '{"plate": "B 1 A"}'}).plate_number
        assert ("{B1A}", "B1A") == ((r := self.read({"plate": "{B1A}"})).plate_raw, r.plate_number)

    def test_a_form_without_a_content_type_and_json_under_a_forms_type_are_read(self):
        assert "B1A" == self.read(b"plate=B+1+A&lane=2", content_type="").plate_number
        assert "B1A" == self.read(b'{"plate":"B1A"}', content_type="application/x-www-form-urlencoded").plate_number
        assert "B1A" == self.read(b"event[plate]=B1A", content_type="application/x-www-form-urlencoded").plate_number

    def test_unescaped_base64_in_a_form_keeps_its_plus_signs(self):
        body = b"plate=B1A&image=" + B64.encode()

        assert b"+" in body
        assert JPEG == self.read(body, content_type="application/x-www-form-urlencoded").images[0].data

    def test_nothing_that_smells_of_a_credential_is_kept_aside(self):
        extra = self.read({"plate": "B1A", "apiKey": "r4h4s14", "note": "x", "login": {"password": "r4h4s14"}}).extra

        assert {"note": "x"} == extra

    def test_the_error_names_keys_and_never_values(self):
        with pytest.raises(MalformedPayload) as caught:
            self.read({"apiKey": "r4h4s14", "speed": 4})

        assert "apiKey" in str(caught.value)
        assert "r4h4s14" not in str(caught.value)

    @pytest.mark.parametrize("body", [{"type": "HeartBeat"}, {"event": "keep-alive"}, {"heartbeat": 7}])
    def test_a_heartbeat_is_understood_and_records_nothing(self, body):
        assert [] == self.parse(json.dumps(body).encode())

    def test_clients_are_answered_with_the_id_and_checked_for_a_vehicle_on_both_paths(self):
        rows = self.plugin.answers()
        events = [row for row in rows if row.kind == "event"]

        assert ["/api/violation", ""] == [row.path for row in events]
        assert {b'{"status":"ok","id":$payload_id}'} == {row.body for row in events}
        assert {PLATE_KEYS} == {row.check.any_key for row in events}
        assert {("GET", "HEAD")} == {row.methods for row in rows if row.kind == "probe"}
        assert all(PLATE_MARKS == row.lacks and row.max_body for row in rows if row.kind == "heartbeat")

    def test_a_payload_of_unknown_origin_is_recognised_by_its_plate_key(self):
        def recognised(body, path=""):
            payload = msgspec.structs.replace(as_payload(body, "generic"), path=path)
            return self.plugin.recognise_payload(payload)

        assert recognised(b'{"plate":"B1A"}').confidence < recognised(b'{"plate":"B1A"}', "/api/violation").confidence
        assert recognised(b'{"speed":1}') is None
        assert recognised(b"<xml/>") is None

    def test_no_plate_key_escapes_the_marks_that_keep_an_event_from_being_taken_for_a_heartbeat(self):
        assert [] == [key for key in PLATE_KEYS if not any(m in f'"{key}"'.lower().encode() for m in PLATE_MARKS)]

    @given(st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(PLATE_KEYS) | st.sampled_from(OTHER_KEYS) | st.text(), inner, max_size=6),
    ))  # fmt: skip
    @settings(max_examples=200, deadline=None)
    def test_any_json_is_read_or_refused(self, body):
        try:
            json.dumps(describe(self.parse(msgspec.json.encode(body), content_type="application/json")))
        except MalformedPayload as error:
            assert str(error)
