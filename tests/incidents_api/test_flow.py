"""A report's whole way over HTTP: sent, driven, arrived, closed; declined; recalled; and what each person sees."""

import base64
from typing import Any

import pytest
from sqlalchemy import select

from core.accounts.tables import audit_log
from core.notices.tables import notice_recipients, notices

FAR = {"latitude": -6.13, "longitude": 106.15}


def data(answer: Any, status: int = 200) -> Any:
    assert status == answer.status_code, answer.text
    return answer.json()["data"]


def test_from_the_detector_to_the_police_who_arrived(town: Any, client: Any, draw: Any) -> None:
    phone = town.policeman()
    picture = "data:image/jpeg;base64," + base64.b64encode(draw(77)).decode()
    body = {"cctv_id": str(town.cctv), "timestamp": "2026-11-20 21:05", "report": {
        "title": "Senjata api", "description": "", "location": "", "incident_type": "guns", "report_image": picture,
    }}  # fmt: skip
    made = data(client.post("/api/deteksi", json=body, headers={"X-API-Key": town.key}), 201)
    assert ("new", "guns", "Jl. Veteran", False) == tuple(
        made[name] for name in ("status", "incident_type", "location", "is_assigned")
    )
    again = data(client.post("/api/v1/deteksi", json=body, headers={"X-API-Key": town.key}), 201)
    assert made["id"] == again["id"], "a detector that goes on seeing it adds to the report"
    report = made["id"]
    own = [row["id"] for row in data(client.get("/api/report", headers=town.sri.headers))["data"]]
    assert report in own
    sent = data(client.post(f"/api/officer/assign/{report}", json={"officer_id": str(phone.id)},
                            headers=town.ani.headers), 201)  # fmt: skip
    assert (report, phone.id) == (sent["report_id"], sent["officer_id"])
    seen = data(client.get(f"/api/officer/report/{report}", headers=town.ani.headers))
    assert ("assigned", phone.id, "2026-11-20T14:05:00Z") == (
        seen["status"], seen["assignment"]["officer_id"], seen["incident_at"],
    )  # fmt: skip
    assert "OFFERED" == data(client.get(f"/api/police/report/{report}", headers=phone.headers))["app_state"]
    accepted = client.post(f"/api/police/report/{report}/answer", json={"accept": True}, headers=phone.headers)
    assert "assigned" == data(accepted)["status"]
    way = {"status": "on_the_way", "client_id": "titik-1", "accuracy_m": 5}
    point = data(client.post(f"/api/police/report/{report}/track", json=FAR | way, headers=phone.headers), 201)
    assert (False, 1112) == (point["is_nearby"], int(point["distance"]))
    twice = data(client.post(f"/api/police/report/{report}/track", json=FAR | way, headers=phone.headers), 201)
    assert point["id"] == twice["id"]
    shown = data(client.get(f"/api/report/{report}/track", headers=town.sri.headers))
    assert ([point["id"]], phone.id, False) == (
        [row["id"] for row in shown["tracking"]], shown["officer"]["id"], shown["is_nearby"],
    )  # fmt: skip
    arrived = client.post(f"/api/police/report/{report}/status", json={"status": "arrived"}, headers=phone.headers)
    assert "in_progress" == data(arrived)["status"]
    note = client.post(f"/api/reports/{report}/messages", json={"kind": "note", "body": "Aman"}, headers=phone.headers)
    assert data(note, 201)["id"] in [
        row["id"] for row in data(client.get(f"/api/reports/{report}/messages", headers=town.ani.headers))
    ]
    done = client.post(f"/api/police/report/{report}/status", json={"status": "completed"}, headers=phone.headers)
    assert "completed" == data(done)["status"] == town.status_of(report)
    seen = data(client.get(f"/api/officer/report/{report}", headers=town.ani.headers))
    assert [phone.username.title()] == list(
        {row["actor"] for row in seen["activity_logs"] if "arrived" in row["action"]}
    )
    told = select(notices.c.kind).where(notices.c.report_id == report)
    assert {"incident_opened", "assigned", "arrived", "closed"} <= {row["kind"] for row in town.execute(told)}


def test_a_rejected_report_stops_the_police_who_acknowledge_it(town: Any, client: Any) -> None:
    report, phone = town.sent(client)
    body = {"status": "rejected", "reason": "Ternyata payung"}
    verify = client.post(f"/api/officer/verify/{report}", json=body, headers=town.ani.headers)
    assert "rejected" == data(verify)["status"]
    assert "STOP" == data(client.get(f"/api/police/report/{report}", headers=phone.headers))["app_state"]
    late = client.post(f"/api/police/report/{report}/status", json={"status": "arrived"}, headers=phone.headers)
    assert (409, "rejected") == (late.status_code, town.status_of(report))
    assert late.json()["success"] is False and "STOP" in late.json()["message"]
    assert report in [row["id"] for row in data(client.get("/api/police/report/active", headers=phone.headers))["data"]]
    assert 200 == client.post(f"/api/police/report/{report}/stop", headers=phone.headers).status_code
    active = data(client.get("/api/police/report/active", headers=phone.headers))["data"]
    assert report not in [row["id"] for row in active]
    heard = data(client.get("/api/police/notification", headers=phone.headers))["data"]
    assert {"assigned", "recalled"} == {row["kind"] for row in heard if row["report_id"] == report}


@pytest.mark.parametrize("body", [{"reason": "false_alarm"}, {"reason_code": "false_alarm", "note": "false_alarm"}])
def test_a_reason_that_is_a_code_is_told_in_words(town: Any, client: Any, body: dict[str, str]) -> None:
    report, _ = town.sent(client)
    client.post(f"/api/officer/verify/{report}", json=body | {"status": "rejected"}, headers=town.ani.headers)
    seen = data(client.get(f"/api/officer/report/{report}", headers=town.ani.headers | {"Accept-Language": "id"}))
    (line,) = [row["description"] for row in seen["activity_logs"] if row["action"] in ("rejected", "recalled")]
    assert line.endswith(": alarm palsu")


def test_two_officers_cannot_assign_one_report_twice(town: Any, client: Any) -> None:
    report, _ = town.sent(client)
    other = town.policeman()
    again = client.post(f"/api/officer/assign/{report}", json={"officer_id": other.id}, headers=town.officer().headers)
    assert (409, "assigned") == (again.status_code, again.json()["state"])
    backup = {"officer_id": other.id, "backup": True}
    assert 201 == client.post(f"/api/officer/assign/{report}", json=backup, headers=town.ani.headers).status_code


def test_who_declines_says_why_and_the_report_can_be_given_to_others(town: Any, client: Any) -> None:
    report, phone = town.sent(client)
    silent = client.post(f"/api/police/report/{report}/answer", json={"accept": False}, headers=phone.headers)
    assert 422 == silent.status_code
    body = {"accept": False, "reason": "Ban bocor"}
    assert 200 == client.post(f"/api/police/report/{report}/answer", json=body, headers=phone.headers).status_code
    assert 404 == client.get(f"/api/police/report/{report}", headers=phone.headers).status_code
    history = data(client.get("/api/police/assignment?status=declined", headers=phone.headers))["data"]
    assert [(report, "Ban bocor")] == [(row["report_id"], row["decline_reason"]) for row in history]
    other = town.policeman()
    given = client.post(f"/api/officer/assign/{report}", json={"officer_id": other.id}, headers=town.ani.headers)
    assert 201 == given.status_code


def test_an_assignment_taken_back_stops_the_phone_and_leaves_the_owners_page(town: Any, client: Any) -> None:
    report, phone = town.sent(client)
    at, body = f"/api/officer/assign/{report}/withdraw", {"reason": "Tidak menjawab", "officer_id": str(phone.id)}
    indonesian, ani = {"Accept-Language": "id"}, town.ani.username.title()
    listed = data(client.get("/api/officer/latest-report?status=assigned", headers=town.ani.headers))["data"]
    assert [True] == [row["unanswered_since"] is not None for row in listed if row["id"] == report]
    for nothing in ({}, {"reason": ""}, {"reason": "  "}):
        refused = client.post(at, json=nothing, headers=town.ani.headers)
        assert (422, "application/problem+json") == (refused.status_code, refused.headers["content-type"])
    taken = client.post(at.replace("/api/", "/api/v1/"), json=body, headers=town.ani.headers | indonesian)
    assert (200, "verified", "Penugasan ditarik") == (
        taken.status_code, data(taken)["status"], taken.json()["message"]
    )  # fmt: skip
    again = client.post(at, json=body, headers=town.officer().headers)
    assert (409, "withdrawn", ani) == (
        again.status_code, again.json()["reason"], again.json()["withdrawn_by"]
    )  # fmt: skip
    assert f"The assignment was withdrawn by {ani}: Tidak menjawab" == again.json()["detail"]
    assert again.json()["withdrawn_at"].startswith("20")

    owners = data(client.get(f"/api/report/{report}", headers=town.sri.headers))
    way = data(client.get(f"/api/report/{report}/track", headers=town.sri.headers))
    assert (False, None, None, []) == (owners["is_assigned"], owners["assigned_to"], way["officer"], way["tracking"])
    seen = data(client.get(f"/api/officer/report/{report}", headers=town.ani.headers | indonesian))
    (one,) = seen["assignments"]
    assert (None, "withdrawn", ani, "Tidak menjawab") == (
        seen["assignment"], one["status"], one["withdrawn_by"], one["withdraw_reason"]
    )  # fmt: skip
    assert "Penugasan ditarik (petugas dikirim → diverifikasi): Tidak menjawab" in [
        row["description"] for row in seen["activity_logs"]
    ]

    stop = data(client.get(f"/api/police/report/{report}", headers=phone.headers))
    assert ("STOP", "Tidak menjawab") == (stop["app_state"], stop["withdraw_reason"])
    point = {"latitude": -6.1, "longitude": 106.1, "status": "on_the_way"}
    for path, late in (("track", point), ("status", {"status": "arrived"}), ("answer", {"accept": True})):
        answer = client.post(f"/api/police/report/{report}/{path}", json=late, headers=phone.headers | indonesian)
        assert (409, "withdrawn") == (answer.status_code, answer.json()["reason"])
        assert f"Penugasan sudah ditarik oleh {ani}: Tidak menjawab" == answer.json()["detail"]
    active = "/api/police/report/active"
    assert ["STOP"] == [row["app_state"] for row in data(client.get(active, headers=phone.headers))["data"]]
    assert 200 == client.post(f"/api/police/report/{report}/stop", headers=phone.headers).status_code
    told = data(client.get("/api/police/notification", headers=phone.headers | indonesian))["data"]
    assert [(f"Penugasan ditarik: laporan {report}", True)] == [
        (row["title"], row["is_acknowledged"]) for row in told if row["kind"] == "withdrawn"
    ]
    assert [] == data(client.get(active, headers=phone.headers))["data"]
    assert 404 == client.get(f"/api/police/report/{report}", headers=phone.headers).status_code
    (past,) = data(client.get("/api/police/assignment?status=withdrawn", headers=phone.headers))["data"]
    assert (report, "Tidak menjawab", ani) == (
        past["report_id"], past["withdraw_reason"], past["withdrawn_by"]
    )  # fmt: skip

    other = town.policeman()
    given = client.post(f"/api/officer/assign/{report}", json={"officer_id": other.id}, headers=town.ani.headers)
    assert 201 == given.status_code


def test_police_sent_there_again_see_the_work_and_no_stop(town: Any, client: Any) -> None:
    report, phone = town.sent(client)
    client.post(f"/api/officer/assign/{report}/withdraw", json={"reason": "salah"}, headers=town.ani.headers)
    client.post(f"/api/officer/assign/{report}", json={"officer_id": phone.id}, headers=town.ani.headers)
    rows = data(client.get("/api/police/report/active", headers=phone.headers))["data"]
    assert ["OFFERED"] == [row["app_state"] for row in rows]
    no = {"accept": False, "reason": "Ban bocor"}
    client.post(f"/api/police/report/{report}/answer", json=no, headers=phone.headers)
    assert [] == data(client.get("/api/police/report/active", headers=phone.headers))["data"]


def test_an_admin_who_disables_police_leaves_no_report_waiting_for_them(town: Any, client: Any) -> None:
    report, phone = town.sent(client)
    answer = client.patch(f"/api/admin/users/police/{phone.id}", json={"is_active": False}, headers=town.kepala.headers)
    assert (200, "verified") == (answer.status_code, town.status_of(report))
    seen = data(client.get(f"/api/officer/report/{report}", headers=town.ani.headers))
    assert [town.kepala.username.title()] == [row["withdrawn_by"] for row in seen["assignments"]]
    assert "Assignment withdrawn (police sent → checked): the police officer's account was disabled" in [
        row["description"] for row in seen["activity_logs"]
    ]
    notes = data(client.get("/api/officer/notification", headers=town.ani.headers))["data"]
    assert [f"Report {report} needs police"] == [row["title"] for row in notes if row["kind"] == "vacated"]


def test_available_police_are_sorted_by_distance_to_a_report(town: Any, client: Any) -> None:
    report = town.report(client)
    near, lost = town.policeman(latitude=-6.1201), town.policeman(latitude=None, longitude=None)
    rows = data(client.get(f"/api/officer/available?near={report}", headers=town.ani.headers))
    assert near.id == rows[0]["id"] and rows[0]["distance"] < 100
    assert lost.id not in [row["id"] for row in rows]
    assert [row["distance"] for row in rows] == sorted(row["distance"] for row in rows)
    stations = data(client.get(f"/api/officer/report/{report}/stations", headers=town.ani.headers))
    assert ["Polres Serang"] == [row["name"] for row in stations]


def test_new_police_begin_their_duty_where_they_are_and_end_it_when_nothing_is_under_way(
    town: Any, client: Any
) -> None:
    report, new = town.report(client), town.policeman(status="offline", latitude=None, longitude=None, position_at=None)

    def say(**fields: Any) -> tuple[int, str]:
        answer = client.patch("/api/me", json=fields, headers=new.headers)
        return answer.status_code, client.get("/api/me", headers=new.headers).json()["data"]["status"]

    def free() -> dict[int, float]:
        rows = data(client.get(f"/api/officer/available?near={report}", headers=town.ani.headers))
        return {row["id"]: row["distance"] for row in rows if row["position_at"] is not None}

    assert new.id not in free()
    assert (422, "offline") == say(status="busy")
    assert (200, "available") == say(status="available", latitude=-6.1209, longitude=106.15)
    assert 100.0 == pytest.approx(free()[new.id], abs=1)
    sent = client.post(f"/api/officer/assign/{report}", json={"officer_id": new.id}, headers=town.ani.headers)
    assert 201 == sent.status_code
    assert (409, "busy") == say(status="offline")
    done = {"status": "completed"}
    assert 200 == client.post(f"/api/police/report/{report}/status", json={"status": "arrived"},
                              headers=new.headers).status_code  # fmt: skip
    assert 200 == client.post(f"/api/police/report/{report}/status", json=done, headers=new.headers).status_code
    assert (200, "offline") == say(status="offline")
    assert new.id not in free()


def test_a_version_that_is_old_is_a_conflict(town: Any, client: Any) -> None:
    report = town.report(client)
    seen = data(client.get(f"/api/officer/report/{report}", headers=town.ani.headers))["version"]
    body = {"status": "verified", "version": seen}
    assert 200 == client.post(f"/api/officer/verify/{report}", json=body, headers=town.ani.headers).status_code
    stale = client.post(f"/api/officer/verify/{report}", json=body | {"status": "rejected", "reason": "x"},
                        headers=town.ani.headers)  # fmt: skip
    assert (412, "version", "verified") == (stale.status_code, stale.json()["reason"], stale.json()["state"])


def test_notifications_are_read_one_by_one_and_all_at_once(town: Any, client: Any) -> None:
    town.report(client)
    town.report(client)
    unread = data(client.get("/api/officer/notification?status=unread", headers=town.ani.headers))["data"]
    assert len(unread) >= 2
    left = data(client.patch(f"/api/notification/{unread[0]['id']}/read", headers=town.ani.headers))["unread"]
    rows = data(client.get("/api/officer/notification?limit=100", headers=town.ani.headers))["data"]
    assert left == sum(not row["is_read"] for row in rows)
    assert "read" == next(row["status"] for row in rows if row["id"] == unread[0]["id"])
    client.post("/api/notification/read", headers=town.ani.headers)
    assert [] == data(client.get("/api/officer/notification?status=unread", headers=town.ani.headers))["data"]
    mine = select(notice_recipients.c.read_at).where(notice_recipients.c.role == "owner")
    assert {None} == {row["read_at"] for row in town.execute(mine)}, "nobody else's were touched"


@pytest.mark.parametrize("form", ["json", "pdf"])
def test_a_report_is_exported_and_the_export_is_audited(town: Any, client: Any, form: str) -> None:
    report = town.report(client)
    answer = client.get(f"/api/reports/{report}/export?format={form}", headers=town.ani.headers)
    assert 200 == answer.status_code and f"laporan-{report}.{form}" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"%PDF-" if form == "pdf" else b"{")
    query = select(audit_log.c.actor_id, audit_log.c.trace).where(
        audit_log.c.action == "report_exported", audit_log.c.object_id == report
    )
    rows = town.execute(query)
    assert [(town.ani.id, answer.headers["x-request-id"])] == [(row["actor_id"], row["trace"]) for row in rows]


def test_police_see_checked_reports_nearby_without_what_happened(town: Any, client: Any) -> None:
    report, new = town.report(client), town.report(client)
    client.post(f"/api/officer/verify/{report}", json={"status": "verified"}, headers=town.ani.headers)
    rows = data(client.get("/api/police/nearest", headers=town.tono.headers))
    assert report in [row["id"] for row in rows] and new not in [row["id"] for row in rows]
    assert not {"title", "description", "location"} & set(rows[0])
