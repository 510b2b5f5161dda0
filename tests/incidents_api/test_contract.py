"""The written contract, row by row: what a client that knows nothing else sends, and what it may rely on.

From the same table come the refusals: nobody, every wrong role, a program's key, another owner, another agency.
"""

import base64
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from core.testing.review import Person

ROLES = ("OWNER", "OFFICER", "POLICE", "SERVICE")
LIST = ["page", "limit"]


class Row(msgspec.Struct, frozen=True):
    """One row: what is sent and which members `data` has. rows: the members of each row of a list."""

    role: str
    method: str
    path: str
    body: Any = None
    data: str = ""
    rows: str = ""
    status: int = 200
    state: str = "new"

    @property
    def name(self) -> str:
        return f"{self.role}-{self.method}-{self.path}"


PICTURE = "{picture}"
PLACE = {"latitude": -6.121, "longitude": 106.15}
CONTRACT = [
    Row("SERVICE", "POST", "/deteksi", {
        "cctv_id": "{cctv}", "timestamp": "2026-11-20 21:05",
        "report": {"title": "Pisau", "description": "d", "location": "Jl. Veteran", "incident_type": "knife",
                   "report_image": PICTURE}},
        "id status incident_type location evidence_url is_assigned", status=201),
    Row("SERVICE", "POST", "/detection", {
        "cctv_id": "{cctv}", "report": {"title": "Pistol", "description": "d", "location": "Jl. Veteran",
                                        "incident_type": "gun", "report_image": PICTURE}},
        "id status incident_type location evidence_url is_assigned", status=201),
    Row("OWNER", "GET", "/count", data="cctv_count report_count"),
    Row("OWNER", "GET", "/cctv/preview", data="preview_url name_cctv status location description"),
    Row("OWNER", "POST", "/cctv", {"name": "Gudang", "location": "Jl. Raya 5", "description": "belakang",
                                   "IP": "192.168.1.20", "camera_type": "dome",
                                   "stream_url": "rtsp://u:p@192.168.1.20/1"},
        "id name location IP stream_url camera_type status", status=201),
    Row("OWNER", "GET", "/cctv", rows="id name location IP stream_url camera_type status"),
    Row("OWNER", "GET", "/cctv/{cctv}", data="id name location IP stream_url camera_type status description Reports"),
    Row("OWNER", "PATCH", "/cctv/{cctv}", {"name": "Depan toko"}, "id name"),
    Row("OWNER", "GET", "/report", rows="id title status location created_at report_image incident_type cctv_name "
        "cctv_location is_assigned"),
    Row("OWNER", "GET", "/report/{report}", data="id title description status location report_image incident_type "
        "created_at cctv is_assigned assigned_to", state="assigned"),
    Row("OWNER", "GET", "/report/{report}/track", data="id title_report is_nearby officer tracking",
        state="on_the_way"),
    Row("OWNER", "POST", "/report", {"title": "Pisau", "description": "d", "location": "Jl. Veteran",
                                     "incident_type": "knife", "cctv_id": "{cctv}", "report_image": PICTURE,
                                     "date": "20:11:2026", "time": "21:05"},
        "id title status created_at", status=201),
    Row("OWNER", "GET", "/notification", rows="id title message type status image report_id created_at is_read",
        state="assigned"),
    Row("OFFICER", "GET", "/officer/count", data="response_time resolve_Case total_report active_police"),
    Row("OFFICER", "GET", "/officer/case-status", data="total_case resolution_rate case_status"),
    Row("OFFICER", "GET", "/officer/latest-report", rows="id title status location created_at report_image "
        "incident_type cctv_name"),
    Row("OFFICER", "GET", "/officer/report/{report}", data="id title description status location report_image "
        "incident_type created_at source is_assigned updated_at owner cctv evidences assignment activity_logs metadata",
        state="assigned"),
    Row("OFFICER", "GET", "/officer/notification", rows="id title message location type status created_at"),
    Row("OFFICER", "GET", "/officer/incident-map", data="summary crime_locations active_officers"),
    Row("OFFICER", "GET", "/officer/recent-alerts", data="alerts total_alerts critical_count high_count"),
    Row("OFFICER", "POST", "/officer/verify/{report}", {"status": "verified"}, "id status updated_at"),
    Row("OFFICER", "POST", "/officer/assign/{report}", {"officer_id": "{police}"},
        "id report_id officer_id assigned_at", status=201),
    Row("OFFICER", "GET", "/officer/available", data="[] id name phone status location office_name"),
    Row("OFFICER", "GET", "/officer/police", rows="id name phone status location vehicle_type license_plate "
        "office_name"),
    Row("POLICE", "GET", "/police/dashboard", data="active_report resolved_case"),
    Row("POLICE", "GET", "/police/report/active", rows="id title status location created_at", state="assigned"),
    Row("POLICE", "GET", "/police/report/{report}", data="id title description status location report_image "
        "incident_type created_at", state="assigned"),
    Row("POLICE", "GET", "/police/report/{report}/track", data="id title_report is_nearby officer",
        state="assigned"),
    Row("POLICE", "POST", "/police/report/{report}/status", {"status": "on_the_way", "description": "berangkat"},
        "id status updated_at", state="assigned"),
    Row("POLICE", "POST", "/police/report/{report}/track", {**PLACE, "status": "on_the_way", "description": "jalan"},
        "id status created_at", status=201, state="assigned"),
    Row("POLICE", "GET", "/police/notification", rows="id title message type status", state="assigned"),
]  # fmt: skip
WITH_ID = [row for row in CONTRACT if "{report}" in row.path or "{cctv}" in row.path]


class Case:
    """What the placeholders of a row stand for: a report in the state that the row wants, and who has a part in it."""

    def __init__(self, town: Any, client: Any, state: str, draw: Callable[..., bytes]) -> None:
        self.town, self.client = town, client
        self.police = town.policeman()
        self.report = town.report(client) if state == "new" else town.sent(client, self.police)[0]
        if state == "on_the_way":
            self.ask("POST", f"/police/report/{self.report}/track", self.police.headers,
                     {**PLACE, "status": "on_the_way"})  # fmt: skip
        self.words = {"{cctv}": town.cctv, "{report}": self.report, "{police}": self.police.id,
                      "{picture}": base64.b64encode(draw(31)).decode()}  # fmt: skip

    def who(self, role: str) -> dict[str, str]:
        people = {"OWNER": self.town.sri, "OFFICER": self.town.ani, "POLICE": self.police}
        return {"X-API-Key": self.town.key} if role == "SERVICE" else people[role].headers

    def send(self, row: Row, headers: dict[str, str], prefix: str = "/api") -> Any:
        path = re.sub(r"\{\w+\}", lambda found: str(self.words[found[0]]), row.path)
        return self.client.request(row.method, prefix + path, headers=headers, json=self._filled(row.body))

    def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Any:
        return self.client.request(method, "/api" + path, headers=headers, json=body)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        return self.words.get(value, value) if isinstance(value, str) else value


@pytest.fixture
def case(town: Any, client: TestClient[Any], draw: Callable[..., bytes]) -> Callable[[str], Case]:
    return lambda state: Case(town, client, state, draw)


@pytest.fixture(scope="module")
def settled(town: Any, client: TestClient[Any]) -> Callable[..., Case]:
    """As case, one for each state: for tests that must not change anything."""
    made: dict[str, Case] = {}
    return lambda state, draw: made.setdefault(state, made.get(state) or Case(town, client, state, draw))


@pytest.mark.parametrize("row", CONTRACT, ids=lambda row: row.name)
def test_a_client_that_knows_only_the_contract_gets_what_it_says(case: Any, row: Row) -> None:
    here = case(row.state)
    answer = here.send(row, here.who(row.role))
    assert (row.status, "application/json") == (answer.status_code, answer.headers["content-type"]), answer.text
    told = answer.json()
    assert (True, "success") == (told["success"], told["status"]) and told["message"]
    data = told["data"]
    if row.rows:
        assert {"total", "page", "limit", "total_pages"} == set(data["pagination"])
        for one in data["data"]:
            assert set(row.rows.split()) <= set(one)
        if row.path != "/officer/notification":
            assert data["data"], "the list has a row to look at"
    elif row.data.startswith("[] "):
        assert data and all(set(row.data.split()[1:]) <= set(one) for one in data)
    else:
        assert set(row.data.split()) <= set(data)


@pytest.mark.threat("T18")
@pytest.mark.parametrize("row", CONTRACT, ids=lambda row: row.name)
def test_every_row_is_refused_to_everybody_else(settled: Any, town: Any, row: Row, draw: Any) -> None:
    here = settled(row.state, draw)
    before = town.status_of(here.report)
    for prefix in ("/api", "/api/v1"):
        assert 401 == here.send(row, {}, prefix).status_code
        assert 401 == here.send(row, {"Authorization": "Bearer not.a.token"}, prefix).status_code
        for role in ROLES:
            if role != row.role:
                answer = here.send(row, here.who(role), prefix)
                wanted = (401,) if "SERVICE" in (role, row.role) and answer.status_code == 401 else (403,)
                assert answer.status_code in wanted, (role, answer.text)
                assert answer.json()["success"] is False and answer.json()["message"]
    assert before == town.status_of(here.report)


@pytest.mark.threat("T17", "T18")
@pytest.mark.parametrize("row", WITH_ID, ids=lambda row: row.name)
def test_what_is_somebody_elses_is_not_found(settled: Any, town: Any, row: Row, draw: Any) -> None:
    here = settled(row.state, draw)
    others: dict[str, list[Person]] = {
        "OWNER": [town.joko, town.made],
        "OFFICER": [town.wayan, town.ibu_bali],
        "POLICE": [town.rudi, town.ketut],
    }
    before = town.status_of(here.report)
    for person in others[row.role]:
        answer = here.send(row, person.headers)
        assert 404 == answer.status_code, (person, answer.text)
        absent = here.client.request(
            row.method, "/api" + re.sub(r"\{\w+\}", "987654321", row.path), headers=person.headers,
            json=here._filled(row.body),
        )  # fmt: skip
        ours = re.sub(r"\d+", "N", answer.json()["message"])
        assert ours == re.sub(r"\d+", "N", absent.json()["message"]), "the two are told apart by nobody"
    assert before == town.status_of(here.report)


def test_the_table_has_every_route_of_the_contract_that_needs_an_account(town: Any) -> None:
    from core.accounts.policy import POLICY

    app = town.app()
    known = {(row.method, re.sub(r"\{\w+\}", "{}", row.path)) for row in CONTRACT}
    served = set()
    for route in app.routes:
        path = re.sub(r"\{[^}]+\}", "{}", route.path_format)
        for handler in getattr(route, "route_handlers", []):
            name = handler.operation_id
            if path.startswith("/api/") and name in POLICY and POLICY[name].scope in ("own", "assigned", "service"):
                served |= {(method, path.removeprefix("/api")) for method in handler.http_methods}
    assert known <= served | {(row.method, re.sub(r"\{\w+\}", "{}", row.path)) for row in CONTRACT
                              if row.role == "OFFICER"}  # fmt: skip


def test_messages_are_indonesian_unless_english_is_asked_for(case: Any, town: Any) -> None:
    here = case("new")
    bare = {"Authorization": town.ani.headers["Authorization"]}
    assert "Tidak ada laporan 987" == here.ask("GET", "/officer/report/987", bare).json()["message"]
    english = here.ask("GET", "/officer/report/987", bare | {"Accept-Language": "en-GB,en;q=0.9"})
    assert "There is no report 987" == english.json()["message"]


@pytest.mark.parametrize("status", ["pending", "resolved"])
def test_a_status_that_nobody_has_gives_an_empty_list(client: Any, town: Any, status: str) -> None:
    answer = client.get(f"/api/officer/latest-report?status={status}&page=1&limit=10", headers=town.ani.headers)
    assert (200, [], 0) == (
        answer.status_code, answer.json()["data"]["data"], answer.json()["data"]["pagination"]["total"],
    )  # fmt: skip


def test_lists_are_paged_searched_and_filtered(client: Any, town: Any) -> None:
    made = [town.report(client, title=f"Clurit nomor {number}") for number in range(3)]
    client.post(f"/api/officer/verify/{made[1]}", json={"status": "rejected", "reason": "boneka"},
                headers=town.ani.headers)  # fmt: skip
    asked = "/api/officer/latest-report?search=clurit%20nomor"
    first = client.get(asked + "&limit=2&page=1", headers=town.ani.headers).json()["data"]
    second = client.get(asked + "&limit=2&page=2", headers=town.ani.headers).json()["data"]
    assert made[::-1] == [row["id"] for row in (*first["data"], *second["data"])]
    assert {"total": 3, "page": 1, "limit": 2, "total_pages": 2} == first["pagination"]
    rejected = client.get(asked + "&status=rejected", headers=town.ani.headers).json()["data"]["data"]
    assert [made[1]] == [row["id"] for row in rejected]
    none = client.get("/api/officer/latest-report?search=%25_%25", headers=town.ani.headers).json()["data"]["data"]
    assert [] == none, "% and _ stand for themselves"


def test_the_deployed_clients_never_meet_a_null_where_they_read(client: Any, town: Any) -> None:
    bare = client.post(
        "/api/report", json={"title": "Tanpa kamera", "description": "", "location": "Pasar", "incident_type": "other"},
        headers=town.joko.headers,
    ).json()["data"]["id"]  # fmt: skip
    told = client.get(f"/api/officer/report/{bare}", headers=town.ani.headers).json()["data"]
    assert {"id", "name", "location"} <= set(told["cctv"]) and told["cctv"]["id"] is None
    assert [] == told["evidences"] and told["activity_logs"] and told["owner"]["id"] == town.joko.id
    assert datetime.fromisoformat(told["created_at"]).tzinfo is not None
    figures = client.get("/api/officer/case-status", headers=town.wayan.headers).json()["data"]
    assert ["new", "assigned", "in_progress", "verified", "completed"] == list(figures["case_status"])
    told = client.get("/api/officer/incident-map", headers=town.ani.headers).json()["data"]
    assert bare not in [row["id"] for row in told["crime_locations"]], "no coordinates, no place on the map"
    for row in told["crime_locations"] + told["active_officers"]:
        assert None not in row["coordinates"].values()
    alerts = client.get("/api/officer/recent-alerts", headers=town.ani.headers).json()["data"]
    assert alerts["alerts"] and alerts["total_alerts"] == len(alerts["alerts"])
    for alert in alerts["alerts"]:
        assert alert["type"] in ("incident", "notification")
        assert alert["priority_label"] in ("Emergency", "Attention", "Notification")
        assert alert["time_ago"] and alert["location_code"]
