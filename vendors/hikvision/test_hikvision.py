"""Hikvision: what the contract does not say (camera-payloads reference §1)."""

import pytest

from core.api import MalformedPayload, ViolationType
from core.testing.contract import ParserContract

NAMESPACES = ("http://www.hikvision.com/ver10/XMLSchema", "http://www.std-cgi.com/ver20/XMLSchema",
              "urn:psialliance-org", "")  # fmt: skip


def anpr(inner, *, namespace="", more=""):
    return (
        f'<EventNotificationAlert version="2.0" xmlns="{namespace}"><eventType>ANPR</eventType>'
        f"<dateTime>2026-03-02T17:20:00+07:00</dateTime><ANPR>{inner}</ANPR>{more}</EventNotificationAlert>"
    ).encode()


class TestHikvision(ParserContract):
    maker = "hikvision"

    def read(self, inner, **how):
        (found,) = self.parse(anpr(inner, **how), content_type="application/xml")
        return found

    @pytest.mark.parametrize("namespace", NAMESPACES)
    def test_local_names_count_whatever_the_namespace(self, namespace):
        assert "B1234XYZ" == self.read("<licensePlate>B 1234 XYZ</licensePlate>", namespace=namespace).plate_number

    @pytest.mark.parametrize(
        ("direction", "meaning"),
        [("forward", "approach"), ("Reverse", "depart"), ("enter", "in"), ("leave", "out"), ("sideways", "unknown")],
    )
    def test_directions_follow_the_code_table(self, direction, meaning):
        assert meaning == self.read(f"<direction>{direction}</direction>").direction

    def test_what_the_camera_claims_becomes_offences(self):
        read = self.read(
            "<licensePlate>B1A</licensePlate><illegalInfo><illegalCode>1301</illegalCode></illegalInfo>"
            "<pilotsafebelt>no</pilotsafebelt><uphone>yes</uphone>"
        )

        assert (ViolationType.LAWAN_ARAH, ViolationType.SABUK_KESELAMATAN, ViolationType.PONSEL) == read.offences

    def test_a_normal_passage_claims_nothing(self):
        read = self.read("<illegalInfo><illegalCode>0</illegalCode></illegalInfo><pilotsafebelt>yes</pilotsafebelt>")

        assert () == read.offences

    def test_late_data_is_marked_as_retransmitted(self):
        assert self.read("<alarmDataType>1</alarmDataType>").retransmitted
        assert not self.read("<alarmDataType>0</alarmDataType>").retransmitted

    def test_a_dummy_uuid_is_no_event_id(self):
        uuid = "5f0c1c3e-7a51-4d0b-9a3e-0b9d6f6f2a01"

        assert "" == self.read("", more="<UUID>x</UUID>").event_id
        assert uuid == self.read("", more=f"<UUID>{uuid}</UUID>").event_id

    def test_zero_speed_is_not_measured_and_a_fraction_is_not_a_percent(self):
        assert self.read("<vehicleInfo><speed>0</speed></vehicleInfo>").speed_kmh is None
        assert 93.0 == self.read("<confidenceLevel>0.93</confidenceLevel>").confidence
        assert 1.0 == self.read("<confidenceLevel>1</confidenceLevel>").confidence

    def test_a_picture_alone_says_what_was_expected(self):
        with pytest.raises(MalformedPayload, match="picture without an event"):
            self.parse(b"\xff\xd8\xff\xe0" + bytes(100), content_type="image/jpeg")

    def test_a_recorder_names_the_camera_behind_it(self):
        body = anpr("", more="<dynChannelID>34</dynChannelID><deviceSerial>DS 1</deviceSerial>")
        (found,) = self.parse(body)

        assert ("34", "DS 1") == (found.hint.channel, found.hint.serial)
