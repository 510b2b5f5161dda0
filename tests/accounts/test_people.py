"""Owners and police beside officers and admins: one login, one space of names, roles that change at once."""

import json
from typing import Any

import pytest
from sqlalchemy import select, update

from core.accounts.audit import Actor
from core.accounts.people import AccountError, NameTaken
from core.accounts.service import Accounts, RegistrationClosed, WrongCredentials
from core.accounts.service_keys import (
    add_service_key,
    authenticate_service,
    list_service_keys,
    revoke_service_key,
)
from core.accounts.stations import add_station
from core.accounts.tables import officers, owners, police, service_keys, vendors
from core.accounts.tokens import TokenRefused
from core.testing.review import KEY, PASSWORD, World

CLI = Actor("cli", None, "tests")
NEW = {
    "name": "Sri Rahayu",
    "email": "Sri@Toko.example",
    "phone": "0811",
    "address": "Jl. Veteran",
    "password": PASSWORD,
}


@pytest.fixture
def accounts(world: World, cheap_passwords: None) -> Accounts:
    return Accounts(world.database, KEY)


def test_an_owner_registers_and_logs_in_by_e_mail_in_any_case(world: World, accounts: Accounts) -> None:
    owner_id = accounts.register(**NEW, vendor_code="polda-banten", peer="10.0.0.1")
    session = accounts.login(" SRI@toko.example ", PASSWORD, peer="10.0.0.1")
    assert ("owner", owner_id, (world.banten,)) == (
        session.principal.role, session.principal.id, session.principal.vendor_ids,
    )  # fmt: skip
    assert session.principal == accounts.authenticate(session.token)


def test_who_registers_belongs_to_the_only_vendor_or_to_the_named_one(world: World, accounts: Accounts) -> None:
    with pytest.raises(RegistrationClosed, match="registration_vendor"):
        accounts.register(**NEW, peer="10.0.0.1")
    with pytest.raises(RegistrationClosed, match="polda-x"):
        accounts.register(**NEW, vendor_code="polda-x", peer="10.0.0.1")
    world.execute(update(vendors).where(vendors.c.vendor_code == "polda-bali").values(is_active=False))
    accounts.register(**NEW, peer="10.0.0.1")
    assert [world.banten] == [row["vendor_id"] for row in world.execute(select(owners.c.vendor_id))]


def test_a_name_or_e_mail_belongs_to_one_person_whatever_the_role(world: World, accounts: Accounts) -> None:
    accounts.add_user("tono", PASSWORD, role="police", vendor_code="polda-banten", email="tono@polri.example", by=CLI)
    with pytest.raises(NameTaken):
        accounts.register(**(NEW | {"email": "TONO@polri.example"}), vendor_code="polda-banten", peer="10.0.0.1")
    with pytest.raises(NameTaken):
        accounts.add_user("tono@polri.example", PASSWORD, role="admin", by=CLI)
    with pytest.raises(NameTaken):
        accounts.add_user("adi", PASSWORD, role="admin", email="tono@polri.example", by=CLI)


@pytest.mark.parametrize(
    "email", ["", "sri", "sri@", "@toko.example", "a b@toko.example", "sri@toko", "x" * 100 + "@a.id"]
)
def test_an_address_that_is_none_is_refused(accounts: Accounts, email: str) -> None:
    with pytest.raises(AccountError):
        accounts.register(**(NEW | {"email": email}), vendor_code="polda-banten", peer="10.0.0.1")


def test_police_have_a_station_of_their_vendor_and_a_vehicle(world: World, accounts: Accounts) -> None:
    station = add_station(world.database, "Polres Serang", "polda-banten", latitude=-6.12, longitude=106.15, by=CLI)
    who = {"role": "police", "vendor_code": "polda-banten", "station": "Polres Serang", "by": CLI}
    made = accounts.add_user("tono", PASSWORD, vehicle_type="motor", license_plate="1234-IV", **who)
    row = world.execute(select(police).where(police.c.id == made))[0]
    assert (station, "motor", "1234-IV", "offline") == tuple(
        row[name] for name in ("station_id", "vehicle_type", "license_plate", "status")
    )
    with pytest.raises(AccountError, match="no station"):
        accounts.add_user("wati", PASSWORD, **(who | {"vendor_code": "polda-bali"}))
    with pytest.raises(AccountError, match="vehicle_type"):
        accounts.add_user("wati", PASSWORD, vehicle_type="motor", **(who | {"role": "officer"}))
    with pytest.raises(AccountError, match="station"):
        accounts.add_user("wati", PASSWORD, **(who | {"role": "owner"}))


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0.0), (0.0, float("inf"))]
)
def test_a_station_is_on_the_globe(world: World, latitude: float, longitude: float) -> None:
    with pytest.raises(AccountError):
        add_station(world.database, "Polres", "polda-banten", latitude=latitude, longitude=longitude, by=CLI)


@pytest.mark.threat("T19")
def test_a_new_role_acts_at_once_and_the_old_one_is_over(world: World, accounts: Accounts) -> None:
    accounts.add_user("budi", PASSWORD, role="officer", vendor_code="polda-banten", email="b@p.example", by=CLI)
    old = accounts.login("budi", PASSWORD, peer="10.0.0.1")
    accounts.set_role("budi", "police", by=CLI)
    with pytest.raises(TokenRefused):
        accounts.authenticate(old.token)
    assert "police" == accounts.login("b@p.example", PASSWORD, peer="10.0.0.1").principal.role
    kept = world.execute(select(officers).where(officers.c.id == old.principal.id))[0]
    assert (False, None) == (kept["is_active"], kept["email"])


def test_an_owner_never_becomes_staff_by_a_change_of_role(accounts: Accounts) -> None:
    accounts.register(**NEW, vendor_code="polda-banten", peer="10.0.0.1")
    with pytest.raises(AccountError, match="owner"):
        accounts.set_role("sri@toko.example", "admin", by=CLI)


def test_a_service_key_works_until_it_is_revoked_and_is_kept_as_a_hash(world: World) -> None:
    key = add_service_key(world.database, "detektor luar", "polda-banten", by=CLI)
    principal = authenticate_service(world.database, key)
    assert ("service", "detektor luar", world.banten) == (principal.role, principal.name, principal.vendor_id)
    assert key.split("_", 2)[2] not in str(world.execute(select(service_keys)))
    row = list_service_keys(world.database)[0]
    assert row.last_used_at is not None and row.revoked_at is None
    revoke_service_key(world.database, row.key_id, by=CLI)
    for refused in (key, key[:-1] + ("a" if key[-1] != "a" else "b"), "tks_x_y", ""):
        with pytest.raises(TokenRefused):
            authenticate_service(world.database, refused)
    with pytest.raises(AccountError, match="no such key"):
        revoke_service_key(world.database, row.key_id, by=CLI)


def test_a_wrong_secret_behind_a_known_key_id_is_refused(world: World) -> None:
    key = add_service_key(world.database, "detektor luar", "polda-banten", by=CLI)
    other = add_service_key(world.database, "lain", "polda-bali", by=CLI)
    mixed = "_".join([*key.split("_", 2)[:2], other.split("_", 2)[2]])
    with pytest.raises(TokenRefused):
        authenticate_service(world.database, mixed)


def test_stations_keys_and_roles_are_managed_on_the_command_line(run: Any, world: World, accounts: Accounts) -> None:
    place = ("--latitude", "-6.12", "--longitude", "106.15")
    assert 0 == run("station", "add", "Polres Serang", "--vendor", "polda-banten", *place).exit_code
    assert 1 == run("station", "add", "Polres Serang", "--vendor", "polda-banten", *place).exit_code
    assert ["Polres Serang"] == [row["name"] for row in json.loads(run("station", "list", "--json").stdout)]
    words = ("--role", "police", "--vendor", "polda-banten", "--station", "Polres Serang", "--vehicle", "motor")
    made = run("user", "add", "tono", *words, "--email", "t@p.example", "--password-stdin", typed=PASSWORD + "\n")
    assert 0 == made.exit_code, made.output
    assert 0 == run("user", "role", "tono", "officer").exit_code
    listed = json.loads(run("user", "list", "--json").stdout)
    assert ("officer", "Polres Serang") in [(row["role"], row["station"]) for row in listed]
    key = run("service-key", "add", "detektor", "--vendor", "polda-banten").stdout.strip()
    assert key not in run("service-key", "list").output
    assert 0 == run("service-key", "revoke", key.split("_")[1]).exit_code
    with pytest.raises(TokenRefused):
        authenticate_service(world.database, key)


def test_a_disabled_owner_is_out_and_cannot_come_in(accounts: Accounts) -> None:
    accounts.register(**NEW, vendor_code="polda-banten", peer="10.0.0.1")
    token = accounts.login("sri@toko.example", PASSWORD, peer="10.0.0.1").token
    accounts.set_active("sri@toko.example", False, by=CLI)
    with pytest.raises(TokenRefused):
        accounts.authenticate(token)
    with pytest.raises(WrongCredentials):
        accounts.login("sri@toko.example", PASSWORD, peer="10.0.0.1")
