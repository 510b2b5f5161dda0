"""What a validator is told of a plate that was also seen where this vehicle cannot have been."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import event, select, update

from core.accounts.tables import devices
from core.testing.review import World
from core.traffic.hints import clone_signs
from core.traffic.tables import passages, plate_reads

NOW = datetime.now(UTC)
SERANG = {"latitude": -6.118, "longitude": 106.164}
CIKUPA = {"latitude": -6.218, "longitude": 106.518}
"""About 41 km from Serang."""


class Town(World):
    """Two cameras of one vendor far apart, and one of another vendor beside the second."""

    def __init__(self, database: Any, home: Path) -> None:
        super().__init__(database, home)
        self.far = self.device(self.banten, "cikupa-1")
        self.place(self.camera, **SERANG)
        self.place(self.far, **CIKUPA)
        self.place(self.camera_bali, **CIKUPA)

    def place(self, device: int, **position: Any) -> None:
        self.execute(update(devices).where(devices.c.id == device).values(**position))

    def case(self, device: int, minutes: float = 0, *, late_s: float = 1, **passage: Any) -> int:
        """A case so many minutes after the first, its post so late; `passage` has the passage's columns."""
        at = NOW - timedelta(hours=2) + timedelta(minutes=minutes)
        made = self.violation(device, capture_time=at)
        of = self.row(made)["passage_id"]
        came = at + timedelta(seconds=late_s)
        self.execute(update(plate_reads).where(plate_reads.c.passage_id == of).values(received_at=came))
        if passage:
            self.execute(update(passages).where(passages.c.id == of).values(**passage))
        return made


@pytest.fixture
def town(database: Any, tmp_path: Path) -> Town:
    return Town(database, tmp_path)


@pytest.fixture
def client(town: Town) -> Iterator[TestClient]:
    with town.client() as client:
        yield client


def told(town: Town, client: TestClient, case: int) -> dict[str, Any]:
    answer = client.get(f"/api/violations/{case}", headers=town.officer().headers)
    assert 200 == answer.status_code, answer.text
    return answer.json()["data"]


def hints(town: Town, client: TestClient, case: int) -> list[dict[str, Any]]:
    return told(town, client, case)["hints"]


def test_a_plate_seen_forty_kilometres_away_five_minutes_later_is_told(town: Town, client: TestClient) -> None:
    case = town.case(town.camera)
    other = town.case(town.far, 5, vehicle_color="white")
    town.decided(other, town.officer(), "rejected", reason_code="plate_forged")
    (hint,) = hints(town, client, case)
    assert (["impossible_travel"], "cikupa-1", 300.0, "white", 93.5) == tuple(
        hint[name] if name != "device" else hint[name]["code"]
        for name in ("signs", "device", "gap_s", "vehicle_color", "confidence")
    )
    assert (pytest.approx(40_700, abs=300), pytest.approx(454, abs=8)) == (hint["distance_m"], hint["speed_kmh"])
    assert "stored" == hint["picture"]["state"]
    (back,) = hints(town, client, other)
    assert (-300.0, "simpang-1") == (back["gap_s"], back["device"]["code"])


def test_the_case_that_is_handed_out_has_its_hints(town: Town, client: TestClient) -> None:
    town.case(town.camera)
    town.case(town.far, 5)
    answer = client.post("/api/violations/next", headers=town.officer().headers, json={})
    assert [["impossible_travel"]] == [hint["signs"] for hint in answer.json()["data"]["hints"]]


def test_a_journey_that_can_be_made_is_no_hint(town: Town, client: TestClient) -> None:
    case = town.case(town.camera)
    town.case(town.far, 40)
    assert [] == hints(town, client, case)


def test_the_speed_that_is_impossible_is_a_setting(town: Town) -> None:
    town.configure(travel_max_kmh=50.0)
    case = town.case(town.camera)
    town.case(town.far, 40)
    with town.client() as client:
        assert [["impossible_travel"]] == [hint["signs"] for hint in hints(town, client, case)]


def test_the_list_and_a_search_say_which_plates_may_be_forged(town: Town, client: TestClient) -> None:
    town.case(town.camera)
    town.case(town.far, 5)
    town.case(town.camera_bali, 5)
    other = town.violation(plate="D99AB")
    officer = town.officer()
    listed = client.get("/api/violations", headers=officer.headers).json()["data"]["data"]
    searched = client.get("/api/passages?purpose=laporan 17", headers=officer.headers).json()["data"]["data"]
    expected = [[] if row["id"] == other else ["impossible_travel"] for row in listed]
    assert [[], ["impossible_travel"], ["impossible_travel"]] == sorted(expected)
    assert expected == [row["clone_signs"] for row in listed] == [row["clone_signs"] for row in searched]
    national = client.get("/api/violations?vendor=polda-bali", headers=town.admin().headers).json()["data"]["data"]
    assert [[]] == [row["clone_signs"] for row in national]


def test_a_list_goes_by_the_corrected_plate(town: Town, client: TestClient) -> None:
    town.case(town.camera)
    other = town.case(town.far, 5)
    town.decided(other, town.officer(), "approved", corrected_plate="B1284XYZ")
    listed = client.get("/api/violations", headers=town.officer().headers).json()["data"]["data"]
    assert [[], []] == [row["clone_signs"] for row in listed]


def test_signs_for_many_rows_are_two_statements(town: Town) -> None:
    for minutes in range(6):
        town.case(town.far if minutes % 2 else town.camera, minutes)
    heard: list[str] = []
    with town.database.tenant([town.banten]) as connection:
        shown = connection.execute(select(passages.c.id, passages.c.plate_number)).all()
        event.listen(connection, "before_cursor_execute", lambda *given: heard.append(given[2]))
        signs = clone_signs(connection, [(row.id, row.plate_number) for row in shown], travel_max_kmh=200)
    assert (6, 2) == (len(signs), len(heard))


@pytest.mark.parametrize(
    ("where", "late_s"),
    [({"latitude": None, "longitude": None}, 1), (CIKUPA, -3600), (CIKUPA, 3600)],
    ids=["no position", "a clock an hour ahead", "a post an hour late"],
)
def test_what_is_not_sure_is_no_hint(town: Town, client: TestClient, where: dict[str, Any], late_s: float) -> None:
    town.place(town.far, **where)
    case = town.case(town.camera)
    town.case(town.far, 5, late_s=late_s)
    assert [] == hints(town, client, case)


@pytest.mark.parametrize(
    "decided", [{"corrected_plate": "B1284XYZ"}, {"status": "rejected", "reason_code": "wrong_vehicle"}]
)
def test_a_reading_that_was_found_wrong_is_no_hint(town: Town, client: TestClient, decided: dict[str, Any]) -> None:
    case = town.case(town.camera)
    other = town.case(town.far, 5)
    town.decided(other, town.officer(), **{"status": "approved", **decided})
    assert [] == hints(town, client, case)


def test_a_passage_at_the_end_of_all_time_can_be_looked_at(town: Town, client: TestClient) -> None:
    case = town.case(town.camera, first_at=datetime.max.replace(tzinfo=UTC))
    assert [] == hints(town, client, case)


def test_what_another_agency_saw_is_told_to_nobody(town: Town, client: TestClient) -> None:
    case = town.case(town.camera)
    town.case(town.camera_bali, 5)
    assert [] == hints(town, client, case)
    national = client.get(f"/api/violations/{case}", headers=town.admin().headers)
    assert [] == national.json()["data"]["hints"]


def test_another_kind_of_vehicle_under_the_plate_is_told(town: Town, client: TestClient) -> None:
    case = town.case(town.camera, vehicle_type="motorcycle")
    town.case(town.far, 3 * 24 * 60, vehicle_type="salooncar")
    town.case(town.camera, -60, vehicle_type="truck", verdict="review")
    town.case(town.camera, -90, vehicle_type="two-wheel")
    (hint,) = hints(town, client, case)
    assert (["unlike_vehicle"], "salooncar", None) == (hint["signs"], hint["vehicle_type"], hint["speed_kmh"])


def test_the_fastest_journeys_come_first_and_three_are_enough(town: Town, client: TestClient) -> None:
    case = town.case(town.camera, vehicle_type="car")
    for minutes in (9, 2, -5, 4):
        town.case(town.far, minutes)
    town.case(town.camera, 1, vehicle_type="motorcycle")
    assert [120.0, 240.0, -300.0] == [hint["gap_s"] for hint in hints(town, client, case)]


def test_a_corrected_plate_has_hints_of_its_own(town: Town, client: TestClient) -> None:
    case = town.case(town.camera)
    town.case(town.far, 5)
    answer = client.post(
        f"/api/violations/{case}/correct", headers=town.officer().headers,
        json={"version": 1, "plate_number": "B 1284 XYZ"},
    )  # fmt: skip
    assert [] == answer.json()["data"]["hints"]


def test_a_letter_among_the_digits_is_told_with_the_plate_it_may_be(town: Town, client: TestClient) -> None:
    assert ["B1234XYZ"] == told(town, client, town.violation(plate="8I234XYZ"))["suggestions"]
    assert [] == told(town, client, town.violation())["suggestions"]


def test_a_forged_plate_is_a_reason_to_reject(town: Town, client: TestClient) -> None:
    case = town.case(town.camera)
    answer = client.post(
        f"/api/violations/{case}/reject", headers=town.officer().headers,
        json={"version": 1, "reason_code": "plate_forged"},
    )  # fmt: skip
    assert ("rejected", "plate_forged") == tuple(answer.json()["data"][name] for name in ("status", "reason_code"))
