"""Generic bodies with several vehicles, and which picture is whose."""

import base64
import json

import pytest

from core.api import MalformedPayload
from core.testing.bodies import jpeg
from core.testing.contract import Reader
from vendors.generic.plugin import MAX_VEHICLES

JPEG = jpeg()
B64 = base64.b64encode(JPEG).decode()


def form(*parts):
    heads = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'.encode() + data + b"\r\n"
        for name, file, data in parts
    ]
    return b"".join(heads) + b"--b--\r\n"


class TestVehicles(Reader):
    maker = "generic"

    def read(self, body, content_type="application/json", **how):
        source = body if isinstance(body, bytes) else json.dumps(body).encode()
        (found,) = self.parse(source, content_type=content_type, **how)
        return found

    def test_a_picture_that_is_none_costs_nothing_but_itself(self):
        assert () == self.read({"plate": "B1A", "plateImage": "aGFsbG8=" * 20, "vehicleImage": "???" * 30}).images

    def test_one_broken_event_of_a_list_is_an_error_for_all(self):
        with pytest.raises(MalformedPayload):
            self.parse(b'[{"plate":"B1A"},{"speed":1}]')

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

    def test_unescaped_base64_in_a_form_keeps_its_plus_signs(self):
        body = b"plate=B1A&image=" + B64.encode()

        assert b"+" in body
        assert JPEG == self.read(body, content_type="application/x-www-form-urlencoded").images[0].data

    def test_a_small_picture_in_url_safe_base64_is_found(self):
        safe = base64.urlsafe_b64encode(JPEG).decode()

        assert safe.startswith("_9j_")
        assert JPEG == self.read({"plate": "B1A", "plateImage": safe}).images[0].data
