"""ONVIF's frames and notifications (camera-payloads reference §8)."""

import pytest

from core.api import Alarm, FrameCapture, MalformedPayload, PlateRead, Status, UnsupportedEvent
from core.testing.contract import Reader

_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIAQMAAAD+wSzIAAAABlBMVEX///+/v7+jQ3Y5AAAADklEQVQI12P4AIX8EAgALgAD/aNpbtEAAAAASUVORK5CYII="  # noqa: E501


class TestMetadata(Reader):
    maker = "onvif"

    def frame(self, appearance, attributes='UtcTime="2026-03-02T10:20:00Z"', beside=""):
        inside = f'<t:Object ObjectId="7"><t:Appearance>{appearance}</t:Appearance>{beside}</t:Object>'
        return self.parse(f'<t:Frame xmlns:t="urn:x" {attributes}>{inside}</t:Frame>'.encode())

    def notify(self, topic, *items, operation="Changed"):
        pairs = "".join(f'<SimpleItem Name="{name}" Value="{value}"/>' for name, value in items)
        return self.parse(
            f"<Notify><NotificationMessage><Topic>tns1:{topic}</Topic><Message><Message UtcTime='2026-03-02T10:20:00' "
            f"PropertyOperation='{operation}'><Data>{pairs}</Data></Message></Message></NotificationMessage></Notify>".encode()
        )

    @pytest.mark.parametrize("written", ["2026-03-02T10:20:00", "2026-3-2T10:20:00.0", "2026-03-02T17:20:00+07:00"])
    def test_utc_time_is_utc_with_or_without_the_z(self, written):
        (read,) = self.frame("<t:VehicleInfo><t:Type>Car</t:Type></t:VehicleInfo>", f'utctime="{written}"')

        assert "2026-03-02T10:20:00+00:00" == read.capture_time.isoformat()

    @pytest.mark.parametrize(("likelihood", "percent"), [(' Likelihood="0.5"', 50.0), ("", 100.0)])
    def test_a_likelihood_is_a_fraction_and_one_by_default(self, likelihood, percent):
        plate = f"<t:LicensePlateInfo><t:PlateNumber{likelihood}>B 1 A</t:PlateNumber></t:LicensePlateInfo>"
        (read,) = self.frame(plate, beside="<t:Behaviour><t:Speed>10</t:Speed></t:Behaviour>")

        assert ("B1A", percent, 36.0, "7:B1A") == (read.plate_number, read.confidence, read.speed_kmh, read.event_id)

    def test_a_vehicle_without_a_plate_is_a_read_without_a_confidence(self):
        (read,) = self.frame("<t:VehicleInfo><t:Type Likelihood='0.9'>Bus</t:Type></t:VehicleInfo>")

        assert (None, None, "bus", "7:2026030210") == (
            read.plate_number, read.confidence, read.vehicle_type, read.event_id
        )  # fmt: skip

    def test_people_in_a_frame_are_not_for_us_and_an_empty_frame_is_nothing(self):
        with pytest.raises(UnsupportedEvent, match="Object"):
            self.frame("<t:Class><t:Type>Human</t:Type></t:Class>")
        assert [] == self.parse(b'<tt:VideoAnalytics><tt:Frame UtcTime="2026-03-02T10:20:00Z"/></tt:VideoAnalytics>')

    @pytest.mark.parametrize(
        ("topic", "item", "kind", "phase"),
        [("RuleEngine/LineDetector/Crossed", ("ObjectId", "3"), Alarm, "single"),
         ("VideoSource/MotionAlarm", ("State", "1"), Alarm, "start"),
         ("VideoSource/MotionAlarm", ("State", "false"), Alarm, "stop"),
         ("VideoSource/SignalLoss", ("State", "true"), Status, "start"),
         ("RuleEngine/Field/Inside", ("Image", _PICTURE), FrameCapture, "single"),
         ("RuleEngine/Recognition/LicensePlate", ("PlateNumber", "B 1 A"), PlateRead, "single")],
    )  # fmt: skip
    def test_topics_say_what_an_event_is_and_states_its_phase(self, topic, item, kind, phase):
        (found,) = self.notify(topic, item)

        assert (kind, phase, topic) == (type(found), found.phase, found.event)

    def test_states_at_subscription_and_housekeeping_are_not_for_us(self):
        for topic, operation in (("VideoSource/MotionAlarm", "Initialized"), ("Media/ProfileChanged", "Changed")):
            with pytest.raises(UnsupportedEvent, match=topic):
                self.notify(topic, ("State", "true"), operation=operation)

    def test_documents_one_behind_the_other_are_all_read(self):
        one = b'<?xml version="1.0"?><Frame UtcTime="2026-03-02T10:20:00Z"><Object><Appearance><LicensePlateInfo>'
        one += b"<PlateNumber>B1A</PlateNumber></LicensePlateInfo></Appearance></Object></Frame>\n"

        assert ["B1A", "B1A"] == [read.plate_number for read in self.parse(one * 2)]

    def test_another_document_is_refused(self):
        with pytest.raises(MalformedPayload, match="expected a Frame"):
            self.parse(b"<x><y>1</y></x>")
