"""T01: a key is good for one device on its make's paths until it expires or is revoked, and is stored nowhere."""

import pytest
import structlog

from core.ingest.auth import public_headers, public_path, public_query

pytestmark = pytest.mark.threat("T01")


def outcome(judged):
    return getattr(judged, "method", None) or (judged.status, judged.cause)


def test_a_key_is_taken_from_the_header(registry, ask):
    camera = registry.add()

    assert "api_key" == outcome(ask(camera, {"x-api-key": camera.key}))


def test_a_key_is_taken_as_a_bearer_token(registry, ask):
    camera = registry.add()

    assert "api_key" == outcome(ask(camera, {"authorization": f"Bearer {camera.key}"}))


def test_a_key_is_taken_from_the_path_where_the_device_accepts_tokens(registry, ask):
    camera = registry.add(auth=("token",))

    assert "token" == outcome(ask(camera, key_in_path=camera.key))


@pytest.mark.parametrize("name", ["key", "token"])
def test_a_key_is_taken_from_the_query_where_the_device_accepts_tokens(registry, ask, name):
    camera = registry.add(auth=("token",))

    assert "token" == outcome(ask(camera, query=f"channel=1&{name}={camera.key}"))


def test_a_key_names_its_device_where_the_path_does_not(registry, ask):
    camera = registry.add()
    registry.add("simpang-6")

    judged = ask(camera, {"x-api-key": camera.key}, code="")

    assert camera.code == judged.entry.device.code


def test_a_wrong_secret_is_refused(registry, ask):
    camera = registry.add()

    assert (401, "wrong_key") == outcome(ask(camera, {"x-api-key": camera.key[:-1] + "!"}))


@pytest.mark.parametrize("key", ["", "x", "tk_", "tk_id1", "tk_id1_", "secret", "tk_id1_ä", "tk_\x00_\x00", "_" * 9000])
def test_what_is_no_key_is_refused(registry, ask, key):
    camera = registry.add()

    assert 401 == ask(camera, {"x-api-key": key}).status


def test_the_key_of_another_device_is_refused(registry, ask):
    camera = registry.add()
    stranger = registry.add("simpang-6")

    assert (401, "key_of_other_device") == outcome(ask(camera, {"x-api-key": stranger.key}))


def test_a_key_is_refused_on_another_makes_path(registry, ask):
    camera = registry.add()

    assert (401, "key_of_other_maker") == outcome(ask(camera, {"x-api-key": camera.key}, maker="other"))


def test_an_expired_key_is_refused(registry, ask, clock):
    camera = registry.add(expires_at=clock.now + 60)

    before = outcome(ask(camera, {"x-api-key": camera.key}))
    clock.now += 60

    assert ("api_key", (401, "expired_key")) == (before, outcome(ask(camera, {"x-api-key": camera.key})))


def test_a_revoked_key_is_refused(registry, ask):
    camera = registry.add()
    registry.rows = [{**row, "credential_id": None} for row in registry.rows]  # the query leaves revoked ones out
    registry.publish()

    assert (401, "unknown_key") == outcome(ask(camera, {"x-api-key": camera.key}))


def test_two_keys_are_good_at_once_while_they_are_rotated(registry, ask):
    camera = registry.add()
    second = "tk_second_" + "z" * 43
    registry.rows.append({**registry.rows[0], "credential_id": 99, **registry.key_row(second)})
    registry.publish()

    assert ["api_key"] * 2 == [outcome(ask(camera, {"x-api-key": key})) for key in (camera.key, second)]


def test_a_key_in_the_path_is_refused_where_only_the_header_is_accepted(registry, ask):
    camera = registry.add(auth=("api_key",))

    assert (401, "method_not_accepted") == outcome(ask(camera, key_in_path=camera.key))


def test_an_inactive_device_is_refused(registry, ask):
    camera = registry.add(active=False)

    assert 401 == ask(camera, {"x-api-key": camera.key}).status


def test_a_wrong_device_looks_like_a_wrong_key(registry, ask):
    camera = registry.add()

    nobody = ask(camera, {"x-api-key": "tk_x_y"}, code="no-such-device")
    wrong = ask(camera, {"x-api-key": "tk_x_y"})

    assert (wrong.status, wrong.reason, wrong.headers) == (nobody.status, nobody.reason, nobody.headers)


def test_an_unknown_key_asks_for_one_refresh_a_second_at_most(registry, ask, monkeypatch):
    camera = registry.add()
    asked = []
    monkeypatch.setattr(registry.directory, "_refresh_quietly", lambda: asked.append(1))

    for _ in range(50):
        ask(camera, {"x-api-key": "tk_unknown_key"})

    assert [1] == asked


def test_what_is_stored_has_no_credential_in_it(registry, serve):
    camera = registry.add(auth=("api_key", "token"))
    served = serve()

    in_header = served.post(camera.path, {"X-API-KEY": camera.key, "Cookie": "sid=secret-of-a-cookie"})
    in_bearer = served.post(camera.path, {"Authorization": f"Bearer {camera.key}"})
    in_path = served.post(f"{camera.path}/{camera.key}?lane=2")
    in_query = served.post(f"{camera.path}?lane=2&key={camera.key}")
    in_wrong_place = served.post(f"{camera.path}?note={camera.key}", {"X-API-KEY": camera.key, "X-Note": camera.key})

    assert [200] * 5 == [status for status, _, _ in (in_header, in_bearer, in_path, in_query, in_wrong_place)]
    stored = repr(served.inbox.headers)
    assert "lane=2" in stored
    for secret in (camera.key, camera.key.split("_")[2], "secret-of-a-cookie"):
        assert secret not in stored


def test_a_refused_key_is_not_logged(registry, serve):
    camera = registry.add()
    served = serve()

    with structlog.testing.capture_logs() as logs:
        for key in (camera.key + "x", "tk_guess_" + "g" * 43):
            served.post(f"{camera.path}/{key}?key={key}", {"X-API-KEY": key, "Authorization": f"Bearer {key}"})

    assert ["camera_turned_away"] * 2 == [line["event"] for line in logs if line["event"].startswith("camera")]
    assert camera.key not in repr(logs)
    assert "g" * 43 not in repr(logs)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", ""),
        ("lane=1&key=tk_a_b", "lane=1"),
        ("TOKEN=x&lane=1", "lane=1"),
        ("apikey=x&password=y&a=%20b", "a=%20b"),
        ("monkey=1", "monkey=1"),
        ("note=tk_a_b", "note=***"),
    ],
)
def test_the_stored_query_has_no_key_in_it(query, kept):
    assert kept == public_query(query)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/cam/acme/x", "/cam/acme/x"),
        ("/cam/acme/x/tk_a_b", "/cam/acme/x"),
        ("/cam/acme/x/tk_a_b/NotificationInfo/Tollgate", "/cam/acme/x/NotificationInfo/Tollgate"),
    ],
)
def test_the_stored_path_has_no_key_in_it(path, kept):
    assert kept == public_path(path)


def test_the_stored_headers_keep_what_is_no_credential():
    headers = {"user-agent": "cam", "authorization": "x", "x-api-key": "x", "cookie": "x", "x-note": "see tk_a_b"}

    assert {"user-agent": "cam", "x-note": "see ***"} == public_headers(headers)
