"""The matrix is generated from the live routes: a new route is in it, or the start is refused."""

import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from litestar.testing import TestClient
from sqlalchemy import insert, select, update

from core.accounts.guard import enforce_policy, operation_of
from core.accounts.policy import ADDED, POLICY, PolicyGap, check_policy
from core.accounts.tables import devices, officers, revoked_tokens
from core.accounts.tokens import TokenKey
from core.incidents.desk import TAGS
from core.notices.tables import notice_deliveries, notice_recipients, notices
from core.testing.review import KEY, Person, World
from core.traffic.tables import plate_reads
from core.web import device_help

BODIES: dict[str, dict[str, Any]] = {
    "log_in": {"username": "nobody", "password": "nothing-at-all"},
    "change_password": {"current_password": "salah-sekali-1", "new_password": "lain-kuda-baterai-7"},
    "claim_next_violation": {},
    "approve_violation": {"version": 1},
    "reject_violation": {"version": 1, "reason_code": "duplicate"},
    "correct_plate": {"version": 1, "plate_number": "B1234A"},
    "undo_decision": {"version": 1},
    "release_held": {"version": 1, "note": "diperiksa"},
    "reopen_violation": {"version": 1, "note": "diperiksa"},
    "open_session": {"username": "nobody", "password": "nothing-at-all"},
    "change_session_password": {"current_password": "salah-sekali-1", "new_password": "lain-kuda-baterai-7"},
    "add_device": {"code": "simpang-baru", "maker": "generic", "vendor": "polda-banten"},
    "rotate_device_key": {"grace_hours": 1},
    "dismiss_quarantine": {"note": "diperiksa"},
    "retry_sync": {"ids": [1], "note": "diperiksa"},
    "confirm_sync": {"ids": [1], "note": "diperiksa"},
    "retry_deliveries": {"ids": [1], "note": "diperiksa"},
    "tell_plugin": {},
}


def operations(app: Litestar) -> list[tuple[str, str, str]]:
    """(operation, method, path template) of every route but the weapon flow's (tests/incidents_api/test_matrix.py)."""
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            elsewhere = TAGS & set(handler.tags or ())
            if isinstance(handler, HTTPRouteHandler) and handler.http_methods != {"OPTIONS"} and not elsewhere:
                found.append((operation_of(handler), min(handler.http_methods - {"HEAD"}), route.path_format))
    return sorted(set(found))


class Ids:
    """Rows of one vendor, to be put into the paths."""

    def __init__(self, world: World, device_id: int) -> None:
        self.device = device_id
        self.violation = world.violation(device_id)
        self.quarantine = world.quarantined(device_id)
        self.sync = world.delivery(self.violation, "refused")
        self.sha256 = world.execute(select(plate_reads.c.plate_image).order_by(plate_reads.c.id.desc()).limit(1))[0][
            "plate_image"
        ]
        tell_nobody(world, device_id)


def tell_nobody(world: World, device_id: int) -> None:
    """A notice of the device's agency that could not be told."""
    (device,) = world.execute(select(devices.c.vendor_id, devices.c.device_code).where(devices.c.id == device_id))
    vendor = {"vendor_id": device["vendor_id"]}
    key = f"{device_id}:{len(world.execute(select(notices.c.id)))}"
    texts = {"id": {"title": "Kamera", "message": "mati"}, "en": {"title": "Camera", "message": "offline"}}
    query = insert(notices).values(**vendor, kind="cctv_offline", dedup_key=key, type="cctv", texts=texts)
    (notice,) = world.execute(query.returning(notices.c.id))
    query = insert(notice_recipients).values(**vendor, notice_id=notice["id"], role="owner", person_id=1)
    (recipient,) = world.execute(query.returning(notice_recipients.c.id))
    row = {"recipient_id": recipient["id"], "channel": "fcm", "position": 0, "status": "dead"}
    world.execute(insert(notice_deliveries).values(**vendor, **row, last_error=device["device_code"]))


def call(client: TestClient, operation: tuple[str, str, str], ids: Ids, headers: dict[str, str]) -> Any:
    name, method, path = operation
    for key, value in (
        ("{violation_id}", ids.violation), ("{quarantine_id}", ids.quarantine), ("{sha256}", ids.sha256),
        ("{device_id}", ids.device), ("{name}", "start.js"), ("{path}", "x"), ("{maker}", "generic"),
        ("{instance}", "generic"), ("{z}", 0), ("{x}", 0), ("{y}", 0),
    ):  # fmt: skip
        path = path.replace(key, str(value))
    body = BODIES.get(name)
    if body is not None and "ids" in body:
        body = body | {"ids": [ids.sync]}
    return client.request(
        method, path, headers=headers | {"X-Purpose": "pemeriksaan uji"}, json=body if method == "POST" else None
    )


@pytest.fixture
def quick_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay that finds nothing, at once: its process is started in tests/api/test_device_help.py."""

    def run(arguments: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(arguments, 0, b'{"counts": {}, "changes": []}')

    monkeypatch.setattr(device_help, "subprocess", SimpleNamespace(**vars(subprocess) | {"run": run}))


def revoked(world: World, person: Person) -> Person:
    claims = TokenKey(KEY).read(person.token)
    row = {"jti": claims.jti, "actor_role": person.role, "actor_id": person.id, "expires_at": claims.expires_at}
    world.execute(insert(revoked_tokens).values(**row))
    return person


@pytest.mark.threat("T18")
@pytest.mark.usefixtures("quick_replay")
def test_every_route_for_every_kind_of_person_answers_as_the_policy_says(world: World) -> None:
    world.configure(map_tiles="http://127.0.0.1:9/{z}/{x}/{y}")
    app = world.app()
    ids = Ids(world, world.camera)
    disabled = world.officer()
    world.execute(update(officers).where(officers.c.id == disabled.id).values(is_active=False))
    gone = [revoked(world, world.officer()), revoked(world, world.admin()), disabled]
    cells = 0
    with TestClient(app, raise_server_exceptions=False) as client:
        for operation in operations(app):
            rule = POLICY[operation[0]]
            nobody = call(client, operation, ids, {})
            closed = rule.scope in ("self", "vendor")
            if rule.scope == "operator":
                assert (operation, 403) == (operation, nobody.status_code)
            elif closed:
                assert (operation, 401) == (operation, nobody.status_code)
            else:
                assert nobody.status_code not in (403, 500), operation
            for person in gone:
                if closed:
                    assert (operation, 401) == (operation, call(client, operation, ids, person.headers).status_code)
            for person in (world.officer(), world.admin(world.banten), world.admin()):
                answer = call(client, operation, ids, person.headers)
                cells += 1
                if closed and person.role not in rule.roles:
                    assert (operation, 403) == (operation, answer.status_code)
                elif rule is ADDED and "{" in operation[2]:  # nothing is added here
                    assert (operation, 404) == (operation, answer.status_code)
                elif closed:
                    assert answer.status_code not in (401, 403, 404, 405) and answer.status_code < 500, (
                        operation, answer.text,
                    )  # fmt: skip
    assert 3 * len(operations(app)) == cells


@pytest.mark.threat("T17")
def test_the_ids_of_another_vendor_are_not_found_on_any_route(world: World) -> None:
    app = world.app()
    foreign = Ids(world, world.camera_bali)
    named = [o for o in operations(app) if "_id}" in o[2] or "{sha256}" in o[2]]
    named = [o for o in named if POLICY[o[0]].scope == "vendor"]
    assert len(named) >= 10
    with TestClient(app, raise_server_exceptions=False) as client:
        for person in (world.officer(world.banten), world.admin(world.banten)):
            for operation in named:
                if person.role in POLICY[operation[0]].roles:
                    answer = call(client, operation, foreign, person.headers)
                    assert (operation, 404) == (operation, answer.status_code)
        changes = client.post(
            "/api/sync/retry", headers=world.officer(world.banten).headers, json={"ids": [foreign.sync], "note": "uji"}
        )
        assert [False] == [change["changed"] for change in changes.json()["data"]]


@pytest.mark.threat("T17")
def test_no_list_shows_a_row_of_another_vendor(world: World) -> None:
    app = world.app()
    Ids(world, world.camera_bali)
    lists = [o for o in operations(app) if o[1] == "GET" and "{" not in o[2] and POLICY[o[0]].scope == "vendor"]
    assert len(lists) >= 7
    with TestClient(app, raise_server_exceptions=False) as client:
        own, other = world.admin(world.banten), world.admin(world.bali)
        for name, method, path in lists:
            headers = {"X-Purpose": "pemeriksaan uji"}
            theirs = client.request(method, path, headers=own.headers | headers).text
            assert "denpasar" not in theirs and "polda-bali" not in theirs, name
            if name not in ("list_audit", "get_overview", "list_plugins", "list_plugin_pages"):
                data = client.request(method, path, headers=other.headers | headers).json()["data"]
                assert data if isinstance(data, list) else data["data"], name


@pytest.mark.threat("T18")
def test_a_route_without_a_row_in_the_policy_refuses_to_start() -> None:
    with pytest.raises(PolicyGap, match="brand_new"):
        check_policy(set(POLICY) | {"brand_new"})
    with pytest.raises(PolicyGap, match="get_me"):
        check_policy(set(POLICY) - {"get_me"})


def test_a_route_that_slipped_past_the_start_is_closed_all_the_same(world: World) -> None:
    @get("/slipped", operation_id="slipped", sync_to_thread=False)
    def slipped() -> str:
        return "open"

    app = Litestar([slipped], guards=[enforce_policy])
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/slipped").status_code >= 400
