"""Who is read in Dahua's events, and when (camera-payloads reference §2)."""

import msgspec
import pytest

from core.api import ViolationType
from core.testing.drawing import draw_plate
from core.testing.fixtures import as_payload

PICTURE = draw_plate("B 1234 XYZ")


class TestWhoIsRead:
    def test_a_plate_object_wins_over_trafficcar(self, dahua):
        read = dahua.junction(Object={"ObjectType": "Plate", "Text": "B 1 OBJ"}, TrafficCar={"PlateNumber": "B 2 CAR"})

        assert "B1OBJ" == read.plate_number

    def test_an_empty_plate_object_leaves_the_word_to_trafficcar(self, dahua):
        read = dahua.junction(Object={"ObjectType": "plate", "Text": ""}, TrafficCar={"PlateNumber": "B 2 CAR"})

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
    def test_a_plate_is_found_in_all_its_places(self, dahua, data):
        assert "B7AB" == dahua.junction(**data).plate_number

    def test_the_text_of_a_vehicle_is_its_brand(self, dahua):
        read = dahua.junction(Object={"ObjectType": "Vehicle", "Text": "Mazda3"})

        assert (None, "Mazda3") == (read.plate_number, read.vehicle_brand)

    @pytest.mark.parametrize("text", ["", "Unknown", "unlicensed", "--", "无牌车", "<plate number>"])
    def test_a_vehicle_without_a_readable_plate_is_still_a_read(self, dahua, text):
        read = dahua.junction(TrafficCar={"PlateNumber": text}, UTC=1772472000)

        assert (None, None) == (read.plate_number, read.confidence)

    def test_a_rider_alone_is_one_read(self, dahua):
        read = dahua.junction(NonMotor={"Category": "Motorcycle", "Color": "Black"})

        assert ("motorcycle", "black", None) == (read.vehicle_type, read.vehicle_color, read.plate_number)

    def test_car_and_rider_have_ids_of_their_own(self, dahua):
        car, rider = dahua.all(
            dahua.block("TrafficManualSnap", {"Vehicle": {"Category": "Car"}, "NonMotor": {"Category": "Bicycle"},
                                        "GroupID": 5, "UTC": 1772472000})
        )  # fmt: skip

        assert car.event_id and rider.event_id and car.event_id != rider.event_id

    def test_two_vehicles_of_one_text_share_only_the_scene(self, dahua):
        for read in dahua.parse(dahua.fixtures / "snapmanager_two_vehicles_share_the_scene.http"):
            assert ["scene", "other"] == [image.role for image in read.images]

    def test_the_capture_and_the_offence_of_one_vehicle_keep_its_crop(self, dahua):
        lines = "".join(
            f"Events[{n}].Code={code}\nEvents[{n}].TrafficCar.PlateNumber=B 1 A\n"
            for n, code in enumerate(("TrafficJunction", "TrafficRetrograde"))
        )
        reads = dahua.all(dahua.multipart(("text/plain", lines.encode()), ("image/jpeg", PICTURE)), "multipart/mixed")

        assert [["scene"], ["scene"]] == [[image.role for image in read.images] for read in reads]
        assert [(), (ViolationType.LAWAN_ARAH,)] == [read.offences for read in reads]

    def test_a_heartbeat_between_an_event_and_its_picture_does_not_part_them(self, dahua):
        parts = (
            ("text/plain", dahua.block("TrafficGate", {"PlateNumber": "B 1 A"}).encode()),
            ("text/plain", b"Heartbeat"),
        )
        read = dahua.one(
            dahua.multipart(*parts, ("application/octet-stream", PICTURE)), "multipart/mixed; boundary=lain"
        )

        assert [PICTURE] == [bytes(image.data) for image in read.images]


class TestClocks:
    def test_realutc_is_true_and_utc_is_the_wall_clock(self, dahua):
        both = dahua.junction(UTC=1772472000, RealUTC=1772446800, UTCMS=250)
        wall = dahua.junction(UTC=1772472000)

        assert ("2026-03-02T10:20:00.250000+00:00", "epoch") == (both.capture_time.isoformat(), both.time_source)
        assert ("2026-03-02T10:20:00+00:00", "wall_clock") == (wall.capture_time.isoformat(), wall.time_source)

    def test_a_device_in_the_wrong_zone_is_believed_its_digits(self, dahua):
        payload = as_payload(
            dahua.block("TrafficJunction", {"UTC": 1772472000, "RealUTC": 1772443200}).encode(), "dahua"
        )
        device = msgspec.structs.replace(payload.device, time_rule="wall_clock")
        (read,) = dahua.parse_payload(msgspec.structs.replace(payload, device=device))

        assert "2026-03-02T10:20:00+00:00" == read.capture_time.isoformat()

    def test_the_zone_index_is_not_hours(self, dahua):
        read = dahua.tollgate(snap={"AccurateTime": "2026-03-02 17:20:00.5", "TimeZone": 12})

        assert "2026-03-02T10:20:00.500000+00:00" == read.capture_time.isoformat()

    @pytest.mark.parametrize("data", [{}, {"UTC": 0}, {"UTC": 1}, {"UTC": "besok"}, {"UTC": 10**30}])
    def test_a_clock_that_says_nothing_leaves_the_receive_time(self, dahua, data):
        assert (None, "receive") == (dahua.junction(**data).capture_time, dahua.junction(**data).time_source)
