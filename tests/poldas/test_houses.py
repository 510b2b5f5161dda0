"""Each example set runs as a house from its own plugins.toml: a post of each make is approved and delivered."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

import plugins.poldas
from core.accounts.audit import Actor
from core.accounts.service import Accounts
from core.domain.plates import normalise_plate
from core.hooks.deployment import Declared
from core.hooks.host import Host
from core.ingest.directory import DeviceDirectory
from core.testing.camera import SimulatedCamera
from core.testing.fake_etnas import FakeEtnas
from core.testing.house import House, fresh_database
from core.testing.local_peer import local_peer
from core.testing.world import fixtures_of

pytestmark = pytest.mark.timeout(300)
FOLDER = Path(plugins.poldas.__path__[0])
KEY = "kunci rahasia dari uji coba set polda"
PASSWORD = "benar-kuda-baterai-9"
PLATES = (("A 1234 XYZ", "B 4321 QW"), ("B 2468 KL", "A 1357 MN"))
"""What a set's first and second camera see, an even and an odd one each: on any day one of them may not drive where
the rules are odd-even."""
CAMERAS = {
    "polda_banten": {
        "hikvision": ("anpr_multipart_three_pictures", {"purposes": ("lampu_merah",)}),
        "milesight": ("push_two_pictures", {"purposes": ("lampu_merah",)}),
    },
    "polda_jabar": {
        "dahua": ("itsapi_tollgate", {"speed_limit_kmh": 30}),
        "axis": ("push_new_image_array", {"settings": {"polda_jabar": {"allowed_direction": "out"}}}),
    },
    "polda_metro_jaya": {
        "uniview": ("viid_motor_vehicle", {"purposes": ("ganjil_genap",)}),
        "generic": ("seed_json_base64_pictures", {"purposes": ("ganjil_genap",)}),
    },
}
"""Set -> make -> the form that its camera sends, and what the operator says of the camera."""
TYPES = {"polda_banten": {"lampu_merah"}, "polda_jabar": {"batas_kecepatan", "lawan_arah"},
         "polda_metro_jaya": {"ganjil_genap"}}  # fmt: skip


class Centre:
    """What stands at the other end of every sink: `told()` gives (plate, violation type) of what arrived."""

    def __init__(self, home, etnas, hook, hook_key):
        self.home, self.etnas, self.hook, self.hook_key = home, etnas, hook, hook_key

    def told(self, name):
        if name == "polda_banten":
            return sorted((plate, kind) for _, plate, kind, _ in self.etnas.effects())
        if name == "polda_jabar":
            told = [json.loads(path.read_text()) for path in (self.home / "keluar").rglob("*.json")]
        else:  # what is not signed with the key that both sides have raises
            told = [Webhook(self.hook_key).verify(got.body, got.headers)["data"] for got in self.hook.got]
        return sorted((one["plate_number"], one["violation_type"]) for one in told)


def at_home(text, etnas, hook):
    """The set's plugins.toml with the addresses of this machine, and rules of the hour that hold at any hour."""
    for written, ours in (
        ("https://etnas.example/api/violations", etnas.url),
        ("https://penerima.example/tangkapin", f"{hook.url}/tangkapin"),
    ):
        text = text.replace(written, ours)
    text = re.sub(r"(?m)^hours = .*$", 'hours = ["00:00-24:00"]', text)
    text = re.sub(r"(?m)^weekdays = .*$", "weekdays = [1, 2, 3, 4, 5, 6, 7]", text)
    return re.sub(r"(?m)^holidays = .*$", "holidays = []", text)


@pytest.fixture(scope="module")
def shared(postgres_url, template_url):
    with fresh_database(postgres_url, template_url) as url, FakeEtnas() as etnas, local_peer() as hook:
        yield url, etnas, hook


@pytest.fixture(scope="module", params=sorted(CAMERAS))
def running(request, tmp_path_factory, shared, valkey_url, set_secrets):
    """(set, house, centre, cameras): the set's own processes, its cameras registered before they start."""
    url, etnas, hook = shared
    home = tmp_path_factory.mktemp(request.param)
    (home / "keluar").mkdir()
    text = at_home((FOLDER / request.param / "plugins.toml").read_text(), etnas, hook)
    house = House(home, url, valkey_url, text, settings={"undo_s": 1, "secret_key": KEY})
    house.environ |= set_secrets
    vendor = request.param.replace("_", "-")
    cameras = {
        maker: house.camera(maker, vendor=vendor, location="Jalan Uji", **fields)
        for maker, (_, fields) in CAMERAS[request.param].items()
    }
    try:
        house.start("ingest", "parse", "work")
        yield request.param, house, Centre(home, etnas, hook, set_secrets["TANGKAPIN_PLUGIN_KOTA"]), cameras
    finally:
        house.stop()


def test_a_post_of_each_make_is_judged_approved_and_delivered(running):
    name, house, centre, cameras = running
    vendor = name.replace("_", "-")

    for (maker, camera), plates in zip(cameras.items(), PLATES, strict=True):
        for seed, plate in enumerate(plates):  # the seed makes the event id: the same id is the same vehicle
            shot = shoot(house, maker, camera, CAMERAS[name][maker][0], plate, seed)
            path = camera.path if shot.path.startswith("/cam/") else shot.path
            answer = house.request(shot.method, path, shot.body, {**camera.headers, **shot.headers})
            assert 200 <= answer.status < 300, answer.body
        assert ([normalise_plate(plate) for plate in plates], []) == house.outcome(camera)

    cases = house.rows(
        "SELECT v.id, v.version, v.violation_type, v.device_id FROM violations v JOIN vendors a ON a.id = v.vendor_id"
        " WHERE a.vendor_code = %s AND v.status = 'pending'", vendor,
    )  # fmt: skip
    assert {camera.id for camera in cameras.values()} == {case[3] for case in cases}, "each make has a case"
    assert TYPES[name] == {case[2] for case in cases}

    token = officer(house, vendor)
    for case, version, _, _ in cases:
        answer = house.post(
            f"/api/violations/{case}/approve", json.dumps({"version": version}).encode(),
            {"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        assert 200 == answer.status, answer.body
    synced = "SELECT count(*) FROM violations WHERE status = 'synced' AND id = ANY(%s)"
    ids = [case[0] for case in cases]
    house.wait_until(lambda: len(ids) == house.one(synced, ids), timeout_s=60, what="the sink has every case")

    wanted = house.rows("SELECT plate_number, violation_type FROM violations WHERE id = ANY(%s)", ids)
    assert sorted(wanted) == centre.told(name)


def shoot(house, maker, camera, form, plate, seed):
    """The post of a simulated camera of this make, of now."""
    directory = DeviceDirectory(house.database)
    directory.refresh()
    host = Host.build([Declared(id=maker, use=f"vendors.{maker}")], environ={})
    try:
        device = directory.current.by_code[camera.code].device
        fixture = fixtures_of(maker) / f"{form}.http"
        return SimulatedCamera(fixture, device, host.parse_payload, seed=seed).shoot(plate, datetime.now(UTC))
    finally:
        host.close()


def officer(house, vendor):
    """A token of somebody of this Polda."""
    username = f"petugas.{vendor}"
    Accounts(house.database, KEY).add_user(
        username, PASSWORD, role="officer", vendor_code=vendor, full_name="Petugas", by=Actor("cli")
    )
    answer = house.post("/api/auth/login", json.dumps({"username": username, "password": PASSWORD}).encode())
    assert 200 == answer.status, answer.body
    return answer.json["data"]["token"]
