"""What people with an account may try: fields that are not theirs, tokens of their own making, odd files, noise."""

import base64
import hashlib
import hmac
import io
import json
import struct
import time
import zlib
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from core.accounts.tables import devices, officers, owners, police
from core.domain.incidents import IncidentType
from core.incidents.tables import reports
from core.notices.tables import push_addresses
from core.testing.review import KEY

SQL = "'; DROP TABLE reports; --"


def b64(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def token(head: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:
    signed = f"{b64(head)}.{b64(claims)}"
    return f"{signed}.{b64(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


@pytest.mark.threat("T19")
def test_tokens_of_ones_own_making_open_nothing(town: Any, client: Any) -> None:
    head, body, _ = town.sri.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    lifted = claims | {"sub": claims.get("sub", "").replace("owner", "admin"), "role": "admin"}
    tries = [
        f"{b64({'alg': 'none', 'typ': 'JWT'})}.{b64(lifted)}.",
        f"{b64({'alg': 'NONE'})}.{b64(claims)}.",
        token({"alg": "HS256", "typ": "JWT"}, lifted, KEY.encode()),
        token({"alg": "HS256", "typ": "JWT"}, lifted, b""),
        token({"alg": "HS256", "typ": "JWT", "jwk": {"k": b64(b"mine")}}, lifted, b"mine"),
        f"{head}.{b64(lifted)}.{town.sri.token.rpartition('.')[2]}",
        town.sri.token[:-2],
        town.key,
    ]
    for one in tries:
        for path in ("/api/count", "/api/officer/count", "/api/admin/users"):
            answer = client.get(path, headers={"Authorization": f"Bearer {one}"})
            assert (one, 401) == (one, answer.status_code)


@pytest.mark.threat("T25")
def test_fields_that_are_not_the_clients_to_set_are_not_set(town: Any, client: Any) -> None:
    more = {"id": 1, "status": "completed", "source": "detection", "vendor_id": town.bali, "owner_id": town.joko.id,
            "verified_by": "x", "is_confirmed": False, "version": 9, "station_id": 99}  # fmt: skip
    body = {"title": "Pisau", "incident_type": "knife"} | more
    made = client.post("/api/report", json=body, headers=town.joko.headers).json()["data"]["id"]
    row = town.execute(select(reports).where(reports.c.id == made))[0]
    assert ("new", "manual", town.banten, town.joko.id, None, True) == tuple(
        row[name] for name in ("status", "source", "vendor_id", "owner_id", "verified_by", "is_confirmed")
    )
    camera = {"name": "x", "owner_id": town.sri.id, "vendor_id": town.bali, "stream_allow": ["0.0.0.0/0"],
              "device_code": "simpang-1", "detect": False, "stream_kind": "file"}  # fmt: skip
    assert 422 == client.post("/api/cctv", json=camera, headers=town.joko.headers).status_code
    del camera["stream_kind"]
    made = client.post("/api/cctv", json=camera, headers=town.joko.headers).json()["data"]["id"]
    row = town.execute(select(devices).where(devices.c.id == made))[0]
    assert (town.joko.id, town.banten, [], True) == tuple(
        row[name] for name in ("owner_id", "vendor_id", "stream_allow", "detect")
    )
    lift = {"role": "admin", "name": "Joko"}
    assert 422 == client.patch("/api/me", json=lift, headers=town.joko.headers).status_code
    assert "OWNER" == client.get("/api/me", headers=town.joko.headers).json()["data"]["role"]


@pytest.mark.threat("T18")
def test_an_admin_acts_on_the_own_agencys_accounts_only(town: Any, client: Any) -> None:
    body = {"username": "polisi.baru", "password": "lain-kuda-baterai-7", "role": "police", "station": "Polres Serang"}
    assert 422 == client.post("/api/admin/users", json=body | {"vendor": "polda-bali"},
                              headers=town.kepala.headers).status_code  # fmt: skip
    made = client.post("/api/admin/users", json=body, headers=town.kepala.headers)
    assert 201 == made.status_code, made.text
    made = made.json()["data"]["id"]
    row = town.execute(select(police).where(police.c.id == made))[0]
    assert (town.banten, town.station) == (row["vendor_id"], row["station_id"])
    assert 409 == client.post("/api/admin/users", json=body, headers=town.kepala.headers).status_code
    assert 422 == client.post("/api/admin/users", json=body | {"role": "owner"},
                              headers=town.kepala.headers).status_code  # fmt: skip
    for other in (f"officer/{town.wayan.id}", f"admin/{town.ibu_bali.id}", f"admin/{town.nasional.id}", "root/1"):
        answer = client.patch(f"/api/admin/users/{other}", json={"is_active": False}, headers=town.kepala.headers)
        assert (other, 404) == (other, answer.status_code)
    target = town.officer(town.banten)
    path = f"/api/admin/users/officer/{target.id}"
    assert 200 == client.patch(path, json={"is_active": False}, headers=town.kepala.headers).status_code
    assert 401 == client.get("/api/officer/count", headers=target.headers).status_code
    assert not town.execute(select(officers.c.is_active).where(officers.c.id == target.id))[0]["is_active"]
    weak = client.patch(path, json={"password": f"{target.username}-1"}, headers=town.kepala.headers)
    assert (422, "password") == (weak.status_code, weak.json()["errors"][0]["field"])
    me = f"/api/admin/users/admin/{town.kepala.id}"
    assert 409 == client.patch(me, json={"is_active": False}, headers=town.kepala.headers).status_code


@pytest.mark.threat("T24")
@pytest.mark.parametrize("path", ["/api/report", "/api/cctv", "/api/notification"])
def test_no_filter_of_an_owner_breaks_a_list(town: Any, client: Any, path: str) -> None:
    for query in ({"search": SQL}, {"search": "\\"}, {"status": "new,,x"}, {"search": "%"}, {"limit": "9999"}):
        assert 200 == client.get(path, params=query, headers=town.sri.headers).status_code
    for query in ({"page": "0"}, {"limit": "-1"}, {"page": "x"}, {"search": "\x00"}, {"page": str(10**12)}):
        answer = client.get(path, params=query, headers=town.sri.headers)
        assert (422, False) == (answer.status_code, answer.json()["success"])


def bomb() -> bytes:
    """A PNG whose head promises 60000 × 60000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"\0" * 1000)) + part(b"IEND", b"")


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("P", (4, 4)).save(out, "GIF")
    return out.getvalue()


@pytest.mark.threat("T09")
@pytest.mark.parametrize(
    "data",
    [bomb(), b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"<html><script>1</script>", gif(),
     b"\xff\xd8\xff", b"MZ\x90\x00", b""],
    ids=["bomb", "svg", "html", "gif", "truncated", "program", "nothing"],
)  # fmt: skip
def test_what_is_no_picture_is_refused_and_not_kept(town: Any, client: Any, data: bytes) -> None:
    before = len(town.media.blobs)
    body = {"title": "Pisau", "incident_type": "knife", "report_image": base64.b64encode(data).decode() or "="}
    answer = client.post("/api/report", json=body, headers=town.owner(town.banten).headers)
    assert (422, before) == (answer.status_code, len(town.media.blobs)), answer.text
    assert "report_image" == answer.json()["errors"][0]["field"]


@pytest.mark.threat("T32", "T33")
def test_evidence_is_what_its_bytes_say_and_its_name_is_no_path(town: Any, client: Any, draw: Any) -> None:
    report, phone = town.sent(client)
    path = f"/api/reports/{report}/evidence"
    files = {"file": ("../../etc/passwd\x00.html", draw(12), "text/html")}
    made = client.post(path, files=files, data={"client_id": "foto-1"}, headers=phone.headers)
    assert 201 == made.status_code, made.text
    row = made.json()["data"]
    assert ("IMAGE", "image/jpeg", "field") == (row["type"], row["mime"], row["role"])
    assert "/" not in row["file_name"] and "\\" not in row["file_name"]
    again = client.post(path, files=files, data={"client_id": "foto-1"}, headers=phone.headers).json()["data"]["id"]
    assert row["id"] == again, "a phone may send it twice"
    shown = client.get(row["file_url"].removeprefix("http://testserver.local"))
    assert (200, "image/jpeg", draw(12)) == (shown.status_code, shown.headers["content-type"], shown.content)
    note = client.post(path, files={"file": ("catatan.txt", b"Pelaku lari ke utara")}, headers=phone.headers).json()
    saved = client.get(note["data"]["file_url"].removeprefix("http://testserver.local"))
    assert ("application/octet-stream", ".txt") == (
        saved.headers["content-type"], saved.headers["content-disposition"].strip('"')[-4:],
    )  # fmt: skip
    page = client.post(path, files={"file": ("a.jpg", b"<script>alert(1)</script>", "image/jpeg")},
                       headers=phone.headers)  # fmt: skip
    assert 422 == page.status_code
    owners_view = client.get(path, headers=town.sri.headers).json()["data"]
    assert row["id"] not in [one["id"] for one in owners_view], "what police bring from the field is not the owner's"
    seen = client.get(path, headers=town.ani.headers).json()["data"]
    assert row["id"] in [one["id"] for one in seen]


@pytest.mark.threat("T06")
def test_too_large_a_body_is_refused_by_its_length_alone(town: Any, client: Any) -> None:
    head = {"Content-Length": str(40 * 1024 * 1024), "Content-Type": "application/json"}
    big = client.post("/api/report", content=b"{}", headers=town.sri.headers | head)
    assert (413, False) == (big.status_code, big.json()["success"])
    text = "x" * 300_000
    for path in ("/api/cctv", "/api/login", "/api/register"):
        answer = client.post(path, json={"name": text, "email": text, "password": text}, headers=town.sri.headers)
        assert (path, 413) == (path, answer.status_code)


@pytest.mark.threat("T33")
def test_a_pictures_address_opens_by_itself_and_only_as_it_was_signed(town: Any, client: Any) -> None:
    report = town.report(client)
    url = client.get(f"/api/officer/report/{report}", headers=town.ani.headers).json()["data"]["report_image"]
    assert url.startswith("http://testserver.local/api/media/")
    path = url.removeprefix("http://testserver.local")
    answer = client.get(path)
    assert (200, "image/jpeg", "cross-origin") == (
        answer.status_code, answer.headers["content-type"], answer.headers["cross-origin-resource-policy"],
    )  # fmt: skip
    assert "nosniff" == answer.headers["x-content-type-options"]
    base, _, query = path.partition("?")
    parts = dict(part.split("=") for part in query.split("&"))
    changed = [
        parts | {"v": str(town.bali)}, parts | {"e": str(int(parts["e"]) + 900)}, parts | {"h": "officer:999"},
        parts | {"s": "0" * 40}, {name: value for name, value in parts.items() if name != "s"}, {},
    ]  # fmt: skip
    for one in changed:
        assert 403 == client.get(base, params=one).status_code
    assert 403 == client.get(base.replace(base[-4:], "0000"), params=parts).status_code
    gone = town.officer(town.banten)
    url = client.get(f"/api/officer/report/{report}", headers=gone.headers).json()["data"]["report_image"]
    client.patch(f"/api/admin/users/officer/{gone.id}", json={"is_active": False}, headers=town.kepala.headers)
    assert 403 == client.get(url.removeprefix("http://testserver.local")).status_code


@pytest.mark.threat("T33")
def test_an_address_ends_after_its_minutes(town: Any, client: Any) -> None:
    from core.evidence.links import MediaLinks

    links = MediaLinks(KEY)
    old = links.url("", town.banten, "0" * 64, "officer:1", now=time.time() - 3600)
    assert 403 == client.get(old).status_code


def test_absolute_addresses_follow_the_setting_public_url(town: Any, client: Any) -> None:
    report = town.report(client)
    town.configure(public_url="https://api.polri.example/")
    with town.client() as other:
        url = other.get(f"/api/officer/report/{report}", headers=town.ani.headers).json()["data"]["report_image"]
    town.configure(public_url="")
    assert url.startswith("https://api.polri.example/api/media/")


@pytest.mark.threat("T05")
def test_reports_messages_and_detections_in_a_flood_are_slowed_down(town: Any, client: Any) -> None:
    loud = town.owner(town.banten)
    body = {"title": "Pisau", "incident_type": "knife"}
    codes = [client.post("/api/report", json=body, headers=loud.headers).status_code for _ in range(11)]
    assert [201] * 10 + [429] == codes
    answer = client.post("/api/report", json=body, headers=loud.headers)
    assert 1 <= int(answer.headers["retry-after"]) <= 600
    report, phone = town.sent(client)
    path = f"/api/reports/{report}/messages"
    codes = [client.post(path, json={"body": "halo"}, headers=phone.headers).status_code for _ in range(31)]
    assert [201] * 30 + [429] == codes
    help_me = {"kind": "emergency", "latitude": -6.21, "longitude": 106.8}
    assert 201 == client.post(path, json=help_me, headers=phone.headers).status_code, "a cry for help always gets out"
    assert -6.21 == client.get(path, headers=town.ani.headers).json()["data"][-1]["detail"]["latitude"]
    half = {"kind": "emergency", "latitude": -6.21}
    assert 422 == client.post(path, json=half, headers=phone.headers).status_code


@pytest.mark.threat("T05")
def test_a_programs_key_is_slowed_down_alone(town: Any, client: Any) -> None:
    from core.web.brake import Brake

    brake = Brake()
    assert [0.0] * 3 == [brake.wait_s("service:1", 3, 60.0) for _ in range(3)]
    assert 0 < brake.wait_s("service:1", 3, 60.0) <= 60
    assert 0.0 == brake.wait_s("service:2", 3, 60.0)
    services = client.app.state["services"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(services.brake), "wait_s", lambda *_: 7.2)
        answer = client.post("/api/deteksi", headers={"X-API-Key": town.key},
                             json={"cctv_id": town.cctv, "report": {"title": "x", "incident_type": IncidentType.KNIFE,
                                                                    "report_image": "eA=="}})  # fmt: skip
    assert (429, "8") == (answer.status_code, answer.headers["retry-after"])


@pytest.mark.threat("T17")
def test_a_detectors_key_reports_on_its_own_agencys_cameras_only(town: Any, client: Any, draw: Any) -> None:
    for camera in (town.cctv_bali, "denpasar-1", 987654321, "tidak-ada"):
        body = {"cctv_id": camera, "report": {"title": "x", "incident_type": "knife",
                                              "report_image": base64.b64encode(draw(3)).decode()}}  # fmt: skip
        assert (camera, 404) == (
            camera, client.post("/api/deteksi", json=body, headers={"X-API-Key": town.key}).status_code,
        )  # fmt: skip


@pytest.mark.threat("T31")
def test_a_phone_belongs_to_who_registered_it_last_and_odd_endpoints_are_refused(town: Any, client: Any) -> None:
    phone = {"channel": "fcm", "token": "tokenfcm:" + "a" * 40}
    first = client.post("/api/push-addresses", json=phone, headers=town.made.headers).json()["data"]
    client.post("/api/push-addresses", json=phone, headers=town.sri.headers)
    rows = town.execute(select(push_addresses).where(push_addresses.c.value == phone["token"]))
    assert [(town.banten, "owner", town.sri.id)] == [(r["vendor_id"], r["role"], r["person_id"]) for r in rows]
    path = f"/api/push-addresses/{first['id']}"
    assert 404 == client.delete(path, headers=town.made.headers).status_code
    listed = client.get("/api/push-addresses", headers=town.sri.headers)
    assert phone["token"] not in listed.text and [first["id"]] == [row["id"] for row in listed.json()["data"]]
    assert 200 == client.delete(path, headers=town.sri.headers).status_code
    keys = {"p256dh": "B" * 87, "auth": "a" * 22}
    for endpoint in (
        "http://push.example.com/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://u:p@push.example.com/x",
        "https://push.example.com:8443/x",
        "ftp://push.example.com",
    ):
        body = {"channel": "webpush", "endpoint": endpoint, "keys": keys}
        assert (endpoint, 422) == (
            endpoint, client.post("/api/push-addresses", json=body, headers=town.sri.headers).status_code,
        )  # fmt: skip
    for number in range(12):
        body = {"channel": "webpush", "endpoint": f"https://push.example.com/{number}", "keys": keys}
        assert 201 == client.post("/api/push-addresses", json=body, headers=town.sri.headers).status_code
    assert 10 == len(client.get("/api/push-addresses", headers=town.sri.headers).json()["data"])


def test_the_deployed_client_may_come_from_an_allowed_origin(town: Any, client: Any) -> None:
    town.configure(cors_origins=("https://app.polri.example",))
    with town.client() as other:
        asked = {"Origin": "https://app.polri.example", "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "authorization,content-type"}  # fmt: skip
        for path in ("/api/officer/verify/1", "/api/login", "/api/officer/latest-report"):
            told = other.options(path, headers=asked)
            assert (path, True) == (path, told.is_success), told.text
            assert "https://app.polri.example" == told.headers["access-control-allow-origin"]
            allowed = told.headers["access-control-allow-headers"]
            assert "authorization" in allowed and "content-type" in allowed and told.headers["access-control-max-age"]
        refused = other.get("/api/officer/count", headers={"Origin": "https://app.polri.example"})
        assert (401, "https://app.polri.example") == (
            refused.status_code, refused.headers["access-control-allow-origin"],
        )  # fmt: skip
        stranger = other.get("/api/officer/count", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers
    town.configure(cors_origins=())


def test_an_account_that_registers_logs_in_with_an_old_token_in_the_header(town: Any, client: Any) -> None:
    town.configure(registration_vendor="polda-banten")
    body = {"name": "Wati", "email": "wati@toko.example", "phone": "0813", "address": "Jl. A", "password":
            "benar-kuda-baterai-9"}  # fmt: skip
    with town.client() as other:
        assert 201 == other.post("/api/register", json=body).status_code
        stale = {"Authorization": "Bearer old.and.wrong"}
        told = other.post("/api/login", json={"email": body["email"], "password": body["password"]}, headers=stale)
        assert ("OWNER", "Wati") == (told.json()["data"]["user"]["role"], told.json()["data"]["user"]["name"])
    town.configure(registration_vendor="")
    query = select(owners.c.vendor_id).where(owners.c.email == body["email"])
    assert [town.banten] == [row["vendor_id"] for row in town.execute(query)]
