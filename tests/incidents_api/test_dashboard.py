"""The figures of the dashboards are those of the rows: counted by hand here."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from core.incidents.tables import assignments, reports, track_points

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def told(town: Any, client: Any) -> dict[str, Any]:
    """Banten: two new (a knife, a gun), one on its way, one completed after 12 minutes, one rejected; Bali: one."""
    ids = {"knife": town.report(client), "gun": town.report(client, incident_type="gun")}
    ids["way"], ids["police"] = town.sent(client)
    point = {"latitude": -6.13, "longitude": 106.15, "status": "on_the_way"}
    phone = ids["police"].headers
    assert 201 == client.post(f"/api/police/report/{ids['way']}/track", json=point, headers=phone).status_code
    ids["done"], other = town.sent(client)
    for status in ("on_the_way", "arrived", "completed"):
        body = {"status": status}
        answer = client.post(f"/api/police/report/{ids['done']}/status", json=body, headers=other.headers)
        assert 200 == answer.status_code, answer.text
    times = {"assigned_at": NOW - timedelta(minutes=30), "arrived_at": NOW - timedelta(minutes=18)}
    town.execute(update(reports).where(reports.c.id == ids["done"]).values(**times))
    ids["wrong"] = town.report(client, title="Boneka")
    client.post(f"/api/officer/verify/{ids['wrong']}", json={"status": "rejected", "reason_code": "false_alarm"},
                headers=town.ani.headers)  # fmt: skip
    ids["bali"] = town.report(client, town.made)
    return ids


def read(client: Any, person: Any, path: str) -> Any:
    return client.get(f"/api{path}", headers=person.headers).json()["data"]


def test_the_officers_counts(town: Any, client: Any, told: Any) -> None:
    on_duty = 2 + 2  # tono and rudi, and the two who were sent
    expected = {"response_time": 12.0, "resolve_Case": 25.0, "total_report": 5, "active_police": on_duty}
    assert expected == read(client, town.ani, "/officer/count")
    empty = {"response_time": 0.0, "resolve_Case": 0.0, "total_report": 1, "active_police": 1}
    assert empty == read(client, town.wayan, "/officer/count"), "another agency has its own"


def test_the_case_status_leaves_the_rejected_out(town: Any, client: Any, told: Any) -> None:
    expected = {
        "total_case": 4, "resolution_rate": 25.0,
        "case_status": {"new": 2, "assigned": 1, "in_progress": 0, "verified": 0, "completed": 1},
    }  # fmt: skip
    assert expected == read(client, town.ani, "/officer/case-status")


def test_the_map_shows_what_has_a_place_and_who_is_on_the_way(town: Any, client: Any, told: Any) -> None:
    shown = read(client, town.ani, "/officer/incident-map")
    open_ones = {told["knife"], told["gun"], told["way"]}
    assert open_ones == {row["id"] for row in shown["crime_locations"]}, "what was closed months ago is not shown"
    summary = {"total_incidents": 3, "active_officers": 4, "busy_officers": 1, "incident_types": {"knife": 2, "gun": 1}}
    assert summary == shown["summary"]
    [sent] = [row for row in shown["active_officers"] if row["id"] == told["police"].id]
    eta = town.execute(select(track_points.c.eta_s).where(track_points.c.report_id == told["way"]))[0]["eta_s"]
    assert ("busy", told["way"], round(eta / 60, 1)) == (
        sent["status"], sent["report_id"], round(sent["estimated_arrival"], 1),
    )  # fmt: skip
    assert {"latitude": -6.13, "longitude": 106.15} == sent["coordinates"]


def test_alerts_come_by_what_they_are(town: Any, client: Any, told: Any) -> None:
    alerts = read(client, town.ani, "/officer/recent-alerts")
    incidents = [(row["id"], row["priority"], row["priority_label"]) for row in alerts["alerts"]
                 if row["type"] == "incident"]  # fmt: skip
    assert [
        (told["gun"], "critical", "Emergency"), (told["knife"], "high", "Attention"),
        (told["way"], "medium", "Attention"),
    ] == incidents  # fmt: skip
    for level in ("critical", "high"):
        assert alerts[f"{level}_count"] == sum(row["priority"] == level for row in alerts["alerts"])
    path, call = f"/api/reports/{told['way']}/messages", {"kind": "emergency"}
    assert 201 == client.post(path, json=call, headers=told["police"].headers).status_code
    rows = read(client, town.kepala, "/officer/recent-alerts")["alerts"]
    labels = {row["priority_label"] for row in rows if (row["type"], row["priority"]) == ("notification", "critical")}
    assert {"Emergency"} == labels, rows


def test_owners_and_police_count_their_own(town: Any, client: Any, told: Any) -> None:
    assert {"cctv_count": 1, "report_count": 5} == read(client, town.sri, "/count")
    assert {"cctv_count": 1, "report_count": 0} == read(client, town.joko, "/count")
    assert {"active_report": 1, "resolved_case": 0.0} == read(client, told["police"], "/police/dashboard")
    done = select(assignments.c.police_id).where(assignments.c.report_id == told["done"])
    assert 1 == town.execute(select(func.count()).select_from(done.subquery()))[0]["count"]


def test_a_stations_performance(town: Any, client: Any, told: Any) -> None:
    rows = client.get("/api/officer/performance?from=2026-01-01T00:00:00Z", headers=town.kepala.headers)
    [row] = [one for one in rows.json()["data"] if one["station_name"] == "Polres Serang"]
    assert (5, 1, 1, 3, 12.0) == tuple(row[name] for name in ("reports", "completed", "rejected", "open",
                                                              "minutes_to_arrival"))  # fmt: skip
