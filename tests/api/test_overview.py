from datetime import UTC, datetime, timedelta

import pytest
from litestar.testing import TestClient
from sqlalchemy import insert, select

from core.accounts.tables import audit_log, device_credentials
from core.hooks.deployment import Declared
from core.hooks.host import Host
from core.ingest.tables import payloads, plugin_states, quarantine
from core.sync.tables import sink_breakers
from core.testing.review import World


def test_the_overview_counts_what_the_lists_show(client: TestClient, world: World) -> None:
    me = world.officer()
    world.violation()
    world.violation(due_at=datetime.now(UTC) - timedelta(hours=1))
    world.decided(world.violation(), me, "rejected")
    sent = world.violation()
    world.decided(sent, me, "queued")
    world.delivery(sent)
    world.quarantined()
    world.violation(world.camera_bali)
    data = client.get("/api/overview", headers=me.headers).json()["data"]
    waiting = data["waiting"]
    assert (2, 1, 1, 1) == (waiting["pending"], waiting["overdue"], waiting["outbox"], waiting["quarantine"])
    assert {"pending": 2, "rejected": 1, "queued": 1} == data["by_status"]
    assert (1, 1, 2) == (data["decided"]["approved"], data["decided"]["rejected"], data["decided"]["mine"])
    assert 24 == len(data["hours"])
    assert 4 == sum(hour["violations"] for hour in data["hours"]) == sum(hour["reads"] for hour in data["hours"])
    assert 1 == data["devices"]["online"]


def test_a_centre_is_shown_with_its_breaker_and_the_own_deliveries(client: TestClient, world: World) -> None:
    world.delivery(world.violation(), "refused")
    world.delivery(world.violation(), "pending")
    world.delivery(world.violation(world.camera_bali), "dead")
    world.execute(insert(sink_breakers).values(sink="etnas_test", state="open", failures=5, last_error="HTTP 503"))
    [sink] = client.get("/api/sinks", headers=world.officer().headers).json()["data"]
    assert ("etnas_test", "open", "HTTP 503") == (sink["sink"], sink["state"], sink["last_error"])
    assert {"refused": 1, "pending": 1} == sink["by_status"]
    assert sink["oldest_waiting"]


def test_a_device_is_registered_for_the_own_vendor_and_its_key_shown_once(client: TestClient, world: World) -> None:
    admin = world.admin(world.banten)
    answer = client.post("/api/devices", headers=admin.headers, json={"code": "simpang-9", "maker": "generic"})
    assert 201 == answer.status_code and "no-store" == answer.headers["cache-control"]
    key = answer.json()["data"]
    assert f"/cam/generic/simpang-9/{key['key']}" == key["path_with_key"]
    stored = world.execute(select(device_credentials).where(device_credentials.c.key_id == key["key_id"]))
    assert 1 == len(stored) and key["key"] not in str(stored)
    devices = client.get("/api/devices", headers=admin.headers).json()["data"]["data"]
    assert "simpang-9" in {device["device_code"] for device in devices}
    again = client.post("/api/devices", headers=admin.headers, json={"code": "simpang-9", "maker": "generic"})
    assert 409 == again.status_code


@pytest.mark.threat("T17")
def test_a_device_cannot_be_registered_for_another_vendor(client: TestClient, world: World) -> None:
    body = {"code": "denpasar-9", "maker": "generic", "vendor": "polda-bali"}
    answer = client.post("/api/devices", headers=world.admin(world.banten).headers, json=body)
    assert 422 == answer.status_code and "polda-bali" not in answer.json()["errors"][0]["message"]


def test_a_new_key_leaves_the_old_one_its_time(client: TestClient, world: World) -> None:
    admin = world.admin(world.banten)
    path = f"/api/devices/{world.camera}/key"
    first = client.post(path, headers=admin.headers).json()["data"]
    second = client.post(path, headers=admin.headers, json={"grace_hours": 2}).json()["data"]
    rows = world.execute(select(device_credentials).order_by(device_credentials.c.id))
    assert [first["key_id"], second["key_id"]] == [row["key_id"] for row in rows]
    left = rows[0]["expires_at"] - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)
    assert rows[1]["expires_at"] is None


def test_the_raw_request_is_shown_as_text_only_and_the_look_is_audited(client: TestClient, world: World) -> None:
    me = world.officer()
    row_id = world.quarantined()
    [row] = world.execute(select(quarantine).where(quarantine.c.id == row_id))
    body = b"<script>\x00\x07\xff plate=B1</script>\n"
    world.execute(
        insert(payloads).values(
            id=row["payload_id"], vendor_id=row["vendor_id"], device_id=row["device_id"],
            received_at=datetime.now(UTC), content_type="text/xml", headers={":path": "/cam/x"}, sha256=b"\1" * 32,
            size=len(body), body=body,
        )
    )  # fmt: skip
    answer = client.get(f"/api/quarantine/{row_id}/payload", headers=me.headers)
    assert answer.headers["content-type"].startswith("application/json")
    assert "<script>\ufffd\ufffd\ufffd plate=B1</script>\n" == answer.json()["data"]["text"]
    acts = world.execute(select(audit_log).where(audit_log.c.action == "payload_viewed"))
    assert [row["payload_id"]] == [act["object_id"] for act in acts]


def test_a_plugin_is_shown_with_the_grade_that_its_folder_carries(client: TestClient, world: World) -> None:
    declared = [Declared(id="axis", use="vendors.axis"), Declared(id="banten", use="tests_own_rules", required=False)]
    world.host.instances = Host.build(declared, environ={}, strict=False).instances
    graded, unknown = client.get("/api/plugins", headers=world.admin().headers).json()["data"]

    assert ("axis", "gold", []) == (graded["id"], graded["grade"], graded["grade_missing"])
    assert ("banten", "", []) == (unknown["id"], unknown["grade"], unknown["grade_missing"])


def test_a_detector_that_another_process_knows_to_work_worse_is_shown_so(client: TestClient, world: World) -> None:
    world.host.instances = Host.build([Declared(id="axis", use="vendors.axis")], environ={}, strict=False).instances
    reason = "the GPU failed, the CPU looks: OutOfMemoryError"
    world.execute(insert(plugin_states).values(instance="axis", state="ready", reason=reason))
    (shown,) = client.get("/api/plugins", headers=world.admin().headers).json()["data"]
    assert ("degraded", reason) == (shown["health"], shown["health_detail"])
