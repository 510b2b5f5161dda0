"""Every make can be simulated through its own fixtures, and a running house takes and reads what comes."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

import vendors
from core.accounts.audit import Actor
from core.accounts.service import AccountError
from core.accounts.vendors import add_vendor
from core.cli.main import cli
from core.cli.simulate import KNOWN_AFTER_S, _members, enrol
from core.hooks.deployment import Declared
from core.hooks.host import Host
from core.testing.fleet import Fleet
from core.testing.house import VENDOR, House, fresh_database, plugins_toml

WITHOUT_PLATES = {"vigi"}
"""Its events are pictures of motion: nothing in them can be varied, and simulate says so."""
MAKES = sorted(path.parent.name for path in Path(vendors.__path__[0]).glob("*/plugin.py"))
PLAYED = [make for make in MAKES if make not in {*WITHOUT_PLATES, "mapping"}]
"""mapping speaks for makes that the operator describes himself; it has no form of its own."""


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        *((make, "no event in its fixtures has a plate") for make in sorted(WITHOUT_PLATES)),
        ("mapping", "missing required field `fields`"),
        ("acme", "no folder vendors/acme/"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_reason_before_anything_is_asked(make, reason, monkeypatch):
    monkeypatch.setenv("TANGKAPIN_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = CliRunner().invoke(cli, ["simulate", make, "--url", "http://127.0.0.1:1"])

    assert 1 == result.exit_code
    assert f"{make} cannot be simulated" in result.stderr
    assert reason in result.stderr


@pytest.fixture(scope="module")
def played(tmp_path_factory, postgres_url, template_url, valkey_url):
    """A house that runs every make, after one simulated camera of each posted three vehicles: make -> Tally."""
    with fresh_database(postgres_url, template_url) as url:
        text = plugins_toml({make: f"vendors.{make}" for make in PLAYED})
        house = House(tmp_path_factory.mktemp("makes"), url, valkey_url, text)
        host = Host.build([Declared(id=make, use=f"vendors.{make}") for make in PLAYED], environ={})
        try:
            house.start("ingest", "parse")
            with suppress(AccountError):
                add_vendor(house.database, VENDOR, by=Actor("cli"))
            keys = {make: enrol(house.database, make, [f"sim-{make}-1"], VENDOR) for make in PLAYED}
            time.sleep(KNOWN_AFTER_S)
            url = f"http://127.0.0.1:{house.port}"
            tallies = {}
            for make in PLAYED:
                members = _members(house.database, host, keys[make], seed=3, skew_s=0.0)
                tallies[make] = asyncio.run(Fleet(url, members, rate=50.0, patience=5).run(3))
            house.settle()
            yield house, tallies
        finally:
            house.stop()


@pytest.mark.parametrize("make", PLAYED)
def test_a_simulated_camera_of_the_make_is_accepted_and_read(played, make):
    house, tallies = played

    assert (3, 3) == (tallies[make].posts, tallies[make].accepted), tallies[make].statuses
    plates = house.one(
        "SELECT count(plate_number) FROM plate_reads r JOIN devices d ON d.id = r.device_id WHERE d.device_code = %s",
        f"sim-{make}-1",
    )
    assert 3 == plates
