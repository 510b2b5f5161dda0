"""What owners say of their cameras is opened by machines of ours: strictly read, approved by an admin, pinned."""

from typing import Any

import pytest
from sqlalchemy import select, update

from core.accounts.tables import audit_log, devices
from core.domain.stream_urls import read_stream_url
from core.outbound import per_device_images
from core.streams.cameras import load_cameras
from core.streams.http import HttpLoop, StreamLost

ODD = [
    "file:///etc/passwd",
    "concat:rtsp://192.168.1.2/a|file:///etc/passwd",
    "subfile,,start,0,end,9,,:/etc/passwd",
    "gopher://192.168.1.2/x",
    "rtsp://192.168.1.2/a|concat:x",
    "http://2130706433/x",
    "http://0x7f.1/x",
    "http://127.1/x",
    "rtsp:///no-host",
    "http://[fe80::1%25eth0]/x",
    "/dev/video0",
    "x" * 1001,
]


def add(client: Any, who: Any, url: str | None, **fields: Any) -> Any:
    return client.post("/api/cctv", json={"name": "Uji", "stream_url": url} | fields, headers=who.headers)


@pytest.fixture
def someone(town: Any) -> Any:
    return town.owner(town.banten)


@pytest.mark.threat("T14")
@pytest.mark.parametrize("url", ODD)
def test_odd_addresses_are_refused_and_nothing_is_kept(town: Any, client: Any, someone: Any, url: str) -> None:
    answer = add(client, someone, url)
    assert (422, "stream_url") == (answer.status_code, answer.json()["errors"][0]["field"])
    assert 0 == client.get("/api/count", headers=someone.headers).json()["data"]["cctv_count"]
    kept = add(client, someone, None).json()["data"]["id"]
    changed = client.patch(f"/api/cctv/{kept}", json={"stream_url": url}, headers=someone.headers)
    assert 422 == changed.status_code
    client.delete(f"/api/cctv/{kept}", headers=someone.headers)


@pytest.mark.threat("T14", "T27")
def test_an_address_is_opened_only_when_approved_and_never_shown_with_its_password(
    town: Any, client: Any, someone: Any
) -> None:
    made = add(client, someone, "rtsp://admin:rahasia-kamera@192.168.7.9:8554/live").json()["data"]
    assert ("rtsp://192.168.7.9:8554/live", False) == (made["stream_url"], made["stream_approved"])
    own = {"/api/cctv", f"/api/cctv/{made['id']}"}
    texts = [client.get(path, headers=someone.headers).text for path in own]
    texts.append(client.get("/api/admin/streams?waiting=true", headers=town.kepala.headers).text)
    assert not any("rahasia-kamera" in text for text in texts) and str(made["id"]) in texts[2]
    assert "rahasia-kamera" not in str(town.execute(select(devices).where(devices.c.id == made["id"])))
    plan = {camera.device.id: camera for camera in load_cameras(town.database, _box())}[made["id"]]
    assert (None, "approval") == (plan.plan, plan.problem.rpartition("'s ")[2])
    approve = f"/api/admin/streams/{made['id']}/approve"
    assert ["192.168.7.9:8554"] == client.post(approve, headers=town.kepala.headers).json()["data"]
    plan = {camera.device.id: camera for camera in load_cameras(town.database, _box())}[made["id"]]
    assert plan.plan is not None and plan.plan.url.login == ("admin", "rahasia-kamera")
    for change in ("rtsp://192.168.7.10:8554/live", "rtsp://192.168.7.9:22/live"):
        client.post(approve, headers=town.kepala.headers)
        told = client.patch(f"/api/cctv/{made['id']}", json={"stream_url": change}, headers=someone.headers)
        assert False is told.json()["data"]["stream_approved"], "another address is approved anew"
    rows = town.execute(select(audit_log.c.action).where(audit_log.c.object_id == made["id"]))
    assert {"cctv_added", "stream_approved", "cctv_changed"} <= {row["action"] for row in rows}


def _box() -> Any:
    from core.secrets import SecretBox
    from core.testing.review import KEY

    return SecretBox(KEY)


@pytest.mark.threat("T14")
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5432/x",
        "http://169.254.169.254/latest/meta-data",
        "rtsp://[::1]/x",
        "http://100.100.100.200/x",
    ],
)
def test_this_machine_and_metadata_are_not_approved_by_a_click(
    town: Any, client: Any, someone: Any, url: str
) -> None:  # fmt: skip
    made = add(client, someone, url).json()["data"]["id"]
    for body in (None, {}, {"allow": None}):
        answer = client.post(f"/api/admin/streams/{made}/approve", json=body, headers=town.kepala.headers)
        assert (422, "allow") == (answer.status_code, answer.json()["errors"][0]["field"])
    town.execute(update(devices).where(devices.c.id == made).values(stream_allow=["0.0.0.0/0", "::/0"]))
    policy = {camera.device.id: camera for camera in load_cameras(town.database, _box())}[made].plan.policy
    loop = HttpLoop()
    try:
        if url.startswith("http"):
            with pytest.raises(StreamLost, match="not allowed"):
                loop.fetch(read_stream_url(url), policy, max_bytes=100)
    finally:
        loop.close()
    client.delete(f"/api/cctv/{made}", headers=someone.headers)


@pytest.mark.threat("T14")
def test_a_name_that_turns_to_another_address_is_resolved_once_and_refused() -> None:
    asked: list[str] = []

    async def flip(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["203.0.113.7", "127.0.0.1"] if len(asked) == 1 else ["127.0.0.1"]

    loop = HttpLoop(resolve=flip)
    try:
        with pytest.raises(StreamLost, match=r"127\.0\.0\.1, which is not allowed"):
            loop.fetch(
                read_stream_url("http://camera.example/x"), per_device_images(["203.0.113.0/24"]), max_bytes=100
            )  # fmt: skip
    finally:
        loop.close()
    assert ["camera.example"] == asked


def test_a_host_name_is_approved_with_its_networks_only(town: Any, client: Any, someone: Any) -> None:
    made = add(client, someone, "http://kamera.toko.example/mjpg").json()["data"]["id"]
    approve = f"/api/admin/streams/{made}/approve"
    assert 422 == client.post(approve, headers=town.kepala.headers).status_code
    odd = client.post(approve, json={"allow": ["kamera.toko.example"]}, headers=town.kepala.headers)
    assert 422 == odd.status_code
    told = client.post(approve, json={"allow": ["198.51.100.0/28:80"]}, headers=town.kepala.headers)
    assert (200, ["198.51.100.0/28:80"]) == (told.status_code, told.json()["data"])
    assert 200 == client.post(f"/api/admin/streams/{made}/withdraw", headers=town.kepala.headers).status_code
    row = town.execute(select(devices.c.stream_allow).where(devices.c.id == made))[0]
    assert [] == row["stream_allow"]


def test_a_removed_camera_is_forgotten_but_for_its_reports(town: Any, client: Any, draw: Any) -> None:
    someone = town.owner(town.banten)
    made = add(client, someone, "rtsp://u:p@192.168.7.9/1").json()["data"]["id"]
    body = {"title": "Pisau", "incident_type": "knife", "cctv_id": made}
    report = client.post("/api/report", json=body, headers=someone.headers).json()["data"]["id"]
    assert 200 == client.delete(f"/api/cctv/{made}", headers=someone.headers).status_code
    for method in ("GET", "PATCH", "DELETE"):
        assert 404 == client.request(method, f"/api/cctv/{made}", json={}, headers=someone.headers).status_code
    row = town.execute(select(devices.c.stream_url, devices.c.stream_login).where(devices.c.id == made))[0]
    assert (None, None) == (row["stream_url"], row["stream_login"])
    assert 200 == client.get(f"/api/report/{report}", headers=someone.headers).status_code


def test_status_is_derived_but_for_what_people_set(town: Any, client: Any, someone: Any) -> None:
    made = add(client, someone, None).json()["data"]["id"]
    path = f"/api/cctv/{made}"
    assert "offline" == client.get(path, headers=someone.headers).json()["data"]["status"]
    told = [client.patch(path, json={"status": word}, headers=someone.headers).json()["data"]["status"]
            for word in ("maintenance", "inactive", "online")]  # fmt: skip
    assert ["maintenance", "inactive", "offline"] == told


def test_the_kind_of_a_stream_stays_when_its_address_comes_back_and_changes_alone(
    town: Any, client: Any, someone: Any
) -> None:
    made = add(client, someone, "http://192.168.7.11/still", stream_kind="snapshot").json()["data"]["id"]

    def kind_after(**change: Any) -> Any:
        assert 200 == client.patch(f"/api/cctv/{made}", json=change, headers=someone.headers).status_code
        return town.execute(select(devices.c.stream_kind).where(devices.c.id == made))[0]["stream_kind"]

    assert "snapshot" == kind_after(name="Gerbang", stream_url="http://192.168.7.11/still")
    assert "mjpeg" == kind_after(stream_kind="mjpeg")
    assert "snapshot" == kind_after(stream_url="http://192.168.7.12/still.jpg"), "another address: found out anew"


def test_a_name_of_blanks_is_none(client: Any, someone: Any) -> None:
    for call in (client.post("/api/cctv", json={"name": " "}, headers=someone.headers),
                 client.patch("/api/me", json={"name": "  "}, headers=someone.headers)):  # fmt: skip
        assert (422, "name") == (call.status_code, call.json()["errors"][0]["field"])
    made = client.post("/api/cctv", json={"name": " Kasir "}, headers=someone.headers).json()["data"]
    assert "Kasir" == made["name"]
    client.delete(f"/api/cctv/{made['id']}", headers=someone.headers)
