"""The written contract, row by row, over a real socket: what a client that knows nothing else sends, and what it gets.

From the same table (core.testing.rest_contract) come the refusals: nobody, every wrong role, a program's key, another
owner, another agency.
"""

import asyncio
import base64
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
import uvicorn

from core.accounts.audit import Actor
from core.accounts.service import Accounts
from core.domain.incidents import (
    CctvStatus,
    IncidentType,
    ReportStatus,
    TrackingStatus,
)
from core.incidents.evidence import LARGEST
from core.notices.rules import RULES
from core.testing.rest_contract import CONTRACT, PASSWORD, PLACE, Row, missing
from core.testing.review import KEY, Person

ROLES = ("OWNER", "OFFICER", "POLICE", "SERVICE")
PEOPLE = ROLES[:3]
PREFIXES = ("/api", "/api/v1")
STEPS = ("new", "assigned", "on_the_way", "arrived")
WITH_ID = [row for row in CONTRACT if re.search(r"\{(report|cctv|spare|notification)\}", row.path)]
_numbers = itertools.count(1)


def people_of(row: Row) -> tuple[str, ...]:
    """Who may ask."""
    return PEOPLE if row.role in ("ANY", "PUBLIC") else (row.role,)


CELLS = [pytest.param(row, role, prefix, id=f"{row.name}-{role}-{prefix}")
         for row in CONTRACT for role in people_of(row) for prefix in PREFIXES]  # fmt: skip


@pytest.fixture(scope="module")
def client(town: Any) -> Iterator[httpx.Client]:
    """Over TCP, to the application in a server as `serve` runs it."""
    town.configure(registration_vendor="polda-banten")
    config = uvicorn.Config(town.app(previews=town.previews), port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
        yield client
    server.should_exit = True
    thread.join(60)


@pytest.fixture(scope="module")
def names(town: Any) -> dict[str, dict[str, str]]:
    """Of each role the user name and e-mail of somebody whose password is PASSWORD."""
    accounts, found = Accounts(town.database, KEY), {}
    for role in PEOPLE:
        found[role] = {"{username}": f"{role.lower()}.sandi", "{email}": f"{role.lower()}@sandi.example"}
        accounts.add_user(found[role]["{username}"], PASSWORD, role=role.lower(), vendor_code="polda-banten",
                          full_name=role, email=found[role]["{email}"], by=Actor("cli"))  # fmt: skip
    return found


class Case:
    """What the placeholders of a row stand for: a report in the state that the row wants, and who has a part in it."""

    def __init__(self, town: Any, client: Any, state: str, picture: bytes) -> None:
        self.town, self.client = town, client
        self.police = town.policeman()
        steps = STEPS.index(state)
        self.report = town.sent(client, self.police)[0] if steps else town.report(client)
        for status in STEPS[2 : steps + 1]:
            answer = self.ask("POST", f"/police/report/{self.report}/track", self.police.headers,
                              {**PLACE, "status": status})  # fmt: skip
            assert 201 == answer.status_code, answer.text
        self.words = {"{cctv}": town.cctv, "{report}": self.report, "{police}": self.police.id,
                      "{picture}": base64.b64encode(picture).decode()}  # fmt: skip

    def who(self, role: str) -> dict[str, str]:
        people = {"OWNER": self.town.sri, "OFFICER": self.town.ani, "POLICE": self.police}
        return {"X-API-Key": self.town.key} if role == "SERVICE" else people[role].headers

    def send(self, row: Row, headers: dict[str, str], prefix: str = "/api") -> Any:
        path = re.sub(r"\{\w+\}", lambda found: str(self._word(found[0], headers)), row.path)
        return self.client.request(row.method, prefix + path, headers=headers, json=self._filled(row.body))

    def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> Any:
        return self.client.request(method, "/api" + path, headers=headers, json=body)

    def _word(self, word: str, headers: dict[str, str]) -> Any:
        if word == "{spare}":
            return self.words.setdefault(word, self.town.cctv_of(self.town.sri, self.town.banten))
        if word == "{notification}" and word not in self.words:
            for role, path in zip(
                PEOPLE, ("/notification", "/officer/notification", "/police/notification"), strict=True
            ):
                if headers == self.who(role):
                    return self.ask("GET", path, headers).json()["data"]["data"][0]["id"]
            return self.ask("GET", "/notification", self.who("OWNER")).json()["data"]["data"][0]["id"]
        return self.words[word]

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        return self.words.get(value, value) if isinstance(value, str) else value


@pytest.fixture
def case(town: Any, client: httpx.Client, draw: Callable[..., bytes]) -> Callable[[str], Case]:
    return lambda state: Case(town, client, state, draw(31))


@pytest.fixture(scope="module")
def settled(town: Any, client: httpx.Client) -> Callable[..., Case]:
    """As case, one for each state: for tests that must not change anything."""
    made: dict[str, Case] = {}
    return lambda state, draw: made.setdefault(state, made.get(state) or Case(town, client, state, draw(31)))


@pytest.mark.parametrize(("row", "role", "prefix"), CELLS)
def test_a_client_that_knows_only_the_contract_gets_what_it_says(
    case: Any, settled: Any, draw: Any, names: Any, town: Any, row: Row, role: str, prefix: str
) -> None:
    here = settled(row.state, draw) if row.method == "GET" else case(row.state)
    here.words |= names.get(role, {}) | {"{new}": f"baru-{next(_numbers)}@toko.example"}
    headers = here.who(role)
    if row.path == "/logout":
        headers = {"OWNER": lambda: town.owner(town.banten), "OFFICER": town.officer, "POLICE": town.policeman}[
            role
        ]().headers
    elif row.role == "PUBLIC":
        headers = {"Authorization": "Bearer old.and.wrong"}  # deployed clients send what they have
    answer = here.send(row, headers, prefix)
    assert row.status == answer.status_code, answer.text
    told = answer.json()
    assert told["message"]
    if row.status >= 400:
        assert ("application/problem+json", False) == (answer.headers["content-type"], told["success"])
        return
    assert ("application/json", True, "success") == (answer.headers["content-type"], told["success"], told["status"])
    assert [] == missing(told["data"], row.shape)
    if row.path == "/logout":
        assert 401 == here.ask("GET", "/me", headers).status_code
    if row.path == "/login":
        assert role == told["data"]["user"]["role"]
        bearer = {"Authorization": f"Bearer {told['data']['token']}"}
        assert told["data"]["user"] == here.ask("GET", "/me", bearer).json()["data"]


@pytest.mark.threat("T18")
@pytest.mark.parametrize("row", [row for row in CONTRACT if row.role != "PUBLIC"], ids=lambda row: row.name)
def test_every_row_is_refused_to_everybody_else(settled: Any, town: Any, row: Row, draw: Any) -> None:
    here = settled(row.state, draw)
    before = town.status_of(here.report)
    for prefix in PREFIXES:
        assert 401 == here.send(row, {}, prefix).status_code
        assert 401 == here.send(row, {"Authorization": "Bearer not.a.token"}, prefix).status_code
        for role in set(ROLES) - set(people_of(row)):
            answer = here.send(row, here.who(role), prefix)
            wanted = (401,) if "SERVICE" in (role, row.role) and answer.status_code == 401 else (403,)
            assert answer.status_code in wanted, (role, answer.text)
            assert "application/problem+json" == answer.headers["content-type"]
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
    for person in [one for role in people_of(row) for one in others[role]]:
        answer = here.send(row, person.headers)
        assert 404 == answer.status_code, (person, answer.text)
        absent = here.client.request(
            row.method, "/api" + re.sub(r"\{\w+\}", "987654321", row.path), headers=person.headers,
            json=here._filled(row.body),
        )  # fmt: skip
        ours = re.sub(r"\d+", "N", answer.json()["message"])
        assert ours == re.sub(r"\d+", "N", absent.json()["message"]), "the two are told apart by nobody"
    assert before == town.status_of(here.report)


def test_every_row_is_served_under_both_prefixes_and_described(town: Any) -> None:
    served = set()
    for route in town.app().routes:
        path = re.sub(r"\{[^}]+\}", "{}", route.path_format)
        for handler in getattr(route, "route_handlers", []):
            served |= {(method, path) for method in getattr(handler, "http_methods", ())}
    rows = {(row.method, re.sub(r"\{\w+\}", "{}", row.path.partition("?")[0])) for row in CONTRACT}
    assert set() == {(method, prefix + path) for method, path in rows for prefix in PREFIXES} - served


@pytest.mark.parametrize(
    ("found", "shape", "wanted"),
    [
        ({"id": 1, "cctv": {"id": None}}, "id,cctv{id}", []),
        ({"id": 1}, "id,name", [".name"]),
        ({"a": {"b": [{"c": 1}, {}]}}, "a{b[{c}]}", [".a.b[].c"]),
        ({"a": {"b": []}}, "a{b[{c}]}", [".a.b: expected a list with a row"]),
        ({"a": None}, "a{b}", [".a: expected an object"]),
        ([{"id": 1}, {"x": 2}], "[{id}]", ["[].id"]),
        (None, "", []),
    ],
)
def test_a_shape_names_what_is_missing(found: Any, shape: str, wanted: list[str]) -> None:
    assert wanted == missing(found, shape)


def test_the_words_are_the_contracts() -> None:
    words = {
        ReportStatus: "new assigned in_progress verified completed rejected",
        IncidentType: "knife gun guns other",
        TrackingStatus: "on_the_way arrived completed cancelled",
        CctvStatus: "online offline inactive maintenance",
    }
    assert {enum: text.split() for enum, text in words.items()} == {enum: [str(one) for one in enum] for enum in words}
    assert ["IMAGE", "VIDEO", "DOCUMENT"] == list(LARGEST)
    assert {"report", "cctv", "assignment", "tracking"} == {rule.type for rule in RULES.values()}


@pytest.mark.parametrize(
    ("role", "path", "state", "body"),
    [
        ("OWNER", "/report", "new", {"title": "t", "location": "l", "incident_type": "Knife"}),
        ("OWNER", "/report", "new", {"title": "t", "location": "l", "incident_type": "pistol"}),
        ("OFFICER", "/officer/verify/{report}", "new", {"status": "assigned"}),
        ("OFFICER", "/officer/verify/{report}", "new", {"status": "VERIFIED"}),
        ("POLICE", "/police/report/{report}/status", "assigned", {"status": "on the way"}),
        ("POLICE", "/police/report/{report}/track", "assigned", {**PLACE, "status": "driving"}),
    ],
)
def test_a_word_that_is_not_the_contracts_is_refused_by_its_field(
    settled: Any, draw: Any, role: str, path: str, state: str, body: Any
) -> None:
    here = settled(state, draw)
    answer = here.send(Row(role, "POST", path, body), here.who(role))
    told = answer.json()
    assert (422, 422, False) == (answer.status_code, told["status"], told["success"]), told
    assert {"type", "title", "status", "detail", "instance", "success", "message"} <= set(told)
    assert [next(key for key in body if key in ("incident_type", "status"))] == [one["field"] for one in told["errors"]]


@pytest.mark.parametrize("kind", [str(one) for one in IncidentType])
def test_every_type_of_incident_can_be_reported_by_hand_and_by_a_program(
    town: Any, client: Any, draw: Any, kind: str
) -> None:
    report = town.report(client, incident_type=kind)
    seen = client.get(f"/api/report/{report}", headers=town.sri.headers).json()["data"]
    picture = base64.b64encode(draw(200)).decode()
    body = {"cctv_id": town.cctv_of(town.joko, town.banten),
            "report": {"title": "t", "incident_type": kind, "report_image": picture}}  # fmt: skip
    made = client.post("/api/v1/deteksi", json=body, headers={"X-API-Key": town.key}).json()["data"]
    assert (kind, kind) == (seen["incident_type"], made["incident_type"])


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
