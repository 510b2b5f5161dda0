"""Dahua: what the contract does not say (camera-payloads reference §2)."""

import base64
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.api import Alarm, FrameCapture, MalformedPayload, Status, UnsupportedEvent, ViolationType
from core.testing.contract import ParserContract
from core.testing.drawing import draw_plate
from core.testing.fixtures import as_payload, load_http

NOISE = ("IntelliFrame", "NTPAdjustTime", "TimeChange", "RtspSessionDisconnect", "VideoMotionInfo", "NewFile")
PICTURE = draw_plate("B 1234 XYZ")


def block(code, data=None, *, action="Pulse", index=0):
    tail = "" if data is None else ";data=" + json.dumps(data, indent=3)
    return f"Code={code};action={action};index={index}{tail}\n"


def multipart(*parts, boundary="batas", newline=b"\r\n"):
    body = b""
    for content_type, data in parts:
        lines = (b"--" + boundary.encode(), b"Content-Type: " + content_type.encode(), b"Content-Length: 1", b"", data)
        body += newline.join(lines) + newline
    return body + b"--" + boundary.encode() + b"--" + newline


class Contract(ParserContract):
    maker = "dahua"


KIT = Contract()


class Dahua:
    """What the test classes share: bodies in, observations out."""

    fixtures = KIT.fixtures
    parse = staticmethod(KIT.parse)

    def all(self, body, content_type="text/plain"):
        raw = json.dumps(body).encode() if isinstance(body, dict | list) else body
        raw = raw.encode() if isinstance(raw, str) else raw
        return self.parse(raw, content_type=content_type)

    def one(self, body, content_type="text/plain"):
        (found,) = self.all(body, content_type)
        return found

    def junction(self, **data):
        return self.one(block("TrafficJunction", data))

    def tollgate(self, *, snap=None, plate=None, vehicle=None, **beside):
        return self.one({"Picture": {"SnapInfo": snap or {}, "Plate": plate or {}, "Vehicle": vehicle or {}}, **beside})


class TestContract(Contract):
    pass


class TestForms(Dahua):
    def test_every_json_fixture_means_the_same_with_its_keys_shuffled_and_lower_cased(self):
        def turned(value):
            if isinstance(value, dict):
                return {key.lower(): turned(child) for key, child in reversed(value.items())}
            return [turned(child) for child in value] if isinstance(value, list) else value

        for name in ("itsapi_tollgate", "itsapi_tollgate_two_jpegs_beside_picture", "rpc2_notify_event_stream"):
            _, _, _, body = load_http(self.fixtures / f"{name}.http")
            plain = self.one(body, "application/json")
            other = self.one(json.dumps(turned(json.loads(body))), "application/json")

            # pictures come in the order of the keys
            assert sorted(str(i.role) for i in plain.images) == sorted(str(i.role) for i in other.images), name
            assert msgspec.structs.replace(plain, images=()) == msgspec.structs.replace(other, images=()), name

    def test_line_ends_do_not_matter(self):
        for name in ("eventmanager_stream_with_wrong_lengths", "snapmanager_placeholders_of_the_manual"):
            _, _, headers, body = load_http(self.fixtures / f"{name}.http")
            plain = self.all(body, headers["Content-Type"])

            assert plain == self.all(body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), headers["Content-Type"])

    @given(st.binary(max_size=300), st.sampled_from(["text/plain", "application/json", "multipart/mixed; boundary=b"]))
    @settings(max_examples=200, deadline=None)
    def test_arbitrary_bytes_are_read_or_refused(self, body, content_type):
        for start in (b"", b"Code=TrafficJunction;action=Pulse;index=0;data={", b"Events[0].Code=X\n", b'{"Picture":'):
            KIT._outcome(start + body, content_type)

    @pytest.mark.timeout(20)  # takes 2 s; quadratic code would need minutes
    def test_hostile_texts_cost_no_time(self):
        for body in (
            b"Code=A;action=Start;index=0;data={\n" * 20_000,
            b"Code=A;action=Start;index=0;data=" + b'"\\' * 400_000,
            (b" " * 400 + b"\n") * 3_000,
            b"Events[0]." + b"A." * 200_000 + b"=1",
            b'{"a":"' + b'\\"' * 400_000,
            b'{"a":' + b"nan(" * 100_000,
            b'{"a":1,' * 30_000,
        ):
            KIT._outcome(body, "text/plain")


class TestWhoIsRead(Dahua):
    def test_a_plate_object_wins_over_trafficcar(self):
        read = self.junction(Object={"ObjectType": "Plate", "Text": "B 1 OBJ"}, TrafficCar={"PlateNumber": "B 2 CAR"})

        assert "B1OBJ" == read.plate_number

    def test_an_empty_plate_object_leaves_the_word_to_trafficcar(self):
        read = self.junction(Object={"ObjectType": "plate", "Text": ""}, TrafficCar={"PlateNumber": "B 2 CAR"})

        assert "B2CAR" == read.plate_number

    @pytest.mark.parametrize(
        "data",
        [
            {"TrafficCar": {"PlateNumber": "B 7 AB"}},
            {"Object": {"PlateNumber": "B 7 AB"}},
            {"PlateNumber": "B 7 AB"},
            {"plate_number": "b 7 ab"},
            {"Object": {"Text": "B 7 AB"}},
        ],
    )
    def test_a_plate_is_found_in_all_its_places(self, data):
        assert "B7AB" == self.junction(**data).plate_number

    def test_the_text_of_a_vehicle_is_its_brand(self):
        read = self.junction(Object={"ObjectType": "Vehicle", "Text": "Mazda3"})

        assert (None, "Mazda3") == (read.plate_number, read.vehicle_brand)

    @pytest.mark.parametrize("text", ["", "Unknown", "unlicensed", "--", "无牌车", "<plate number>"])
    def test_a_vehicle_without_a_readable_plate_is_still_a_read(self, text):
        read = self.junction(TrafficCar={"PlateNumber": text}, UTC=1772472000)

        assert (None, None) == (read.plate_number, read.confidence)

    def test_a_rider_alone_is_one_read(self):
        read = self.junction(NonMotor={"Category": "Motorcycle", "Color": "Black"})

        assert ("motorcycle", "black", None) == (read.vehicle_type, read.vehicle_color, read.plate_number)

    def test_car_and_rider_have_ids_of_their_own(self):
        car, rider = self.all(
            block("TrafficManualSnap", {"Vehicle": {"Category": "Car"}, "NonMotor": {"Category": "Bicycle"},
                                        "GroupID": 5, "UTC": 1772472000})
        )  # fmt: skip

        assert car.event_id and rider.event_id and car.event_id != rider.event_id

    def test_two_vehicles_of_one_text_share_only_the_scene(self):
        for read in self.parse(self.fixtures / "snapmanager_two_vehicles_share_the_scene.http"):
            assert ["scene", "other"] == [image.role for image in read.images]

    def test_the_capture_and_the_offence_of_one_vehicle_keep_its_crop(self):
        lines = "".join(
            f"Events[{n}].Code={code}\nEvents[{n}].TrafficCar.PlateNumber=B 1 A\n"
            for n, code in enumerate(("TrafficJunction", "TrafficRetrograde"))
        )
        reads = self.all(multipart(("text/plain", lines.encode()), ("image/jpeg", PICTURE)), "multipart/mixed")

        assert [["scene"], ["scene"]] == [[image.role for image in read.images] for read in reads]
        assert [(), (ViolationType.LAWAN_ARAH,)] == [read.offences for read in reads]

    def test_a_heartbeat_between_an_event_and_its_picture_does_not_part_them(self):
        parts = (("text/plain", block("TrafficGate", {"PlateNumber": "B 1 A"}).encode()), ("text/plain", b"Heartbeat"))
        read = self.one(multipart(*parts, ("application/octet-stream", PICTURE)), "multipart/mixed; boundary=lain")

        assert [PICTURE] == [bytes(image.data) for image in read.images]


class TestMeaning(Dahua):
    @pytest.mark.parametrize(
        ("sent", "meant"), [(160, 100), (87, 87), ("87", 87), (0, None), ("-", None), (None, None)]
    )
    def test_confidence_is_clamped_and_nothing_is_never_zero(self, sent, meant):
        plate = {"PlateNumber": "B 1 A", "Confidence": sent}

        assert meant == self.tollgate(plate=plate).confidence
        assert meant == self.junction(Object={"ObjectType": "Plate", "Text": "B 1 A", "Confidence": sent}).confidence

    def test_what_was_clamped_is_kept(self):
        assert 160 == self.tollgate(plate={"PlateNumber": "B 1 A", "Confidence": 160}).extra["confidence_raw"]

    def test_the_confidence_of_a_vehicle_object_is_not_the_plates(self):
        read = self.junction(Object={"ObjectType": "Vehicle", "Confidence": 90}, TrafficCar={"PlateNumber": "B 1 A"})

        assert read.confidence is None

    @pytest.mark.parametrize(
        ("word", "meant"),
        [
            ("Obverse", "approach"),
            ("Reverse", "depart"),
            ("Approach", "approach"),
            ("leave", "depart"),
            ("", "unknown"),
        ],
    )
    def test_directions_follow_the_code_table(self, word, meant):
        assert meant == self.tollgate(snap={"Direction": word}).direction
        assert meant == self.junction(JunctionDirection=word).direction
        assert meant == self.junction(DrivingDirection=[word, "Utara", "Selatan"]).direction

    @pytest.mark.parametrize(("code", "meant"), [(1, "in"), (2, "out"), ("3", "unknown")])
    def test_driving_in_and_out_is_what_the_event_says(self, code, meant):
        assert meant == self.one(block("CarDrivingInOut", {"CarDrivingInOut": code})).direction

    def test_compass_and_left_right_are_no_directions(self):
        read = self.junction(TrafficCar={"PlateNumber": "B 1 A", "Direction": 2}, Direction="LeftToRight")

        assert ("unknown", "2") == (read.direction, read.extra["lane_direction"])

    @pytest.mark.parametrize("key", ["LanNo", "LaneNo", "Lane"])
    def test_the_lane_has_three_spellings(self, key):
        assert "4" == self.tollgate(snap={key: 4}).lane_no

    @pytest.mark.parametrize("key", ["VehicleSeries", "VehocleSeries"])
    def test_the_misspelt_series_is_the_series(self, key):
        assert "Avanza" == self.tollgate(vehicle={key: "Avanza"}).extra["vehicle_model"]

    def test_fields_beside_picture_count_like_fields_inside(self):
        read = self.one({"Picture": {}, "Plate": {"PlateNumber": "B 1 A"}, "SnapInfo": {"LanNo": 2}})

        assert ("B1A", "2") == (read.plate_number, read.lane_no)

    def test_two_jpegs_in_one_content_are_two_pictures(self):
        content = base64.b64encode(PICTURE + PICTURE).decode()
        read = self.tollgate(VehiclePic={"Content": content})

        assert [PICTURE, PICTURE] == [image.data for image in read.images]

    @pytest.mark.parametrize(
        ("code", "offence"),
        [
            ("TrafficRunRedLight", ViolationType.LAMPU_MERAH),
            ("TrafficOverSpeed", ViolationType.BATAS_KECEPATAN),
            ("TrafficRetrograde", ViolationType.LAWAN_ARAH),
            ("TrafficOverYellowLine", ViolationType.MARKA_JALAN),
            ("TrafficWithoutSafeBelt", ViolationType.SABUK_KESELAMATAN),
            ("TrafficDriverCalling", ViolationType.PONSEL),
            ("TrafficVehicleInBusRoute", ViolationType.BUSWAY),
            ("TrafficUTurn", ViolationType.OTHER),
        ],
    )
    def test_codes_claim_offences(self, code, offence):
        assert (offence,) == self.one(block(code, {"TrafficCar": {"PlateNumber": "B 1 A"}})).offences
        assert (offence,) == self.junction(TrafficCar={"PlateNumber": "B 1 A", "Event": code}).offences

    def test_belts_and_telephone_are_offences_of_the_seats(self):
        seat = {"Type": "Main", "SafeBelt": "WithoutSafeBelt", "Status": ["Calling"]}

        assert (ViolationType.SABUK_KESELAMATAN, ViolationType.PONSEL) == self.junction(
            CommInfo={"Seat": [seat]}
        ).offences
        assert (ViolationType.SABUK_KESELAMATAN,) == self.junction(
            MainSeat="WithSafeBelt", SubSeat="WithoutSafeBelt"
        ).offences
        assert () == self.junction(MainSeat="WithSafeBelt", SubSeat="Unknown").offences

    def test_a_rider_without_helmet_has_the_events_plate(self):
        (read,) = self.parse(self.fixtures / "eventmanager_helmet.http")

        assert ("B3333CCC", (ViolationType.HELM,)) == (read.plate_number, read.offences)


class TestClocks(Dahua):
    def test_realutc_is_true_and_utc_is_the_wall_clock(self):
        both = self.junction(UTC=1772472000, RealUTC=1772446800, UTCMS=250)
        wall = self.junction(UTC=1772472000)

        assert ("2026-03-02T10:20:00.250000+00:00", "epoch") == (both.capture_time.isoformat(), both.time_source)
        assert ("2026-03-02T10:20:00+00:00", "wall_clock") == (wall.capture_time.isoformat(), wall.time_source)

    def test_a_device_in_the_wrong_zone_is_believed_its_digits(self):
        payload = as_payload(block("TrafficJunction", {"UTC": 1772472000, "RealUTC": 1772443200}).encode(), "dahua")
        device = msgspec.structs.replace(payload.device, time_rule="wall_clock")
        (read,) = KIT.parse_payload(msgspec.structs.replace(payload, device=device))

        assert "2026-03-02T10:20:00+00:00" == read.capture_time.isoformat()

    def test_the_zone_index_is_not_hours(self):
        read = self.tollgate(snap={"AccurateTime": "2026-03-02 17:20:00.5", "TimeZone": 12})

        assert "2026-03-02T10:20:00.500000+00:00" == read.capture_time.isoformat()

    @pytest.mark.parametrize("data", [{}, {"UTC": 0}, {"UTC": 1}, {"UTC": "besok"}, {"UTC": 10**30}])
    def test_a_clock_that_says_nothing_leaves_the_receive_time(self, data):
        assert (None, "receive") == (self.junction(**data).capture_time, self.junction(**data).time_source)


class TestKinds(Dahua):
    @pytest.mark.parametrize("code", NOISE)
    def test_housekeeping_is_unsupported_by_name(self, code):
        with pytest.raises(UnsupportedEvent) as raised:
            self.all(block(code, {"Action": "Start"}))

        assert code == raised.value.event

    def test_housekeeping_beside_a_read_costs_nothing(self):
        read = self.one(block("NewFile", {}) + block("TrafficGate", {"PlateNumber": "B 1 A"}))

        assert "B1A" == read.plate_number

    def test_start_and_stop_are_one_incident(self):
        start, stop = self.all(
            block("CrossLineDetection", {}, action="Start") + block("CrossLineDetection", {}, action="Stop")
        )

        assert [(Alarm, "start"), (Alarm, "stop")] == [(type(o), o.phase) for o in (start, stop)]

    def test_the_stop_of_a_parked_car_is_no_second_read(self):
        stop = self.one(block("TrafficParking", {"PlateNumber": "B 1 A"}, action="Stop"))

        assert (Alarm, "stop") == (type(stop), stop.phase)

    @pytest.mark.parametrize("code", ["VideoLoss", "StorageFailure", "StorageLowSpace"])
    def test_news_of_the_device_is_status(self, code):
        assert Status is type(self.one(block(code, action="Start", index=4)))

    def test_an_alarm_with_a_picture_goes_to_the_detectors(self):
        parts = (("text/plain", b"Events[0].Code=CrossRegionDetection\n"), ("image/jpeg", PICTURE))

        assert FrameCapture is type(self.one(multipart(*parts), "multipart/x-mixed-replace; boundary=batas"))

    def test_index_is_the_channel_less_one(self):
        assert "4" == self.one(block("VideoMotion", index=3)).hint.channel

    def test_unreadable_json_keeps_its_text(self):
        alarm = self.one("Code=AlarmLocal;action=Start;index=0;data={rusak")

        assert "{rusak" == alarm.extra["raw"]

    def test_json_may_hold_every_sign_of_the_head(self):
        alarm = self.one(block("AlarmLocal", {"Name": "a;b=c} Code=X;action=Stop"}))

        assert "a;b=c} Code=X;action=Stop" == alarm.extra["name"]

    @pytest.mark.parametrize(
        "body",
        [b"Heartbeat", b"HeartBeat\r\n", b'{"Active":"keepAlive"}', b'{"active":true}', b'{"DeviceModel":"UJI"}',
         multipart(("text/plain", b"Heartbeat")), b"Code=Heartbeat;action=Pulse;index=0"],
    )  # fmt: skip
    def test_heartbeats_and_registrations_record_nothing(self, body):
        assert [] == self.all(body, "")

    @pytest.mark.parametrize("body", [b"", b"halo", b'{"a":1}', b"[]", b"null", b"<a><b>1</b></a>"])
    def test_what_nobody_understands_is_malformed(self, body):
        with pytest.raises(MalformedPayload):
            self.all(body)

    def test_a_part_nobody_understands_is_counted_and_costs_no_other(self):
        body = multipart(("text/plain", b"[rusak"), ("text/plain", b"Events[0].Code=TrafficGate\n"))
        read, news = self.all(body, "multipart/mixed; boundary=batas")

        assert ("TrafficGate", "UnreadablePart") == (read.event, news.event)


class TestRelays(Dahua):
    @pytest.mark.parametrize(("word", "meant"), [("entry", "in"), ("exit", "out"), ("IN", "in"), ("aneh", "unknown")])
    def test_entry_and_exit_are_in_and_out(self, word, meant):
        assert meant == self.one({"plateNumber": "B 1 A", "direction": word}).direction

    def test_a_wrapped_relay_knows_what_its_wrapper_says(self):
        read = self.one({"eventType": "ANPR", "timestamp": "2026-03-02T10:20:00Z", "data": {"plateNumber": "B 1 A"}})

        assert ("B1A", "2026-03-02T10:20:00+00:00") == (read.plate_number, read.capture_time.isoformat())

    def test_a_picture_by_url_is_named_and_not_fetched(self):
        read = self.one({"plateNumber": "B 1 A", "imageUrl": "http://192.0.2.1/a.jpg", "plateImageUrl": "/etc/passwd"})

        assert [("scene", "http://192.0.2.1/a.jpg", None)] == [(i.role, i.url, i.data) for i in read.images]


class TestRecognition(Dahua):
    def test_every_event_fixture_is_recognised(self):
        for path in sorted(self.fixtures.glob("*.http")):
            if not path.name.startswith(("relay", "eventmanager_disk", "itsapi_keepalive_b")):
                found = KIT.plugin.recognise_payload(as_payload(path, "dahua"))
                assert found is not None and found.confidence >= 0.3, path.name

    def test_other_makes_are_not(self):
        assert KIT.plugin.recognise_payload(as_payload(b"<EventNotificationAlert/>", "dahua")) is None
