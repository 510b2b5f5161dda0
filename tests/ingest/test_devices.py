"""Registering devices and their credentials, as the database keeps them and as the directory then knows them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from core.accounts.tables import vendors
from core.ingest import devices
from core.ingest.auth import Authenticator, Identified
from core.ingest.devices import DeviceError, NewDevice
from core.ingest.directory import DeviceDirectory
from core.ingest.front import CameraRequest
from core.secrets import SecretBox

BOX = SecretBox("the secret key of these tests, 0123456789")


@pytest.fixture
def agency(database):
    """Code of a vendor."""
    with database.system() as connection:
        connection.execute(insert(vendors).values(vendor_code="polda-uji", vendor_name="Polda Uji"))
    return "polda-uji"


@pytest.fixture
def add(database, agency):
    def add(code="simpang-5", **fields):
        return devices.add_device(database, NewDevice(code=code, maker="acme", vendor=agency, **fields))

    return add


@pytest.fixture
def directory(database):
    return DeviceDirectory(database)


@pytest.fixture
def post(database):
    """Judge a request by a server that has just started: the method, or why not."""

    def post(code, key="", **headers):
        directory = DeviceDirectory(database)
        directory.refresh()
        head = {**({"x-api-key": key} if key else {}), **headers}
        request = CameraRequest("POST", f"/cam/acme/{code}", "", head, "10.0.0.7", "acme", code, ())
        judged = Authenticator(directory, BOX).identify(request)
        return judged.method if isinstance(judged, Identified) else judged.cause

    return post


def test_a_new_device_posts_with_its_key(add, post):
    _, key = add()

    assert "api_key" == post("simpang-5", key.key)


def test_a_key_has_256_random_bits_and_only_letters_and_digits_behind_its_id(add):
    keys = [add(f"cam-{n}")[1] for n in range(3)]

    for key in keys:
        prefix, key_id, secret = key.key.split("_")
        assert ("tk", key.key_id, 43) == (prefix, key_id, len(secret))
        assert secret.isalnum() and secret.isascii()
    assert 3 == len({key.key for key in keys})


def test_neither_repr_nor_text_of_a_key_shows_its_secret(add):
    _, key = add()

    assert key.key not in f"{key!r} {key} {[key]}"


def test_a_device_without_key_methods_gets_none(add):
    assert add(auth=("ip",), ip_allow=("10.0.0.0/8",))[1] is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"code": "../etc"}, "device code"),
        ({"code": "tk_a_b"}, "device code"),
        ({"maker": "Acme Corp"}, "maker"),
        ({"vendor": "nobody"}, "no vendor"),
        ({"auth": ("key",)}, "api_key, token, basic, digest, ip"),
        ({"auth": ()}, "nothing"),
        ({"auth": ("ip",)}, "ip_allow"),
        ({"ip_allow": ("10.0.0.0/99",)}, "ip_allow"),
        ({"image_hosts": ("camera.lan",)}, "image_hosts"),
        ({"zone": "Asia/Bandung"}, "Asia/Makassar"),
        ({"time_rule": "guess"}, "wall_clock"),
        ({"rate_per_s": 0.0}, "rate_per_s"),
        ({"parent": "nvr-1"}, "recorder"),
    ],
)
def test_a_wrong_device_is_refused_with_what_is_expected(database, agency, wrong, told):
    fields = {"code": "simpang-5", "maker": "acme", "vendor": agency, **wrong}

    with pytest.raises(DeviceError, match=told):
        devices.add_device(database, NewDevice(**fields))
    assert [] == devices.list_devices(database)


def test_a_code_is_taken_once(add):
    add()

    with pytest.raises(DeviceError, match="already"):
        add()


def test_a_rotated_key_works_beside_the_old_one_until_the_grace_is_over(database, add, post):
    _, old = add()

    new = devices.rotate_key(database, "simpang-5", grace=timedelta(hours=1))
    during = [post("simpang-5", key.key) for key in (old, new)]
    with database.system() as connection:
        connection.execute(text("UPDATE device_credentials SET expires_at = now() WHERE expires_at IS NOT NULL"))
    after = [post("simpang-5", key.key) for key in (old, new)]

    assert (["api_key", "api_key"], ["expired_key", "api_key"]) == (during, after)


def test_no_more_than_two_keys_are_active(database, add, post):
    _, first = add()
    second, third = (devices.rotate_key(database, "simpang-5") for _ in range(2))

    assert ["unknown_key", "api_key", "api_key"] == [post("simpang-5", key.key) for key in (first, second, third)]


def test_rotating_again_does_not_give_an_old_key_more_time(database, add):
    add()
    devices.rotate_key(database, "simpang-5", grace=timedelta(minutes=5))
    devices.rotate_key(database, "simpang-5", grace=timedelta(minutes=1))
    credentials = devices.show_device(database, "simpang-5")["credentials"]
    devices.rotate_key(database, "simpang-5", grace=timedelta(days=7))
    after = devices.show_device(database, "simpang-5")["credentials"]

    assert credentials[1]["expires_at"] < datetime.now(UTC) + timedelta(minutes=2)
    assert credentials[1]["expires_at"] == after[1]["expires_at"]


def test_a_revoked_key_is_unknown_and_the_other_works_on(database, add, post):
    _, old = add()
    new = devices.rotate_key(database, "simpang-5")

    assert 1 == devices.revoke_key(database, "simpang-5", old.key_id)
    assert ["unknown_key", "api_key"] == [post("simpang-5", key.key) for key in (old, new)]
    with pytest.raises(DeviceError):
        devices.revoke_key(database, "simpang-5", old.key_id)


def test_all_credentials_are_revoked_at_once(database, add, post):
    _, key = add(auth=("api_key", "basic", "digest"))
    devices.set_password(database, BOX, "simpang-5", "Rahasia-88")

    assert 3 == devices.revoke_key(database, "simpang-5")
    assert "unknown_key" == post("simpang-5", key.key)


def test_a_password_is_good_for_basic(database, add, post):
    add(auth=("basic",))

    assert "simpang-5" == devices.set_password(database, BOX, "simpang-5", "Rahasia-88")
    assert "basic" == post("simpang-5", authorization="Basic c2ltcGFuZy01OlJhaGFzaWEtODg=")


def test_a_new_password_ends_the_old_one(database, add, post):
    add(auth=("basic",))
    devices.set_password(database, BOX, "simpang-5", "Rahasia-88")
    devices.set_password(database, BOX, "simpang-5", "Rahasia-99")

    assert "wrong_password" == post("simpang-5", authorization="Basic c2ltcGFuZy01OlJhaGFzaWEtODg=")


@pytest.mark.parametrize(("password", "username"), [("short", ""), ("x" * 129, ""), ("long enough", "a:b"),
                                                    ("long enough", 'a"b')])  # fmt: skip
def test_a_password_that_cannot_work_is_refused(database, add, password, username):
    add(auth=("basic",))

    with pytest.raises(DeviceError):
        devices.set_password(database, BOX, "simpang-5", password, username=username)


def test_a_password_is_refused_where_it_would_be_good_for_nothing(database, add):
    add(auth=("api_key",))

    with pytest.raises(DeviceError, match="neither Basic nor Digest"):
        devices.set_password(database, BOX, "simpang-5", "Rahasia-88")


def test_a_disabled_device_may_not_post_and_an_enabled_one_may_again(database, add, post):
    _, key = add()

    devices.set_active(database, "simpang-5", False)
    disabled = post("simpang-5", key.key)
    devices.set_active(database, "simpang-5", True)

    assert ("unknown_key", "api_key") == (disabled, post("simpang-5", key.key))


def test_devices_are_listed_by_code_and_filtered(database, add):
    add("b-cam")
    add("a-cam")

    assert ["a-cam", "b-cam"] == [row["device_code"] for row in devices.list_devices(database)]
    assert [] == devices.list_devices(database, maker="other")
    assert 2 == len(devices.list_devices(database, vendor="polda-uji"))


def test_a_device_is_shown_without_its_secrets(database, add):
    _, key = add()

    shown = devices.show_device(database, "simpang-5")

    assert [key.key_id] == [credential["key_id"] for credential in shown["credentials"]]
    assert "secret" not in repr(shown) and key.key not in repr(shown)
    with pytest.raises(DeviceError):
        devices.show_device(database, "nobody")


# -- the directory


def test_a_refresh_without_a_change_loads_nothing(directory, add):
    add()

    assert [True, False, False] == [directory.refresh() for _ in range(3)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE devices SET ip_allow = '{10.0.0.0/8}'",
        "UPDATE vendors SET is_active = false",
        "UPDATE device_credentials SET revoked_at = now()",
        "DELETE FROM device_credentials",
    ],
)
def test_a_change_of_any_kind_is_noticed(database, directory, add, change):
    add()
    directory.refresh()
    with database.system() as connection:
        connection.execute(text(change))

    assert directory.refresh()


def test_what_a_credential_was_used_is_written_and_causes_no_reload(database, directory, add):
    _, key = add()
    directory.refresh()
    directory.used(directory.current.by_key_id[key.key_id], 1_780_000_000.0)

    assert not directory.refresh()
    assert not directory.refresh()
    credential = devices.show_device(database, "simpang-5")["credentials"][0]
    assert datetime.fromtimestamp(1_780_000_000, UTC) == credential["last_used_at"]


def test_the_snapshot_at_hand_never_changes(database, directory, add):
    add()
    directory.refresh()
    before = directory.current
    add("simpang-6")
    directory.refresh()

    assert ["simpang-5"] == list(before.by_code)
    assert ["simpang-5", "simpang-6"] == list(directory.current.by_code)


def test_an_inactive_device_is_found_by_id_alone(database, directory, add):
    device_id, _ = add()
    devices.set_active(database, "simpang-5", False)
    directory.refresh()

    assert "simpang-5" == directory.current.by_id[device_id].device.code
    assert ({}, {}) == (directory.current.by_code, directory.current.by_key_id)


def test_a_recorder_knows_its_cameras(directory, add):
    recorder, _ = add("nvr-1")
    add("cam-33", parent="nvr-1", channel="33", serial="DS1234567")
    directory.refresh()

    entry = directory.current.by_id[recorder]
    assert "cam-33" == entry.children_by_channel["33"].device.code
    assert "cam-33" == entry.children_by_serial["DS1234567"].device.code


def test_the_entry_carries_what_the_row_says(directory, add):
    device_id, _ = add(
        purposes=("lampu_merah",), speed_limit_kmh=60.0, zone="Asia/Makassar", rate_per_s=2.0, rate_burst=9.0,
        image_hosts=("10.0.0.0/8:80",), ip_allow=("10.0.0.0/8",), settings={"x": {"y": 1}}, location="Jl. Merdeka",
    )  # fmt: skip
    directory.refresh()

    entry = directory.current.by_id[device_id]
    device = entry.device
    assert (("lampu_merah",), 60.0, "Asia/Makassar") == (device.purposes, device.speed_limit_kmh, device.zone)
    assert ({"x": {"y": 1}}, "Jl. Merdeka", "polda-uji") == (device.settings, device.location, device.vendor_code)
    assert (2.0, 9.0, ("10.0.0.0/8:80",), True) == (
        entry.rate_per_s, entry.rate_burst, entry.image_hosts, entry.restricted,
    )  # fmt: skip
