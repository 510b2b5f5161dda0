"""The demo's world: three Poldas, fifteen cameras of six makes, staff, and the plugins that serve them.

Made once under home/demo and kept: the next start continues with the same devices, keys and passwords.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec

from core.accounts.audit import Actor
from core.accounts.service import AccountError, Accounts
from core.accounts.vendors import add_vendor
from core.db.engine import Database
from core.domain.observations import Device
from core.hooks.host import Host
from core.ingest.devices import DeviceError, NewDevice, add_device, rotate_key
from core.ingest.directory import DeviceDirectory
from core.testing.fleet import Member, enlist

DEMO = Actor("cli", name="demo")


class Agency(msgspec.Struct, frozen=True):
    """A reporting agency of the demo."""

    code: str
    name: str
    region: str
    rules: str


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """A camera of the demo."""

    code: str
    maker: str
    agency: str
    location: str
    at: tuple[float, float]
    purposes: tuple[str, ...] = ()
    speed_limit_kmh: float | None = None
    skew_s: float = 0.0
    settings: dict[str, Any] = {}


class Login(msgspec.Struct, frozen=True):
    """A staff account with its password: printed by the demo for people, or of a scripted validator."""

    username: str
    password: str
    role: str
    agency: str
    scripted: bool = False


AGENCIES = (
    Agency("polda-metro-jaya", "Polda Metro Jaya", "DKI Jakarta", "polda_metro_jaya"),
    Agency("polda-banten", "Polda Banten", "Banten", "polda_banten"),
    Agency("polda-jabar", "Polda Jawa Barat", "Jawa Barat", "polda_jabar"),
)
WATCHED = "polda-metro-jaya"
"""The agency with the camera of an owner, a station and police (core.testing.watch makes them)."""
PEOPLE = (
    ("pemilik", "owner", False), ("polsek", "officer", False), ("patroli", "police", False),
    ("polsek.skrip", "officer", True), ("patroli.skrip", "police", True),
)  # fmt: skip
"""User name, role, and whether a script has it."""
_RED = ("lampu_merah",)
_ODD = ("ganjil_genap",)
CAMERAS = (
    Camera(code="pmj-sudirman-1", maker="hikvision", agency="polda-metro-jaya", location="Jl. Jend. Sudirman",
           at=(-6.2146, 106.8195), purposes=_ODD),
    Camera(code="pmj-thamrin-2", maker="dahua", agency="polda-metro-jaya", location="Jl. M.H. Thamrin",
           at=(-6.193, 106.823), purposes=_ODD),
    Camera(code="pmj-gatsu-3", maker="generic", agency="polda-metro-jaya", location="Jl. Gatot Subroto",
           at=(-6.2297, 106.826), purposes=_ODD),
    Camera(code="pmj-rasuna-4", maker="hikvision", agency="polda-metro-jaya", location="Jl. H.R. Rasuna Said",
           at=(-6.224, 106.832), purposes=_ODD),
    Camera(code="btn-ciceri-1", maker="hikvision", agency="polda-banten", location="Simpang Ciceri, Serang",
           at=(-6.118, 106.164), purposes=_RED),
    Camera(code="btn-pisang-2", maker="dahua", agency="polda-banten", location="Simpang Pisang Mas, Serang",
           at=(-6.111, 106.153), purposes=_RED),
    Camera(code="btn-cikupa-3", maker="generic", agency="polda-banten", location="Simpang Cikupa",
           at=(-6.218, 106.518), purposes=_RED),
    Camera(code="btn-merak-4", maker="dahua", agency="polda-banten", location="Jl. Raya Merak",
           at=(-5.939, 106.0), purposes=_RED),
    Camera(code="btn-anyer-5", maker="milesight", agency="polda-banten", location="Jl. Raya Anyer",
           at=(-6.062, 105.921), purposes=_RED),
    Camera(code="btn-serang-6", maker="uniview", agency="polda-banten", location="Gerbang Serang Timur",
           at=(-6.125, 106.201), purposes=_RED),
    Camera(code="jbr-pasteur-1", maker="hikvision", agency="polda-jabar", location="Jl. Dr. Djunjunan, Bandung",
           at=(-6.896, 107.583), speed_limit_kmh=35),
    Camera(code="jbr-soeta-2", maker="dahua", agency="polda-jabar", location="Jl. Soekarno-Hatta, Bandung",
           at=(-6.943, 107.633), speed_limit_kmh=25),
    Camera(code="jbr-padalarang-3", maker="generic", agency="polda-jabar", location="Padalarang",
           at=(-6.84, 107.478), speed_limit_kmh=30),
    Camera(code="jbr-lembang-5", maker="axis", agency="polda-jabar", location="Jl. Raya Lembang (satu arah)",
           at=(-6.812, 107.617), settings={"polda_jabar": {"allowed_direction": "out"}}),
    Camera(code="jbr-cileunyi-4", maker="hikvision", agency="polda-jabar", location="Cileunyi (jam salah)",
           at=(-6.939, 107.751), speed_limit_kmh=35, skew_s=3600),
)  # fmt: skip


class World:
    """What the demo needs, made where it is missing. `open()` is safe to call at every start."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "demo"
        self.plugins_file = self.folder / "plugins.toml"
        self._logins_file = self.folder / "logins.json"
        self._keys_file = self.folder / "keys.json"

    def write_plugins(self, etnas_url: str, look_up_url: str) -> Path:
        """Write the demo's plugins.toml: the makes, the filter, each Polda's rules and its own ETNAS instance."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_file = self.folder / "etnas.key"
        if not key_file.exists():
            _private(key_file, secrets.token_urlsafe(32))
        lines = ["# Written by `tangkapin demo` at every start.", "hooks = 1", ""]
        for maker in sorted({camera.maker for camera in CAMERAS}):
            lines += [f"[plugin.{maker}]", f'use = "vendors.{maker}"', ""]
        lines += ["[plugin.anpr_filter]", 'use = "detectors.anpr_filter"', ""]
        lines += ["[plugin.weapon_nanodet]", 'use = "detectors.weapon_nanodet"', "required = false", ""]
        lines += ["[plugin.websocket]", 'use = "notifiers.websocket"', ""]
        for agency in AGENCIES:
            bound = f'vendors = ["{agency.code}"]'
            name = agency.rules
            lines += [f"[plugin.{name}]", f'use = "plugins.poldas.{name}"', bound, *_rule_config(name), ""]
            sink = f"etnas_{name.removeprefix('polda_')}"
            lines += [
                f"[plugin.{sink}]", 'use = "plugins.sinks.etnas"', bound, f"[plugin.{sink}.config]",
                f'url = "{etnas_url}"', f'look_up_url = "{look_up_url}"', "look_up_404_means_absent = true",
                f'api_key = {{ file = "{key_file}" }}', "timeout_s = 4.0", "retry_first_s = 0.5", "retry_max_s = 5.0",
                "settle_s = 1.0", "breaker_wait_s = 2.0", "breaker_max_s = 5.0", "",
            ]  # fmt: skip
        self.plugins_file.write_text("\n".join(lines))
        return self.plugins_file

    def open(self, database: Database, secret: str) -> list[Login]:
        """Vendors, devices and staff; returns the logins."""
        for agency in AGENCIES:
            try:
                add_vendor(database, agency.code, name=agency.name, region=agency.region, by=DEMO)
            except AccountError:
                continue  # from an earlier start
        self._open_devices(database)
        return self._open_staff(database, secret)

    def members(self, database: Database, host: Host, *, seed: int = 0) -> list[Member]:
        """The fleet: every camera with its key and the fixtures of its make."""
        keys: dict[str, str] = json.loads(self._keys_file.read_text())
        directory = DeviceDirectory(database)
        directory.refresh()
        found = []
        for number, camera in enumerate(CAMERAS):
            device: Device = directory.current.by_code[camera.code].device
            fixtures = fixtures_of(camera.maker)
            found.append(
                enlist(
                    device,
                    keys[camera.code],
                    fixtures,
                    host.parse_payload,
                    seed=seed + 1000 * number,
                    skew_s=camera.skew_s,
                )
            )
        return found

    def _open_devices(self, database: Database) -> None:
        keys: dict[str, str] = json.loads(self._keys_file.read_text()) if self._keys_file.exists() else {}
        for camera in CAMERAS:
            if camera.code in keys:
                continue
            new = NewDevice(
                code=camera.code, maker=camera.maker, vendor=camera.agency, name=camera.location,
                location=camera.location, purposes=camera.purposes, speed_limit_kmh=camera.speed_limit_kmh,
                settings=camera.settings, latitude=camera.at[0], longitude=camera.at[1],
            )  # fmt: skip
            try:
                _, key = add_device(database, new, by=DEMO)
            except DeviceError:
                key = rotate_key(database, camera.code, by=DEMO)
            assert key is not None
            keys[camera.code] = key.key
        _private(self._keys_file, json.dumps(keys, indent=1))

    def _open_staff(self, database: Database, secret: str) -> list[Login]:
        if self._logins_file.exists():
            kept = msgspec.json.decode(self._logins_file.read_bytes(), type=list[Login])
            if any(login.role == "police" for login in kept):
                return kept
        accounts = Accounts(database, secret)
        logins = [Login("admin", _password(), "admin", "")]
        for agency in AGENCIES:
            short = agency.code.removeprefix("polda-")
            logins.append(Login(f"petugas.{short}", _password(), "officer", agency.code))
            logins.append(Login(f"validator.{short}", _password(), "officer", agency.code, scripted=True))
        people = [Login(name, _password(), role, WATCHED, scripted) for name, role, scripted in PEOPLE]
        for login in logins:
            try:
                accounts.add_user(
                    login.username, login.password, role=login.role,  # type: ignore[arg-type]
                    vendor_code=login.agency or None, full_name=f"Demo {login.username}", by=DEMO,
                )  # fmt: skip
            except AccountError:
                accounts.set_password(login.username, login.password, by=DEMO)
        _private(self._logins_file, msgspec.json.encode(logins + people).decode())
        return logins + people


def fixtures_of(maker: str) -> Path:
    """The fixtures folder of a make's plugin."""
    import importlib

    return Path(importlib.import_module(f"vendors.{maker}").__path__[0]) / "fixtures"


def _rule_config(name: str) -> list[str]:
    """What makes the demo's cases flow at any hour of the day."""
    if name == "polda_metro_jaya":
        return ["[plugin.polda_metro_jaya.config]", 'hours = ["00:00-24:00"]', "weekdays = [1, 2, 3, 4, 5, 6, 7]"]
    if name == "polda_banten":
        return ["[plugin.polda_banten.config]", 'every_passage = ["lampu_merah"]']
    return []


def _password() -> str:
    return "-".join(secrets.token_hex(2) for _ in range(4))


def _private(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
