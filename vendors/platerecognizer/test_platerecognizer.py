"""Plate Recognizer: what the contract does not say (camera-payloads reference §7)."""

import json

import pytest

from core.api import MalformedPayload, UnsupportedEvent
from core.testing.contract import ParserContract

FORM = "multipart/form-data; boundary=x"


class TestPlateRecognizer(ParserContract):
    maker = "platerecognizer"

    def read(self, data):
        return self.parse(json.dumps({"data": {"results": [{"plate": "b1a"}]} | data, "hook": {}}).encode())

    @pytest.mark.parametrize("written", ["2026-03-02 10:20:00", "2026-03-02T10:20:00Z", "2026-03-02T17:20:00+07:00"])
    def test_a_timestamp_without_a_zone_is_utc_and_the_local_one_is_the_cameras(self, written):
        (found,) = self.read({"timestamp": written, "timestamp_local": "2026-03-02 00:00:00"})
        (local,) = self.read({"timestamp": "", "timestamp_local": "2026-03-02 17:20:00"})

        assert "2026-03-02T10:20:00+00:00" == found.capture_time.isoformat() == local.capture_time.isoformat()

    def test_degrees_are_kept_and_are_no_direction(self):
        (found,) = self.read({"results": [{"plate": "b1a", "score": "0.5", "direction": 210}]})

        assert ("unknown", "210", 50.0) == (found.direction, found.extra["direction_degrees"], found.confidence)

    def test_a_crop_beside_two_vehicles_is_nobodys_and_the_whole_picture_is_everybodys(self):
        picture = b"\xff\xd8\xff\xe0" + bytes(80)
        results = b'{"data":{"results":[{"plate":"a"},{"plate":"b"}]}}'
        body = b"--x\r\nContent-Disposition: form-data; name=json\r\n\r\n" + results
        for name in (b"upload", b"plate_crop"):
            body += b'\r\n--x\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + picture
        both = self.parse(body + b"\r\n--x--\r\n", content_type=FORM)

        assert [["scene"], ["scene"]] == [[image.role for image in read.images] for read in both]

    def test_hooks_without_results_are_signs_of_life_or_not_for_us(self):
        assert [] == self.parse(b'{"hook": {"event": "heartbeat"}, "data": {"camera_id": "1"}}')
        assert [] == self.read({"results": []})
        with pytest.raises(UnsupportedEvent, match="video_clip"):
            self.parse(b'{"hook": {"event": "video_clip"}, "data": {}}')
        with pytest.raises(MalformedPayload, match="found neither"):
            self.parse(b'{"camera_id": "1"}')
