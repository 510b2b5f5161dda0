"""What Hikvision's events mean, whatever form they come in (camera-payloads reference §1)."""

import json

import pytest

from core.api import Alarm, FrameCapture, MalformedPayload, PlateRead, Status, ViolationType
from core.testing.bodies import jpeg
from core.testing.contract import Reader

NAMESPACES = ("http://www.hikvision.com/ver10/XMLSchema", "http://www.std-cgi.com/ver20/XMLSchema",
              "urn:psialliance-org", "")  # fmt: skip
FORM = "multipart/form-data; boundary=boundary"


def anpr(inner, *, namespace="", more=""):
    return (
        f'<EventNotificationAlert version="2.0" xmlns="{namespace}"><eventType>ANPR</eventType>'
        f"<dateTime>2026-03-02T17:20:00+07:00</dateTime><ANPR>{inner}</ANPR>{more}</EventNotificationAlert>"
    ).encode()


def form(*parts):
    """A multipart body of (headers, data) parts."""
    body = b""
    for headers, data in parts:
        head = "\r\n".join(("--boundary", *headers, "", "")).encode()
        body += head + (data if isinstance(data, bytes) else data.encode()) + b"\r\n"
    return body + b"--boundary--" + b"\r\n"


class TestEvents(Reader):
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

    def test_a_recorder_names_the_camera_behind_it(self):
        body = anpr("", more="<dynChannelID>34</dynChannelID><deviceSerial>DS 1</deviceSerial>")
        (found,) = self.parse(body)

        assert ("34", "DS 1") == (found.hint.channel, found.hint.serial)

    @pytest.mark.parametrize(
        "body",
        [
            anpr("<licensePlate>B 1 A</licensePlate>").decode().encode("utf-16"),
            anpr("<licensePlate>B 1 A</licensePlate>").decode().encode("utf-16-le"),
            anpr("<LICENSEPLATE>B 1 A</LICENSEPLATE>").replace(b"EventNotificationAlert", b"eventnotificationalert"),
            anpr("<licensePlate>B 1 A</licensePlate>", more="<channelName>Toko A & B\x01</channelName>"),
            b"<Envelope><Body>" + anpr("<licensePlate>B 1 A</licensePlate>") + b"</Body></Envelope>",
            anpr("<licensePlate>B 1 A</licensePlate>") + anpr("")[:90],
            b"preamble\r\n" + form((("Content-Type: text/xml",), anpr("<licensePlate>B 1 A</licensePlate>"))),
            b'<EventNotificationAlert><eventType>ANPR</eventType><cardNo>B 1 A</cardNo></EventNotificationAlert>',
            b'{"event": {"data": {"eventType": "anpr", "ANPR": {"LicensePlate": "B 1 A"}}}}',
            b'{"EventNotificationAlert": {"@version": "2.0", "ANPR": {"ns1:licensePlate": {"#text": "B 1 A"}}}}',
            b'{"Plates": [{"plateNumber": "B 1 A", "captureTime": "20260302T1720000000"}]}',
        ],
        ids=["utf-16", "utf-16 unmarked", "letter case", "bare ampersand", "envelope", "second one cut",
             "undeclared multipart", "cardNo", "wrapped JSON", "JSON made of XML", "JSON polling"],
    )  # fmt: skip
    def test_a_plate_is_found_in_forms_that_no_capture_has(self, body):
        for content_type in ("", FORM):
            assert ["B1A"] == [o.plate_number for o in self.parse(body, content_type=content_type)]

    def test_a_traffic_violation_has_its_fields_in_a_block_of_its_own(self):
        (read,) = self.parse(
            b"<EventNotificationAlert><eventType>TFS</eventType><TFS><illegalTrafficEvent>wrongDirection"
            b"</illegalTrafficEvent><plateInfo><plateNumber>B 1 A</plateNumber></plateInfo>"
            b"<vehicleInfo><color>deepBlue</color></vehicleInfo></TFS></EventNotificationAlert>"
        )

        assert ("B1A", "deepblue", (ViolationType.LAWAN_ARAH,)) == (
            read.plate_number,
            read.vehicle_color,
            read.offences,
        )

    def test_a_site_says_what_its_own_codes_mean(self):
        class Site(type(self)):
            config = {"illegal_codes": {"7001": "busway"}}  # noqa: RUF012

        body = anpr("<illegalInfo><illegalCode>7001</illegalCode></illegalInfo>")

        assert () == self.parse(body)[0].offences
        assert (ViolationType.BUSWAY,) == Site().parse(body)[0].offences

    def test_an_unreadable_time_gives_way_to_the_next(self):
        (read,) = self.parse(
            b"<EventNotificationAlert><dateTime>0000-00-00T00:00:00</dateTime><ANPR>"
            b"<absTime>20260302172000123</absTime></ANPR></EventNotificationAlert>"
        )

        assert ("2026-03-02T10:20:00.123000+00:00", "wall_clock") == (read.capture_time.isoformat(), read.time_source)

    @pytest.mark.parametrize(
        ("kind", "state", "pictures", "expected"),
        [
            ("videoloss", "active", (), (Status, "start")),
            ("diskfull", "active", (), (Status, "start")),
            ("shelteralarm", "active", (), (Alarm, "start")),
            ("linedetection", "inactive", (), (Alarm, "stop")),
            ("illegalParking", "active", (jpeg(),), (FrameCapture, "start")),
            ("AccessControllerEvent", "", (), (Alarm, "single")),
        ],
    )
    def test_alarms_frames_and_device_news_are_told_apart(self, kind, state, pictures, expected):
        event = {"eventType": kind, "eventState": state, "cardNo": "1234567"}
        (found,) = self.parse(form(((), json.dumps(event)), *(((), p) for p in pictures)), content_type=FORM)

        assert expected == (type(found), found.phase)

    @pytest.mark.parametrize(
        "event", [{"eventType": "videoLoss", "eventState": "Inactive"}, {"eventType": "heartBeat"}]
    )
    def test_heartbeats_are_nothing_to_record(self, event):
        assert [] == self.parse(json.dumps(event).encode())


class TestWithoutAType(Reader):
    maker = "hikvision"

    @pytest.mark.parametrize(
        ("inner", "kind", "event"),
        [
            ("<ANPR><line>1</line></ANPR>", PlateRead, "ANPR"),
            ("<plateNumber>B1A</plateNumber>", PlateRead, "ANPR"),
        ],
    )
    def test_only_what_speaks_of_a_vehicle_is_a_read(self, inner, kind, event):
        body = f"<EventNotificationAlert>{inner}</EventNotificationAlert>".encode()
        (found,) = self.parse(body, content_type="application/xml")

        assert (kind, event) == (type(found), found.event)

    EMPTY = (
        b"<EventNotificationAlert><ipAddress>192.0.2.23</ipAddress><channelID>2</channelID></EventNotificationAlert>"
    )

    def test_what_says_nothing_is_quarantined_with_what_was_expected(self):
        with pytest.raises(MalformedPayload, match="expected an eventType, an ANPR block, a plate or a picture"):
            self.parse(self.EMPTY, content_type="application/xml")

    def test_what_says_nothing_costs_no_event_beside_it(self):
        body = b"<EventNotificationAlert><plateNumber>B1A</plateNumber></EventNotificationAlert>" + self.EMPTY
        (found,) = self.parse(body, content_type="application/xml")
        assert "B1A" == found.plate_number


TWO = (
    "<licensePlate>B1234XYZ</licensePlate><line>1</line><pictureInfoList><pictureInfo><pId>2026030217200001ab</pId>"
    "<type>licensePlatePicture</type></pictureInfo></pictureInfoList></ANPR><ANPR><licensePlate>D 99 AB</licensePlate>"
    "<line>2</line><vehicleInfo><speed>51</speed></vehicleInfo>"
)
UUID = "<UUID>5f0c1c3e-7a51-4d0b-9a3e-0b9d6f6f2a01</UUID>"


class TestSeveralVehicles(Reader):
    maker = "hikvision"

    @pytest.mark.parametrize(
        "body",
        [
            anpr(TWO, more=UUID),
            anpr(TWO, more=UUID)
            .replace(b"<ANPR>", b"<ANPRList><ANPR>", 1)
            .replace(b"</ANPR><UUID>", b"</ANPR></ANPRList><UUID>"),
            b'{"eventType": "ANPR", "dateTime": "2026-03-02T17:20:00+07:00",'
            b' "UUID": "5f0c1c3e-7a51-4d0b-9a3e-0b9d6f6f2a01", "ANPR": [{"licensePlate": "B1234XYZ", "line": 1},'
            b' {"licensePlate": "D 99 AB", "line": 2, "speed": 51}]}',
        ],
        ids=["side by side", "in a list", "JSON"],
    )
    def test_each_block_of_an_alert_is_a_read_with_an_id_of_its_own(self, body):
        first, second = self.parse(body, content_type="application/xml")

        assert (("B1234XYZ", "1", None), ("D99AB", "2", 51.0)) == tuple(
            (read.plate_number, read.lane_no, read.speed_kmh) for read in (first, second)
        )
        assert "5f0c1c3e-7a51-4d0b-9a3e-0b9d6f6f2a01" == first.event_id
        assert first.event_id + "-2" == second.event_id
        assert first.capture_time == second.capture_time is not None

    def test_blocks_keep_the_ids_they_have(self):
        inner = "<UUID>aaaabbbb01</UUID><licensePlate>B1A</licensePlate></ANPR><ANPR><UUID>aaaabbbb02</UUID>"
        reads = self.parse(anpr(inner + "<licensePlate>B2B</licensePlate>", more=UUID), content_type="application/xml")

        assert ["aaaabbbb01", "aaaabbbb02"] == [read.event_id for read in reads]

    def test_an_empty_block_is_no_vehicle(self):
        assert 1 == len(self.parse(anpr("<licensePlate>B1A</licensePlate></ANPR><ANPR>"), content_type="text/xml"))

    def test_a_picture_is_whose_alert_names_it_a_scene_everybodys_an_unnamed_close_up_nobodys(
        self,
    ):
        plate, scene, stray = jpeg(color="red"), jpeg(color="green"), jpeg(color="blue")
        body = form(
            (['Content-Disposition: form-data; name="anpr.xml"', "Content-Type: text/xml"], anpr(TWO, more=UUID)),
            (['Content-Disposition: form-data; name="p"; filename="2026030217200001ab"'], plate),
            (['Content-Disposition: form-data; name="detectionPicture.jpg"'], scene),
            (['Content-Disposition: form-data; name="vehiclePicture.jpg"'], stray),
        )
        first, second = self.parse(body, content_type=FORM)

        assert [("plate", plate), ("scene", scene)] == [(one.role, bytes(one.data)) for one in first.images]
        assert [("scene", scene)] == [(one.role, bytes(one.data)) for one in second.images]
