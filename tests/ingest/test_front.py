"""The cameras' endpoint as a device sees it, on the real server: each make's answers, refusals, probes, odd HTTP."""

import base64
import gzip
import hashlib
import io
import json
import re
import threading
import zlib
from pathlib import Path

import pytest
from PIL import Image

import vendors
from core.evidence.store import MediaStore
from core.testing.fixtures import load_http
from core.testing.house import event

MAKES = Path(next(iter(vendors.__path__)))


def fixture(maker, name):
    """Path, headers and body of a make's fixture."""
    _, path, headers, body = load_http(MAKES / maker / "fixtures" / f"{name}.http")
    return path, {k: v for k, v in headers.items() if k.lower() in ("content-type", "content-encoding")}, body


def payload_of(house, camera):
    """(content_type, headers, sha256, body) of the only payload of a camera."""
    found = house.rows("SELECT content_type, headers, sha256, body FROM payloads WHERE device_id = %s", camera.id)
    assert 1 == len(found)
    return found[0]


def raw_request(camera, body, *lines, target="", version="HTTP/1.1"):
    head = [f"POST {target or camera.path} {version}", "Host: x", f"X-API-KEY: {camera.key}", *lines]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


# -- each make's answers ----------------------------------------------------------------------------------------------


def test_hikvision_hears_an_empty_200(house):
    camera = house.spare("hikvision")
    _, headers, body = fixture("hikvision", "anpr_multipart_three_pictures")

    answer = house.post(camera.path, body, {**camera.headers, **headers})

    assert (200, b"", "0") == (answer.status, answer.body, answer.headers["content-length"])
    assert 1 == house.count("payloads", camera)


@pytest.mark.parametrize("path", ["/NotificationInfo/TollgateInfo", ""])
def test_dahua_hears_its_result_on_its_own_path_and_on_ours(house, path):
    camera = house.spare("dahua")
    _, headers, body = fixture("dahua", "itsapi_tollgate")

    answer = house.post(path or camera.path, body, {**camera.headers, **headers})

    assert (200, b'{"Result":true}') == (answer.status, answer.body)
    assert "application/json" == answer.headers["content-type"]
    assert 1 == house.count("payloads", camera)


def test_generic_hears_the_id_on_the_seed_path_and_the_event_becomes_a_violation(house):
    camera = house.spare("generic")

    answer = house.post("/api/violation", json.dumps(event("B 7001 XYZ")).encode(), camera.headers)

    assert (200, "ok") == (answer.status, answer.json["status"])
    house.settle()
    assert [("pending", "B7001XYZ", answer.json["id"])] == house.rows(
        "SELECT status, plate_number, payload_id FROM violations WHERE device_id = %s", camera.id
    )


def test_put_is_taken_like_post(house):
    camera = house.spare("hikvision")

    answer = house.request("PUT", camera.path, b"<a/>", {**camera.headers, "Content-Type": "application/xml"})

    assert 200 == answer.status
    assert 1 == house.count("payloads", camera)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/cam/hikvision/x", b""),
        ("/api/violation", b'{"status":"ok"}'),
        ("/EventHttpUpload/keepalive", b'{"result":true}'),
    ],
)
def test_a_probe_of_the_address_is_answered_without_a_credential(house, method, path, body):
    answer = house.request(method, path)

    assert (200, b"" if method == "HEAD" else body) == (answer.status, answer.body)


@pytest.mark.parametrize(
    ("maker", "name", "told"),
    [
        ("dahua", "itsapi_keepalive_text", b'{"Result":true}'),
        ("dahua", "itsapi_deviceinfo", b'{"Result":true,"Message":"Success"}'),
        ("hikvision", "heartbeat_videoloss_inactive", b""),
        ("generic", "heartbeat", b'{"status":"ok"}'),
    ],
)
def test_a_heartbeat_updates_health_and_stores_nothing(house, maker, name, told):
    camera = house.spare(maker)
    path, headers, body = fixture(maker, name)

    answer = house.post(path if maker == "dahua" else camera.path, body, {**camera.headers, **headers})

    assert (200, told) == (answer.status, answer.body)
    query = "SELECT heartbeats, events, last_heartbeat IS NOT NULL, last_event FROM device_health WHERE device_id = %s"
    house.wait_until(lambda: house.rows(query, camera.id), what="health is written")
    assert [(1, 0, True, None)] == house.rows(query, camera.id)
    assert 0 == house.count("payloads", camera)


def test_an_event_counts_in_health_too(house):
    camera = house.spare("generic")
    house.send(camera, event())
    query = "SELECT events, heartbeats, last_peer FROM device_health WHERE device_id = %s AND last_seen IS NOT NULL"

    house.wait_until(lambda: house.rows(query, camera.id), what="health is written")

    assert [(1, 0, "127.0.0.1")] == house.rows(query, camera.id)


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no json", "not JSON"),
        (b'{"colour":"red"}', "names no vehicle"),
        (b"17", "expected a JSON object"),
        (b"", "not JSON"),
        (b"[" * 50_000, "nested"),
    ],
)
def test_generic_tells_what_is_wrong_and_keeps_it_in_quarantine(house, body, reason):
    camera = house.spare("generic")

    answer = house.send(camera, body)

    assert 400 == answer.status
    assert reason in answer.json["error"]
    house.settle()
    assert [(answer.json["id"], "malformed")] == house.rows(
        "SELECT payload_id, kind FROM quarantine WHERE device_id = %s AND reason <> ''", camera.id
    )


@pytest.mark.parametrize("headers", [{}, {"X-API-KEY": "tk_nobody_x"}, {"Authorization": "Basic Og=="}])
def test_without_a_credential_nobody_posts(house, headers):
    before = house.one("SELECT count(*) FROM payloads")

    answer = house.post("/cam/generic/generic-1", b"{}", headers)

    assert 401 == answer.status
    assert answer.headers["www-authenticate"]
    assert before == house.one("SELECT count(*) FROM payloads")


def test_a_text_is_not_taken_where_json_is_expected(house):
    camera = house.spare("generic")

    assert 415 == house.send(camera, b"plate=B 1234 XYZ", "text/plain").status
    assert 0 == house.count("payloads", camera)


def test_an_unknown_maker_is_told_which_there_are(house):
    answer = house.post("/cam/nobody", b"{}")

    assert 404 == answer.status
    assert "hikvision" in answer.json["error"]


def test_what_a_device_of_a_make_without_a_plugin_sends_is_kept_until_somebody_reads_it(house):
    camera = house.camera("acme")

    assert 200 == house.send(camera, b"\x01 aneh").status
    house.wait_until(lambda: house.count("quarantine", camera) == 1, what="it is in quarantine")
    assert 401 == house.post(camera.path, b"x").status
    assert 401 == house.post("/cam/acme/orang-lain", b"x").status


def test_another_method_is_told_what_is_taken(house):
    answer = house.request("DELETE", "/cam/generic/x")

    assert 405 == answer.status
    assert {"POST", "PUT", "GET", "HEAD"} == set(answer.headers["allow"].split(", "))


def test_a_declared_or_a_chunked_body_over_the_limit_is_413_and_not_stored(open_house):
    house = open_house("ingest", settings={"max_body_bytes": 100_000})
    camera = house.camera("generic")

    declared = house.raw(raw_request(camera, b"", "Content-Length: 100001"))
    chunked = house.request("POST", camera.path, iter([b"x" * 60_000] * 2), camera.headers)

    assert declared.startswith(b"HTTP/1.1 413 ")
    assert 413 == chunked.status
    assert 0 == house.count("payloads", camera)
    assert 200 == house.send(camera, event()).status


def test_who_posts_too_often_is_told_when_to_come_again(house):
    camera = house.camera("generic", rate_per_s=0.5, rate_burst=3)

    answers = [house.send(camera, event()) for _ in range(4)]

    assert [200, 200, 200, 429] == [a.status for a in answers]
    assert 1 <= int(answers[3].headers["retry-after"]) <= 2
    assert 3 == house.count("payloads", camera)


# -- odd HTTP ---------------------------------------------------------------------------------------------------------


def test_http_1_0_is_answered_and_closed(house):
    camera = house.spare("hikvision")

    told = house.raw(raw_request(camera, b"<a/>", "Content-Length: 4", version="HTTP/1.0"))

    assert re.match(rb"HTTP/1\.[01] 200 ", told)
    assert 1 == house.count("payloads", camera)


def test_connection_close_closes_and_keep_alive_serves_the_next_request(house):
    camera = house.spare("hikvision")
    one = raw_request(camera, b"<a/>", "Content-Length: 4")
    last = raw_request(camera, b"<b/>", "Content-Length: 4", "Connection: close")

    told = house.raw(one + one + last)

    assert 3 == told.count(b"HTTP/1.1 200 ")
    assert 3 == house.count("payloads", camera)


def test_a_chunked_body_is_put_together(house):
    camera = house.spare("generic")
    body = json.dumps(event("B 7002 XYZ")).encode()

    answer = house.request(
        "POST",
        camera.path,
        iter([body[:5], body[5:6], body[6:]]),
        {**camera.headers, "Content-Type": "application/json"},
    )

    assert 200 == answer.status
    assert body == payload_of(house, camera)[3]


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda body: zlib.compress(body)[2:-4])],
)
def test_a_compressed_body_is_kept_as_sent_and_read(house, encoding, encode):
    camera = house.spare("generic")
    sent = encode(json.dumps(event("B 7003 XYZ")).encode())

    answer = house.post(camera.path, sent, {**camera.headers, "Content-Encoding": encoding})

    assert 200 == answer.status
    assert sent == payload_of(house, camera)[3]
    house.settle()
    assert "B7003XYZ" == house.one("SELECT plate_number FROM plate_reads WHERE device_id = %s", camera.id)


def test_content_encoding_behind_fifty_other_headers_is_still_undone(house):
    camera = house.spare("generic")
    many = {f"X-Filler-{n}": "x" for n in range(50)}
    body = gzip.compress(json.dumps(event("B 7004 XYZ")).encode())

    house.post(camera.path, body, {**many, **camera.headers, "Content-Encoding": "gzip"})

    house.settle()
    assert "B7004XYZ" == house.one("SELECT plate_number FROM plate_reads WHERE device_id = %s", camera.id)


def test_an_encoding_that_nobody_undoes_is_415(house):
    camera = house.spare("generic")

    assert 415 == house.post(camera.path, b"x", {**camera.headers, "Content-Encoding": "br"}).status
    assert 0 == house.count("payloads", camera)


# -- what is stored ---------------------------------------------------------------------------------------------------


def test_no_credential_is_stored(house):
    camera = house.camera("generic", auth=("api_key", "token"))
    basic = base64.b64encode(b"user:very-secret").decode()

    answers = [
        house.post(f"{camera.path}/{camera.key}?token={camera.key}&lane=2", b'{"plate":"B 1 A"}'),
        house.post(
            f"{camera.path}?key={camera.key}", b'{"plate":"B 1 A"}',
            {**camera.headers, "Authorization": f"Basic {basic}", "Cookie": "session=abc", "X-Model": camera.key},
        ),
    ]  # fmt: skip

    assert [200, 200] == [a.status for a in answers]
    stored = json.dumps(house.rows("SELECT content_type, headers FROM payloads WHERE device_id = %s", camera.id))
    for secret in (camera.key, camera.key.split("_")[2], basic, "very-secret", "session=abc"):
        assert secret not in stored
        assert secret not in house.logs()
    assert '":query": "lane=2"' in stored
    assert '":auth": "token"' in stored


def test_nul_and_broken_text_in_headers_content_type_and_path_cost_nothing(house):
    camera = house.spare("hikvision")
    odd = [
        raw_request(camera, b"<a/>", "Content-Length: 4", "Content-Type: text/xml; x=\xff\xfe\xe9", "X-Odd: \x80\xa0ÿ"),
        raw_request(camera, b"<a/>", "Content-Length: 4", target=f"{camera.path}/%00/%ff%fe/%ed%a0%80?q=%00%ff"),
    ]

    told = [
        house.raw(request + raw_request(camera, b"<b/>", "Content-Length: 4", "Connection: close")) for request in odd
    ]

    assert [2, 2] == [t.count(b"HTTP/1.1 200 ") for t in told], told
    assert 4 == house.count("payloads", camera)


def test_a_nul_in_a_header_is_refused_or_stored_but_breaks_nothing(house):
    camera = house.spare("hikvision")

    told = house.raw(raw_request(camera, b"<a/>", "Content-Length: 4", "X-Odd: a\x00b", "Connection: close"))

    assert re.match(rb"HTTP/1\.1 (200|400) ", told)
    assert 200 == house.send(camera, b"<a/>", "application/xml").status


def test_pictures_are_found_again_by_their_hash_byte_for_byte(house):
    camera = house.spare("hikvision")
    _, headers, body = fixture("hikvision", "anpr_multipart_three_pictures")
    house.post(camera.path, body, {**camera.headers, **headers})
    house.settle()

    images = house.one("SELECT images FROM plate_reads WHERE device_id = %s", camera.id)
    found = house.rows(
        "SELECT sha256, size, ref, at_offset FROM media WHERE encode(sha256, 'hex') = ANY(%s)",
        [image["sha256"] for image in images],
    )

    assert 3 == len(found)
    for digest, size, ref, offset in found:
        data = read_media(house, ref, offset, size)
        assert digest == hashlib.sha256(data).digest()
        assert data in body
        Image.open(io.BytesIO(data)).load()


def test_a_base64_picture_is_kept_decoded(house):
    camera = house.spare("generic")
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, "JPEG")
    picture = out.getvalue()
    house.send(camera, event("B 7005 XYZ", vehicleImage=base64.b64encode(picture).decode()))
    house.settle()

    ((digest, size, ref, offset),) = house.rows(
        "SELECT m.sha256, m.size, m.ref, m.at_offset FROM media m JOIN payloads p ON p.id = m.payload_id "
        "WHERE p.device_id = %s", camera.id
    )  # fmt: skip

    assert hashlib.sha256(picture).digest() == digest
    assert picture == read_media(house, ref, offset, size)


def test_a_large_body_lies_in_the_media_store_and_comes_back_whole(house):
    camera = house.spare("generic")
    body = json.dumps(event("B 7006 XYZ", note="x" * 300_000)).encode()
    house.send(camera, body)

    ((inline, ref, digest, size),) = house.rows(
        "SELECT body, body_ref, sha256, size FROM payloads WHERE device_id = %s", camera.id
    )

    assert (None, len(body)) == (inline, size)
    assert body == read_media(house, ref, 0, size)
    assert hashlib.sha256(body).digest() == digest


def test_events_of_many_cameras_at_once_are_all_kept_under_their_own_id(house):
    cameras = [house.spare("generic") for _ in range(4)]
    answered = []

    def post(camera, n):
        for k in range(10):
            plate = f"B {1000 + n * 10 + k} QQ"
            answered.append((plate, house.send(camera, event(plate)).json["id"]))

    threads = [threading.Thread(target=post, args=(camera, n)) for n, camera in enumerate(cameras)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 40 == len({payload_id for _, payload_id in answered})
    for plate, payload_id in answered:
        assert plate in house.one("SELECT convert_from(body, 'UTF8') FROM payloads WHERE id = %s", payload_id)


def read_media(house, ref, offset, size):
    def from_row(payload_id):
        return house.one("SELECT body FROM payloads WHERE id = %s", payload_id)

    store = MediaStore(house.home / "media", read_payload=from_row)
    try:
        return store.read(ref, offset, size)
    finally:
        store.close()
