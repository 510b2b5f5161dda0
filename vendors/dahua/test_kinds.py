"""Which of Dahua's events are reads, alarms, pictures, news or nothing."""

import pytest

from core.api import Alarm, FrameCapture, MalformedPayload, Status, UnsupportedEvent
from core.testing.drawing import draw_plate

NOISE = ("IntelliFrame", "NTPAdjustTime", "TimeChange", "RtspSessionDisconnect", "VideoMotionInfo", "NewFile")
PICTURE = draw_plate("B 1234 XYZ")


class TestKinds:
    @pytest.mark.parametrize("code", NOISE)
    def test_housekeeping_is_unsupported_by_name(self, dahua, code):
        with pytest.raises(UnsupportedEvent) as raised:
            dahua.all(dahua.block(code, {"Action": "Start"}))

        assert code == raised.value.event

    def test_housekeeping_beside_a_read_costs_nothing(self, dahua):
        read = dahua.one(dahua.block("NewFile", {}) + dahua.block("TrafficGate", {"PlateNumber": "B 1 A"}))

        assert "B1A" == read.plate_number

    def test_start_and_stop_are_one_incident(self, dahua):
        start, stop = dahua.all(
            dahua.block("CrossLineDetection", {}, action="Start") + dahua.block("CrossLineDetection", {}, action="Stop")
        )

        assert [(Alarm, "start"), (Alarm, "stop")] == [(type(o), o.phase) for o in (start, stop)]

    def test_the_stop_of_a_parked_car_is_no_second_read(self, dahua):
        stop = dahua.one(dahua.block("TrafficParking", {"PlateNumber": "B 1 A"}, action="Stop"))

        assert (Alarm, "stop") == (type(stop), stop.phase)

    @pytest.mark.parametrize("code", ["VideoLoss", "StorageFailure", "StorageLowSpace"])
    def test_news_of_the_device_is_status(self, dahua, code):
        assert Status is type(dahua.one(dahua.block(code, action="Start", index=4)))

    def test_an_alarm_with_a_picture_goes_to_the_detectors(self, dahua):
        parts = (("text/plain", b"Events[0].Code=CrossRegionDetection\n"), ("image/jpeg", PICTURE))

        assert FrameCapture is type(dahua.one(dahua.multipart(*parts), "multipart/x-mixed-replace; boundary=batas"))

    def test_index_is_the_channel_less_one(self, dahua):
        assert "4" == dahua.one(dahua.block("VideoMotion", index=3)).hint.channel

    def test_unreadable_json_keeps_its_text(self, dahua):
        alarm = dahua.one("Code=AlarmLocal;action=Start;index=0;data={rusak")

        assert "{rusak" == alarm.extra["raw"]

    def test_json_may_hold_every_sign_of_the_head(self, dahua):
        alarm = dahua.one(dahua.block("AlarmLocal", {"Name": "a;b=c} Code=X;action=Stop"}))

        assert "a;b=c} Code=X;action=Stop" == alarm.extra["name"]

    @pytest.mark.parametrize(
        "body",
        [b"Heartbeat", b"HeartBeat\r\n", b'{"Active":"keepAlive"}', b'{"active":true}', b'{"DeviceModel":"UJI"}',
         b"--batas\r\n\r\nHeartbeat\r\n--batas--\r\n", b"Code=Heartbeat;action=Pulse;index=0"],
    )  # fmt: skip
    def test_heartbeats_and_registrations_record_nothing(self, dahua, body):
        assert [] == dahua.all(body, "")

    @pytest.mark.parametrize("body", [b"", b"halo", b'{"a":1}', b"[]", b"null", b"<a><b>1</b></a>"])
    def test_what_nobody_understands_is_malformed(self, dahua, body):
        with pytest.raises(MalformedPayload):
            dahua.all(body)

    def test_a_part_nobody_understands_is_counted_and_costs_no_other(self, dahua):
        body = dahua.multipart(("text/plain", b"[rusak"), ("text/plain", b"Events[0].Code=TrafficGate\n"))
        read, news = dahua.all(body, "multipart/mixed; boundary=batas")

        assert ("TrafficGate", "UnreadablePart") == (read.event, news.event)
