"""What Dahua's words and numbers mean (camera-payloads reference §2)."""

import base64

import pytest

from core.api import ViolationType
from core.testing.drawing import draw_plate

PICTURE = draw_plate("B 1234 XYZ")


class TestMeaning:
    @pytest.mark.parametrize(
        ("sent", "meant"), [(160, 100), (87, 87), ("87", 87), (0, None), ("-", None), (None, None)]
    )
    def test_confidence_is_clamped_and_nothing_is_never_zero(self, dahua, sent, meant):
        plate = {"PlateNumber": "B 1 A", "Confidence": sent}

        assert meant == dahua.tollgate(plate=plate).confidence
        assert meant == dahua.junction(Object={"ObjectType": "Plate", "Text": "B 1 A", "Confidence": sent}).confidence

    def test_what_was_clamped_is_kept(self, dahua):
        assert 160 == dahua.tollgate(plate={"PlateNumber": "B 1 A", "Confidence": 160}).extra["confidence_raw"]

    def test_the_confidence_of_a_vehicle_object_is_not_the_plates(self, dahua):
        read = dahua.junction(Object={"ObjectType": "Vehicle", "Confidence": 90}, TrafficCar={"PlateNumber": "B 1 A"})

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
    def test_directions_follow_the_code_table(self, dahua, word, meant):
        assert meant == dahua.tollgate(snap={"Direction": word}).direction
        assert meant == dahua.junction(JunctionDirection=word).direction
        assert meant == dahua.junction(DrivingDirection=[word, "Utara", "Selatan"]).direction

    @pytest.mark.parametrize(("code", "meant"), [(1, "in"), (2, "out"), ("3", "unknown")])
    def test_driving_in_and_out_is_what_the_event_says(self, dahua, code, meant):
        assert meant == dahua.one(dahua.block("CarDrivingInOut", {"CarDrivingInOut": code})).direction

    def test_compass_and_left_right_are_no_directions(self, dahua):
        read = dahua.junction(TrafficCar={"PlateNumber": "B 1 A", "Direction": 2}, Direction="LeftToRight")

        assert ("unknown", "2") == (read.direction, read.extra["lane_direction"])

    @pytest.mark.parametrize("key", ["LanNo", "LaneNo", "Lane"])
    def test_the_lane_has_three_spellings(self, dahua, key):
        assert "4" == dahua.tollgate(snap={key: 4}).lane_no

    @pytest.mark.parametrize("key", ["VehicleSeries", "VehocleSeries"])
    def test_the_misspelt_series_is_the_series(self, dahua, key):
        assert "Avanza" == dahua.tollgate(vehicle={key: "Avanza"}).extra["vehicle_model"]

    def test_fields_beside_picture_count_like_fields_inside(self, dahua):
        read = dahua.one({"Picture": {}, "Plate": {"PlateNumber": "B 1 A"}, "SnapInfo": {"LanNo": 2}})

        assert ("B1A", "2") == (read.plate_number, read.lane_no)

    def test_two_jpegs_in_one_content_are_two_pictures(self, dahua):
        content = base64.b64encode(PICTURE + PICTURE).decode()
        read = dahua.tollgate(VehiclePic={"Content": content})

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
    def test_codes_claim_offences(self, dahua, code, offence):
        assert (offence,) == dahua.one(dahua.block(code, {"TrafficCar": {"PlateNumber": "B 1 A"}})).offences
        assert (offence,) == dahua.junction(TrafficCar={"PlateNumber": "B 1 A", "Event": code}).offences

    def test_belts_and_telephone_are_offences_of_the_seats(self, dahua):
        seat = {"Type": "Main", "SafeBelt": "WithoutSafeBelt", "Status": ["Calling"]}

        assert (ViolationType.SABUK_KESELAMATAN, ViolationType.PONSEL) == dahua.junction(
            CommInfo={"Seat": [seat]}
        ).offences
        assert (ViolationType.SABUK_KESELAMATAN,) == dahua.junction(
            MainSeat="WithSafeBelt", SubSeat="WithoutSafeBelt"
        ).offences
        assert () == dahua.junction(MainSeat="WithSafeBelt", SubSeat="Unknown").offences

    def test_a_rider_without_helmet_has_the_events_plate(self, dahua):
        (read,) = dahua.parse(dahua.fixtures / "eventmanager_helmet.http")

        assert ("B3333CCC", (ViolationType.HELM,)) == (read.plate_number, read.offences)
