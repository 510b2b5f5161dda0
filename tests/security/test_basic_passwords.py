"""Basic: argon2id runs once for a right password and seldom for wrong ones: it must not be a way to stop the house."""

import base64

import pytest

from core.ingest import auth

PASSWORD = "Rahasia-Kamera-88"


def basic(username, password, encoding="utf-8"):
    return {"authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode(encoding)).decode()}


@pytest.fixture
def camera(registry):
    return registry.add(auth=("basic",), password=PASSWORD)


@pytest.fixture
def hashings(monkeypatch):
    """Counts the argon2 runs."""
    runs = []
    real = auth.PASSWORDS.verify

    def verify(password, stored):
        runs.append(password)
        return real(password, stored)

    monkeypatch.setattr(auth.PASSWORDS, "verify", verify)
    return runs


def test_the_right_password_is_let_in_and_hashed_once(camera, ask, hashings):
    methods = [ask(camera, basic(camera.code, PASSWORD)).method for _ in range(20)]

    assert ["basic"] * 20 == methods
    assert 1 == len(hashings)


def test_a_wrong_password_is_refused_with_a_challenge(camera, ask):
    judged = ask(camera, basic(camera.code, "wrong"))

    assert (401, "wrong_password") == (judged.status, judged.cause)
    assert [(b"www-authenticate", b'Basic realm="tangkapin", charset="UTF-8"')] == list(judged.headers)


def test_an_unknown_user_costs_the_same_work(camera, ask, hashings):
    judged = ask(camera, basic("nobody", PASSWORD))

    assert (401, "unknown_user") == (judged.status, judged.cause)
    assert 1 == len(hashings)


def test_a_flood_of_wrong_passwords_runs_few_hashes(camera, ask, hashings):
    statuses = {ask(camera, basic(camera.code, f"guess-{n}")).status for n in range(300)}

    assert {401, 429} == statuses
    assert 5 == len(hashings)


def test_a_flood_of_names_from_many_addresses_is_bounded_for_all(camera, ask, hashings):
    for n in range(300):
        ask(camera, basic(f"user-{n}", "guess"), peer=f"10.3.{n // 256}.{n % 256}")

    assert 20 == len(hashings)


def test_a_flood_does_not_shut_out_a_camera_that_was_let_in_before(camera, ask):
    ask(camera, basic(camera.code, PASSWORD))
    for n in range(300):
        ask(camera, basic(camera.code, f"guess-{n}"))

    assert "basic" == ask(camera, basic(camera.code, PASSWORD)).method


def test_the_throttle_opens_again_and_says_when(camera, ask, clock):
    for n in range(10):
        judged = ask(camera, basic(camera.code, f"guess-{n}"))
    assert (429, ((b"retry-after", b"2"),)) == (judged.status, judged.headers)
    clock.now += 5

    assert "basic" == ask(camera, basic(camera.code, PASSWORD)).method


def test_a_changed_password_ends_the_old_one_though_it_was_remembered(registry, camera, ask):
    ask(camera, basic(camera.code, PASSWORD))
    registry.rows[0]["secret_hash"] = auth.PASSWORDS.hash("another-password").encode()
    registry.publish()

    assert 401 == ask(camera, basic(camera.code, PASSWORD)).status


def test_a_password_of_one_device_is_refused_for_another(registry, camera, ask):
    other = registry.add("simpang-6", auth=("basic",), password="other-password")
    ask(camera, basic(camera.code, PASSWORD))

    assert 401 == ask(other, basic(camera.code, PASSWORD)).status


def test_a_latin1_password_is_understood_as_old_firmware_sends_it(registry, ask):
    camera = registry.add("old", auth=("basic",), password="kaméra-tua")

    assert "basic" == ask(camera, basic("old", "kaméra-tua", "latin-1")).method


def test_basic_is_neither_offered_nor_taken_where_the_device_has_none(registry, ask, hashings):
    camera = registry.add("keyed", auth=("api_key",))

    judged = ask(camera, basic("keyed", "x"))

    assert 401 == judged.status
    assert [b'Bearer realm="tangkapin"'] == [value for _, value in judged.headers]
    assert [] == hashings


@pytest.mark.parametrize("value", ["Basic", "Basic ", "Basic !!!!", "Basic bm9jb2xvbg==", "Basic " + "QUFB" * 500])
def test_what_is_no_pair_is_refused_without_work(camera, ask, hashings, value):
    assert 401 == ask(camera, {"authorization": value}).status
    assert [] == hashings


def test_a_stored_hash_that_cannot_be_read_refuses(registry, camera, ask):
    registry.rows[0]["secret_hash"] = b"not argon2"
    registry.publish()

    assert 401 == ask(camera, basic(camera.code, PASSWORD)).status
