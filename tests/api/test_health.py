import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import insert, text, update

from core.domain.events import Health
from core.hooks.plugin import Secret
from core.ingest.tables import inbox, payloads
from core.notices.tables import notices
from core.testing.review import World
from core.traffic.tables import violations
from core.web.health import expected_schema

TOKEN = Secret("token-of-prometheus")


def set_schema(world: World, revision: str | None) -> None:
    with world.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        if revision is not None:
            connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


@pytest.fixture
def at_head(world: World) -> Iterator[None]:
    set_schema(world, expected_schema())
    yield
    set_schema(world, expected_schema())


def checks(client: TestClient) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()["checks"]


def test_healthz_answers_without_a_database(world: World) -> None:
    class Gone:
        def system(self) -> Any:
            raise OSError("gone")

    world.database = Gone()  # type: ignore[assignment]
    with world.client() as client:
        assert {"status": "ok"} == client.get("/healthz").json()
        status, found = checks(client)
        assert (503, "error") == (status, found["database"]["state"])
        assert "gone" not in str(found)


def test_a_healthy_house_is_ready(client: TestClient, at_head: None) -> None:
    status, found = checks(client)
    assert (200, {"ok"}) == (status, {check["state"] for name, check in found.items() if name != "disk"}), found
    assert {"database", "schema", "disk", "inbox", "outbox", "notices", "plugins"} == set(found)


def test_another_schema_is_red_and_says_what_to_do(world: World, client: TestClient, at_head: None) -> None:
    set_schema(world, "0000_of_long_ago")
    status, found = checks(client)
    assert (503, "error", True) == (status, found["schema"]["state"], "migrate" in found["schema"]["detail"])


def test_a_lost_broker_degrades_and_never_more(world: World, at_head: None) -> None:
    extra = {"broker": lambda: Health(state="error", detail="gone"), "detector": lambda: Health(state="ok")}
    with world.client(extra_health=extra) as client:
        status, found = checks(client)
    assert (200, "degraded", "ok") == (status, found["broker"]["state"], found["detector"]["state"])


def test_an_unreachable_redis_degrades(world: World, at_head: None) -> None:
    world.configure(redis_url="redis://127.0.0.1:1/0")
    with world.client() as client:
        status, found = checks(client)
    assert (200, "degraded") == (status, found["broker"]["state"])


def test_a_check_that_raises_is_red_and_keeps_its_text(world: World, at_head: None) -> None:
    def check() -> Health:
        raise ValueError("secret address")

    with world.client(extra_health={"camera_lan": check}) as client:
        status, found = checks(client)
    assert (503, "ValueError") == (status, found["camera_lan"]["detail"])


@pytest.mark.parametrize(("age_s", "state", "status"), [(5, "ok", 200), (40, "degraded", 200), (300, "error", 503)])
def test_the_oldest_payload_not_parsed_decides(
    world: World, client: TestClient, at_head: None, age_s: int, state: str, status: int
) -> None:
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    world.execute(insert(inbox).values(batch=7, n=1))
    world.execute(
        insert(payloads).values(
            id=7 * 1024, vendor_id=world.banten, device_id=world.camera, received_at=at, content_type="x", headers={},
            sha256=b"", size=0,
        )
    )  # fmt: skip
    got, found = checks(client)
    assert (status, state) == (got, found["inbox"]["state"]), found


@pytest.mark.parametrize(("age_s", "state", "status"), [(60, "ok", 200), (600, "degraded", 200), (1000, "error", 503)])
def test_the_oldest_case_that_should_have_left_decides(
    world: World, client: TestClient, at_head: None, age_s: int, state: str, status: int
) -> None:
    case = world.violation()
    world.decided(case, world.officer(), "approved", sync_due_at=datetime.now(UTC) - timedelta(seconds=age_s))
    got, found = checks(client)
    assert (status, state) == (got, found["outbox"]["state"]), found


@pytest.mark.parametrize(("age_s", "state", "status"), [(20, "ok", 200), (90, "degraded", 200), (300, "error", 503)])
def test_the_oldest_notice_that_nobody_tells_decides(
    world: World, client: TestClient, at_head: None, age_s: int, state: str, status: int
) -> None:
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    world.execute(
        insert(notices).values(vendor_id=world.banten, kind="weapon_detected", dedup_key="uji", type="report",
                               texts={}, created_at=at)
    )  # fmt: skip
    got, found = checks(client)
    assert (status, state) == (got, found["notices"]["state"]), found


def metrics(client: TestClient, **headers: str) -> dict[str, float]:
    answer = client.get("/metrics", headers=headers)
    assert 200 == answer.status_code, answer.text
    assert "text/plain; version=0.0.4; charset=utf-8" == answer.headers["content-type"]
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def from_peer(app: Litestar, peer: str, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=(peer, 5000))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/metrics", headers=headers)

    return asyncio.run(ask())


def test_metrics_count_what_is_there(world: World) -> None:
    world.configure(metrics_token=TOKEN)
    world.delivery(world.violation(), "dead")
    world.violation(status="held")
    world.quarantined()
    world.execute(insert(inbox).values(batch=9, n=3))
    with world.client() as client:
        found = metrics(client, Authorization="Bearer token-of-prometheus")
    expected = {
        'tangkapin_violations{status="pending"}': 1, 'tangkapin_violations{status="held"}': 1,
        'tangkapin_quarantine_open{kind="malformed"}': 1, "tangkapin_inbox_payloads": 3,
        'tangkapin_outbox{sink="etnas_test",status="dead"}': 1, 'tangkapin_reads_recent{verdict="accept"}': 2,
        "tangkapin_payloads_total": 6,
    }  # fmt: skip
    assert expected == {name: found.get(name) for name in expected}
    assert not [name for name in found if "B1234XYZ" in name or "polda" in name or "simpang" in name]


@pytest.mark.threat("T37")
def test_metrics_with_a_token_want_that_token(world: World) -> None:
    world.configure(metrics_token=TOKEN)
    with world.client() as client:
        for value in ("", "Bearer wrong", "Basic token-of-prometheus", "Bearer token-of-prometheusx", "Bearer \u00ff"):
            answer = client.get("/metrics", headers={"Authorization": value.encode("latin-1")})
            assert (value, 401) == (value, answer.status_code)


@pytest.mark.threat("T37")
def test_metrics_without_a_token_are_for_this_machine_alone(world: World) -> None:
    app = world.app()
    assert 200 == from_peer(app, "127.0.0.1").status_code
    assert 200 == from_peer(app, "::1").status_code
    assert 403 == from_peer(app, "127.0.0.1", **{"X-Forwarded-For": "127.0.0.1"}).status_code
    assert 403 == from_peer(app, "10.1.2.3").status_code


def test_version_says_what_runs(client: TestClient) -> None:
    found = client.get("/version").json()
    assert ("tangkapin", expected_schema()) == (found["name"], found["schema"])


def test_an_overdue_case_is_counted(world: World) -> None:
    world.violation()
    world.execute(update(violations).values(due_at=datetime.now(UTC) - timedelta(days=1)))
    assert "tangkapin_violations_overdue 1.0" in from_peer(world.app(), "127.0.0.1").text.splitlines()
