from datetime import UTC, datetime, timedelta

from litestar.testing import TestClient
from sqlalchemy import insert, select, update

from core.accounts.tables import audit_log, device_health
from core.incidents.tables import camera_health
from core.ingest.tables import quarantine
from core.sync.tables import etnas_sync
from core.testing.review import World


def test_devices_show_their_health_and_clock(world: World, client: TestClient) -> None:
    silent = world.device(world.banten, "simpang-2")
    never = world.device(world.banten, "simpang-3")
    world.execute(
        update(device_health)
        .where(device_health.c.device_id == silent)
        .values(
            last_seen=datetime.now(UTC) - timedelta(hours=1), skew_s=14.0, skew_state="hold", skew_note="14 s ahead"
        )
    )
    world.execute(device_health.delete().where(device_health.c.device_id == never))
    rows = client.get("/api/devices", headers=world.officer().headers).json()["data"]["data"]
    assert [("simpang-1", "online", "ok"), ("simpang-2", "offline", "hold"), ("simpang-3", "never", "unknown")] == [
        (row["device_code"], row["state"], row["skew_state"]) for row in rows
    ]
    held = client.get("/api/devices?skew=hold", headers=world.officer().headers).json()["data"]["data"]
    assert [(14.0, "14 s ahead")] == [(row["skew_s"], row["skew_note"]) for row in held]


def test_a_camera_whose_stream_is_read_is_heard_though_it_posts_nothing(world: World, client: TestClient) -> None:
    streamed = world.device(world.banten, "toko-1")
    world.execute(device_health.delete().where(device_health.c.device_id == streamed))
    officer = world.officer()

    def told() -> tuple[str, dict[str, int]]:
        rows = client.get("/api/devices", headers=officer.headers).json()["data"]["data"]
        fleet = client.get("/api/overview", headers=officer.headers).json()["data"]["devices"]
        return next(row["state"] for row in rows if row["device_code"] == "toko-1"), fleet

    assert "never" == told()[0]
    before = told()[1]
    frame = {"device_id": streamed, "vendor_id": world.banten, "state": "online", "last_frame_at": datetime.now(UTC)}
    world.execute(insert(camera_health).values(**frame))
    state, fleet = told()
    assert ("online", before["online"] + 1, before["never"] - 1) == (state, fleet["online"], fleet["never"])
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    world.execute(update(camera_health).values(last_frame_at=hour_ago))
    assert "offline" == told()[0]


def test_a_quarantined_payload_is_dismissed_once_with_a_note(world: World, client: TestClient) -> None:
    row = world.quarantined()
    admin = world.admin(world.banten, "kepala")
    listed = client.get("/api/quarantine", headers=admin.headers).json()["data"]["data"]
    assert [(row, "malformed", "no vehicle in it")] == [(r["id"], r["kind"], r["reason"]) for r in listed]
    url, body = f"/api/quarantine/{row}/dismiss", {"note": "kamera uji coba"}
    assert 403 == client.post(url, headers=world.officer().headers, json=body).status_code
    assert [200, 409] == [client.post(url, headers=admin.headers, json=body).status_code for _ in range(2)]
    assert [] == client.get("/api/quarantine", headers=admin.headers).json()["data"]["data"]
    assert 1 == len(client.get("/api/quarantine?open=false", headers=admin.headers).json()["data"]["data"])
    assert "dismissed by Kepala: kamera uji coba" == world.execute(select(quarantine.c.resolution))[0]["resolution"]


def test_deliveries_are_listed_without_what_was_sent(world: World, client: TestClient) -> None:
    case = world.violation()
    world.delivery(case, "dead")
    world.delivery(case, "accepted", sink="korlantas_test")
    answer = client.get("/api/sync?status=dead&status=uncertain", headers=world.officer().headers)
    assert [("etnas_test", "dead")] == [(r["sink"], r["status"]) for r in answer.json()["data"]["data"]]
    assert "centre.example" not in answer.text and "X-API-KEY" not in answer.text


def test_a_dead_delivery_is_sent_again_by_a_named_person(world: World, client: TestClient) -> None:
    case = world.violation()
    officer = world.officer(username="wati")
    world.decided(case, officer, "queued")
    dead, accepted = world.delivery(case, "dead"), world.delivery(case, "accepted", sink="korlantas_test")
    body = {"ids": [dead, accepted, 987654], "note": "pusat sudah pulih"}
    answer = client.post("/api/sync/retry", headers=officer.headers, json=body)
    assert {dead: True, accepted: False, 987654: False} == {c["id"]: c["changed"] for c in answer.json()["data"]}
    row = world.execute(select(etnas_sync.c.status).where(etnas_sync.c.id == dead))[0]
    assert "pending" == row["status"]
    logged = world.execute(select(audit_log).where(audit_log.c.action == "sync_retried"))
    assert [("Wati", "pusat sudah pulih")] == [(entry["actor_name"], entry["purpose"]) for entry in logged]


def test_an_uncertain_delivery_is_confirmed_by_a_named_person(world: World, client: TestClient) -> None:
    case = world.violation()
    officer = world.officer()
    world.decided(case, officer, "uncertain")
    row = world.delivery(case, "uncertain")
    body = {"ids": [row], "note": "ada di layar pusat"}
    assert 200 == client.post("/api/sync/confirm", headers=officer.headers, json=body).status_code
    assert ("accepted", "synced") == (
        world.execute(select(etnas_sync.c.status))[0]["status"], world.row(case)["status"],
    )  # fmt: skip


def test_the_audit_log_is_read_by_admins_of_the_vendor(world: World, client: TestClient) -> None:
    case = world.violation()
    client.get(f"/api/violations/{case}", headers=world.officer(username="rina").headers)
    found = client.get("/api/audit?actor=Rina", headers=world.admin(world.banten).headers).json()["data"]["data"]
    assert [("violation_viewed", "violation", case)] == [(r["action"], r["object_kind"], r["object_id"]) for r in found]
    assert [] == client.get("/api/audit", headers=world.admin(world.bali).headers).json()["data"]["data"]
    assert 403 == client.get("/api/audit", headers=world.officer().headers).status_code
