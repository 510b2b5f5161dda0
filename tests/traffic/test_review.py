import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import select, update

from core.accounts.tables import audit_log
from core.testing.review import World
from core.traffic.tables import violations


@pytest.fixture
def world(database: Any, tmp_path: Path) -> World:
    return World(database, tmp_path)


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    with world.client() as client:
        yield client


def next_id(client: TestClient, person: Any, **order: Any) -> int | None:
    answer = client.post("/api/violations/next", headers=person.headers, json=order)
    assert 200 == answer.status_code, answer.text
    data = answer.json()["data"]
    return data["id"] if data else None


def actions(world: World, violation_id: int) -> list[str]:
    query = select(audit_log.c.action).where(audit_log.c.object_id == violation_id).order_by(audit_log.c.id)
    return [row["action"] for row in world.execute(query)]


def test_the_case_that_is_due_first_is_handed_out_first(world: World, client: TestClient) -> None:
    late = world.violation(due_at=datetime.now(UTC) + timedelta(days=2))
    soon = world.violation(due_at=datetime.now(UTC) + timedelta(hours=1))
    first, second = world.officer(), world.officer()
    assert soon == next_id(client, first)
    assert late == next_id(client, second)
    assert next_id(client, world.officer()) is None


def test_whoever_holds_a_case_is_given_that_case_again(world: World, client: TestClient) -> None:
    world.violation()
    world.violation()
    officer = world.officer()
    assert next_id(client, officer) == next_id(client, officer)


def test_a_case_given_back_goes_to_a_colleague(world: World, client: TestClient) -> None:
    case = world.violation()
    first, second = world.officer(), world.officer()
    assert case == next_id(client, first)
    assert next_id(client, second) is None
    assert 200 == client.post(f"/api/violations/{case}/release-claim", headers=first.headers).status_code
    assert case == next_id(client, second)
    assert ["violation_claimed", "claim_released", "violation_claimed"] == actions(world, case)


def test_an_expired_claim_binds_nobody(world: World, client: TestClient) -> None:
    case = world.violation()
    assert case == next_id(client, world.officer())
    world.execute(update(violations).values(claimed_until=datetime.now(UTC) - timedelta(seconds=1)))
    assert case == next_id(client, world.officer())


def test_skipped_and_filtered_cases_are_passed_over(world: World, client: TestClient) -> None:
    first = world.violation()
    second = world.violation(violation_type="helm")
    officer = world.officer()
    assert second == next_id(client, officer, skip=[first])
    assert first == next_id(client, world.officer(), violation_type="lampu_merah")
    assert next_id(client, world.officer(), device="denpasar-1") is None


def test_officers_at_the_same_moment_never_get_the_same_case(world: World, client: TestClient) -> None:
    cases = {world.violation() for _ in range(8)}
    people = [world.officer() for _ in range(8)]
    start = threading.Barrier(8)

    def ask(person: Any) -> int | None:
        start.wait()
        return next_id(client, person)

    with ThreadPoolExecutor(8) as pool:
        assert cases == set(pool.map(ask, people))


def test_two_tabs_of_one_officer_get_the_same_case(world: World, client: TestClient) -> None:
    for _ in range(4):
        world.violation()
    officer = world.officer()
    start = threading.Barrier(4)

    def ask(_: int) -> int | None:
        start.wait()
        return next_id(client, officer)

    with ThreadPoolExecutor(4) as pool:
        assert 1 == len(set(pool.map(ask, range(4))))


def test_approving_names_the_person_and_sets_the_sync_behind_the_undo_time(world: World, client: TestClient) -> None:
    case = world.violation()
    officer = world.officer(username="budi.santoso")
    answer = client.post(f"/api/violations/{case}/approve", headers=officer.headers, json={"version": 1})
    assert 200 == answer.status_code
    row = world.row(case)
    assert ("approved", "Budi.Santoso", "officer", officer.id, 2) == (
        row["status"], row["verified_by"], row["verified_role"], row["verified_actor_id"], row["version"],
    )  # fmt: skip
    assert timedelta(seconds=15) == row["sync_due_at"] - row["verified_at"]
    assert ("violation_approved", "polda-banten") == world.host.heard.get(timeout=10)
    assert f'"{case}-2"' == answer.headers["etag"]
    assert answer.json()["data"]["undo_until"] is not None


def test_of_two_approvals_at_the_same_moment_one_wins(world: World, client: TestClient) -> None:
    case = world.violation()
    people = [world.officer(), world.officer()]
    start = threading.Barrier(2)

    def decide(person: Any) -> int:
        start.wait()
        return client.post(f"/api/violations/{case}/approve", headers=person.headers, json={"version": 1}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert [200, 412] == sorted(pool.map(decide, people))
    assert ["violation_approved"] == actions(world, case)


def test_a_stale_version_is_told_who_changed_it(world: World, client: TestClient) -> None:
    case = world.violation()
    client.post(f"/api/violations/{case}/approve", headers=world.officer(username="siti").headers, json={"version": 1})
    late = world.officer()
    answer = client.post(
        f"/api/violations/{case}/reject", headers={**late.headers, "If-Match": f'"{case}-1"'},
        json={"reason_code": "no_violation"},
    )  # fmt: skip
    assert 412 == answer.status_code
    assert ("Siti", "approved", 2) == tuple(answer.json()[key] for key in ("changed_by", "state", "version"))


def test_a_decision_that_names_no_version_is_refused(world: World, client: TestClient) -> None:
    case = world.violation()
    answer = client.post(f"/api/violations/{case}/approve", headers=world.officer().headers)
    assert (428, 1) == (answer.status_code, answer.json()["version"])


def test_a_case_that_a_colleague_holds_is_not_decided_by_another(world: World, client: TestClient) -> None:
    case = world.violation()
    holder = world.officer(username="joko")
    next_id(client, holder)
    acts = {"approve": {}, "reject": {"reason_code": "duplicate"}, "correct": {"plate_number": "B 1 A"}}
    for act, body in acts.items():
        answer = client.post(
            f"/api/violations/{case}/{act}", headers=world.officer().headers, json=body | {"version": 1}
        )
        assert (409, "Joko") == (answer.status_code, answer.json()["claimed_by"])
    assert 409 == client.post(f"/api/violations/{case}/release-claim", headers=world.officer().headers).status_code
    assert "pending" == world.row(case)["status"]


def test_a_correction_keeps_what_the_camera_read_and_audits_both(world: World, client: TestClient) -> None:
    case = world.violation(plate="B1234XVZ")
    officer = world.officer()
    answer = client.post(
        f"/api/violations/{case}/correct", headers=officer.headers, json={"plate_number": "b 1234 xyz", "version": 1}
    )
    data = answer.json()["data"]
    assert ("B1234XYZ", "B1234XVZ", True) == (data["plate_number"], data["plate_read"], data["corrected"])
    detail = world.execute(select(audit_log.c.detail).where(audit_log.c.action == "plate_corrected"))[0]["detail"]
    assert ("B1234XVZ", "B1234XYZ") == (detail["old"], detail["new"])


@pytest.mark.parametrize("plate", ["unknown", "--", "B", "B1234XYZ1234567", "<img src=x>"])
def test_what_is_no_plate_is_no_correction(world: World, client: TestClient, plate: str) -> None:
    case = world.violation()
    body = {"plate_number": plate, "version": 1}
    answer = client.post(f"/api/violations/{case}/correct", headers=world.officer().headers, json=body)
    assert (422, "plate_number") == (answer.status_code, answer.json()["errors"][0]["field"])
    assert world.row(case)["corrected_plate"] is None


def test_a_case_without_a_plate_is_not_approved_before_it_has_one(world: World, client: TestClient) -> None:
    case = world.violation(plate=None)
    officer = world.officer()
    answer = client.post(f"/api/violations/{case}/approve", headers=officer.headers, json={"version": 1})
    assert (409, "plate_missing") == (answer.status_code, answer.json()["reason"])
    body = {"plate_number": "D 77 AB", "version": 1}
    client.post(f"/api/violations/{case}/correct", headers=officer.headers, json=body)
    answer = client.post(f"/api/violations/{case}/approve", headers=officer.headers, json={"version": 2})
    assert (200, "approved") == (answer.status_code, answer.json()["data"]["status"])


def test_a_rejection_needs_a_known_reason_and_other_a_note(world: World, client: TestClient) -> None:
    case = world.violation()
    officer = world.officer()
    url = f"/api/violations/{case}/reject"
    assert 422 == client.post(url, headers=officer.headers, json={"version": 1}).status_code
    assert 422 == client.post(url, headers=officer.headers, json={"version": 1, "reason_code": "mood"}).status_code
    assert 422 == client.post(url, headers=officer.headers, json={"version": 1, "reason_code": "other"}).status_code
    body = {"version": 1, "reason_code": "other", "note": "rombongan pengantin"}
    answer = client.post(url, headers=officer.headers, json=body)
    assert (200, "rejected") == (answer.status_code, answer.json()["data"]["status"])
    assert ("other", "rombongan pengantin") == (world.row(case)["reason_code"], world.row(case)["note"])


@pytest.mark.parametrize(("act", "body"), [("approve", {}), ("reject", {"reason_code": "duplicate"})])
def test_a_decision_can_be_taken_back_within_the_undo_time(
    world: World, client: TestClient, act: str, body: dict[str, Any]
) -> None:
    case = world.violation()
    officer = world.officer()
    client.post(f"/api/violations/{case}/{act}", headers=officer.headers, json=body | {"version": 1})
    answer = client.post(f"/api/violations/{case}/undo", headers=officer.headers, json={"version": 2})
    row = world.row(case)
    assert (200, "pending", None, None, None, None) == (
        answer.status_code, row["status"], row["verified_by"], row["verified_at"], row["sync_due_at"],
        row["reason_code"],
    )  # fmt: skip


def test_after_the_undo_time_a_decision_stands(world: World, client: TestClient) -> None:
    case = world.violation()
    officer = world.officer()
    world.decided(case, officer, "approved", verified_at=datetime.now(UTC) - timedelta(seconds=16))
    answer = client.post(f"/api/violations/{case}/undo", headers=officer.headers, json={"version": 1})
    assert (409, "undo_time_over") == (answer.status_code, answer.json()["reason"])


def test_a_queued_case_is_not_taken_back(world: World, client: TestClient) -> None:
    case = world.violation()
    officer = world.officer()
    world.decided(case, officer, "queued")
    answer = client.post(f"/api/violations/{case}/undo", headers=officer.headers, json={"version": 1})
    assert (409, "already_queued") == (answer.status_code, answer.json()["reason"])


def test_a_colleague_does_not_take_a_decision_back_but_an_admin_does(world: World, client: TestClient) -> None:
    case = world.violation()
    world.decided(case, world.officer(), "approved")
    url = f"/api/violations/{case}/undo"
    assert 403 == client.post(url, headers=world.officer().headers, json={"version": 1}).status_code
    assert 200 == client.post(url, headers=world.admin(world.banten).headers, json={"version": 1}).status_code


def test_a_held_case_is_released_with_a_reason(world: World, client: TestClient) -> None:
    case = world.violation(status="held", held_reason="the clock is 14 s ahead")
    officer = world.officer()
    assert next_id(client, officer) is None
    url = f"/api/violations/{case}"
    answer = client.post(f"{url}/approve", headers=officer.headers, json={"version": 1})
    assert (409, "held_back") == (answer.status_code, answer.json()["reason"])
    assert 422 == client.post(f"{url}/release", headers=officer.headers, json={"version": 1}).status_code
    body = {"version": 1, "note": "NTP diperiksa, selisih tetap"}
    assert 200 == client.post(f"{url}/release", headers=officer.headers, json=body).status_code
    assert case == next_id(client, officer)
    assert world.row(case)["held_reason"] is None


def test_a_refused_case_is_reopened_for_another_look(world: World, client: TestClient) -> None:
    case = world.violation()
    officer = world.officer()
    world.decided(case, officer, "refused")
    body = {"version": 1, "note": "pusat menolak nomor polisi"}
    answer = client.post(f"/api/violations/{case}/reopen", headers=officer.headers, json=body)
    assert (200, "pending") == (answer.status_code, answer.json()["data"]["status"])


def test_the_case_shows_all_that_is_needed_to_decide_and_the_look_is_audited(world: World, client: TestClient) -> None:
    case = world.violation()
    world.delivery(case)
    answer = client.get(f"/api/violations/{case}", headers=world.officer(username="rina").headers)
    data = answer.json()["data"]
    picture = data["reads"][0]["pictures"][0]
    assert ("plate", "stored", f"/api/evidence/{picture['sha256']}") == (
        picture["role"], picture["state"], picture["url"],
    )  # fmt: skip
    assert ["validation", "letter", "answer", "payment"] == [step["step"] for step in data["deadlines"]]
    assert "running" == data["deadlines"][0]["condition"]
    assert ["etnas_test"] == [row["sink"] for row in data["sync"]]
    assert ("violation_viewed", "Rina") == (data["audit"][0]["action"], data["audit"][0]["actor_name"])
    assert "env:KEY_OF_TESTS" not in answer.text and "secret_headers" not in answer.text


def test_another_vendors_case_is_not_found_by_any_act(world: World, client: TestClient) -> None:
    case = world.violation(world.camera_bali)
    officer = world.officer(world.banten)
    assert 404 == client.get(f"/api/violations/{case}", headers=officer.headers).status_code
    bodies = {
        "approve": {"version": 1}, "undo": {"version": 1}, "reject": {"version": 1, "reason_code": "duplicate"},
        "correct": {"version": 1, "plate_number": "B1234A"}, "release": {"version": 1, "note": "sudah"},
        "reopen": {"version": 1, "note": "sudah"}, "release-claim": {},
    }  # fmt: skip
    for act, body in bodies.items():
        answer = client.post(f"/api/violations/{case}/{act}", headers=officer.headers, json=body)
        assert (act, 404) == (act, answer.status_code)
    assert next_id(client, officer) is None
    assert case == next_id(client, world.admin())


def test_the_list_is_filtered_and_paged_without_a_gap_or_a_repeat(world: World, client: TestClient) -> None:
    cases = [world.violation(plate=f"B{n}XYZ") for n in range(100, 107)]
    world.violation(world.camera_bali)
    officer = world.officer()
    for sort, expected in (("newest", cases[::-1]), ("due", cases)):
        seen: list[int] = []
        url: str | None = f"/api/violations?limit=3&sort={sort}&status=pending"
        while url:
            answer = client.get(url, headers=officer.headers)
            seen += [row["id"] for row in answer.json()["data"]["data"]]
            link = answer.headers.get("link")
            url = link.split(">")[0][1:] if link else None
        assert expected == seen
    found = client.get("/api/violations?plate=b 10? xyz&limit=1", headers=officer.headers).json()["data"]
    assert cases[-1] == found["data"][0]["id"] and found["pagination"]["next_cursor"]


@pytest.mark.parametrize(
    ("query", "plates"),
    [
        ("plate=B1234XYZ", ["B1234XYZ"]),
        ("plate=b 1234*", ["B1234XYZ", "B1234XVZ"]),
        ("plate=?1234X?Z", ["B1234XYZ", "B1234XVZ"]),
        ("plate=8I234XYZ&look_alike=true", ["B1234XYZ"]),
        ("plate=*I234*&look_alike=true", ["B1234XYZ", "B1234XVZ"]),
        ("plate=B1234%25", []),
        ("type=helm", ["D5AB"]),
        ("held=true", ["D5AB"]),
        ("held=false&device=simpang-1", ["B1234XYZ", "B1234XVZ"]),
        ("vendor=polda-bali", []),
        ("mine=true", []),
        ("from=2000-01-01T00:00:00Z&to=2000-01-02T00:00:00Z", []),
    ],
)
def test_the_filters_of_the_list(world: World, client: TestClient, query: str, plates: list[str]) -> None:
    world.violation(plate="B1234XVZ")
    world.violation(plate="B1234XYZ")
    world.violation(plate="D5AB", violation_type="helm", status="held")
    answer = client.get(f"/api/violations?{query}", headers=world.officer().headers)
    shown = [row["plate_number"] for row in answer.json()["data"]["data"]]
    assert sorted(plates) == sorted(plate for plate in shown if plates or plate)


def test_a_case_names_the_other_cases_of_its_passage(world: World, client: TestClient) -> None:
    officer = world.officer()
    first = world.violation()
    passage = world.row(first)["passage_id"]
    second = world.violation(passage_id=passage, violation_type="helm")
    shown = client.get(f"/api/violations/{first}", headers=officer.headers).json()["data"]
    assert [first, second] == shown["passage"]["violations"]
