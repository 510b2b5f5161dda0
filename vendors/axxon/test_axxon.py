"""AxxonSoft: what the contract does not say (camera-payloads reference §8)."""

import base64
import io

import pytest
from PIL import Image

from core.api import MalformedPayload
from core.testing.contract import ParserContract


class TestAxxon(ParserContract):
    maker = "axxon"

    def read(self, **attributes):
        told = " ".join(f'{key.replace("_", "-")}="{value}"' for key, value in attributes.items())
        (read,) = self.parse(f'<t:Car_Plate xmlns:t="urn:x" PLATE="B 1 A" {told}/>'.encode())
        return read

    @pytest.mark.parametrize(
        ("word", "way"),
        [("in", "in"), ("Out", "out"), ("left", "unknown"), ("right", "unknown"), ("none", "unknown"), ("", "unknown")],
    )
    def test_left_and_right_are_no_way_in_or_out(self, word, way):
        read = self.read(direction=word)

        assert way == read.direction
        assert word == read.extra.get("direction", "")

    def test_attributes_have_names_in_any_case_and_may_be_missing(self):
        read = self.read(CAM_ID="14", Confidence="")

        assert ("B1A", "14", None, None) == (
            read.plate_number, read.hint.channel, read.confidence, read.capture_time
        )  # fmt: skip

    @pytest.mark.parametrize(("size", "role"), [((96, 32), "plate"), ((64, 36), "scene")])
    def test_a_flat_picture_is_the_plate(self, size, role):
        out = io.BytesIO()
        Image.new("RGB", size).save(out, "JPEG")
        body = b"<CAR_PLATE plate='B1A'>" + base64.b64encode(out.getvalue()) + b"</CAR_PLATE>"

        assert [role] == [image.role for image in self.parse(body)[0].images]

    def test_another_element_is_refused(self):
        with pytest.raises(MalformedPayload, match="expected CAR_PLATE"):
            self.parse(b"<CAR/>")
