import hashlib
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import select, text, update

from core.accounts.tables import audit_log
from core.testing.review import World
from core.traffic.tables import plate_reads

WHY = {"X-Purpose": "tabrak lari LP/17"}


def audited(world: World) -> list[dict[str, Any]]:
    return [dict(row) for row in world.execute(select(audit_log).order_by(audit_log.c.id))]


@pytest.mark.parametrize("path", ["/api/plate-reads", "/api/passages"])
def test_a_search_without_a_purpose_is_refused(world: World, client: TestClient, path: str) -> None:
    officer = world.officer()
    for headers in ({}, {"X-Purpose": "   "}, {"X-Purpose": "x"}):
        answer = client.get(path, headers=officer.headers | headers)
        assert (422, "urn:tangkapin:problem:purpose-required") == (answer.status_code, answer.json()["type"])
    assert [] == audited(world)


@pytest.mark.parametrize(("path", "kind"), [("/api/plate-reads", "plate_read"), ("/api/passages", "passage")])
def test_a_search_is_logged_with_who_what_and_what_for(world: World, client: TestClient, path: str, kind: str) -> None:
    world.violation(plate="B1234XYZ")
    world.violation(plate="D99AB")
    officer = world.officer(username="rina")
    answer = client.get(f"{path}?plate=B12*", headers=officer.headers | WHY)
    assert ["B1234XYZ"] == [row["plate_number"] for row in answer.json()["data"]["data"]]
    (row,) = audited(world)
    assert (f"{kind}s_searched", "Rina", "tabrak lari LP/17", world.banten) == (
        row["action"], row["actor_name"], row["purpose"], row["vendor_id"],
    )  # fmt: skip
    assert {"plate": "B12*", "found": 1} == row["detail"]


def test_what_a_judge_says_of_a_read_stands_beside_the_cameras_value(world: World, client: TestClient) -> None:
    case = world.violation(plate="B1234XYZ")
    told = "the camera read B1234XYZ, the server reads B1284XYZ (97%) in its picture"
    world.execute(update(plate_reads).values(raw_payload={"verdict_detail": told}).returning(plate_reads.c.id))
    officer = world.officer()
    (found,) = client.get("/api/plate-reads", headers=officer.headers | WHY).json()["data"]["data"]
    (of_case,) = client.get(f"/api/violations/{case}", headers=officer.headers).json()["data"]["reads"]

    assert [("B1234XYZ", told)] * 2 == [(one["plate_number"], one["verdict_detail"]) for one in (found, of_case)]


def test_a_national_search_is_logged_with_every_vendor_it_reached(world: World, client: TestClient) -> None:
    client.get("/api/passages?purpose=pencarian nasional", headers=world.admin().headers)
    assert {0, world.banten, world.bali} == {row["vendor_id"] for row in audited(world)}


@pytest.mark.parametrize("path", ["/api/plate-reads", "/api/passages"])
def test_pages_of_a_search_follow_each_other(world: World, client: TestClient, path: str) -> None:
    for n in range(5):
        world.violation(plate=f"B10{n}XY")
    officer, seen, cursor = world.officer(), [], ""
    while True:
        answer = client.get(f"{path}?limit=2{cursor}", headers=officer.headers | WHY).json()["data"]
        seen += [row["plate_number"] for row in answer["data"]]
        if not answer["pagination"]["next_cursor"]:
            break
        cursor = f"&cursor={answer['pagination']['next_cursor']}"
    assert [f"B10{n}XY" for n in (4, 3, 2, 1, 0)] == seen


def test_a_search_for_nothing_but_wildcards_is_refused(world: World, client: TestClient) -> None:
    for plate in ("*", "??*", "%25", "--"):
        answer = client.get(f"/api/passages?plate={plate}", headers=world.officer().headers | WHY)
        assert (plate, 422) == (plate, answer.status_code)


@pytest.mark.threat("T24")
def test_what_means_something_to_a_pattern_means_nothing_here(world: World, client: TestClient) -> None:
    world.violation(plate="B1234XYZ")
    officer = world.officer()
    for plate in ("B_234XYZ", "B%25", "B1234XY(Z", "B.*", "B[0-9]+XYZ", "B1234XYZ' OR '1'='1", "\\B1234"):
        for look_alike in ("true", "false"):
            answer = client.get(
                "/api/passages", params={"plate": plate, "look_alike": look_alike}, headers=officer.headers | WHY
            )
            assert 200 == answer.status_code, plate
            exact = plate in ("B1234XY(Z", "B.*")
            assert exact == bool(answer.json()["data"]["data"]), plate


def picture(world: World) -> str:
    return str(world.execute(select(plate_reads.c.plate_image).order_by(plate_reads.c.id.desc()))[0]["plate_image"])


@pytest.mark.threat("T33")
def test_a_picture_comes_as_it_arrived_and_the_look_is_logged(world: World, client: TestClient) -> None:
    case = world.violation()
    sha256 = picture(world)
    answer = client.get(f"/api/evidence/{sha256}?violation={case}", headers=world.officer().headers)
    assert (200, "image/jpeg", sha256) == (
        answer.status_code, answer.headers["content-type"], hashlib.sha256(answer.content).hexdigest(),
    )  # fmt: skip
    assert ("nosniff", True, "private, no-store") == (
        answer.headers["x-content-type-options"],
        answer.headers["content-disposition"].startswith("attachment; filename="),
        answer.headers["cache-control"],
    )
    assert "sandbox" in answer.headers["content-security-policy"]
    (row,) = audited(world)
    assert ("evidence_viewed", case, {"sha256": sha256}) == (row["action"], row["object_id"], row["detail"])


def test_another_vendors_picture_is_not_there(world: World, client: TestClient) -> None:
    world.violation(world.camera_bali)
    sha256 = picture(world)
    assert 404 == client.get(f"/api/evidence/{sha256}", headers=world.officer(world.banten).headers).status_code
    assert 200 == client.get(f"/api/evidence/{sha256}", headers=world.admin().headers).status_code


@pytest.mark.parametrize("name", ["0" * 64, "x" * 64, "..%2f..%2fetc%2fpasswd", "0" * 63, "A" * 64])
def test_what_is_no_hash_of_a_picture_is_not_found(world: World, client: TestClient, name: str) -> None:
    assert 404 == client.get(f"/api/evidence/{name}", headers=world.officer().headers).status_code


def test_a_picture_that_changed_on_disk_is_not_shown_as_evidence(world: World, client: TestClient) -> None:
    world.violation()
    sha256 = picture(world)
    for ref, data in world.media.blobs.items():
        world.media.blobs[ref] = data[:-1] + b"?"
    answer = client.get(f"/api/evidence/{sha256}", headers=world.officer().headers)
    assert (500, "urn:tangkapin:problem:evidence-damaged") == (answer.status_code, answer.json()["type"])
    world.media.blobs.clear()
    answer = client.get(f"/api/evidence/{sha256}", headers=world.officer().headers)
    assert "urn:tangkapin:problem:evidence-damaged" == answer.json()["type"]


def test_a_picture_not_fetched_yet_shows_no_address_of_the_cameras_network(world: World, client: TestClient) -> None:
    case = world.violation()
    images = '[{"role": "scene", "url": "http://10.0.0.7/a.jpg", "state": "pending"}]'
    world.execute(text("UPDATE plate_reads SET images = CAST(:images AS jsonb)").bindparams(images=images))
    answer = client.get(f"/api/violations/{case}", headers=world.officer().headers)
    assert "10.0.0.7" not in answer.text
    assert "pending" == answer.json()["data"]["reads"][0]["pictures"][0]["state"]
