"""Route × role × ownership for the whole weapon flow, from the live routes and the policy table."""

import re
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler
from litestar.testing import TestClient
from sqlalchemy import func, select, update

from core.accounts.guard import operation_of
from core.accounts.policy import POLICY
from core.accounts.tables import audit_log, revoked_tokens, service_keys, stations
from core.incidents.desk import TAGS
from core.incidents.tables import reports
from core.notices.tables import notice_recipients, notices
from core.testing.review import Person

BODIES: dict[str, Any] = {
    "add_cctv": {"name": "x"},
    "change_cctv": {"name": "x"},
    "add_report": {"title": "t", "incident_type": "knife"},
    "verify_report": {"status": "verified"},
    "assign_police": {"officer_id": 987654321},
    "withdraw_assignment": {"reason": "salah orang"},
    "set_tracking_status": {"status": "on_the_way"},
    "add_track_point": {"latitude": 1.0, "longitude": 1.0, "status": "on_the_way"},
    "answer_assignment": {"accept": True},
    "add_message": {"body": "halo"},
    "announce": {"title": "Apel", "message": "Pukul tujuh"},
    "add_push_address": {"channel": "fcm", "token": "t" * 30},
    "add_detection": {
        "cctv_id": 1,
        "report": {"title": "t", "incident_type": "knife", "report_image": "eA=="},
    },
    "add_station": {"name": "Polsek", "latitude": 1.0, "longitude": 1.0},
    "change_station": {"name": "Polsek lain"},
    "add_service_key": {"name": "detektor"},
    "add_user": {"username": "baru", "password": "lain-kuda-baterai-7", "role": "police"},
    "change_user": {"is_active": True},
}
BODIES["add_detection_alias"] = BODIES["add_detection"]
ROLES = ("owner", "officer", "police", "admin")


def routes(town: Any) -> list[tuple[str, str, str]]:
    """(operation, method, path template) of the weapon flow, under both prefixes."""
    found = set()
    for route in town.app().routes:
        for handler in getattr(route, "route_handlers", []):
            if isinstance(handler, HTTPRouteHandler) and TAGS & set(handler.tags or ()):
                found.add((operation_of(handler), min(handler.http_methods - {"HEAD", "OPTIONS"}), route.path_format))
    return sorted(found)


@pytest.fixture(scope="module")
def all_routes(town: Any) -> list[tuple[str, str, str]]:
    return routes(town)


class Ids:
    """Rows of one agency for the paths: a report with police on it, its camera, a notification, an account."""

    def __init__(self, town: Any, client: Any, vendor_id: int, owner: Person, police: Person, officer: Person) -> None:
        self.report = town.report(client, owner)
        client.post(f"/api/officer/assign/{self.report}", json={"officer_id": police.id}, headers=officer.headers)
        query = select(reports.c.device_id).where(reports.c.id == self.report)
        self.cctv = town.execute(query)[0]["device_id"]
        self.station = town.execute(select(stations.c.id).where(stations.c.vendor_id == vendor_id))[0]["id"]
        self.key = town.execute(select(service_keys.c.id).where(service_keys.c.vendor_id == vendor_id))[0]["id"]
        self.notification = town._add(
            notice_recipients, vendor_id=vendor_id, role=officer.role, person_id=officer.id,
            notice_id=town._add(
                notices, vendor_id=vendor_id, kind="incident_opened", dedup_key=f"uji:{self.report}", type="report",
                texts={"id": {"title": "t", "message": "m"}, "en": {"title": "t", "message": "m"}},
            ),
        )  # fmt: skip
        self.user = officer.id

    def path(self, template: str) -> str:
        words = {"report_id": self.report, "cctv_id": self.cctv, "station_id": self.station, "key_number": self.key,
                 "notification_id": self.notification, "address_id": 1, "user_id": self.user, "role": "officer",
                 "name": "0" * 64}  # fmt: skip
        return re.sub(r"\{(\w+)\}", lambda found: str(words[found[1]]), template)


def ask(client: Any, route: tuple[str, str, str], ids: Ids, headers: dict[str, str]) -> Any:
    name, method, template = route
    if name == "add_evidence":
        return client.post(ids.path(template), files={"file": ("a.txt", b"catatan")}, headers=headers)
    return client.request(method, ids.path(template), json=BODIES.get(name), headers=headers)


@pytest.fixture(scope="module")
def own(town: Any, client: TestClient[Any]) -> Ids:
    return Ids(town, client, town.banten, town.sri, town.tono, town.ani)


@pytest.fixture(scope="module")
def foreign(town: Any, client: TestClient[Any]) -> Ids:
    return Ids(town, client, town.bali, town.made, town.ketut, town.wayan)


def gone(town: Any, client: Any, role: str) -> Person:
    """A person of the role whose token was revoked by a log-out."""
    person: Person = {"owner": lambda: town.owner(town.banten), "officer": town.officer, "police": town.policeman,
                      "admin": lambda: town.admin(town.banten)}[role]()  # fmt: skip
    assert 200 == client.post("/api/logout", headers=person.headers).status_code
    return person


@pytest.mark.threat("T18")
def test_nobody_wrong_roles_and_revoked_tokens_are_refused_on_every_route(
    town: Any, client: TestClient[Any], own: Ids, all_routes: Any
) -> None:
    people = {"owner": town.sri, "officer": town.ani, "police": town.tono, "admin": town.kepala}
    revoked = {role: gone(town, client, role) for role in ROLES}
    assert town.execute(select(func.count()).select_from(revoked_tokens))[0]["count"] == len(ROLES)
    cells = 0
    for route in all_routes:
        rule = POLICY[route[0]]
        if rule.scope == "public":
            assert 403 == ask(client, route, own, {}).status_code, "only with a signature"
            continue
        assert (route, 401) == (route, ask(client, route, own, {}).status_code)
        for role in ROLES:
            if role not in rule.roles:
                assert (route, role, 403) == (route, role, ask(client, route, own, people[role].headers).status_code)
                cells += 1
            if rule.scope != "service":
                assert (route, 401) == (route, ask(client, route, own, revoked[role].headers).status_code)
                cells += 1
        if rule.scope != "service":
            assert (route, 401) == (route, ask(client, route, own, {"X-API-Key": town.key}).status_code)
            assert (route, 401) == (
                route, ask(client, route, own, {"Authorization": f"Bearer {town.key}"}).status_code,
            )  # fmt: skip
    assert cells > 600


@pytest.mark.threat("T17", "T18")
def test_the_ids_of_other_people_and_agencies_are_not_found_on_any_route(
    town: Any, client: TestClient[Any], own: Ids, foreign: Ids, all_routes: Any
) -> None:
    outsiders = {
        "owner": [(own, town.joko), (foreign, town.sri)],
        "officer": [(foreign, town.ani)],
        "police": [(own, town.rudi), (foreign, town.tono)],
        "admin": [(foreign, town.kepala)],
    }
    cells = 0
    for route in all_routes:
        rule = POLICY[route[0]]
        if "{" not in route[2] or rule.scope in ("public", "service"):
            continue
        for role in rule.roles:
            for ids, person in outsiders[role]:
                answer = ask(client, route, ids, person.headers)
                assert (route, role, 404) == (route, role, answer.status_code), answer.text
                cells += 1
    assert cells > 100


@pytest.mark.threat("T18")
def test_nothing_that_was_refused_left_a_trace_in_the_reports(
    town: Any, client: TestClient[Any], own: Ids, all_routes: Any
) -> None:
    changes = select(func.count()).where(audit_log.c.action.like("report_%"))
    before = town.execute(changes)[0]["count"]
    for route in all_routes:
        if route[1] != "GET" and POLICY[route[0]].scope in ("own", "assigned", "involved"):
            ask(client, route, own, town.joko.headers if "officer" in POLICY[route[0]].roles else town.ani.headers)
    assert before == town.execute(changes)[0]["count"]


@pytest.mark.threat("T19")
def test_a_disabled_owner_a_disabled_agency_and_an_old_role_are_out_at_once(town: Any, client: Any) -> None:
    from core.accounts.tables import owners, vendors

    person = town.owner(town.bali)
    assert 200 == client.get("/api/count", headers=person.headers).status_code
    town.execute(update(owners).where(owners.c.id == person.id).values(is_active=False))
    assert 401 == client.get("/api/count", headers=person.headers).status_code
    town.execute(update(owners).where(owners.c.id == person.id).values(is_active=True, token_version=2))
    assert 401 == client.get("/api/count", headers=person.headers).status_code
    other = town.owner(town.bali)
    town.execute(update(vendors).where(vendors.c.id == town.bali).values(is_active=False))
    assert 401 == client.get("/api/count", headers=other.headers).status_code
    assert 401 == client.post("/api/deteksi", json=BODIES["add_detection"],
                              headers={"X-API-Key": town.key_bali}).status_code  # fmt: skip
    town.execute(update(vendors).where(vendors.c.id == town.bali).values(is_active=True))
